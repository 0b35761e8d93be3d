"""Pairs of terms of one sum, counted by pattern: two words, how far one is shifted against the other, and their signs.

There are millions of pairs, and a few patterns are wanted.  So a pair is a number, the same for equal patterns, that is
made by one addition; the numbers alone are sorted, and only of patterns that are wanted is it asked where they are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.schedule.adders.graph import Array
from amos_hdl.schedule.adders.terms import Terms

#: Terms of one row whose pairs are looked at together; more make the time grow with the square.
_WINDOW = 320
#: Of a window's terms in order, which pairs are a term and a later one.
_LATER = np.triu(np.ones((_WINDOW, _WINDOW), bool), 1)
#: Entries of the table by which most pairs that are not wanted are told from the others.
_SIEVE = 1 << 20

#: uint32 where they fit, which are sorted twice as fast, else uint64.
Keys = npt.NDArray[np.unsignedinteger[Any]]


class Pairs:
    """The pairs of ``terms``, those not ``usable`` left out.

    With words a and b from 0 to V - 1, shifts s and t from 0 to R, and signs g and h 1 where negative, a pair of terms
    (a, s, g) and (b, t, h), where a < b, or a = b and s <= t, has the key
    ``4·((a·V + b)·(2·R + 1) + R - s + t) + (g ^ h)``.
    """

    def __init__(self, terms: Terms, usable: npt.NDArray[np.bool_]) -> None:
        window = np.repeat(*_windows(terms.row))
        order = np.lexsort((terms.shift, terms.word, window))
        #: Terms, by window, word and shift.
        self.order = order[usable[order]]
        self.words, rank = np.unique(terms.word[self.order], return_inverse=True)
        shift, negative = terms.shift[self.order], terms.sign[self.order] < 0
        shift = shift - shift.min(initial=0)
        self.reach = int(shift.max(initial=0))
        self.step = 4 * (2 * self.reach + 1)
        kind = np.dtype(np.uint32 if len(self.words) ** 2 * self.step < 1 << 32 else np.uint64)
        first = (rank * len(self.words) * self.step + 4 * (self.reach - shift) + negative).astype(kind)
        second = (rank * self.step + 4 * shift + negative).astype(kind)
        cuts = np.flatnonzero(np.diff(window[self.order], prepend=-1, append=-1)).tolist()
        #: Where the terms of each window begin and end in ``order``.
        self.windows = list(pairwise(cuts))
        counts = [(end - start) * (end - start - 1) // 2 for start, end in self.windows]
        #: Of each window, where its pairs begin and end in ``keys``.
        self.parts = list(pairwise(np.cumsum([0, *counts]).tolist()))
        self.keys: Keys = np.empty(sum(counts), kind)
        same = np.invert(np.array(2, kind))  # of two signs added up, 0 and 2 are both alike
        for (start, end), (low, high) in zip(self.windows, self.parts, strict=True):
            keys = first[start:end, None] + second[None, start:end]
            self.keys[low:high] = keys[_LATER[: end - start, : end - start]] & same

    def repeated(self) -> tuple[Keys, Array]:
        """Return the keys that two pairs or more have, in order, and how many pairs have each."""
        keys = np.sort(self.keys)
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))[: len(keys)])
        counts = np.diff(np.append(starts, len(keys)))
        starts = starts[counts > 1]
        return keys[starts], counts[counts > 1]

    def pattern(self, keys: Keys) -> tuple[Array, Array, Array, npt.NDArray[np.bool_]]:
        """Return words a and b of ``keys``, the shift of b less that of a, and whether their signs differ."""
        pair, rest = np.divmod(keys.astype(np.int64), self.step)
        shift = rest // 4 - self.reach
        return self.words[pair // len(self.words)], self.words[pair % len(self.words)], shift, rest % 4 == 1

    def places(self, keys: Keys) -> list[list[tuple[int, int]]]:
        """Return for each of ``keys``, which are in order, its pairs of terms, those of early terms first."""
        if not len(keys):
            return []
        sieve = np.zeros(_SIEVE, bool)
        sieve[keys % _SIEVE] = True
        found = []
        for (start, end), (low, high) in zip(self.windows, self.parts, strict=True):
            here = np.flatnonzero(sieve[self.keys[low:high] % _SIEVE])
            number = np.minimum(np.searchsorted(keys, self.keys[low:high][here]), len(keys) - 1)
            wanted = keys[number] == self.keys[low:high][here]
            here, number = here[wanted], number[wanted]
            terms = end - start
            # of pairs in order (0, 1), (0, 2), ... how many come before those of each first term
            before = np.arange(terms) * (2 * terms - 1 - np.arange(terms)) // 2
            one = np.searchsorted(before, here, side="right") - 1
            other = here - before[one] + one + 1
            found.append(np.stack((number, self.order[start + one], self.order[start + other])))
        number, one, other = np.concatenate(found, axis=1)
        order = np.lexsort((np.maximum(one, other), np.minimum(one, other), number))
        pairs = list(zip(one[order].tolist(), other[order].tolist(), strict=True))
        ends = np.cumsum(np.bincount(number, minlength=len(keys))).tolist()
        return [pairs[low:high] for low, high in pairwise([0, *ends])]


def _windows(row: Array) -> tuple[Array, Array]:
    """Return numbers of windows of terms of one row, none longer than ``_WINDOW``, and the terms of each."""
    ends = np.append(np.flatnonzero(row[1:] != row[:-1]) + 1, len(row)).tolist() if len(row) else []
    sizes, start = [], 0
    for end in ends:
        parts = -(-(end - start) // _WINDOW)
        sizes += np.diff(np.linspace(start, end, parts + 1).astype(int)).tolist()
        start = end
    return np.arange(len(sizes)), np.array(sizes, np.int64)
