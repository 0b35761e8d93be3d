"""Spec of the counters of a wrapped network: which spikes share a line, and how wide a line's own count must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError


@dataclass(frozen=True)
class SpikeLines:
    """The bits of a layer's ``spikes`` port on as few lines as never carry two spikes in one clock cycle.

    Parameters
    ----------
    groups : tuple of tuple of tuple of int
        For each line its groups of bits, which are at the line one after another.
    wait_cycles : int
        Clock cycles from one group to the next: group k is at its line ``k·wait_cycles`` late.
    """

    groups: tuple[tuple[tuple[int, ...], ...], ...]
    wait_cycles: int = 0

    @property
    def bits(self) -> int:
        """Of the port."""
        return sum(len(group) for line in self.groups for group in line)


def spike_lines(cycles: npt.NDArray[np.int64], gap_cycles: int) -> SpikeLines:
    """Return lines on which no two spikes of one pixel, or of two, are in one clock cycle.

    Bits a and b share a group if ``cycles[a] != cycles[b]`` and ``|cycles[a] - cycles[b]| < gap_cycles``.  With
    ``span = max(cycles) - min(cycles) + 1`` a line has room for ``gap_cycles // span`` groups, each ``span`` later.

    Parameters
    ----------
    cycles : int array (bit,)
        Clock cycle of each bit's spike, from any moment on that is the same for all.
    gap_cycles : int
        Fewest clock cycles from one pixel of the layer to the next.
    """
    groups: list[list[int]] = []
    begun: list[int] = []  # (group,): cycle of its first spike, the earliest first
    for cycle in np.unique(cycles).tolist():
        # groups that have no spike of this cycle yet and began so late that none of the next pixel can be in them
        free = next((group for group, first in enumerate(begun) if cycle - first < gap_cycles), len(groups))
        for place, bit in enumerate(np.flatnonzero(cycles == cycle).tolist(), start=free):
            if place == len(groups):
                groups.append([])
                begun.append(cycle)
            groups[place].append(bit)
    span = int(np.ptp(cycles)) + 1
    count = -(-len(groups) // max(1, gap_cycles // span))
    return SpikeLines(tuple(tuple(map(tuple, groups[first::count])) for first in range(count)), span)


@dataclass(frozen=True)
class CounterSpec:
    """Counters of ``bits`` each, kept in a memory of narrow words, one for each part of each counter.

    One adder serves them in turn, a part in each clock cycle, a counter after another: a *round*.  What happens in the
    meantime each source counts by itself, in the lowest ``live_parts`` parts of its counter, which are registers that
    wrap.  When it is its turn, they are copied to the memory; where the highest bit of the copy before was 1 and is now
    0, they have wrapped, and the parts above them, in the memory alone, go up by one.

    No count is lost: ``n`` lines, each high in every clock cycle, count to ``n·round_cycles`` in a round.  With
    ``n·round_cycles < 2**(B - 1)``, B the bits of the live parts, a count wraps once at most, and does so exactly
    where its highest bit falls from 1 to 0: from ``old`` with highest bit 0 the new one is below ``2**B``; from one
    with highest bit 1 it either stays at ``2**(B - 1)`` or above, or is ``old + more - 2**B < 2**(B - 1)``.

    Parameters
    ----------
    lines : tuple of int, >= 1
        For each counter, of which there are two or more, how many lines it counts.
    part_bits : int, >= 1
        Of a word of the memory.
    parts : int
        Of a counter, a power of 2.

    Raises
    ------
    ScheduleError
        If a counter is so narrow that a round fills it.
    """

    lines: tuple[int, ...]
    part_bits: int = 8
    parts: int = 8

    def __post_init__(self) -> None:
        parts = self.parts
        if len(self.lines) < 2 or min(*self.lines, self.part_bits, parts) < 1 or parts & (parts - 1):
            expected = "two or more, lines and bits >= 1, parts a power of 2"
            raise ScheduleError("counters", expected=expected, got=repr(self))
        for counter, lines in enumerate(self.lines):
            if self.live_parts(counter) > self.parts:
                expected = f"<= {((1 << self.bits - 1) - 1) // self.round_cycles}"
                raise ScheduleError("lines of a counter", expected=expected, got=f"{lines}")

    @property
    def bits(self) -> int:
        """Of a counter."""
        return self.part_bits * self.parts

    @property
    def round_cycles(self) -> int:
        """Clock cycles from one turn of a counter to its next."""
        return len(self.lines) * self.parts

    def live_parts(self, counter: int) -> int:
        """Return how many parts of ``counter`` are registers: ``lines·round_cycles < 2**(part_bits·parts - 1)``."""
        return -(-((self.lines[counter] * self.round_cycles).bit_length() + 1) // self.part_bits)

    def evaluate(self, counts: Sequence[Sequence[int]]) -> list[int]:
        """Return the counters after ``counts`` ``(clock cycle, counter)``: sums, modulo ``2**bits``."""
        return [sum(column) % (1 << self.bits) for column in zip(*counts, strict=True)]
