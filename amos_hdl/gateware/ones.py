"""How many of many lines are high, and counts of that: full adders with a register behind each.

Numbers here are lists of bits, the lowest first, each of which comes in a clock cycle of its own, the lowest first: no
length of a number sets the clock rate.  A full adder is two small look-up tables; where several follow each other
without a register, synthesis makes larger and more tables of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from amaranth.hdl import Module, Signal, Value

#: Bits that a carry passes without a register, where nothing but the carry is added.
_CARRIED_BITS = 4


class Bit(NamedTuple):
    """One bit of a number, and how many clock cycles later than the lines that are counted it is there."""

    value: Value
    cycle: int


def delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """Return ``value`` some clock cycles later, 0 after reset: nothing from before a reset is counted after it."""
    for cycle in range(1, cycles + 1):
        stored = Signal(value.shape(), name=f"{name}_{cycle}")
        m.d.sync += stored.eq(value)
        value = stored
    return value


def count_ones(m: Module, lines: Sequence[Value], name: str) -> list[Bit]:
    """Return how many of ``lines`` are high.

    ``2·n + 1`` lines are n, n and a carry: an adder of the bits of n takes all three, and none of it is left unused.
    """
    if len(lines) <= 1:
        return [Bit(line, 0) for line in lines]
    half = len(lines) // 2
    parts = lines[1 : half + 1], lines[half + 1 :]
    numbers = [count_ones(m, part, f"{name}{side}") for part, side in zip(parts, "ab", strict=True)]
    total: list[Bit] = []
    carry = Bit(lines[0], 0)
    for place in range(len(numbers[0])):
        addends = [carry, *(number[place] for number in numbers if place < len(number))]
        values, cycle = _together(m, addends, f"{name}_{place}")
        one, over = add(m, values, f"{name}_{place}")
        total.append(Bit(delayed(m, one, 1, f"{name}_sum_{place}"), cycle + 1))
        carry = Bit(delayed(m, over, 1, f"{name}_carry_{place}"), cycle + 1)
    return [*total, carry]


def live_count(m: Module, lines: Sequence[Value], bits: int, name: str) -> list[Bit]:
    """Return a count of all times that one of ``lines`` was high, in registers, modulo ``2**bits``."""
    first, *rest = lines
    ones, carry, passed = count_ones(m, rest, f"{name}_ones"), Bit(first, 0), 0
    count: list[Bit] = []
    for place in range(bits):
        values, cycle = _together(m, [carry, *ones[place : place + 1]], f"{name}_{place}")
        own = Signal(name=f"{name}_count_{place}")
        one, over = add(m, [own, *values], f"{name}_{place}")
        m.d.sync += own.eq(one)
        count.append(Bit(own, cycle + 1))
        passed = passed + 1 if place >= len(ones) else 0
        carry = Bit(over, cycle)
        if passed % _CARRIED_BITS == 0:
            carry = Bit(delayed(m, over, 1, f"{name}_carry_{place}"), cycle + 1)
    return count


def add(m: Module, bits: Sequence[Value], name: str) -> tuple[Value, Value]:
    """Return the sum of two or three bits, and the carry."""
    over = Signal(name=f"{name}_over")
    match bits:
        case [x, y]:
            m.d.comb += over.eq(x & y)
            return x ^ y, over
        case [x, y, z]:
            m.d.comb += over.eq((x & y) | (x & z) | (y & z))
            return x ^ y ^ z, over
        case _:
            raise ValueError(f"two or three bits, not {len(bits)}")


def _together(m: Module, bits: Sequence[Bit], name: str) -> tuple[list[Value], int]:
    """Return the values of ``bits`` in the clock cycle of the latest of them, and that."""
    latest = max(bit.cycle for bit in bits)
    return [
        delayed(m, bit.value, latest - bit.cycle, f"{name}_addend{number}") for number, bit in enumerate(bits)
    ], latest
