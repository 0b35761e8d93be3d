"""Integer thresholds of a rounding tensor: found by asking the executor's own formula, so that they are exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit, quantizer
from amos_hdl.errors import ImportedModelError

Integers = npt.NDArray[np.int64]
#: Most gates of a unit that an import makes: codes of as many bits.
GATE_LIMIT = 12


@dataclass(frozen=True, eq=False)
class Codes:
    """Which integer code each potential of an element gets.

    Members
    -------
    base : int
        Least code that any element takes.
    count : int
        Number of codes above it, over all elements.
    thresholds : int64, shape (count, *shape)
        The least u with a code of at least base + 1 + n (rising), or of less than that (falling); just above the
        interval where there is none.
    falling : bool, shape ``shape``
    uncertain : int
        Thresholds of which another order of the executor's sums could move the decision; 0 proves equality.
    """

    base: int
    count: int
    thresholds: Integers
    falling: npt.NDArray[np.bool_]
    uncertain: int

    def copies(self, low: Integers, high: Integers) -> bool:
        """Whether every code is the integer itself, but for one constant, over ``low`` to ``high``."""
        if self.falling.any() or (low != low.flat[0]).any() or (high != high.flat[0]).any():
            return False
        steps = (int(low.flat[0]) + 1 + np.arange(self.count)).reshape(-1, *[1] * low.ndim)
        return self.count == int(high.flat[0] - low.flat[0]) and bool((self.thresholds == steps).all())


def find_codes(
    codes: Callable[[Integers, float], Integers], low: Integers, high: Integers, where: str, *, bounded: bool = False
) -> Codes:
    """Return the thresholds of ``codes`` for integers ``low`` to ``high``, arrays of the shape of one sample.

    Bisection over u, all elements and codes at once; exact because each element only ever rises or only ever falls.

    Parameters
    ----------
    codes : callable
        Codes of u ``(sample, *shape)``, the numbers behind u moved by so many of their error bounds.
    low, high : int64 arrays
    where : str
        For errors.
    bounded : bool
        Whether there are error bounds, so that thresholds are to be tried with them.

    Raises ImportedModelError if there are more codes than ``GATE_LIMIT`` gates can tell apart.
    """
    at_low, at_high = codes(low[None], 0.0)[0], codes(high[None], 0.0)[0]
    falling = at_low > at_high
    least, most = np.minimum(at_low, at_high), np.maximum(at_low, at_high)
    base, count = int(least.min()), int(most.max() - least.min())
    if count >= 1 << GATE_LIMIT:
        expected = f"at most {1 << GATE_LIMIT} codes"
        raise ImportedModelError("codes of a quantizer", where=where, expected=expected, got=repr(count + 1))
    levels = (base + 1 + np.arange(count)).reshape(-1, *[1] * low.ndim)  # (code, 1, ...)

    def reached(u: Integers, error: float = 0.0) -> npt.NDArray[np.bool_]:
        """Whether u lies at or beyond the threshold, for u ``(code, *shape)``."""
        beyond: npt.NDArray[np.bool_] = (codes(u, error) >= levels) ^ falling
        return beyond

    # invariant: the threshold lies in first..last, where last = high + 1 stands for none
    first = np.broadcast_to(low, (count, *low.shape)).copy()
    last = np.broadcast_to(high + 1, (count, *low.shape)).copy()
    while (first < last).any():
        middle = (first + last) >> 1
        # where the search has ended the middle may be high + 1, which need not be representable
        beyond = reached(np.minimum(middle, high))
        open_ = first < last
        last = np.where(open_ & beyond, middle, last)
        first = np.where(open_ & ~beyond, middle + 1, first)
    uncertain = np.zeros(first.shape, bool)
    if bounded and count:
        for error in (-1.0, 1.0):
            uncertain |= (first <= high) & ~reached(np.minimum(first, high), error)
            uncertain |= (first > low) & reached(np.maximum(first - 1, low), error)
    return Codes(base, count, first, falling, int(uncertain.sum()))


def circuits(
    codes: Codes, low: Integers, high: Integers, *, double: bool
) -> tuple[tuple[ThresholdCircuit, ...], Integers]:
    """Return serial quantizers with these thresholds and the number of each element's, in the flat order of elements.

    A falling element counts downwards: its outputs are negative.  ``double`` gives ±1 instead of 0 and 1: codes are
    then 0 and 1, and y is 2·code - 1.  Where elements have different codes, so that all together need more gates than
    each alone, the circuit of each begins at the least code that it has.
    """
    rows = np.sort(codes.thresholds.reshape(codes.count, low.size).T, axis=1)  # (element, code)
    low, high = low.ravel(), high.ravel()
    always, reached = (rows <= low[:, None]).sum(axis=1), (rows <= high[:, None]).sum(axis=1)
    gates = max(1, int((reached - always).max()).bit_length())
    if gates == max(1, codes.count.bit_length()):
        # nothing to be saved; thresholds that are never compared are one number, which lets units share a circuit
        rows, always = np.where(rows <= low[:, None], low.min(), rows), np.zeros_like(always)
    falling, never = codes.falling.ravel(), int(high.max()) + 1
    distinct: dict[tuple[bool, int, tuple[int, ...]], int] = {}
    assignment = np.empty(len(rows), np.int64)
    for element, row in enumerate(rows):
        first, end = int(always[element]), int(reached[element])
        # falling thresholds belong to codes from the top down
        steps = row[first:end].tolist() + [never] * ((1 << gates) - 1 - (end - first))
        assignment[element] = distinct.setdefault((bool(falling[element]), first, tuple(steps)), len(distinct))
    made = []
    for downwards, first, steps in distinct:
        circuit, sign, unit = quantizer(steps), -1 if downwards else 1, 2 if double else 1
        least = codes.base + codes.count - first if downwards else codes.base + first
        outputs = tuple(sign * unit * value for value in circuit.outputs)
        offset = unit * least - (1 if double else 0)
        if (outputs, offset) != (circuit.outputs, circuit.offset):
            circuit = replace(circuit, outputs=outputs, offset=offset)
        made.append(circuit)
    return tuple(made), assignment
