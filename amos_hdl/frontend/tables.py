"""Tables of a few spikes as one weighted sum and the answers to its values, in an order with few changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """y = answers[x], x = Σ_j weights[j]·(spike of sources[j]): every x from 0 to the greatest has one pattern.

    Members
    -------
    sources : tuple of int
        Different ones, rising; each matters.
    weights : tuple of int
        1, 2, 4, ... in any order.
    answers : tuple of 0 and 1
        ``2**len(sources)`` of them.
    """

    sources: tuple[int, ...]
    weights: tuple[int, ...]
    answers: tuple[int, ...]


def table_of(sources: Sequence[int], answers: npt.ArrayLike) -> Table:
    """Return the table whose entry Σ_j 2**j·(spike of sources[j]) is ``answers[entry]``, without what it does not need.

    A source that is there twice is read once, one that changes no answer not at all.  Of all orders of the others one
    is taken in which answers fall the fewest times as x rises: a chain of gates then needs the fewest to give them.
    """
    kept = sorted(set(sources))
    # (pattern of the kept sources, source), and the entry that each pattern looks up
    spikes = _patterns(len(kept))
    places = [kept.index(source) for source in sources]
    entries = (spikes[:, places] << np.arange(len(places))).sum(1)
    found = np.asarray(answers, np.int64)[entries].reshape((2,) * len(kept), order="F")
    for axis in reversed(range(len(kept))):
        off, on = np.split(found, 2, axis)
        if np.array_equal(off, on):
            found = off.squeeze(axis)
            del kept[axis]
    flat = found.ravel(order="F")
    orders, patterns = _orders(len(kept))
    seen = flat[patterns]  # (order, x)
    best = int((seen[:, :-1] > seen[:, 1:]).sum(1).argmin())
    return Table(tuple(kept), tuple((1 << orders[best]).tolist()), tuple(seen[best].tolist()))


def _patterns(count: int) -> Array:
    """Return the binary digits of 0 to 2**count - 1, the least first: ``(number, digit)``."""
    return np.arange(1 << count)[:, None] >> np.arange(count) & 1


@lru_cache
def _orders(count: int) -> tuple[Array, Array]:
    """Return which digit of x each source is, ``(order, source)``, and the sources' pattern at x, ``(order, x)``."""
    found = list(permutations(range(count)))
    orders = np.array(found, np.int64).reshape(len(found), count)
    digits = _patterns(count)
    return orders, (digits[:, orders] << np.arange(count)).sum(2).T
