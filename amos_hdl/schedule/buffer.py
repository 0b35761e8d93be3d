"""Hardware spec of what delays a branch: a memory of exactly the pixels that are under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.timing import MapTiming

#: Clock cycles that a pixel stays in a memory at least: written, read, shown.
MEMORY_CYCLES = 2


@dataclass(frozen=True)
class BufferSpec:
    """Pixels leave in their order at the cycles of ``output`` instead of those of ``timing``.

    Where the pace is the same and the delay at most ``MEMORY_CYCLES`` they pass registers; else they wait in a circular
    memory of ``depth`` pixels, the fewest for which each is read in a cycle before the one in which it is overwritten.

    Parameters
    ----------
    bits : int
        Of one pixel.
    timing, output : MapTiming
    interval_cycles : int
        Least clock cycles from one image to the next.

    Raises
    ------
    ScheduleError
        If a pixel would have to leave before it has been written.
    """

    bits: int
    timing: MapTiming
    output: MapTiming
    interval_cycles: int

    def __post_init__(self) -> None:
        if self.output.space != self.timing.space or (self.least_delay < MEMORY_CYCLES and not self.is_registers):
            expected = f"{self.timing.space} pixels, each at least {MEMORY_CYCLES} clock cycles after it came"
            raise ScheduleError("buffer", expected=expected, got=f"{self.output}")

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the first pixel to where it leaves."""
        return self.output.start - self.timing.start

    @cached_property
    def least_delay(self) -> int:
        """Clock cycles that any pixel waits at least."""
        return int((self.output.cycles() - self.timing.cycles()).min())

    @property
    def is_registers(self) -> bool:
        """Whether it is a row of registers."""
        return self.output.keeps_pace(self.timing) and 0 < self.latency_cycles <= MEMORY_CYCLES

    @cached_property
    def depth(self) -> int:
        """Pixels in the memory."""
        timing, pixels = self.timing, self.timing.rows * self.timing.columns
        leave, come, depth = self.output.cycles().ravel(), timing.cycles().ravel(), 1
        while True:
            image, place = np.divmod(np.arange(pixels) + depth, pixels)
            if (come[place] + image * self.interval_cycles >= leave).all():
                return depth
            depth += 1

    @property
    def begin(self) -> tuple[int, int, int]:
        """``(row, column, cycles)``: the first pixel leaves one cycle after so many after this pixel came."""
        return self.timing.reached(self.output.start - 1)


def meet(timings: Sequence[MapTiming]) -> MapTiming:
    """Return the timing at which branches of one size meet: that of one of them, as little later as the others allow.

    Each of the branches either has that timing already or can be buffered to it.
    """
    best: MapTiming | None = None
    for leader in timings:
        delay = 0
        for other in timings:
            if other.keeps_pace(leader):
                delay = max(delay, other.start - leader.start)
            else:
                late = int((other.cycles() - leader.cycles()).max())
                delay = max(delay, late + MEMORY_CYCLES)
        found = leader.later(delay)
        if best is None or found.start + found.span_cycles < best.start + best.span_cycles:
            best = found
    if best is None:
        raise ScheduleError("branches", expected="one at least", got="none")
    return best
