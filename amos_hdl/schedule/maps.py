"""Hardware specs of what is done with pixels beside weighted sums, pools and units.

``source`` and ``result`` are one pixel, its channels as units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Operation, Tensor
from amos_hdl.schedule.timing import MapTiming

Array = npt.NDArray[np.int64]


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
