"""One sum as a heap of bits in columns, emptied row by row: each adder takes a row of counters.

A table of 6 inputs that adds two bits on a carry chain has four inputs to spare.  So what an adder takes need not be
one bit per column: five bits of two neighbouring columns are counted in three outputs within the very tables that add
them, and a bit costs 3/5 of a table.  Adders form chains, and the chains are joined in pairs.

Source: derived; heaps of bits after F. de Dinechin et al., "Arithmetic core generation using bit heaps", FPL 2013.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from amos_hdl.schedule.adders.counters import bit_cost, choose
from amos_hdl.schedule.adders.graph import ONE, ZERO, Bit
from amos_hdl.schedule.adders.room import fullest, may_hold


class Column:
    """The bits of one column that are still to be added.

    Bits of adders are taken first, the earliest adder first, because keeping them costs registers of their own; the
    inputs are there anyway until some sum takes the last of them.
    """

    def __init__(self, entries: Sequence[tuple[int, Bit]]) -> None:
        """Take ``entries``, the last to be taken first, as ``in_order`` gives them."""
        self.inputs = [entry for entry in entries if not entry[0]]
        self.adders = [entry for entry in entries if entry[0]]
        #: Inputs that are not inverted, and that are.
        inverted = sum(bit.inverted for _, bit in self.inputs)
        self.kinds = [len(self.inputs) - inverted, inverted]

    def __len__(self) -> int:
        return len(self.inputs) + len(self.adders)

    def available(self, level: int) -> int:
        """Return how many bits an adder of ``level`` can take."""
        adders = self.adders
        if not adders:
            return len(self.inputs)
        if adders[0][0] < level:
            return len(self.inputs) + len(adders)
        return len(self.inputs) + len(adders) - bisect_right(adders, -level, key=lambda entry: -entry[0])

    def take(self, level: int) -> Bit:
        """Take a bit that an adder of ``level`` can have; there must be one."""
        if self.adders and self.adders[-1][0] < level:
            return self.adders.pop()[1]
        bit = self.inputs.pop()[1]
        self.kinds[bit.inverted] -= 1
        return bit

    def take_plain(self, level: int) -> Bit:
        """Take a bit that an adder of ``level`` can have and that is not inverted; ZERO if there is none."""
        return self.take_of(level, inverted=False) or ZERO

    def take_of(self, level: int, *, inverted: bool) -> Bit | None:
        """Take a bit that an adder of ``level`` can have and that is inverted or not; None if there is none."""
        for entries in (self.adders, self.inputs if self.kinds[inverted] else []):
            for place in range(len(entries) - 1, -1, -1):
                if entries[place][0] >= level:
                    break
                if entries[place][1].inverted == inverted:
                    self.kinds[inverted] -= entries is self.inputs
                    return entries.pop(place)[1]
        return None

    def count_of(self, level: int, *, inverted: bool) -> int:
        """Return how many such bits there are."""
        return self.kinds[inverted] + sum(made < level and bit.inverted == inverted for made, bit in self.adders)


def in_order(entries: Sequence[tuple[int, Bit]]) -> tuple[tuple[int, Bit], ...]:
    """Return (level, bit) pairs as a column wants them."""
    return tuple(sorted(entries, key=lambda entry: (entry[0], entry[1].value or 0, entry[1].index), reverse=True))


@dataclass
class Tally:
    """A counter in the making: its bits with their weights, and its outputs."""

    bits: list[tuple[Bit, int]]
    outputs: int

    def take_one(self, weight: int) -> bool:
        """Count a constant 1 of ``weight`` besides, if there is room for it at no cost."""
        room = (1 << self.outputs) - 1 - sum(1 << w for _, w in self.bits)
        if len(self.bits) < 2 or not 0 <= weight < self.outputs or 1 << weight > room:
            return False
        self.bits.append((ONE, weight))
        return True


@dataclass
class Row:
    """What the adder of one level takes: counters by their lowest column, and a bit in the lowest of these."""

    level: int
    counters: dict[int, Tally] = field(default_factory=dict)
    carry: Bit = ZERO


@dataclass
class Chain:
    """Adders one after another: bits as they are, one per column, and a row of counters for each adder."""

    first: list[Bit]
    rows: list[Row]


class Heap:
    """The bits of one sum, modulo ``2**width``.

    Parameters
    ----------
    width : int
        Bits of the sum.
    bits : sequence of (column, level, Bit)
        Level of the adder that makes it, from the next on it can be taken; 0 for an input.
    constant : int
        To be added.
    inputs : int
        Bits that one counter may take.
    """

    def __init__(self, width: int, bits: Sequence[tuple[int, int, Bit]], constant: int, inputs: int) -> None:
        self.width, self.constant, self.inputs = width, constant % (1 << width), inputs
        columns: list[list[tuple[int, Bit]]] = [[] for _ in range(width)]
        for column, level, bit in bits:
            if column < width:
                columns[column].append((level, bit))
        self.columns = tuple(map(in_order, columns))
        self.height = max(map(len, columns))

    @cached_property
    def full(self) -> list[tuple[int, ...]]:
        """For each level t, ``fullest`` of the bits that no row before level t + 1 takes."""
        last = max((level for column in self.columns for level, _ in column), default=0)
        return [
            fullest([sum(level >= least for level, _ in column) for column in self.columns])
            for least in range(last + 1)
        ]

    def plan(self, depth: int, start: int = 1) -> list[Chain] | None:
        """Return the fewest chains that empty the heap and, joined, have their sum at ``depth``; None if none do.

        They are looked for from ``start`` chains on: down as long as fewer still do, else up, and last below ``start``.
        Near the fewest that is quick, and it is the fewest unless a number below ``start`` fails and a lower one does
        not.
        """
        # as many as there are levels for; each takes a bit at least
        most = min(1 << depth - 1, max(1, sum(map(len, self.columns))))
        chains = max(1, min(start, most))
        best = self._chains(chains, depth)
        if best is None:
            others = (
                self._chains(other, depth) for other in itertools.chain(range(chains + 1, most + 1), range(1, chains))
            )
            return next((plan for plan in others if plan is not None), None)
        while len(best) > 1:
            fewer = self._chains(len(best) - 1, depth)
            if fewer is None:
                break
            best = fewer
        return best

    def _chains(self, chains: int, depth: int) -> list[Chain] | None:
        """Return so many chains that empty the heap; None if they do not.

        Of the numbers of rows the one with the fewest outputs of counters is taken, up to the first that is worse.
        """
        lengths = chain_lengths(chains, depth)
        for level, full in enumerate(self.full):
            later = [length - level for length in lengths if length > level]
            if not may_hold(full, sum(later), len(later), self.inputs):
                return None
        best: tuple[int, list[Chain]] | None = None
        fewest = max(chains, int((self.height - chains) * bit_cost(self.inputs)))
        for rows in range(fewest, sum(lengths) + 1):
            plan = self._filled(_spread(rows, tuple(lengths)), lengths)
            if plan is None:
                continue
            cost = sum(tally.outputs for chain in plan for row in chain.rows for tally in row.counters.values())
            if best is not None and cost >= best[0]:
                break
            best = (cost, plan)
        return self._filled(lengths, lengths, eager=True) if best is None else best[1]

    def _filled(self, counts: Sequence[int], lengths: Sequence[int], eager: bool = False) -> list[Chain] | None:
        """Return chains of ``counts`` rows that end at ``lengths`` and hold all bits; None if some are left.

        Eager rows take all they can; others leave what fits badly to later rows, which may be left with too much.  The
        first chain leaves columns free where a bit of the constant would find no room otherwise.
        """
        reserved: set[int] = set()
        while True:
            plan = self._fill(counts, lengths, reserved, eager)
            if plan is None:
                return None
            missing = _place(self.constant, plan)
            if missing is None:
                return plan
            reserved.add(missing)

    def _fill(
        self, counts: Sequence[int], lengths: Sequence[int], reserved: set[int], eager: bool
    ) -> list[Chain] | None:
        remaining = [Column(entries) for entries in self.columns]
        chains = [
            Chain([ZERO] * self.width, [Row(length - count + 1 + number) for number in range(count)])
            for count, length in zip(counts, lengths, strict=True)
        ]
        slots = sorted(
            (row.level, number, index) for number, chain in enumerate(chains) for index, row in enumerate(chain.rows)
        )
        for done, (level, number, index) in enumerate(slots):
            if index == 0:
                for place, column in enumerate(remaining):
                    if number or place not in reserved:
                        chains[number].first[place] = column.take_plain(level)
            self._fill_row(chains[number].rows[index], remaining, 1 if eager else len(slots) - done)
        return None if any(map(len, remaining)) else chains

    def _fill_row_alike(self, row: Row, remaining: list[Column], rows_left: int) -> None:
        """Take one bit per column, all inverted or none: of such a row nothing need be inverted before the adder."""
        counts = [[column.count_of(row.level, inverted=inverted) for column in remaining] for inverted in (False, True)]
        # the kind of which most is left where columns are high
        weight = [sum(min(1, n) * max(1, len(c)) for n, c in zip(count, remaining, strict=True)) for count in counts]
        inverted = weight[1] > weight[0]
        for place, column in enumerate(remaining):
            bit = column.take_of(row.level, inverted=inverted)
            if bit is None and len(column) > rows_left - 1:
                bit = column.take_of(row.level, inverted=not inverted)
            if bit is not None:
                row.counters[place] = Tally([(bit, 0)], 1)
        if row.counters:
            row.carry = remaining[min(row.counters)].take_plain(row.level)

    def _fill_row(self, row: Row, remaining: list[Column], rows_left: int) -> None:
        if self.inputs == 1:
            self._fill_row_alike(row, remaining, rows_left)
            return
        available = tuple(column.available(row.level) for column in remaining)
        heights = tuple(map(len, remaining)) if rows_left > 1 else available
        for start, form in choose(available, heights, rows_left, self.inputs):
            bits = [
                (remaining[start + weight].take(row.level), weight)
                for weight, count in enumerate(form.taken)
                for _ in range(count)
            ]
            row.counters[start] = Tally(bits, min(form.outputs, self.width - start))
        if row.counters:
            row.carry = remaining[min(row.counters)].take_plain(row.level)


def _place(constant: int, plan: list[Chain]) -> int | None:
    """Add the bits of ``constant`` where they cost nothing; return a column in which there is no room."""
    for column in range(constant.bit_length()):
        if not constant >> column & 1:
            continue
        free = next((chain for chain in plan if chain.first[column] == ZERO), None)
        if free is not None:
            free.first[column] = ONE
        elif not any(
            tally.take_one(column - start)
            for chain in plan
            for row in chain.rows
            for start, tally in row.counters.items()
        ):
            return column
    return None


def chain_lengths(chains: int, depth: int) -> list[int]:
    """Return the adders that each of ``chains`` may have, if they are joined in pairs up to level ``depth``."""
    if chains == 1:
        return [depth]
    half = -(-chains // 2)
    return chain_lengths(half, depth - 1) + chain_lengths(chains - half, depth - 1)


@lru_cache(1 << 12)
def _spread(rows: int, lengths: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many of ``rows`` each chain gets, as equal as their lengths allow."""
    counts = [0] * len(lengths)
    for _ in range(rows):
        counts[max(range(len(lengths)), key=lambda n: (lengths[n] > counts[n], -counts[n]))] += 1
    return tuple(counts)
