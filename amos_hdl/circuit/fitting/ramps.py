"""Structured starts for chains: f as a sum of clipped ramps, each a binary code, and low bits that all ramps share.

Between two knots f is nearly straight, and a straight piece of b bits is the code of a clipped ReLU: b gates with T and
H in binary ratios, blind to all other gates.  So pieces of different slopes stand side by side, and y = d_0 + Σ d_i·z_i
adds them up.  Low bits divide the steps of all pieces once more; their T and H are the least squares fit to where f
crosses the middle of each step.  (Derived.  Swish has a falling, a flat and a steep piece.)

If f turns into itself by half a turn, as sigmoid and tanh do, the first gate tells the sign of x and is worth half of
the span; its lateral weights let the same gates count the pieces of the other half, in the opposite order: each gate
serves twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.fitting.population import Population
from amos_hdl.circuit.fitting.problem import Samples

Real = npt.NDArray[np.float64]

#: Most knots beside the ends and turns of f, and most low bits.
KNOTS, LOW_BITS = 4, 6
#: Heights of a step that are tried, as parts of the span of y.
STEPS = 2.0 ** -np.arange(0, 14, 0.25)
#: Draws for each start that is wanted; a function that divides badly has fewer starts.
DRAWS = 8
#: Pull of the low bits towards a binary code of x, against the least squares.
PULL = 1e-3
#: f counts as symmetric if it misses by no more than this part of its span.
SYMMETRIC = 1e-3


@dataclass(frozen=True)
class _Gate:
    """One gate of a piece: it adds ``height`` to y where its piece has gone ``length`` further.

    ``begins`` is where its piece begins, once for each half if there is a sign gate.
    """

    piece: int
    length: float
    height: float
    begins: tuple[float, ...]


@dataclass(frozen=True)
class _Plan:
    """The gates of all pieces, the highest first, and the low bits: of a step of this length and height."""

    gates: tuple[_Gate, ...]
    low_bits: int
    length: float
    height: float


def ramp_starts(gates: int, samples: Samples, count: int, rng: np.random.Generator) -> Population:
    """Return up to ``count`` chains of ``gates`` gates with random knots, bits of each piece and low bits."""
    chains: list[tuple[Real, Real]] = []
    mirrored = is_symmetric(samples)
    for _ in range(DRAWS * count):
        if len(chains) == count:
            break
        plan = _draw(gates, samples, mirrored, rng)
        if plan is not None:
            chains.append(_chain(gates, plan, samples))
    thresholds = np.array([chain[0] for chain in chains]).reshape(-1, gates)
    lateral = np.array([chain[1] for chain in chains]).reshape(-1, gates, gates)
    return Population.of(tuple(range(gates)), thresholds, lateral)


def is_symmetric(samples: Samples) -> bool:
    """Tell whether f turns into itself by half a turn about the middle of the range."""
    return float(np.ptp(samples.y + samples.y[::-1])) <= SYMMETRIC * float(np.ptp(samples.y))


def _draw(gates: int, samples: Samples, mirrored: bool, rng: np.random.Generator) -> _Plan | None:
    """Return random pieces that need as many gates as there are, or None."""
    x, y = samples.x, samples.y
    middle, span = (x[0] + x[-1]) / 2, float(np.ptp(y))
    if span == 0:
        return None
    if mirrored:
        x, y = x[x >= middle], y[x >= middle]
    # knots lie where f bends
    bend = np.abs(np.gradient(np.gradient(y, x), x)) ** (1 / 3)
    cumulative = np.cumsum(bend + max(0.1 * bend.mean(), 1e-9))
    drawn = np.interp(rng.random(int(rng.integers(1, KNOTS + 1))), cumulative / cumulative[-1], x)
    rising = np.sign(np.diff(y))
    turns = x[1:-1][rising[1:] * rising[:-1] < 0]
    knots = np.unique(np.concatenate([x[[0, -1]], turns, drawn]))
    heights = np.diff(np.interp(knots, x, y))
    main = int(np.abs(heights).argmax())
    if heights[main] == 0:
        return None
    low_bits = int(rng.integers(1, LOW_BITS + 1))
    for step in span * STEPS:
        bits = np.round(np.log2(np.abs(heights) / step + 1)).astype(int)
        bits[main] = max(1, round(float(np.log2(abs(heights[main]) / step))))
        if mirrored + bits.sum() + low_bits >= gates:
            break
    if mirrored + bits.sum() + low_bits != gates:
        return None
    plan: list[_Gate] = []
    for piece, (begin, end) in enumerate(pairwise(knots)):
        # the low bits go on where the main piece ends
        steps = (1 << bits[piece]) - (piece != main)
        begins = (2 * middle - end, begin) if mirrored else (begin,)
        for bit in range(bits[piece]):
            part = (1 << bit) / steps
            plan.append(_Gate(piece, (end - begin) * part, heights[piece] * part, begins))
    plan.sort(key=lambda gate: -abs(gate.height))
    parts = 1 << bits[main]
    return _Plan(tuple(plan), low_bits, (knots[main + 1] - knots[main]) / parts, heights[main] / parts)


def _chain(gates: int, plan: _Plan, samples: Samples) -> tuple[Real, Real]:
    """Return T and H."""
    thresholds, lateral = np.zeros(gates), np.zeros((gates, gates))
    signs = gates - plan.low_bits - len(plan.gates)
    thresholds[:signs] = (samples.x[0] + samples.x[-1]) / 2
    for gate, one in enumerate(plan.gates, signs):
        thresholds[gate] = one.begins[0] + one.length
        lateral[gate, :signs] = one.begins[-1] - one.begins[0]
        for earlier, other in enumerate(plan.gates[: gate - signs], signs):
            lateral[gate, earlier] = other.length * (other.piece == one.piece)
    spikes = np.zeros((len(samples.x), gates))
    for gate in range(gates):
        low = gate - signs - len(plan.gates)
        if low >= 0:
            code = np.array([*(plan.length,) * signs, *(one.length for one in plan.gates)])
            code = np.concatenate([code, plan.length * 0.5 ** np.arange(1, low + 1)])
            crossings = _crossings(samples, spikes[:, :gate], plan.height * 0.5 ** (low + 1))
            thresholds[gate], lateral[gate, :gate] = _least_squares(*crossings, code)
        spikes[:, gate] = samples.x >= thresholds[gate] + spikes[:, :gate] @ lateral[gate, :gate]
    return thresholds, lateral


def _crossings(samples: Samples, spikes: Real, height: float) -> tuple[Real, Real, Real]:
    """Return for each run of equal spikes in which f gains ``height``: the spikes, x there, and a weight.

    A run that ends a little too early counts too; the weight is the root of the slope.
    """
    edges = np.flatnonzero((spikes[1:] != spikes[:-1]).any(axis=1)) + 1
    y, last = samples.y * np.sign(height), len(samples.y) - 1
    found = []
    for begin, end in pairwise([0, *edges, last + 1]):
        reach = y[begin : end + max(1, (end - begin) // 2)]
        crossing = begin + int((reach >= y[begin] + abs(height)).argmax())
        if crossing > begin:
            found.append((begin, crossing, max(0.0, float(y[min(crossing + 1, last)] - y[crossing - 1])) ** 0.5))
    rows = np.array([row for row, _, _ in found], np.int64)
    at = np.array([crossing for _, crossing, _ in found], np.int64)
    return spikes[rows], samples.x[at], np.array([weight for _, _, weight in found])


def _least_squares(spikes: Real, x: Real, weights: Real, code: Real) -> tuple[float, Real]:
    """Return T and H of the gate that is nearest to crossing at ``x``, drawn a little to the binary ``code``."""
    columns = np.concatenate([np.ones((len(x), 1)), spikes], axis=1)
    pull = PULL * (float(weights.mean()) if len(x) else 1.0)
    rows = np.concatenate([columns * weights[:, None], pull * np.eye(len(code) + 1)])
    solution = np.linalg.lstsq(rows, np.concatenate([x * weights, [0.0], pull * code]), rcond=None)[0]
    return float(solution[0]), solution[1:]
