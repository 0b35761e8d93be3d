"""Values as bits without a sign, and the terms that weighted sums are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amos_hdl.network import width_bits
from amos_hdl.schedule.adders.graph import ZERO, Adder, Array, Bit, Counter


@dataclass(frozen=True, slots=True)
class Word:
    """A linear form of the inputs as bits: ``Σ bits_i·2**i = Σ factor·input + offset``, never negative.

    Parameters
    ----------
    bits : tuple of Bit
    factors : tuple of (input, factor)
        In order of the inputs.
    offset : int
    level : int
        Of the deepest adder in it; 0 for an input.
    """

    bits: tuple[Bit, ...]
    factors: tuple[tuple[int, int], ...]
    offset: int
    level: int


class Words:
    """Grows the graph: the words made so far, and their adders."""

    def __init__(self, low: Array, high: Array) -> None:
        self.low, self.high = low.tolist(), high.tolist()
        self.widths = tuple(width_bits(a, b)[0] for a, b in zip(self.low, self.high, strict=True))
        self.adders: list[Adder] = []
        self.words: list[Word] = []
        for number, (width, least) in enumerate(zip(self.widths, self.low, strict=True)):
            bits = [Bit(number, index) for index in range(width)]
            if least < 0:  # two's complement is offset binary with its highest bit inverted
                bits[-1] = Bit(number, width - 1, True)
            self.words.append(Word(tuple(bits), ((number, 1),), (1 << width - 1) if least < 0 else 0, 0))

    def add(
        self, left: Sequence[Bit], counters: Sequence[Counter], carry: Bit, level: int, bits: int
    ) -> tuple[Bit, ...]:
        """Add an adder to the graph; return the bits of its value."""
        self.adders.append(Adder(tuple(left), tuple(counters), carry, level, bits))
        value = len(self.widths) + len(self.adders) - 1
        return tuple(Bit(value, index) for index in range(bits))

    def level(self, bit: Bit) -> int:
        """Return the level of the adder that makes ``bit``; 0 for an input or a constant."""
        if bit.value is None or bit.value < len(self.widths):
            return 0
        return self.adders[bit.value - len(self.widths)].level

    def combine(self, a: int, b: int, shift: int, sign: int) -> tuple[int, int]:
        """Make a word of ``a + sign·(b << shift)``, a negative shift moving a instead.

        Return its number, and the sign with which it stands for that sum: the operand that reaches higher is the one
        that is not subtracted, so that what is inverted lies under it and costs nothing.
        """
        words = (self.words[a], self.words[b])
        starts = (max(0, -shift), max(0, shift))
        ends = [start + len(word.bits) for start, word in zip(starts, words, strict=True)]
        top = 0 if ends[0] >= ends[1] else 1  # the operand that stays as it is
        signs = (1, sign) if top == 0 else (sign, 1)
        columns: list[list[Bit]] = [[] for _ in range(max(ends))]
        factors: dict[int, int] = {}
        offset = 0
        for side in (top, 1 - top):
            word, start, negative = words[side], starts[side], signs[side] < 0
            for index, bit in enumerate(word.bits, start=start):
                columns[index].append(Bit(bit.value, bit.index, bit.inverted ^ negative))
            for number, factor in word.factors:
                factors[number] = factors.get(number, 0) + (signs[side] * factor << start)
            offset += ((1 << len(word.bits)) - 1 - word.offset if negative else word.offset) << start
        # below the first column in which two bits meet there is nothing to add
        first = next((number for number, column in enumerate(columns) if len(column) == 2), len(columns))
        bits = tuple(column[0] if column else ZERO for column in columns[:first])
        level = max(word.level for word in words)
        linear = tuple(sorted((number, factor) for number, factor in factors.items() if factor))
        if first < len(columns):
            level += 1
            met = enumerate(columns[first:])
            counters = [Counter(number, ((column[1], 0),), 1) for number, column in met if len(column) == 2]
            high = offset + sum(w * (self.high[number] if w > 0 else self.low[number]) for number, w in linear)
            left = [column[0] for column in columns[first:]]
            bits += self.add(left, counters, ZERO, level, max(1, high.bit_length() - first))
        self.words.append(Word(bits, linear, offset, level))
        return len(self.words) - 1, signs[0]


def signed_digits(weight: int) -> list[tuple[int, int]]:
    """Return ``weight`` as (sign, shift) pairs, weight = Σ sign·2**shift, no two shifts adjacent.

    Source: canonical signed digits (G. W. Reitwiesner, Binary Arithmetic, 1960), which have the fewest non-zero digits.
    """
    digits, shift = [], 0
    while weight:
        if weight & 1:
            sign = 2 - (weight & 3)  # 1 if the low bits are 01, -1 if they are 11
            digits.append((sign, shift))
            weight -= sign
        weight >>= 1
        shift += 1
    return digits


@dataclass(frozen=True, slots=True)
class Terms:
    """All non-zero digits of a layer side by side: ``sign·(word << shift)`` in sum ``row``."""

    row: Array
    word: Array
    shift: Array
    sign: Array

    @classmethod
    def of(cls, weights: Array) -> Terms:
        """Return the canonical signed digits of ``weights`` ``(unit, input)``."""
        known = {int(weight): signed_digits(int(weight)) for weight in np.unique(weights)}
        terms = [
            (row, number, shift, sign)
            for row, line in enumerate(weights.tolist())
            for number, weight in enumerate(line)
            for sign, shift in known[weight]
        ]
        return cls(*np.array(terms, np.int64).reshape(-1, 4).T)
