"""Constants that earlier spikes choose, as trees of two-way choices: only the patterns that can happen have a leaf."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """Two lookups, of which bit ``bit`` chooses one."""

    bit: int
    silent: Lookup
    fired: Lookup


#: A constant, or a choice between two lookups.
Lookup = int | Choice


def lookup(keys: Bits, low: Array, high: Array, wanted: Array) -> Lookup:
    """Return a tree that gives, for each key, a value within ``low`` to ``high``.

    A pattern that never happens has no key, and whatever the tree gives for it will do: that is what keeps trees of
    thermometer codes as small as those of the numbers they stand for.  Keys whose intervals have a value in common
    share a leaf where the tree brings them together.

    Parameters
    ----------
    keys : bool array, shape (key, bit)
        Distinct patterns.
    low, high : int64 arrays, shape (key,)
        The values that will do for each key, ``low <= high``.
    wanted : int64 array, shape (key,)
        Which of them is taken where there is a choice.
    """
    least, greatest = int(low.max()), int(high.min())
    if least <= greatest:
        return min(max(int(wanted[0]), least), greatest)
    bit = _best_split(keys, wanted)
    fired = keys[:, bit]
    silent = ~fired
    return Choice(
        bit,
        lookup(keys[silent], low[silent], high[silent], wanted[silent]),
        lookup(keys[fired], low[fired], high[fired], wanted[fired]),
    )


def _best_split(keys: Bits, wanted: Array) -> int:
    """Return the bit that leaves the fewest values on both sides together; of equal ones the most even, the first."""
    count = len(keys)
    fired = keys.sum(axis=0)
    all_differ = len(np.unique(wanted)) == count
    costs = {}
    for bit in np.flatnonzero((fired > 0) & (fired < count)).tolist():
        side = keys[:, bit]
        values = count if all_differ else len(np.unique(wanted[side])) + len(np.unique(wanted[~side]))
        costs[bit] = (values, abs(2 * int(fired[bit]) - count), bit)
    return min(costs, key=costs.__getitem__)


def leaves(tree: Lookup) -> Iterator[int]:
    """Yield the constants of ``tree``, those of silent bits first."""
    if isinstance(tree, Choice):
        yield from leaves(tree.silent)
        yield from leaves(tree.fired)
    else:
        yield tree


def evaluate(tree: Lookup, bits: Bits) -> Array:
    """Return what ``tree`` gives for each row of ``bits`` ``(batch, bit)``."""
    if not isinstance(tree, Choice):
        return np.full(len(bits), tree, np.int64)
    return np.where(bits[:, tree.bit], evaluate(tree.fired, bits), evaluate(tree.silent, bits))
