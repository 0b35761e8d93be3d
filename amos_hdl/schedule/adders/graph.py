"""Weighted sums by constants as graphs of additions, bit by bit: no multiplier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of a value, or its complement; ``value`` None is the constant 1, or 0 if inverted.

    Parameters
    ----------
    value : int or None
        Number of a value: first the inputs, then the adders in order.
    index : int
        Which bit of it, 0 the lowest.
    inverted : bool
    """

    value: int | None
    index: int = 0
    inverted: bool = False


ONE, ZERO = Bit(None), Bit(None, 0, True)


@dataclass(frozen=True, slots=True)
class Counter:
    """A count of bits, ``Σ b_i·2**w_i``, in ``outputs`` bits from column ``column`` on.

    It is a table of its bits: on an FPGA each of its outputs is part of the look-up table that adds it to something.

    Parameters
    ----------
    column : int
        Column of its lowest output.
    bits : tuple of (Bit, int)
        Bits and their weights w, relative to ``column``; at most one constant among them per weight.
    outputs : int
        Enough for the greatest count.
    """

    column: int
    bits: tuple[tuple[Bit, int], ...]
    outputs: int

    @property
    def is_wire(self) -> bool:
        """Whether it is one bit as it is, not inverted."""
        return len(self.bits) == 1 and not self.bits[0][0].inverted

    def tables(self) -> tuple[tuple[Bit, ...], tuple[int, ...]]:
        """Return the bits that are no constants, and each output as a table of them.

        Bit p of a table is the output for pattern p: bit n of p is the n-th of those bits, before it is inverted.
        """
        known = [(bit, weight) for bit, weight in self.bits if bit.value is not None]
        ones = sum(1 << weight for bit, weight in self.bits if bit == ONE)
        kinds = tuple((bit.inverted, weight) for bit, weight in known)
        return tuple(Bit(bit.value, bit.index) for bit, _ in known), _tables(kinds, ones, self.outputs)

    @property
    def high(self) -> int:
        """Greatest count, times ``2**column``."""
        return sum(1 << weight for bit, weight in self.bits if bit != ZERO) << self.column


@lru_cache(1 << 12)
def _tables(kinds: tuple[tuple[bool, int], ...], ones: int, outputs: int) -> tuple[int, ...]:
    """Return the tables of the count of bits of ``kinds``, (inverted, weight), and of ``ones``."""
    tables = [0] * outputs
    for pattern in range(1 << len(kinds)):
        count = ones + sum(((pattern >> n & 1) ^ inverted) << weight for n, (inverted, weight) in enumerate(kinds))
        for output in range(outputs):
            tables[output] |= (count >> output & 1) << pattern
    return tuple(tables)


@dataclass(frozen=True, slots=True)
class Adder:
    """One addition of a row of bits and a row of counters side by side.

    ``value = left + Σ counters + carry``, cut to ``bits`` bits, always >= 0.  What has a sign carries an offset
    instead, so that a narrow operand needs no sign bits up to the width of the wide one.

    Parameters
    ----------
    left : tuple of Bit
        One bit per column.
    counters : tuple of Counter
        No two of them on one column.
    carry : Bit
        Added to the lowest column, where it needs no look-up table.
    level : int, >= 1
        One more than the deepest operand at least; adders of one level do not see each other.
    bits : int
        Width of the value in bits.
    """

    left: tuple[Bit, ...]
    counters: tuple[Counter, ...]
    carry: Bit
    level: int
    bits: int

    @property
    def counts(self) -> bool:
        """Whether a counter is more than a wire."""
        return not all(counter.is_wire for counter in self.counters)

    def reads(self) -> Iterator[Bit]:
        """Return all bits that are read, constants too."""
        yield from self.left
        yield self.carry
        for counter in self.counters:
            for bit, _ in counter.bits:
                yield bit

    def operands(self) -> Iterator[int]:
        """Return the numbers of the values that are read, with repetitions."""
        for bit in self.reads():
            if bit.value is not None:
                yield bit.value


@dataclass(frozen=True)
class AdderGraph:
    """All weighted sums of a layer: ``sums[n] = bias[n] + Σ_m weights[n, m]·x[m]``.

    Members
    -------
    inputs : tuple of int
        Width of each input in bits, two's complement where it can be negative; values 0 to len(inputs) - 1 are x.
    adders : tuple of Adder
        The values after them, each after its operands.
    sums : tuple of tuple of Bit
        The bits of each sum, lowest first, two's complement.
    signed : tuple of bool
        Whether the highest bit of a sum is a sign.
    depth : int
        Adder levels from input to sum, the same for all sums.
    """

    inputs: tuple[int, ...]
    adders: tuple[Adder, ...]
    sums: tuple[tuple[Bit, ...], ...]
    signed: tuple[bool, ...]
    depth: int

    def adder(self, value: int) -> Adder | None:
        """Return the adder that makes ``value``; None if it is an input."""
        number = value - len(self.inputs)
        return self.adders[number] if number >= 0 else None

    @cached_property
    def counts(self) -> bool:
        """Whether any addition counts several bits, rather than adding two rows."""
        return any(len(counter.bits) > 1 for adder in self.adders for counter in adder.counters)

    @cached_property
    def cost(self) -> int:
        """Look-up tables by count: columns in which something is added, inverted or counted."""
        return sum(
            sum(counter.outputs for counter in adder.counters) + sum(bit.inverted for bit in adder.left if bit != ZERO)
            for adder in self.adders
        )

    def evaluate(self, x: Array) -> Array:
        """Return the sums ``(batch, unit)`` for inputs ``x`` ``(batch, input)``, adder by adder."""
        values = [x[:, number] for number in range(len(self.inputs))]

        def read(bit: Bit) -> Array:
            found = np.ones(len(x), np.int64) if bit.value is None else values[bit.value] >> bit.index & 1
            return found ^ int(bit.inverted)

        for adder in self.adders:
            total = read(adder.carry)
            for position, bit in enumerate(adder.left):
                total += read(bit) << position
            for counter in adder.counters:
                for bit, weight in counter.bits:
                    total += read(bit) << counter.column + weight
            values.append(total & (1 << adder.bits) - 1)
        sums = np.zeros((len(x), len(self.sums)), np.int64)
        for unit, (bits, signed) in enumerate(zip(self.sums, self.signed, strict=True)):
            for position, bit in enumerate(bits):
                sums[:, unit] += read(bit) << position
            if signed:
                sums[:, unit] -= (sums[:, unit] >> len(bits) - 1 & 1) << len(bits)
        return sums
