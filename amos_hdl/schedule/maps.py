"""Hardware specs of what is done with pixels beside weighted sums and units.

``source`` and ``result`` are one pixel, its channels as units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Operation, Tensor
from amos_hdl.schedule.timing import MapTiming

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MaxSpec:
    """The greatest of the taps of a window, channel by channel: a tree, a register at each level.

    ``latency_cycles = ceil(log2(taps))``, at least 1; ``interval_cycles = 1``.

    Parameters
    ----------
    operation : Operation
    source : Tensor
        A window: tap by tap, in each all channels.
    result : Tensor
    """

    operation: Operation
    source: Tensor
    result: Tensor

    interval_cycles = 1

    @property
    def taps(self) -> int:
        """Values of which the greatest is taken."""
        return self.source.units // self.result.units

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from a window to its greatest values."""
        return max(1, (self.taps - 1).bit_length())

    def evaluate(self, x: Array) -> Array:
        """Return the greatest values ``(batch, channel)`` of windows ``(batch, tap·channel)``."""
        return np.asarray(x.reshape(len(x), self.taps, -1).max(axis=1))


@dataclass(frozen=True, eq=False)
class GlobalSpec:
    """The sum, or the greatest, of all pixels of a map, one after the other.

    ``latency_cycles`` from the first pixel: all of them, and a register.

    Parameters
    ----------
    operation : Operation
    source, result : Tensor
    timing : MapTiming
        Of the pixels.
    takes : {"sum", "max"}
    """

    operation: Operation
    source: Tensor
    result: Tensor
    timing: MapTiming
    takes: Literal["sum", "max"]

    interval_cycles = 1

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the first pixel to the result."""
        return self.timing.span_cycles

    def evaluate(self, x: Array) -> Array:
        """Return the results ``(batch, channel)`` of maps ``(batch, channel, row, column)``."""
        flat = x.reshape(*x.shape[:2], -1)
        return np.asarray(flat.sum(axis=2) if self.takes == "sum" else flat.max(axis=2))


@dataclass(frozen=True, eq=False)
class CollectSpec:
    """All pixels of a map at once, as units in order of channel, row, column.

    ``latency_cycles`` from the first pixel: all of them, and a register.

    Parameters
    ----------
    operation : Operation
    source : Tensor
        One pixel.
    result : Tensor
        The units.
    timing : MapTiming
        Of the pixels.
    """

    operation: Operation
    source: Tensor
    result: Tensor
    timing: MapTiming

    interval_cycles = 1

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the first pixel to the units."""
        return self.timing.span_cycles

    def evaluate(self, x: Array) -> Array:
        """Return units ``(batch, unit)`` of maps ``(batch, channel, row, column)``."""
        return x.reshape(len(x), -1)


@dataclass(frozen=True, eq=False)
class ProductSpec:
    """Products of two pixels, channel by channel; one of them may be kept for a whole image.

    Operands are registered, and so are products: ``latency_cycles = 2``; ``interval_cycles = 1``.

    Parameters
    ----------
    operation : Operation
    source, other : Tensor
        Of the pixels that come with ``in_valid``, and of what they are multiplied by.
    result : Tensor
    kept : bool
        The other is there for one cycle, with a valid of its own, before the image's first pixel, and is kept.
    """

    operation: Operation
    source: Tensor
    other: Tensor
    result: Tensor
    kept: bool

    interval_cycles = 1
    latency_cycles = 2

    def evaluate(self, x: Array, other: Array) -> Array:
        """Return ``x·other``."""
        return x * other


@dataclass(frozen=True, eq=False)
class WireSpec:
    """Channels of one or more pixels in another order, or constants: no logic, no time.

    Parameters
    ----------
    operation : Operation
    sources : tuple of Tensor
    result : Tensor
    words : tuple of (source, word) or int
        For each word of the result where it comes from, or its value.
    """

    operation: Operation
    sources: tuple[Tensor, ...]
    result: Tensor
    words: tuple[tuple[int, int] | int, ...]

    interval_cycles = 1
    latency_cycles = 0

    @property
    def source(self) -> Tensor:
        """The first source."""
        return self.sources[0]

    @property
    def passes_through(self) -> bool:
        """Whether the result is the one source as it is."""
        whole = tuple((0, word) for word in range(self.source.units))
        return len(self.sources) == 1 and self.words == whole and self.source.interval == self.result.interval

    def evaluate(self, *x: Array) -> Array:
        """Return the words ``(batch, word)`` of the pixels."""
        columns = [np.full(len(x[0]), word) if isinstance(word, int) else x[word[0]][:, word[1]] for word in self.words]
        return np.stack(columns, axis=1)
