"""Common sub-expressions of all sums of a layer: pairs of terms that many sums contain are added once.

Source: greedy elimination of two-term patterns over signed digits (A. Hosangadi, F. Fallah, R. Kastner, "Common
subexpression elimination involving multiple variables for linear DSP synthesis", ASAP 2004; C. Sun et al., "da4ml:
Distributed arithmetic for real-time neural networks on FPGAs", 2025), with a gain of our own: bits that need no longer
be added, less the columns of the shared addition.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from amos_hdl.schedule.adders.graph import Array
from amos_hdl.schedule.adders.terms import Terms, Words

#: Terms of one row whose pairs are looked at together; more make the time grow with the square.
_WINDOW = 320
#: Within one round patterns are taken down to this fraction of the best gain.
_ROUND = 0.7
_SHIFTS = 64


def share(words: Words, terms: Terms, bit_cost: float, levels: int) -> Terms:
    """Replace frequent pairs of terms by shared words, as long as that saves look-up tables.

    Parameters
    ----------
    words : Words
        Receives the shared words.
    terms : Terms
    bit_cost : float
        Look-up tables that one bit costs in a sum.
    levels : int, >= 0
        Deepest level of a shared word.
    """
    while levels:
        terms, found = _round(words, terms, bit_cost, levels)
        if not found:
            break
    return terms


def _round(words: Words, terms: Terms, bit_cost: float, levels: int) -> tuple[Terms, bool]:
    keys, first, second = _pairs(terms)
    if not len(keys):
        return terms, False
    order = np.argsort(keys, kind="stable")
    keys, first, second = keys[order], first[order], second[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    counts = np.diff(np.append(starts, len(keys)))
    a, b, shift, _ = _unpack(keys[starts])
    width = np.array([len(word.bits) for word in words.words], np.int64)
    level = np.array([word.level for word in words.words], np.int64)
    bottom, top = np.maximum(shift, 0), np.maximum(-shift, 0)
    ends = np.stack((top + width[a], bottom + width[b]))
    overlap = ends.min(axis=0) - np.abs(shift)
    # the sum of two words is at most one bit longer than the longer
    saved = width[a] + width[b] - (ends.max(axis=0) + (overlap > 0))
    gain = counts * bit_cost * saved - overlap
    gain[(overlap <= 0) | (counts < 2) | (np.maximum(level[a], level[b]) >= levels)] = 0
    best = gain.max(initial=0)
    if best <= 0:
        return terms, False
    alive = np.ones(len(terms.row), bool)
    added: list[tuple[int, int, int, int]] = []
    chosen = np.flatnonzero(gain >= max(_ROUND * best, 1e-9))
    for number in chosen[np.argsort(-gain[chosen], kind="stable")].tolist():
        start = starts[number]
        places = []
        for one, other in zip(
            first[start : start + counts[number]].tolist(), second[start : start + counts[number]].tolist(), strict=True
        ):
            if alive[one] and alive[other]:
                alive[one] = alive[other] = False
                places.append((one, other))
        if len(places) * bit_cost * saved[number] - overlap[number] < max(_ROUND * _ROUND * best, 1e-9):
            for one, other in places:
                alive[one] = alive[other] = True
            continue
        sign = 1 - 2 * int(keys[start] & 1)
        word, direction = words.combine(int(a[number]), int(b[number]), int(shift[number]), sign)
        for one, other in places:
            lowest = int(min(terms.shift[one], terms.shift[other]))
            added.append((int(terms.row[one]), word, lowest, int(terms.sign[one]) * direction))
    new = np.array(added, np.int64).reshape(-1, 4).T
    old = np.stack((terms.row, terms.word, terms.shift, terms.sign))[:, alive]
    both = np.concatenate((old, new), axis=1)
    return Terms(*both[:, np.argsort(both[0], kind="stable")]), bool(added)


def _pairs(terms: Terms) -> tuple[Array, Array, Array]:
    """Return for every pair of terms of one row a key that equal patterns share, and the two terms, a before b."""
    firsts, seconds = [], []
    for start, stop in _windows(terms.row):
        one, other = np.triu_indices(stop - start, 1)
        firsts.append(one + start)
        seconds.append(other + start)
    if not firsts:
        return (np.empty(0, np.int64),) * 3
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    word, shift, sign = terms.word, terms.shift, terms.sign
    swap = (word[first] > word[second]) | ((word[first] == word[second]) & (shift[first] > shift[second]))
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    distance = shift[second] - shift[first] + _SHIFTS // 2
    keys = ((word[first] << 24 | word[second]) * _SHIFTS + distance) * 2 + (sign[first] != sign[second])
    return keys, first, second


def _windows(row: Array) -> list[tuple[int, int]]:
    """Return ranges of terms of one row, none longer than the window."""
    ends = np.append(np.flatnonzero(row[1:] != row[:-1]) + 1, len(row)).tolist() if len(row) else []
    ranges, start = [], 0
    for end in ends:
        parts = -(-(end - start) // _WINDOW)
        cuts = np.linspace(start, end, parts + 1).astype(int).tolist()
        ranges += list(pairwise(cuts))
        start = end
    return ranges


def _unpack(keys: Array) -> tuple[Array, Array, Array, Array]:
    pair = keys // (2 * _SHIFTS)
    return pair >> 24, pair & (1 << 24) - 1, keys // 2 % _SHIFTS - _SHIFTS // 2, 1 - 2 * (keys & 1)
