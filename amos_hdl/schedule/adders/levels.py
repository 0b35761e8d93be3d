"""When shared words are added, for the fewest flip-flops: any level between operands and readers will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from amos_hdl.schedule.adders.graph import Adder, Bit


def settle(
    inputs: Sequence[int], adders: Sequence[Adder], sums: Sequence[Sequence[Bit]], depth: int, adders_per_stage: int
) -> tuple[Adder, ...]:
    """Return ``adders`` with levels that need few registers between stages of ``adders_per_stage`` levels.

    A value is kept from the stage that makes it to the last that reads it.  Adding later keeps the sum for a shorter
    time and its operands, if nothing else reads them as late, for longer.  First all are as late as they can be; then
    one after another takes the level that is best while the others stay, until none moves: a local optimum.

    Parameters
    ----------
    inputs : sequence of int
        Bits of each input.
    adders : sequence of Adder
        Each with a level that works.
    sums : sequence of sequences of Bit
        Read one stage after the last.
    """
    count = len(inputs)
    bits = [*inputs, *(adder.bits for adder in adders)]
    level = [0] * count + [adder.level for adder in adders]
    operands = [sorted(set(adder.operands())) for adder in adders]
    readers: list[list[int]] = [[] for _ in bits]
    for number, values in enumerate(operands, start=count):
        for value in values:
            readers[value].append(number)
    end = [0] * len(bits)  # readers outside: the sums
    for total in sums:
        for bit in total:
            if bit.value is not None:
                end[bit.value] = depth + adders_per_stage

    def stage(of_level: int) -> int:
        return max(1, -(-of_level // adders_per_stage))

    def kept(candidate: int, own: int, last: int, others: list[tuple[int, int, int]]) -> int:
        """Return the registers of a word of ``own`` bits, added at level ``candidate``, and of its operands."""
        registers = own * (stage(last) - stage(candidate)) if last else 0
        return registers + sum(width * (stage(max(late, candidate)) - made) for width, made, late in others)

    for number in range(len(bits) - 1, count - 1, -1):
        if not end[number]:
            level[number] = min((level[reader] for reader in readers[number]), default=depth + 1) - 1
    # reads[value][n]: how many adders of level n read it; an input has as many readers as there are sums
    reads = [[0] * (depth + 1) for _ in bits]
    for number, values in enumerate(operands, start=count):
        for value in values:
            reads[value][level[number]] += 1

    def last_read(value: int) -> int:
        """Return the level of the last adder that reads ``value``; 0 if none does."""
        return next((late for late in range(depth, 0, -1) if reads[value][late]), 0)

    moved = True
    while moved:
        moved = False
        for number in range(len(bits) - 1, count - 1, -1):
            if end[number]:
                continue
            start, values = level[number], operands[number - count]
            least = 1 + max((level[value] for value in values), default=0)
            most = next((early for early in range(1, depth + 1) if reads[number][early]), depth + 1) - 1
            if least == start == most:
                continue
            last = last_read(number)
            for value in values:
                reads[value][start] -= 1
            # an operand's own stage and bits, and the last level at which others read it
            others = [(bits[value], stage(level[value]), max(end[value], last_read(value))) for value in values]
            costs = {
                candidate: kept(candidate, bits[number], last, others) for candidate in (start, *range(least, most + 1))
            }
            level[number] = min(costs, key=costs.__getitem__)  # of equal ones the first: it stays
            for value in values:
                reads[value][level[number]] += 1
            moved |= level[number] != start
    return tuple(replace(adder, level=new) for adder, new in zip(adders, level[count:], strict=True))
