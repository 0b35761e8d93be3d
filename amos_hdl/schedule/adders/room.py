"""How many bits rows of counters hold at most: what tells that so few rows cannot empty a heap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from operator import sub

from amos_hdl.schedule.adders.counters import forms


@lru_cache
def row_room(columns: int, inputs: int) -> int:
    """Return the most bits that one row takes from so many neighbouring columns, full of bits, its carry included."""
    reach = max(form.outputs for form in forms(inputs))
    most = [0] * (columns + 2 * reach)  # most[reach + c]: by counters whose lowest column is c or a higher one
    for column in range(columns - 1, -reach, -1):
        taken = [
            sum(count for place, count in enumerate(form.taken, column) if 0 <= place < columns)
            + most[reach + column + form.outputs]
            for form in forms(inputs)
        ]
        most[reach + column] = max(most[reach + column + 1], *taken)
    return max(most) + 1


def fullest(heights: Sequence[int]) -> tuple[int, ...]:
    """Return how many bits there are in the fullest 1, 2, ... neighbouring columns of so many bits each."""
    before = [0, *accumulate(heights)]
    return tuple(max(map(sub, before[columns:], before)) for columns in range(1, len(before)))


def may_hold(full: Sequence[int], rows: int, chains: int, inputs: int) -> bool:
    """Return whether so many rows may hold the bits of a heap; if not, no choice of counters will do.

    Parameters
    ----------
    full : sequence of int
        As ``fullest`` gives it.
    rows, chains : int, >= 0
        Rows, and chains among them that begin with one bit per column besides.
    inputs : int
        Bits that one counter may take.
    """
    return all(
        bits <= chains * columns + rows * row_room(columns, inputs) for columns, bits in enumerate(full, start=1)
    )
