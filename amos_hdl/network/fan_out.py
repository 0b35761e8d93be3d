"""How many weights each spike reaches."""

from __future__ import annotations

from collections.abc import Mapping

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


def fan_out(network: Network) -> Mapping[str, Counts]:
    """Return for each unit layer how many non-zero weights read each unit, shape ``(channel, *space)``.

    Dense and conv2d count their non-zero weights, pools one for each window, add one unless its multiplier is 0,
    multiply one for each product, a unit one; slice, pad, concat and flatten are wires; argmax counts none.

    Source: derived; the definition of a synaptic operation in ``SPEC.md``.
    """
    readers: dict[str, Counts] = {}
    layers: dict[str, Counts] = {}
    for operation in reversed(network.operations):
        tensor = network.tensors[operation.name]
        mine = readers.pop(operation.name, None)
        mine = np.zeros(tensor.shape, np.int64) if mine is None else mine
        if isinstance(operation, Unit):
            layers[operation.name] = mine
        read = [network.tensors[name] for name in operation.reads]
        for name, counts in zip(operation.reads, _reached(operation, mine, read), strict=True):
            readers[name] = readers[name] + counts if name in readers else counts
    return dict(reversed(layers.items()))


def _reached(operation: Operation, mine: Counts, read: list[Tensor]) -> list[Counts]:
    """Return for each source how many weights of ``operation``, or of its readers behind wires, read each integer."""
    match operation:
        case Dense():
            return [np.count_nonzero(operation.weights, axis=0).astype(np.int64)]
        case Conv2d():
            count, inputs, *kernel = operation.weights.shape
            groups = (operation.weights != 0).reshape(operation.groups, count // operation.groups, inputs, *kernel)
            return [_windowed(groups.sum(axis=1).reshape(-1, *kernel), operation.window, read[0])]
        case SumPool() | MaxPool():
            window = operation.window(read[0])
            return [_windowed(np.ones((read[0].channels, *window.kernel), np.int64), window, read[0])]
        case Add():
            weights = np.broadcast_to(operation.factors.reshape(len(read), -1) != 0, (len(read), read[0].channels))
            ones = np.ones(read[0].shape, np.int64)
            return [ones * row.reshape(-1, *[1] * len(read[0].space)) for row in weights]
        case Multiply():
            return [np.full(tensor.shape, mine.size // tensor.units, np.int64) for tensor in read]
        case Concat():
            return np.split(mine, np.cumsum([tensor.channels for tensor in read])[:-1])
        case Slice():
            counts = np.zeros(read[0].shape, np.int64)
            counts[operation.slices] = mine
            return [counts]
        case Pad():
            inner = (slice(w[0], w[0] + size) for w, size in zip(operation.widths, read[0].shape, strict=True))
            return [mine[tuple(inner)]]
        case Flatten():
            return [mine.reshape(read[0].shape)]
        case Unit():
            return [np.ones(read[0].shape, np.int64)]
        case _:
            # the input reads nothing; an argmax only compares
            return [np.zeros(tensor.shape, np.int64) for tensor in read]


def _windowed(taps: Counts, window: Window, source: Tensor) -> Counts:
    """Return for each place of the map the sum of ``taps`` ``(channel, row, column)`` over the windows that read it."""
    rows, columns = (window.reached(axis, size) for axis, size in enumerate(source.space))
    counts: Counts = rows.T @ taps @ columns
    return counts
