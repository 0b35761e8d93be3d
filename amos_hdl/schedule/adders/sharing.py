"""Common sub-expressions of all sums of a layer: pairs of terms that many sums contain are added once.

Source: greedy elimination of two-term patterns over signed digits (A. Hosangadi, F. Fallah, R. Kastner, "Common
subexpression elimination involving multiple variables for linear DSP synthesis", ASAP 2004; C. Sun et al., "da4ml:
Distributed arithmetic for real-time neural networks on FPGAs", 2025), with a gain of our own: bits that need no longer
be added, less the columns of the shared addition.
"""

from __future__ import annotations

import numpy as np

from amos_hdl.schedule.adders.graph import Array
from amos_hdl.schedule.adders.pairs import Pairs
from amos_hdl.schedule.adders.terms import Terms, Words

#: Within one round patterns are taken down to this fraction of the best gain.
_ROUND = 0.7


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
    width = np.array([len(word.bits) for word in words.words], np.int64)
    level = np.array([word.level for word in words.words], np.int64)
    pairs = Pairs(terms, level[terms.word] < levels)
    keys, counts = pairs.repeated()
    a, b, shift, opposite = pairs.pattern(keys)
    bottom, top = np.maximum(shift, 0), np.maximum(-shift, 0)
    ends = np.stack((top + width[a], bottom + width[b]))
    overlap = ends.min(axis=0) - np.abs(shift)
    # the sum of two words is at most one bit longer than the longer
    saved = width[a] + width[b] - (ends.max(axis=0) + (overlap > 0))
    gain = counts * bit_cost * saved - overlap
    gain[overlap <= 0] = 0
    best = gain.max(initial=0)
    if best <= 0:
        return terms, False
    alive = np.ones(len(terms.row), bool)
    added: list[tuple[int, int, int, int]] = []
    chosen = np.flatnonzero(gain >= max(_ROUND * best, 1e-9))
    found = pairs.places(keys[chosen])
    for nth in np.argsort(-gain[chosen], kind="stable").tolist():
        number = chosen[nth]
        places = []
        for one, other in found[nth]:
            if alive[one] and alive[other]:
                alive[one] = alive[other] = False
                places.append((one, other))
        if len(places) * bit_cost * saved[number] - overlap[number] < max(_ROUND * _ROUND * best, 1e-9):
            for one, other in places:
                alive[one] = alive[other] = True
            continue
        sign = -1 if opposite[number] else 1
        word, direction = words.combine(int(a[number]), int(b[number]), int(shift[number]), sign)
        for one, other in places:
            lowest = int(min(terms.shift[one], terms.shift[other]))
            added.append((int(terms.row[one]), word, lowest, int(terms.sign[one]) * direction))
    new: Array = np.array(added, np.int64).reshape(-1, 4).T
    old = np.stack((terms.row, terms.word, terms.shift, terms.sign))[:, alive]
    both = np.concatenate((old, new), axis=1)
    return Terms(*both[:, np.argsort(both[0], kind="stable")]), bool(added)
