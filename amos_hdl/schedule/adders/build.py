"""The weighted sums of a layer as a graph: shared words, then a heap of bits per sum, then registers."""

from __future__ import annotations

import numpy as np

from amos_hdl.network import width_bits
from amos_hdl.schedule.adders.chains import build
from amos_hdl.schedule.adders.counters import bit_cost
from amos_hdl.schedule.adders.graph import ONE, AdderGraph, Array, Bit
from amos_hdl.schedule.adders.heap import Chain, Heap
from amos_hdl.schedule.adders.levels import settle
from amos_hdl.schedule.adders.sharing import share
from amos_hdl.schedule.adders.terms import Terms, Words

#: Levels that are left to the chains of a sum below the deepest shared word, at least.
_CHAIN_LEVELS = 3
#: Deepest level of shared words: more saved less than 1 % on the matrices of benchmarks/peers.
_SHARED_LEVELS = 3


def adder_graph(
    weights: Array,
    bias: Array,
    low: Array,
    high: Array,
    *,
    lut_inputs: int = 4,
    extra_levels: int = 1,
    adders_per_stage: int = 1,
) -> AdderGraph:
    """Return the additions for ``weights`` ``(unit, input)``: words that sums share, and a chain or more per sum.

    Parameters
    ----------
    weights, bias : int64 arrays, shapes (unit, input) and (unit,)
    low, high : int64 arrays, shape (input,)
        Value interval of each input.
    lut_inputs : int, 2, 4 or 6
        Inputs of the look-up tables of the fabric; an adder counts one bit less in each of its tables.
    extra_levels : int, >= 0
        Adder levels beyond the fewest, which are ``ceil(log2(bits in the fullest column of a sum))``.  More levels
        need fewer adders.
    adders_per_stage : int, >= 1
        Levels of one pipeline stage; registers are counted by it.

    All sums have the same depth.  Shallower ones start later, so that what must be delayed for them are the inputs,
    which all sums share.

    Source: derived; sharing and heaps of bits as said there.
    """
    _, places, which = np.unique(np.column_stack((weights, bias)), axis=0, return_index=True, return_inverse=True)
    weights, bias = weights[places], bias[places]  # equal sums once
    terms = Terms.of(weights)
    inputs = lut_inputs - 1
    intervals = _intervals(low, high, weights, bias)
    widths = [width_bits(*interval)[0] for interval in intervals]
    depth = max(1, (_height(Words(low, high), terms, widths) - 1).bit_length()) + extra_levels
    while True:
        for levels in range(max(0, min(_SHARED_LEVELS, depth - _CHAIN_LEVELS)), -1, -1):
            words = Words(low, high)
            heaps = _heaps(words, share(words, terms, bit_cost(inputs), levels), widths, bias, inputs)
            sums = _sums(words, heaps, depth)
            if sums is not None:
                adders = settle(words.widths, words.adders, sums, depth, adders_per_stage)
                signed = tuple(width_bits(*interval)[1] for interval in intervals)
                which = which.reshape(-1)
                return AdderGraph(
                    words.widths, adders, tuple(sums[n] for n in which), tuple(signed[n] for n in which), depth
                )
        depth += 1


def _sums(words: Words, heaps: list[Heap], depth: int) -> tuple[tuple[Bit, ...], ...] | None:
    """Return the bits of every sum; None if a heap cannot be emptied in ``depth`` levels."""
    plans: list[list[Chain]] = []
    per_height = 0.0  # chains; sums of a layer need about as many for the height of their heaps
    for heap in heaps:
        plan = heap.plan(depth, round(per_height * heap.height))
        if plan is None:
            return None
        plans.append(plan)
        per_height = len(plan) / max(1, heap.height)
    return tuple(build(words, plan, depth) for plan in plans)


def _intervals(low: Array, high: Array, weights: Array, bias: Array) -> list[tuple[int, int]]:
    positive, negative = np.maximum(weights, 0), np.minimum(weights, 0)
    least, greatest = bias + positive @ low + negative @ high, bias + positive @ high + negative @ low
    return list(zip(least.tolist(), greatest.tolist(), strict=True))


def _height(words: Words, terms: Terms, widths: list[int]) -> int:
    """Return how many bits there are in the fullest column of all heaps, nothing being shared."""
    bits = np.array(words.widths, np.int64)[terms.word]
    row, first = np.repeat(terms.row, bits), np.repeat(np.cumsum(bits) - bits - terms.shift, bits)
    column, columns = np.arange(len(row)) - first, max(widths)
    inside = column < np.array(widths)[row]
    return int(np.bincount((row * columns + column)[inside]).max(initial=0))


def _heaps(words: Words, terms: Terms, widths: list[int], bias: Array, inputs: int) -> list[Heap]:
    """Return the heap of every sum: the bits of its terms, inverted where they are subtracted, and a constant.

    ``-w = ~w - (2**bits - 1)``, and a word is its linear form plus an offset.
    """
    bits: list[list[tuple[int, int, Bit]]] = [[] for _ in widths]
    constants = bias.tolist()
    columns = (terms.row.tolist(), terms.word.tolist(), terms.shift.tolist(), terms.sign.tolist())
    for row, number, shift, sign in zip(*columns, strict=True):
        word = words.words[number]
        constants[row] += (word.offset - (1 << len(word.bits)) + 1 if sign < 0 else -word.offset) << shift
        for column, bit in enumerate(word.bits, start=shift):
            taken = Bit(bit.value, bit.index, bit.inverted ^ (sign < 0))
            if bit.value is None:
                constants[row] += int(taken == ONE) << column
            else:
                bits[row].append((column, words.level(bit), taken))
    return [Heap(*heap, inputs) for heap in zip(widths, bits, constants, strict=True)]
