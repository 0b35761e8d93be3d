"""Units for a function of scaled integers: thresholds for each channel, exact for the codes that are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.circuit.threshold import TABLE_LIMIT
from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.thresholds import circuits, find_codes

Real = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Points at which a function is looked at to see where it turns.
POINTS = 4096


@dataclass(frozen=True, eq=False)
class Code:
    """Values as integers: ``value = step·code``, codes from ``low`` to ``high``; one of each, or one per channel."""

    step: Real
    low: Integers
    high: Integers

    @classmethod
    def of(cls, low: Real, high: Real, gates: int) -> Code:
        """Return 2**gates codes over ``low`` to ``high``, of which 0 is one; ``low <= 0 <= high``."""
        count = (1 << gates) - 1
        step = (high - low) / count
        first = np.maximum(np.round(low / step), -count).astype(np.int64)
        return cls(step, first, first + count)

    def __call__(self, values: Real) -> Integers:
        """Return the codes of values ``(sample, channel)``: the nearest."""
        return np.clip(np.round(values / self.step), self.low, self.high).astype(np.int64)


def make_units(
    function: Callable[[Real], Real], scale: Real, offset: Real, low: Integers, high: Integers, code: Code, where: str
) -> tuple[tuple[ThresholdCircuit, ...], Integers]:
    """Return circuits, and the number of each channel's, whose y is the code of ``function(scale·u + offset)``.

    A function that only rises or only falls takes K gates in K levels.  One with a single turn (swish, GELU, a square)
    takes a gate for the side of the turn, and quantizers of the two sides in the same levels: 1 + K + k gates in 1 + K
    levels, k being what the smaller side needs.

    Parameters
    ----------
    function : callable on float64 arrays
    scale, offset : float64, shape (channel,)
        Of the potential.
    low, high : int64, shape (channel,)
        Its interval.
    code : Code
    where : str
        The node, for errors.

    Raises ImportedModelError if the function turns more than once, or gives values that are not finite.
    """
    ends = np.stack([scale * low + offset, scale * high + offset])
    with np.errstate(all="ignore"):
        points = np.linspace(ends.min(), ends.max(), POINTS)
        seen = np.asarray(function(points), np.float64)
        if not np.isfinite(seen).all():
            got = f"{seen[~np.isfinite(seen)][0]} at {points[~np.isfinite(seen)][0]:.4g}"
            raise ImportedModelError("value of a function", where=where, expected="finite", got=got)
    turns = _turns(seen, float(code.step.min()))

    def codes_of(u: Integers, error: float) -> Integers:
        return code(function(scale * u + offset))

    if not turns:
        return circuits(find_codes(codes_of, low, high, where), low, high, double=False)
    if len(turns) > 1:
        hint = "only functions that turn at most once can be units"
        raise ImportedModelError("function that turns more than once", where=where, hint=hint)
    turn = _refined(function, points[max(turns[0] - 1, 0)], points[min(turns[0] + 1, POINTS - 1)])
    return _two_sided(codes_of, scale, offset, low, high, turn, where)


def _turns(seen: Real, step: float) -> list[int]:
    """Return the points at which the function turns, by more than a rounding error of one code."""
    turns, direction, extreme = [], 0, 0
    for index, value in enumerate(seen):
        change = value - seen[extreme]
        if direction == 0:
            if abs(change) > 1e-3 * step:
                direction, extreme = (1 if change > 0 else -1), index
        elif change * direction >= 0:
            extreme = index
        elif abs(change) > 1e-3 * step:
            turns.append(extreme)
            direction, extreme = -direction, index
    return turns


def _refined(function: Callable[[Real], Real], left: float, right: float) -> float:
    """Return where the function turns between ``left`` and ``right``."""
    points = np.linspace(left, right, POINTS)
    seen = np.asarray(function(points), np.float64)
    inner = np.abs(seen - (seen[0] + seen[-1]) / 2)
    return float(points[int(inner.argmax())])


def _two_sided(
    codes_of: Callable[[Integers, float], Integers], scale: Real, offset: Real, low: Integers, high: Integers,
    turn: float, where: str,
) -> tuple[tuple[ThresholdCircuit, ...], Integers]:  # fmt: skip
    """Return circuits that first decide on which side of the turn u lies."""
    # the first u of the right side; outside the interval one side is empty
    split = np.clip(np.ceil((turn - offset) / scale), low, high + 1).astype(np.int64)
    lefts, rights = np.minimum(split - 1, high), np.maximum(split, low)
    left = find_codes(codes_of, np.minimum(low, lefts), np.maximum(low, lefts), where)
    right = find_codes(codes_of, rights.clip(max=high), high, where)
    made = [
        circuits(left, low, np.maximum(low, lefts), double=False),
        circuits(right, rights.clip(max=high), high, double=False),
    ]
    distinct: dict[tuple[int, ThresholdCircuit, ThresholdCircuit], int] = {}
    assignment = np.empty(len(low), np.int64)
    for channel in range(len(low)):
        key = (int(split[channel]), made[0][0][made[0][1][channel]], made[1][0][made[1][1][channel]])
        assignment[channel] = distinct.setdefault(key, len(distinct))
    return tuple(_joined(*key, int(high.max()) + 1, where) for key in distinct), assignment


def _joined(split: int, left: ThresholdCircuit, right: ThresholdCircuit, never: int, where: str) -> ThresholdCircuit:
    """Return the circuit of a gate at ``split`` and the gates of both sides, each silent on the other.

    ``never`` is a threshold that no potential reaches.
    """
    depth = max(left.gates, right.gates)
    if 1 << (left.gates + right.gates) > TABLE_LIMIT:
        got = f"{left.gates} and {right.gates}"
        hint = "take fewer gates, or the fitted unit of a circuit file (--circuit)"
        raise ImportedModelError(
            "gates of the two sides of a turn", where=where, expected="at most 16", got=got, hint=hint
        )
    # order of gates within the circuit: level after level, left before right
    order = [(side, gate) for gate in range(depth) for side, unit in ((0, left), (1, right)) if gate < unit.gates]
    sides = (left, right)
    tables: list[tuple[int, ...]] = [(split,)]
    levels, outputs = [1], [right.offset - left.offset]
    for position, (side, gate) in enumerate(order):
        earlier = [entry for entry in order[:position] if entry[1] < gate]
        count = 1 + len(earlier)
        # (entry,): number of the side's own table that an entry of the joined one stands for
        entries = np.arange(1 << count)
        own = np.zeros(1 << count, np.int64)
        for digit, entry in enumerate(earlier, start=1):
            if entry[0] == side:
                own = own * 2 + (entries >> (count - 1 - digit) & 1)
        table = np.array(sides[side].tables[gate], np.int64)[own]
        tables.append(tuple(np.where((entries >> (count - 1)) == side, table, never).tolist()))
        levels.append(gate + 2)
        outputs.append(sides[side].outputs[gate])
    return ThresholdCircuit((1,) * len(levels), tuple(outputs), tuple(levels), left.offset, tables=tuple(tables))
