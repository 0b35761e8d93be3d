"""Which counters there are, and which of them a row of a heap of bits takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Form:
    """A counter before its bits are chosen: how many it takes of each column from its lowest on, and its outputs."""

    taken: tuple[int, ...]
    outputs: int


@lru_cache
def forms(inputs: int) -> tuple[Form, ...]:
    """Return the counters of 1 to ``inputs`` bits and at most 3 outputs, each with just the outputs that it needs."""
    found = []
    for low in range(1, inputs + 1):
        for middle in range(inputs - low + 1):
            for high in range(inputs - low - middle + 1):
                outputs = (low + 2 * middle + 4 * high).bit_length()
                taken = (low, middle, high)[: 3 if high else 2 if middle else 1]
                if len(taken) <= outputs <= 3:
                    found.append(Form(taken, outputs))
    return tuple(found)


@lru_cache(1 << 12)
def _fullest(inputs: int, low: int, middle: int, high: int) -> tuple[tuple[Form, int, int, int, int], ...]:
    """Return the counters that fit into three columns of so many bits, without those that waste outputs.

    Each with its outputs and what it takes of the three.

    Of two counters with as many outputs, one of which takes no more of any column, the other is always worth more.
    """
    fitting = []
    for form in forms(inputs):
        of_low, of_middle, of_high = (*form.taken, 0, 0)[:3]
        if of_low <= low and of_middle <= middle and of_high <= high:
            fitting.append((form, form.outputs, of_low, of_middle, of_high))
    return tuple(
        one
        for one in fitting
        if not any(
            other[1] == one[1] and other[2:] != one[2:] and all(a <= b for a, b in zip(one[2:], other[2:], strict=True))
            for other in fitting
        )
    )


@lru_cache
def bit_cost(inputs: int) -> float:
    """Return the outputs per bit of the best counter of at most ``inputs`` bits: 1, 2/3 for 3 and 3/5 for 5 inputs."""
    return min(form.outputs / sum(form.taken) for form in forms(inputs))


@lru_cache(1 << 16)  # sums of one layer look alike: two of three calls have been made before
def choose(
    available: tuple[int, ...], heights: tuple[int, ...], rows: int, inputs: int
) -> tuple[tuple[int, Form], ...]:
    """Return counters side by side, each with its lowest column, that are worth most together.

    A bit is worth a little more than the best counter pays for it, so that only good counters are taken while there
    are rows left; in columns that will hardly be empty after ``rows`` rows it is worth more.

    Parameters
    ----------
    available, heights : tuple of int, one per column
        Bits that can be taken now, and all that are there; the latter do not matter for the last row.
    rows : int, >= 1
        Rows that are left, this one included.
    """
    width = len(available)
    base = bit_cost(inputs) + 0.02
    if rows == 1:
        value = [9.0] * width
    else:
        value = [base + (1.15 - base) * min(1.5, height * bit_cost(inputs) / rows) ** 2 for height in heights]
    # more than a counter takes need not be told apart
    present, value = [*(min(inputs, bits) for bits in available), 0, 0], [*value, 0.0, 0.0]
    best = [0.0] * (width + 3)  # best[c]: the worth of columns from c on
    choice: list[Form | None] = [None] * width
    for column in range(width - 1, -1, -1):
        best[column] = best[column + 1]
        if not present[column]:
            continue
        low, middle, high = value[column : column + 3]
        room = width - column
        for form, outputs, of_low, of_middle, of_high in _fullest(inputs, *present[column : column + 3]):
            worth = best[column + outputs] - (outputs if outputs < room else room)
            worth += low * of_low + middle * of_middle + high * of_high
            if worth > best[column] + 1e-9:
                best[column], choice[column] = worth, form
    chosen, column = [], 0
    while column < width:
        form_here = choice[column]
        if form_here is None:
            column += 1
        else:
            chosen.append((column, form_here))
            column += form_here.outputs
    return tuple(chosen)
