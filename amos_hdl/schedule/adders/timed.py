"""Which pipeline stage makes each sum when a stage has so much time, for few flip-flops."""

from __future__ import annotations

from collections.abc import Sequence

from amos_hdl.schedule.adders.borders import level_stages
from amos_hdl.schedule.adders.graph import AdderGraph


def timed_stages(graph: AdderGraph, delays: Sequence[int], budget: int) -> tuple[int, ...]:
    """Return the stage (from 1) of each adder: the fewest stages, and few flip-flops between them.

    Adders of a stage follow one another without registers; along any path within a stage the delays add up to
    ``budget`` at most, but that an adder of more than that has a stage of its own.  Inputs are of stage 1, and all sums
    are read after the last.

    Each adder as early as it can be gives the fewest stages S.  From there, from each as late as S allows, and from the
    best borders between levels (``level_stages``) if those are no more stages, one adder after another takes the stage
    for which most flip-flops are saved while the others stay, until none moves.  The best of the three is taken: a
    local optimum.

    Parameters
    ----------
    graph : AdderGraph
    delays : sequence of int
        Of each adder, from its last operand to its sum, in any unit.
    budget : int
        For the path of one stage, in the same unit.
    """
    early = _Stages(graph, delays, budget)
    early.as_early_as_can_be()
    late = _Stages(graph, delays, budget)
    late.as_late_as_can_be(early.last)
    starts = [early, late]
    by_levels = level_stages(graph, delays, budget)
    if max(by_levels, default=1) <= early.last:
        starts.append(_Stages(graph, delays, budget))
        starts[-1].take(by_levels)
    for stages in starts:
        stages.settle()
    return min(starts, key=_Stages.flip_flops).of_adders


def longest_path(graph: AdderGraph, stages: Sequence[int], delays: Sequence[int]) -> int:
    """Return the greatest sum of ``delays`` of adders that follow one another within a stage; 0 if there are none."""
    count, arrivals = len(graph.inputs), [0] * len(graph.inputs)
    for adder, stage, delay in zip(graph.adders, stages, delays, strict=True):
        before = (arrivals[value] for value in adder.operands() if value >= count and stages[value - count] == stage)
        arrivals.append(max(before, default=0) + delay)
    return max(arrivals, default=0)


class _Stages:
    """The stages of all values, and how much of a stage is gone when a value is there."""

    def __init__(self, graph: AdderGraph, delays: Sequence[int], budget: int) -> None:
        self.delays, self.budget, self.last = delays, budget, 1
        self.count = len(graph.inputs)
        self.operands = [sorted(set(adder.operands())) for adder in graph.adders]
        values = self.count + len(graph.adders)
        # of each value: the adders that read it, and which of its bits as a mask
        self.readers: list[dict[int, int]] = [{} for _ in range(values)]
        for number, adder in enumerate(graph.adders, start=self.count):
            for bit in adder.reads():
                if bit.value is not None:
                    masks = self.readers[bit.value]
                    masks[number] = masks.get(number, 0) | 1 << bit.index
        self.read_at_end = [0] * values
        for bits in graph.sums:
            for bit in bits:
                if bit.value is not None:
                    self.read_at_end[bit.value] |= 1 << bit.index
        self.stage, self.arrival, self.tail = [1] * values, [0] * values, [0] * values
        self.pending = bytearray(values)

    @property
    def of_adders(self) -> tuple[int, ...]:
        return tuple(self.stage[self.count :])

    def take(self, stages: Sequence[int]) -> None:
        """Begin with the ``stages`` of the adders."""
        self.stage[self.count :] = stages
        self.last = max(self.stage)
        for number in range(len(self.stage) - 1, self.count - 1, -1):
            self.tail[number] = self._goes_on(number)

    def as_early_as_can_be(self) -> None:
        for number in range(self.count, len(self.stage)):
            self.stage[number] = max((self.stage[value] for value in self.operands[number - self.count]), default=1)
            if not self._fits(number, 0):
                self.stage[number] += 1
            self.arrival[number] = self._arrives(number)
        self.take(self.of_adders)

    def as_late_as_can_be(self, last: int) -> None:
        self.last = last
        for number in range(len(self.stage) - 1, self.count - 1, -1):
            self.stage[number] = min([*(self.stage[reader] for reader in self.readers[number]), last])
            self.tail[number] = self._goes_on(number)
            if self.tail[number] and self.delays[number - self.count] + self.tail[number] > self.budget:
                self.stage[number] -= 1
                self.tail[number] = 0

    def settle(self) -> None:
        """Move adders as long as that saves flip-flops, readers before what they read.

        An adder is looked at again when a value that it reads or makes has come to be kept for longer or shorter.
        """
        self.pending = bytearray(b"\1") * len(self.stage)
        while any(self.pending[self.count :]):
            # what an adder moves changes no arrival that is asked for later in the round: those of its readers alone
            for number in range(self.count, len(self.stage)):
                self.arrival[number] = self._arrives(number)
            for number in range(len(self.stage) - 1, self.count - 1, -1):
                if self.pending[number]:
                    self.pending[number] = 0
                    self._move(number)
                self.tail[number] = self._goes_on(number)

    def _move(self, number: int) -> None:
        """Give an adder the best stage that its operands and readers, whose stages stay, leave it."""
        operands, start = self.operands[number - self.count], self.stage[number]
        least = max((self.stage[value] for value in operands), default=1)
        most = min((self.stage[reader] for reader in self.readers[number]), default=self.last)
        if least == most:
            return
        touched = [number, *operands]
        before = best = [self._kept(value) for value in touched]
        best_stage = start
        for stage in range(least, most + 1):
            self.stage[number] = stage
            kept = [self._kept(value) for value in touched]
            if sum(kept) < sum(best) and self._fits(number, self._goes_on(number)):
                best, best_stage = kept, stage
        self.stage[number] = best_stage
        if best_stage == start:
            return
        for value, was, now in zip(touched, before, best, strict=True):
            if was != now:
                self.pending[value] = 1
                for reader in self.readers[value]:
                    self.pending[reader] = 1

    def _fits(self, number: int, tail: int) -> bool:
        """Return whether the paths through an adder in its stage are short enough, ``tail`` of them behind it."""
        alone = not tail and self._arrives(number) == self.delays[number - self.count]
        return alone or self._arrives(number) + tail <= self.budget

    def _arrives(self, number: int) -> int:
        stage, operands = self.stage[number], self.operands[number - self.count]
        before = [self.arrival[value] for value in operands if value >= self.count and self.stage[value] == stage]
        return max(before, default=0) + self.delays[number - self.count]

    def _goes_on(self, number: int) -> int:
        """Return the longest path from an adder's sum to the end of its stage."""
        behind = [reader for reader in self.readers[number] if self.stage[reader] == self.stage[number]]
        return max((self.delays[reader - self.count] + self.tail[reader] for reader in behind), default=0)

    def _kept(self, value: int) -> int:
        """Return the flip-flops that hold a value: each of its bits until the last stage that reads it."""
        made, known = self.stage[value], self.read_at_end[value]
        total = known.bit_count() * (self.last + 1 - made)
        reads = [(self.stage[reader], mask) for reader, mask in self.readers[value].items()]
        for stage, mask in sorted(reads, reverse=True):
            if stage == made:
                break
            total += (mask & ~known).bit_count() * (stage - made)
            known |= mask
        return total

    def flip_flops(self) -> int:
        return sum(map(self._kept, range(len(self.stage))))
