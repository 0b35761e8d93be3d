"""From the plan of a heap to adders: the chains, and the adders that join them."""

from __future__ import annotations

from dataclasses import dataclass

from amos_hdl.schedule.adders.graph import ZERO, Bit, Counter
from amos_hdl.schedule.adders.heap import Chain
from amos_hdl.schedule.adders.terms import Words


@dataclass
class _Partial:
    """Part of a sum: one bit per column, and the greatest value that they can have."""

    bits: list[Bit]
    high: int


def build(words: Words, plan: list[Chain], depth: int) -> tuple[Bit, ...]:
    """Add the adders of ``plan``, whose last is of level ``depth``; return the bits of the sum, lowest first."""
    partials = []
    for chain in plan:
        partial = _Partial(list(chain.first), sum(1 << c for c, bit in enumerate(chain.first) if bit != ZERO))
        for row in chain.rows:
            counters = [Counter(c, tuple(tally.bits), tally.outputs) for c, tally in sorted(row.counters.items())]
            partial = _add(words, partial, counters, row.carry, row.level)
        partials.append(partial)
    return tuple(_joined(words, partials, depth).bits)


def _joined(words: Words, partials: list[_Partial], level: int) -> _Partial:
    """Return the sum of ``partials`` by adders up to ``level``; pairs as in ``chain_lengths``."""
    if len(partials) == 1:
        return partials[0]
    half = -(-len(partials) // 2)
    left = _joined(words, partials[:half], level - 1)
    right = _joined(words, partials[half:], level - 1)
    bits, counters = list(left.bits), []
    for column, bit in enumerate(right.bits):
        if bit == ZERO:
            continue
        if bits[column] == ZERO:
            bits[column] = bit
        else:
            counters.append(Counter(column, ((bit, 0),), 1))
    high = left.high + right.high - sum(counter.high for counter in counters)
    return _add(words, _Partial(bits, high), counters, ZERO, level)


def _add(words: Words, partial: _Partial, counters: list[Counter], carry: Bit, level: int) -> _Partial:
    """Return ``partial + counters + carry``; columns below the lowest counter are as they were."""
    if not counters:
        return partial
    first, width = counters[0].column, len(partial.bits)
    high = partial.high + sum(counter.high for counter in counters) + (int(carry != ZERO) << first)
    end = min(width, high.bit_length())
    moved = tuple(Counter(counter.column - first, counter.bits, counter.outputs) for counter in counters)
    value = words.add(partial.bits[first:end], moved, carry, level, end - first)
    return _Partial([*partial.bits[:first], *value, *[ZERO] * (width - end)], min(high, (1 << width) - 1))
