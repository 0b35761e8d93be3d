"""Weighted sums by constants as graphs of shifted additions: no multiplier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.network import width_bits

Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Adder:
    """One addition: ``(left << left_shift) ± (right << right_shift)``.

    Parameters
    ----------
    left, right : int
        Numbers of values: first the inputs, then the constants, then the adders in order.
    left_shift, right_shift : int
        Bits, >= 0.
    subtract : bool
        Whether ``right`` is subtracted.
    level : int, >= 1
        One more than the deepest operand at least; adders of one level do not see each other.
    low, high : int
        Exact interval of the value over all inputs within theirs.
    """

    left: int
    right: int
    left_shift: int
    right_shift: int
    subtract: bool
    level: int
    low: int
    high: int

    @property
    def bits(self) -> int:
        """Width of the value in bits."""
        return width_bits(self.low, self.high)[0]


@dataclass(frozen=True)
class Tap:
    """One sum as it leaves the graph: ``value << shift``."""

    value: int
    shift: int


@dataclass(frozen=True)
class AdderGraph:
    """All weighted sums of a layer: ``sums[n] = bias[n] + Σ_m weights[n, m]·x[m]``.

    Members
    -------
    inputs : int
        Values 0 to inputs - 1 are x.
    constants : tuple of int
        The next values.
    adders : tuple of Adder
        The values after them, each after its operands.
    taps : tuple of Tap
        One per sum.
    depth : int
        Adder levels from input to sum, the same for all sums.
    """

    inputs: int
    constants: tuple[int, ...]
    adders: tuple[Adder, ...]
    taps: tuple[Tap, ...]
    depth: int

    def adder(self, value: int) -> Adder | None:
        """Return the adder that makes ``value``; None if it is an input or a constant."""
        number = value - self.inputs - len(self.constants)
        return self.adders[number] if number >= 0 else None

    def constant(self, value: int) -> int | None:
        """Return the constant that ``value`` is; None if it is none."""
        number = value - self.inputs
        return self.constants[number] if 0 <= number < len(self.constants) else None

    def evaluate(self, x: Array) -> Array:
        """Return the sums ``(batch, unit)`` for inputs ``x`` ``(batch, input)``, adder by adder."""
        values = [x[:, number] for number in range(self.inputs)]
        values += [np.full(len(x), constant, np.int64) for constant in self.constants]
        for adder in self.adders:
            right = values[adder.right] << adder.right_shift
            values.append((values[adder.left] << adder.left_shift) + (-right if adder.subtract else right))
        return np.stack([values[tap.value] << tap.shift for tap in self.taps], axis=1)


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


@dataclass(frozen=True)
class _Term:
    """``sign·(value << shift)`` with the exact interval of ``value`` and the weights that make it up."""

    sign: int
    shift: int
    value: int
    weights: tuple[tuple[int, int], ...]  # (input, factor) of `value`, by input; its constant part is in `offset`
    offset: int


class _Builder:
    """Grows the graph; equal additions on one level are made once."""

    def __init__(self, low: Sequence[int], high: Sequence[int], constants: tuple[int, ...]) -> None:
        self.low, self.high, self.constants = low, high, constants
        self.adders: list[Adder] = []
        self.known: dict[tuple[int, ...], int] = {}

    def combine(self, a: _Term, b: _Term, level: int) -> _Term:
        """Return the sum of two terms as one, made by one adder of ``level``."""
        if a.sign < b.sign or (a.sign == b.sign and b.value < a.value):
            a, b = b, a  # a positive term is never the one that is subtracted
        shift = min(a.shift, b.shift)
        subtract = a.sign != b.sign
        factor = -1 if subtract else 1
        a_shift, b_shift = a.shift - shift, b.shift - shift
        total: dict[int, int] = {}
        for term, scale in ((a, 1 << a_shift), (b, factor << b_shift)):
            for number, weight in term.weights:
                total[number] = total.get(number, 0) + weight * scale
        weights = tuple(sorted((number, weight) for number, weight in total.items() if weight))
        offset = (a.offset << a_shift) + factor * (b.offset << b_shift)
        key = (a.value, b.value, a_shift, b_shift, subtract, level)
        if key not in self.known:
            low = offset + sum(w * (self.low[m] if w > 0 else self.high[m]) for m, w in weights)
            high = offset + sum(w * (self.high[m] if w > 0 else self.low[m]) for m, w in weights)
            self.known[key] = len(self.low) + len(self.constants) + len(self.adders)
            self.adders.append(Adder(a.value, b.value, a_shift, b_shift, subtract, level, low, high))
        return _Term(a.sign, shift, self.known[key], weights, offset)


def adder_graph(weights: Array, bias: Array, low: Array, high: Array) -> AdderGraph:
    """Return balanced trees of adders for ``weights`` ``(unit, input)``, with equal additions shared.

    All sums have the depth of the deepest, ``ceil(log2(terms))``; shallower ones start later, so that what must
    be delayed for them are the inputs, which all sums share.

    Parameters
    ----------
    weights, bias : int64 arrays, shapes (unit, input) and (unit,)
    low, high : int64 arrays, shape (input,)
        Value interval of each input.

    Source: derived.
    """
    constants = (0, *sorted({int(value) for value in np.abs(bias)} - {0}))
    inputs = weights.shape[1]
    rows = [_terms(row.tolist(), int(offset), inputs, constants) for row, offset in zip(weights, bias, strict=True)]
    depth = max((len(terms) - 1).bit_length() for terms in rows)
    builder = _Builder(low.tolist(), high.tolist(), constants)
    taps = []
    for terms in rows:
        level = depth - (len(terms) - 1).bit_length()
        while len(terms) > 1:
            level += 1
            paired = [builder.combine(a, b, level) for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = paired + terms[len(paired) * 2 :]
        taps.append(Tap(terms[0].value, terms[0].shift))
    return AdderGraph(inputs, constants, tuple(builder.adders), tuple(taps), depth)


def _terms(weights: list[int], bias: int, inputs: int, constants: tuple[int, ...]) -> list[_Term]:
    """Return the signed terms of one sum; at least one, and at least one that is positive, so that the sum is too."""
    terms = [
        _Term(sign, shift, number, ((number, 1),), 0)
        for number, weight in enumerate(weights)
        if weight
        for sign, shift in signed_digits(weight)
    ]
    if bias:
        terms.append(_Term(1 if bias > 0 else -1, 0, inputs + constants.index(abs(bias)), (), abs(bias)))
    if all(term.sign < 0 for term in terms):
        terms.append(_Term(1, 0, inputs, (), 0))
    return terms
