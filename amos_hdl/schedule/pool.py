"""Hardware specs of pools: over windows side by side as pixels come, or the greatest tap of windows that overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Operation, Tensor
from amos_hdl.network.operations.window import Window
from amos_hdl.schedule.memory import Memory
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
class PoolSpec:
    """The sum, or the greatest, of each window of ``kernel`` pixels, windows side by side::

        y(i, j) = sum or greatest of x(i·height + a, j·width + b),  0 <= a < height, 0 <= b < width

    No window is kept: each pixel is added to what its window has so far, which is a register while the pixels of a row
    come, and a word of a memory (``kept``) from row to row.  Pixels beyond the last whole window take no part.  The
    whole map is a window too.

    A window is at the output one clock cycle after its last pixel came: ``output``, ``latency_cycles`` from the first
    pixel to the first window; ``interval_cycles = 1``.

    Parameters
    ----------
    operation : Operation
    source, result : Tensor
        One pixel of the map, and of windows.
    kernel : (rows, columns)
        At most those of the map.
    timing : MapTiming
        Of the pixels.
    takes : {"sum", "max"}
    """

    operation: Operation
    source: Tensor
    result: Tensor
    kernel: tuple[int, int]
    timing: MapTiming
    takes: Literal["sum", "max"]

    interval_cycles = 1

    @property
    def space(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return self.timing.rows // self.kernel[0], self.timing.columns // self.kernel[1]

    @property
    def output(self) -> MapTiming:
        """When each window is at the output."""
        (height, width), timing = self.kernel, self.timing
        start = timing.cycle(height - 1, width - 1) + 1
        return MapTiming(*self.space, start, height * timing.row_cycles, width * timing.column_cycles)

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the first pixel to the first window."""
        return self.output.start - self.timing.start

    @property
    def kept(self) -> Memory | None:
        """What the windows of a row have from row to row; None where the register is enough."""
        columns = self.space[1]
        if columns == 1 or self.kernel[0] == 1:
            return None
        return Memory(columns, self.result.bits * self.result.units, is_table=False)

    def evaluate(self, x: Array) -> Array:
        """Return the windows ``(batch, channel, row, column)`` of maps ``(batch, channel, row, column)``."""
        (rows, columns), (height, width) = self.space, self.kernel
        whole = x[:, :, : rows * height, : columns * width].reshape(*x.shape[:2], rows, height, columns, width)
        return np.asarray(whole.sum(axis=(3, 5)) if self.takes == "sum" else whole.max(axis=(3, 5)))


def side_by_side(window: Window) -> bool:
    """Return whether windows neither overlap nor leave pixels out, and none is on padding."""
    return window.kernel == window.stride and not any(window.padding)
