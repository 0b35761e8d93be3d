"""Operations that only move integers: in hardware they are wires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from amos_hdl.network.operations.base import OneSource, check_shape, whole_numbers
from amos_hdl.network.tensor import WIDTH_LIMIT_BITS, Tensor, width_bits


@dataclass(frozen=True, eq=False)
class Flatten(OneSource):
    """A map as units, in order of channel, row, column."""

    kind: ClassVar[str] = "flatten"

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of units."""
        (source,) = read
        check_shape((source.units,), self.name)
        places = source.units // source.channels
        return Tensor(source.low.repeat(places), source.high.repeat(places))


@dataclass(frozen=True, eq=False)
class Slice(OneSource):
    """Every so many-th channel, row and column of a part of the source.

    Parameters
    ----------
    name, source : str
    ranges : sequence of (start, stop, step)
        One for each axis of the source, (channels, rows, columns) or (units,): start, start + step, .. below stop.
        ``0 <= start < stop <= size``, ``step >= 1``.

    Raises
    ------
    NetworkError
        If the ranges are not within the source.
    """

    ranges: Sequence[Sequence[int]]

    kind: ClassVar[str] = "slice"

    def __post_init__(self) -> None:
        super().__post_init__()
        ranges = tuple(whole_numbers(part, (3,), 0, f"{self.name}: range") for part in self.ranges)
        object.__setattr__(self, "ranges", ranges)
        for start, stop, step in ranges:
            if start >= stop or step < 1:
                raise self.refuse("range", "start < stop, step >= 1", repr((start, stop, step)))

    @property
    def slices(self) -> tuple[slice, ...]:
        """The ranges as Python slices."""
        return tuple(slice(*part) for part in self.ranges)

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of what is left."""
        (source,) = read
        if len(self.ranges) != len(source.shape) or any(
            part[1] > size for part, size in zip(self.ranges, source.shape, strict=False)
        ):
            raise self.refuse("ranges", f"one for each axis of {source.shape}, within it", repr(self.ranges))
        space = tuple(len(range(*part)) for part in self.ranges[1:])
        return Tensor(source.low[self.slices[0]], source.high[self.slices[0]], space)

    def attributes(self) -> dict[str, Any]:
        """Return the ranges."""
        return {"ranges": [list(part) for part in self.ranges]}


@dataclass(frozen=True, eq=False)
class Pad(OneSource):
    """Constant channels, rows and columns around the source.

    Parameters
    ----------
    name, source : str
    widths : sequence of (before, after)
        One for each axis of the source, (channels, rows, columns) or (units,).
    value : int
        What is added.

    Raises
    ------
    NetworkError
        If the widths do not fit the source, or the value is too wide.
    """

    widths: Sequence[Sequence[int]]
    value: int = 0

    kind: ClassVar[str] = "pad"

    def __post_init__(self) -> None:
        super().__post_init__()
        widths = tuple(whole_numbers(part, (2,), 0, f"{self.name}: widths") for part in self.widths)
        object.__setattr__(self, "widths", widths)
        if type(self.value) is not int or width_bits(self.value, self.value)[0] >= WIDTH_LIMIT_BITS:
            raise self.refuse("value", f"an int of fewer than {WIDTH_LIMIT_BITS} bits", repr(self.value))

    def result(self, *read: Tensor) -> Tensor:
        """Return the larger tensor; a channel with places added can have their value too."""
        (source,) = read
        if len(self.widths) != len(source.shape):
            raise self.refuse("widths", f"one pair for each axis of {source.shape}", repr(self.widths))
        shape = tuple(sum(part) + size for part, size in zip(self.widths, source.shape, strict=True))
        check_shape(shape, self.name)
        low, high = source.low, source.high
        if any(map(any, self.widths[1:])):
            low, high = np.minimum(low, self.value), np.maximum(high, self.value)
        low, high = (np.pad(side, self.widths[0], constant_values=self.value) for side in (low, high))
        return Tensor(low, high, shape[1:])

    def attributes(self) -> dict[str, Any]:
        """Return widths and value."""
        return {"widths": [list(part) for part in self.widths], "value": self.value}
