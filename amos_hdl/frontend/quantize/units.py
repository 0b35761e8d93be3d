"""Units for a function of scaled integers: thresholds for each channel, exact for the codes that are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import Steps, ThresholdCircuit, flash_circuit
from amos_hdl.circuit.threshold import GATE_LIMIT, TABLE_LIMIT
from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats.functions import PerChannel
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
    levels, k being what the smaller side needs.  One that turns more often (a sine) takes a gate for each step of its
    staircase, all in one level.

    Parameters
    ----------
    function : callable on float64 arrays
        One for all channels, or a ``PerChannel``.
    scale, offset : float64, shape (channel,)
        Of the potential.
    low, high : int64, shape (channel,)
        Its interval.
    code : Code
    where : str
        The node, for errors.

    Raises ImportedModelError if the function gives values that are not finite, or needs more gates than a unit has.
    """
    ends = np.stack([scale * low + offset, scale * high + offset])
    columns = function.channels if isinstance(function, PerChannel) else 1
    with np.errstate(all="ignore"):
        points = np.linspace(ends.min(), ends.max(), POINTS)
        seen = np.asarray(function(np.repeat(points[:, None], columns, axis=1)), np.float64)
        if not np.isfinite(seen).all():
            wrong = points[~np.isfinite(seen).all(axis=1)][0]
            got = f"{seen[~np.isfinite(seen)][0]} at {wrong:.4g}"
            raise ImportedModelError("value of a function", where=where, expected="finite", got=got)
    found = [_turns(column, float(code.step.min())) for column in seen.T]
    most = max(len(turns) for turns in found)

    def codes_of(u: Integers, error: float) -> Integers:
        return code(function(scale * u + offset))

    if not most:
        return circuits(find_codes(codes_of, low, high, where), low, high, double=False)
    # (turn, column): a channel that turns less often may be divided anywhere, so it is where another turns
    longest = next(turns for turns in found if len(turns) == most)
    at = np.array([turns + longest[len(turns) :] for turns in found]).T
    places = [_refined(function, points[np.maximum(row - 1, 0)], points[np.minimum(row + 1, POINTS - 1)]) for row in at]
    if most == 1:
        return _two_sided(codes_of, scale, offset, low, high, places[0], where)
    return _stepwise(codes_of, scale, offset, low, high, np.stack(places), where)


def _turns(seen: Real, step: float) -> list[int]:
    """Return the points at which the function turns, by more than a rounding error of one code."""
    changes = np.diff(seen)
    if (changes >= 0).all() or (changes <= 0).all():
        return []
    turns, direction, extreme = [], 0, 0
    for index, value in enumerate(seen.tolist()):
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


def _refined(function: Callable[[Real], Real], left: Real, right: Real) -> Real:
    """Return where the function turns between ``left`` and ``right``, each of shape (column,)."""
    points = np.linspace(left, right, POINTS)
    seen = np.asarray(function(points), np.float64)
    inner = np.abs(seen - (seen[0] + seen[-1]) / 2)
    turns: Real = points[inner.argmax(axis=0), np.arange(len(left))]
    return turns


def _first_beyond(turns: Real, scale: Real, offset: Real) -> Real:
    """Return the first u beyond each turn of ``scale·u + offset``; any, where a channel is constant and has none."""
    first: Real = np.ceil((turns - offset) / np.where(scale, scale, 1.0))
    return first


