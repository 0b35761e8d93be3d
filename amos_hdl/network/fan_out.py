"""How many weights each spike reaches, kept by kinds of places: nothing here grows with the size of a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from amos_hdl.network.graph import Network
from amos_hdl.network.operations import (
    Add,
    Concat,
    Conv2d,
    Dense,
    Flatten,
    MaxPool,
    Multiply,
    Operation,
    Pad,
    Slice,
    SumPool,
    Unit,
    Window,
)
from amos_hdl.network.tensor import Tensor

Counts = npt.NDArray[np.int64]
Classes = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Reach:
    """How many weights read each unit of a tensor.

    All rows of a map that meet the same taps of every kernel are of one class, and so are columns: those in the middle
    are alike, those at the borders few.

    Members
    -------
    counts : int64, shape (channel, row class, column class)
        One row and one column of units that are no map.
    rows, columns : shapes (row,), (column,)
        The class of each; None for units that are no map.
    """

    counts: Counts
    rows: Classes | None = None
    columns: Classes | None = None

    @classmethod
    def alike(cls, counts: Counts, source: Tensor) -> Reach:
        """Return the same count, of shape (channel,), for all places of a channel."""
        return cls(counts.reshape(-1, 1, 1), *(np.zeros(size, np.intp) for size in source.space))

    def array(self, channels: slice = slice(None)) -> Counts:
        """Return the counts of every unit of ``channels``, shape (channel, *space)."""
        part: Counts = self.counts[channels]
        if self.rows is None or self.columns is None:
            return part[:, 0, 0]
        return part.take(self.rows, axis=1).take(self.columns, axis=2)

    def __add__(self, other: Reach) -> Reach:
        rows, mine, theirs = _refined(self.rows, other.rows)
        columns, my_columns, their_columns = _refined(self.columns, other.columns)
        first = self.counts[:, mine][:, :, my_columns]
        return Reach(first + other.counts[:, theirs][:, :, their_columns], rows, columns)


def _refined(first: Classes | None, second: Classes | None) -> tuple[Classes | None, Classes, Classes]:
    """Return classes that tell apart what either tells apart, and the class in each of the two."""
    if first is None or second is None:
        return None, np.zeros(1, np.intp), np.zeros(1, np.intp)
    pairs, classes = np.unique(np.stack([first, second]), axis=1, return_inverse=True)
    return classes.ravel(), pairs[0], pairs[1]


def fan_out(network: Network, costs: Mapping[str, int] | None = None) -> Mapping[str, Reach]:
    """Return for each unit layer how many non-zero weights read each unit; for each max pool, each of its results.

    With ``costs`` a weight of each operation counts as much as is said there, instead of 1.

    Dense and conv2d count their non-zero weights, pools one for each window, add one unless its multiplier is 0,
    multiply one for each product, a unit one; slice, pad, concat and flatten are wires; argmax counts none.

    Source: derived; the definition of a synaptic operation in ``SPEC.md``.
    """
    readers: dict[str, Reach] = {}
    layers: dict[str, Reach] = {}
    for operation in reversed(network.operations):
        tensor = network.tensors[operation.name]
        mine = readers.pop(operation.name, None) or Reach.alike(np.zeros(tensor.channels, np.int64), tensor)
        if isinstance(operation, Unit | MaxPool):
            layers[operation.name] = mine
        read = [network.tensors[name] for name in operation.reads]
        reached = _reached(operation, mine, tensor, read)
        if costs is not None and not isinstance(operation, Slice | Pad | Concat | Flatten):
            reached = [replace(reach, counts=reach.counts * costs[operation.name]) for reach in reached]
        for name, reach in zip(operation.reads, reached, strict=True):
            readers[name] = readers[name] + reach if name in readers else reach
    return dict(reversed(layers.items()))


def _reached(operation: Operation, mine: Reach, result: Tensor, read: list[Tensor]) -> list[Reach]:
    """Return for each source how many weights of ``operation``, or of its readers behind wires, read each integer."""
    match operation:
        case Dense():
            return [Reach.alike(np.count_nonzero(operation.weights, axis=0).astype(np.int64), read[0])]
        case Conv2d():
            count, inputs, *kernel = operation.weights.shape
            groups = (operation.weights != 0).reshape(operation.groups, count // operation.groups, inputs, *kernel)
            return [_windowed(groups.sum(axis=1).reshape(-1, *kernel), operation.window, read[0])]
        case SumPool() | MaxPool():
            window = operation.window(read[0])
            # one weight for each window: those that read the row times those that read the column
            sides = [window.reached(axis, size).sum(axis=0) for axis, size in enumerate(read[0].space)]
            (rows, row_classes), (columns, column_classes) = (np.unique(side, return_inverse=True) for side in sides)
            counts = np.broadcast_to(np.multiply.outer(rows, columns), (read[0].channels, len(rows), len(columns)))
            return [Reach(counts, row_classes, column_classes)]
        case Add():
            weights = np.broadcast_to(operation.factors.reshape(len(read), -1) != 0, (len(read), read[0].channels))
            return [Reach.alike(row.astype(np.int64), read[0]) for row in weights]
        case Multiply():
            return [Reach.alike(np.full(x.channels, result.units // x.units, np.int64), x) for x in read]
        case Concat():
            parts = np.split(mine.counts, np.cumsum([tensor.channels for tensor in read])[:-1])
            return [Reach(part, mine.rows, mine.columns) for part in parts]
        case Slice():
            return [_sliced(operation, mine, read[0])]
        case Pad():
            (first, _), *widths = operation.widths
            counts = mine.counts[first : first + read[0].channels]
            if mine.rows is None or mine.columns is None:
                return [Reach(counts)]
            (top, _), (left, _) = widths
            height, width = read[0].space
            return [Reach(counts, mine.rows[top : top + height], mine.columns[left : left + width])]
        case Flatten():
            each = [np.arange(size) for size in read[0].space]
            return [Reach(mine.counts.reshape(read[0].shape), *each)]
        case Unit():
            return [Reach.alike(np.ones(read[0].channels, np.int64), read[0])]
        case _:
            # the input reads nothing; an argmax only compares
            return [Reach.alike(np.zeros(tensor.channels, np.int64), tensor) for tensor in read]


def _sliced(operation: Slice, mine: Reach, source: Tensor) -> Reach:
    """Return the reach of the source of a slice: what is cut off is read by nothing."""
    channels, *space = operation.slices
    if mine.rows is None or mine.columns is None:
        counts = np.zeros((source.channels, 1, 1), np.int64)
        counts[channels] = mine.counts
        return Reach(counts)
    # a class of its own, the last, for rows and columns that are cut off
    counts = np.zeros((source.channels, *(size + 1 for size in mine.counts.shape[1:])), np.int64)
    counts[channels, :-1, :-1] = mine.counts
    classes = []
    for part, size, inner, last in zip(space, source.space, (mine.rows, mine.columns), counts.shape[1:], strict=True):
        whole = np.full(size, last - 1, np.intp)
        whole[part] = inner
        classes.append(whole)
    return Reach(counts, classes[0], classes[1])


def _windowed(taps: Counts, window: Window, source: Tensor) -> Reach:
    """Return for each kind of place the sum of ``taps`` ``(channel, row, column)`` over the windows that read it."""
    (rows, row_classes), (columns, column_classes) = (
        _kinds(window.reached(axis, size)) for axis, size in enumerate(source.space)
    )
    return Reach(rows.T @ taps @ columns, row_classes, column_classes)


def _kinds(reached: Counts) -> tuple[Counts, Classes]:
    """Return the distinct columns of ``reached`` ``(tap, place)``, and which of them each place is."""
    distinct, classes = np.unique(reached, axis=1, return_inverse=True)
    return distinct, classes.ravel()