def _stepwise(
    codes_of: Callable[[Integers, float], Integers], scale: Real, offset: Real, low: Integers, high: Integers,
    turns: Real, where: str,
) -> tuple[tuple[ThresholdCircuit, ...], Integers]:  # fmt: skip
    """Return circuits of one gate for each u at which the code changes; ``turns`` is of shape (turn, column)."""
    splits = np.sort(np.clip(_first_beyond(turns, scale, offset), low, high).astype(np.int64), axis=0)
    edges = [low, *splits, high + 1]
    starts = list(splits)
    for first, end in pairwise(edges):
        first = np.minimum(first, high)
        starts.extend(find_codes(codes_of, first, np.maximum(first, end - 1), where).thresholds)
    # (start, channel): every u at which a code can change
    at = np.sort(np.clip(np.stack([low, *starts]), low, high), axis=0)
    codes = codes_of(at, 0.0)
    changes = np.diff(codes, axis=0) != 0
    most = max(1, int(changes.sum(axis=0).max()))
    if most > GATE_LIMIT:
        hint = "take fewer gates, or the fitted unit of a circuit file (--circuit)"
        what = "steps of a function that turns more than once"
        raise ImportedModelError(what, where=where, expected=f"at most {GATE_LIMIT}", got=str(most), hint=hint)
    distinct: dict[ThresholdCircuit, int] = {}
    assignment = np.empty(len(low), np.int64)
    for channel, change in enumerate(changes.T):
        steps = Steps(at[1:, channel][change], codes[np.append(True, change), channel])
        assignment[channel] = distinct.setdefault(flash_circuit(steps, most), len(distinct))
    return tuple(distinct), assignment


def _two_sided(
    codes_of: Callable[[Integers, float], Integers], scale: Real, offset: Real, low: Integers, high: Integers,
    turn: Real, where: str,
) -> tuple[tuple[ThresholdCircuit, ...], Integers]:  # fmt: skip
    """Return circuits that first decide on which side of the turn u lies."""
    # the first u of the right side; outside the interval one side is empty
    split = np.clip(_first_beyond(turn, scale, offset), low, high + 1).astype(np.int64)
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
    if 1 << (left.gates + right.gates) > TABLE_LIMIT:
        got = f"{left.gates} and {right.gates}"
        hint = "take fewer gates, or the fitted unit of a circuit file (--circuit)"
        raise ImportedModelError(
            "gates of the two sides of a turn", where=where, expected="at most 16", got=got, hint=hint
        )
    sides = (left, right)
    order, lookups = _interleaved(left.gates, right.gates)
    tables: list[tuple[int, ...]] = [(split,)]
    for (side, gate), looked_up in zip(order, lookups, strict=True):
        # references to the same few numbers, not copies
        tables.append(looked_up((*sides[side].tables[gate], never)))
    outputs = (right.offset - left.offset, *(sides[side].outputs[gate] for side, gate in order))
    levels = (1, *(gate + 2 for _, gate in order))
    return ThresholdCircuit((1,) * len(levels), outputs, levels, left.offset, tables=tuple(tables))


@lru_cache(maxsize=256)
def _interleaved(
    left: int, right: int
) -> tuple[tuple[tuple[int, int], ...], tuple[Callable[[tuple[int, ...]], tuple[int, ...]], ...]]:
    """Return the gates (side, gate) of both sides level after level, left before right, and what makes their tables.

    Each of the latter takes the side's own table, with a last entry for the other side, to the table of the joined
    circuit, whose entries begin with the spike for the side.
    """
    order = tuple(
        (side, gate) for gate in range(max(left, right)) for side, gates in ((0, left), (1, right)) if gate < gates
    )
    lookups: list[Callable[[tuple[int, ...]], tuple[int, ...]]] = []
    for position, (side, gate) in enumerate(order):
        earlier = [entry for entry in order[:position] if entry[1] < gate]
        count = 1 + len(earlier)
        # (entry,): number of the side's own table that an entry of the joined one stands for
        entries = np.arange(1 << count)
        own = np.zeros(1 << count, np.int64)
        for digit, entry in enumerate(earlier, start=1):
            if entry[0] == side:
                own = own * 2 + (entries >> (count - 1 - digit) & 1)
        lookups.append(itemgetter(*np.where((entries >> (count - 1)) == side, own, 1 << gate).tolist()))
    return order, tuple(lookups)
