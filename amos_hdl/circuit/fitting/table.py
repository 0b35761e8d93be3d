"""Thresholds as tables: the exact K-bit quantizer of a function that never turns, and the best bend of one that does.

What a chain of K gates can be with any tables, all gains 1: gate 1 splits the range of x in two, gate 2 splits each
part, and so on; to the left of a split the gate is silent, to the right it spikes.  So with rising x the spikes, read
as a binary number (gate 1 the most significant digit), never fall, and any such rising sequence of codes can be had.
Which value a code stands for, ``d_0 + Σ d_i·z_i``, is the only constraint: **each gate moves y in one direction only**.

* f never falls, or never rises: d_i = ±step·2**(K-i), and all 2**K codes are used, at the exact thresholds.  No other
  circuit with equally spaced values is better.
* f falls and then rises (a dip), or rises and then falls (a hump): gates with negative d serve the falling part, the
  others the rising part.  If the first A gates fall and the others rise, codes give 2**A + 2**(K-A) - 1 levels, without
  any polarity bit: the falling gates count up to all ones, and then the others begin.  For given d the best sequence of
  codes is the shortest path through (sample, code), found exactly by dynamic programming; for given codes the best d
  are least squares.  The two are alternated from every A and every place of the A gates in the order, then from random
  changes of the best (up to 8 bits).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting.problem import Integers, Problem, Real, Samples
from amos_hdl.circuit.fitting.unit import Solution
from amos_hdl.circuit.standard import quantizer
from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError

#: Values of y are integers of about this many bits.
VALUE_BITS = 20
#: Samples on which bends are compared, and on which the best is refined.
COARSE_SAMPLES, FINE_SAMPLES = 400, 4096
#: Most passes of an alternation; each lowers the error by this part or ends it.
PASSES, TOLERANCE = 30, 1e-4
#: Bits up to which every place of the gates of the other direction is tried, and d then changed at random.
PLACES_BITS = 8
#: How many circuits are changed in each round of random changes, and how many are kept.
CHANGED, KEPT = 24, 48


def turns(samples: Samples) -> tuple[int, ...]:
    """Return the directions, 1 or -1, that f takes one after the other; rounding noise is not a turn."""
    noise = 1e-12 * float(np.abs(samples.y).max())
    steps = np.diff(samples.y)
    signs = np.sign(steps[np.abs(steps) > noise]).astype(int)
    return tuple(signs[np.flatnonzero(np.diff(signs, prepend=0))].tolist())


def fit_table(problem: Problem, bits: int, architecture: Architecture, rounds: int = 80, seed: int = 0) -> Solution:
    """Return the table unit of K = ``bits`` bits.

    A function with one turn is searched for ``rounds`` rounds of random changes, if K is at most 8.

    Raises CircuitError for a function that turns more than once, or at all if the architecture is staged.
    """
    directions = turns(problem.samples)
    if len(directions) <= 1:
        return _equal_steps(problem, bits, architecture, directions[0] if directions else 1)
    where, hint = problem.activation.name, "use the linear form, or --architecture flash"
    one_turn = "use the linear form, or --architecture serial, folded or flash"
    if len(directions) > 2:
        got = f"{len(directions) - 1} turns"
        raise CircuitError("table form", where=where, expected="a function with at most one turn", got=got, hint=hint)
    if architecture.name == "staged":
        raise CircuitError(
            "table form", where=f"{where}, {architecture}", expected="a monotone function", hint=one_turn
        )
    return _bent(problem, bits, directions, rounds, seed)


def quantize(samples: Samples, bits: int, direction: int = 1) -> tuple[float, float, Integers]:
    """Return base, step and codes of the best quantizer with 2**bits equally spaced values, ``base + step·code``.

    Codes are nearest values, base and step least squares, alternated; step has the sign of ``direction``.
    """
    top, y = (1 << bits) - 1, samples.y
    base, step = float(y.min() if direction > 0 else y.max()), direction * float(np.ptp(y)) / max(top, 1)
    step = step or 1.0
    for _ in range(100):
        codes = np.floor((y - base) / step + 0.5).clip(0, top)
        mean = float(codes @ samples.weights)
        spread = float(np.square(codes - mean) @ samples.weights)
        if spread == 0:
            break
        new_step = float(((codes - mean) * y) @ samples.weights) / spread
        new_base = float(y @ samples.weights) - new_step * mean
        if not new_step * direction > 0 or abs(new_step - step) + abs(new_base - base) < 1e-12 * (
            abs(step) + abs(base)
        ):
            break
        base, step = new_base, new_step
    return base, step, np.floor((y - base) / step + 0.5).clip(0, top).astype(np.int64)


def _equal_steps(problem: Problem, bits: int, architecture: Architecture, direction: int) -> Solution:
    samples, top = problem.samples, (1 << bits) - 1
    base, step, codes = quantize(samples, bits, direction)
    codes = np.maximum.accumulate(codes)  # rounding noise of f is no step back
    error = float(np.square(base + step * codes - samples.y) @ samples.weights)
    first = np.searchsorted(codes, np.arange(1, top + 1))  # first sample of each code; the end if none has it
    beyond = np.append(problem.integers, problem.integers[-1] + 1)
    circuit = quantizer(beyond[first].tolist(), architecture)
    fine, scale = fine_step(step, bits)
    outputs = tuple(direction * output * scale for output in circuit.outputs)
    offset = round(Fraction(base) / fine)
    made = ThresholdCircuit(circuit.gains, outputs, circuit.levels, offset, tables=circuit.tables)
    return Solution(made, fine, error, "exact thresholds")


def fine_step(step: float, bits: int) -> tuple[Fraction, int]:
    """Return the unit of y in which ``base + step·code`` has integers, and how many of it a step is: a power of two."""
    scale = 1 << max(0, VALUE_BITS - bits)
    return Fraction(abs(step)) / scale, scale


def _bent(problem: Problem, bits: int, directions: tuple[int, ...], rounds: int, seed: int) -> Solution:
    few, fine = _thinned(problem.samples, COARSE_SAMPLES), _thinned(problem.samples, FINE_SAMPLES)
    errors, starts = _alternate(few, _bends(few, bits, directions[0]))
    if bits <= PLACES_BITS:
        errors, starts = _wander(few, errors, starts, rounds, seed)
    errors, starts = _alternate(fine, starts[[errors.argmin()]])
    error, parameters = float(errors[0]), starts[0]
    codes = _shortest_paths(fine, _values(parameters[None]))[0]
    value_step = Fraction(float(np.ptp(problem.samples.y)) / (1 << VALUE_BITS))
    whole = np.round(parameters / float(value_step)).astype(np.int64)
    first = np.searchsorted(codes, np.arange(1, 1 << bits))
    edges = np.append(np.searchsorted(problem.samples.x, fine.x), len(problem.integers))[first]
    beyond = np.append(problem.integers, problem.integers[-1] + 1)
    circuit = quantizer(beyond[edges].tolist())
    made = ThresholdCircuit(
        circuit.gains, tuple(whole[1:].tolist()), circuit.levels, int(whole[0]), tables=circuit.tables
    )
    return Solution(made, value_step, error, "shortest path of codes")


def _thinned(samples: Samples, count: int) -> Samples:
    """Return about ``count`` of the samples, each with the weight of those that it stands for."""
    edges = np.unique(np.linspace(0, len(samples.x), min(count, len(samples.x)) + 1).round().astype(np.int64))
    middles = (edges[:-1] + edges[1:]) // 2
    return Samples(samples.x[middles], samples.y[middles], np.add.reduceat(samples.weights, edges[:-1]))


def _bends(samples: Samples, bits: int, first: int) -> Real:
    """Return starts (start, 1 + gate), d_0 and d_1..d_K of each.

    A gates are of the first direction, at several places among those of the other.
    """
    turn = samples.y.min() if first < 0 else samples.y.max()
    before, after = float(turn - samples.y[0]), float(samples.y[-1] - turn)
    starts = []
    for count in range(bits + 1):
        other = bits - count
        own = before / max(1, (1 << count) - 1) * 2.0 ** np.arange(count - 1, -1, -1)
        rest = after / max(1, (1 << other) - 1) * 2.0 ** np.arange(other - 1, -1, -1)
        for place in range(other + 1) if bits <= PLACES_BITS else (0,):
            starts.append(np.concatenate([[samples.y[0]], rest[:place], own, rest[place:]]))
    return np.array(starts)


def _wander(samples: Samples, errors: Real, parameters: Real, rounds: int, seed: int) -> tuple[Real, Real]:
    """Return the best after random changes of d, each followed by a few alternations: other sizes, places and signs."""
    rng = np.random.default_rng(seed)
    gates = parameters.shape[1] - 1
    for _ in range(rounds):
        order = np.argsort(errors, kind="stable")[:KEPT]
        errors, parameters = errors[order], parameters[order]
        changed = parameters[rng.integers(len(parameters), size=CHANGED)]
        for start in changed:
            kind, gate = rng.integers(3), int(rng.integers(gates)) + 1
            if kind == 0:
                start *= np.exp(rng.normal(0, 0.15, gates + 1))
            elif kind == 1:
                moved = start[gate] * np.exp(rng.normal(0, 0.5)) * rng.choice([1, 1, -1])
                start[1:] = np.insert(np.delete(start[1:], gate - 1), rng.integers(gates), moved)
            else:
                start[gate] = rng.normal() * abs(start[int(rng.integers(gates)) + 1])
        new_errors, new = _alternate(samples, changed, 6)
        errors, parameters = np.append(errors, new_errors), np.concatenate([parameters, new])
    return errors, parameters


def _values(parameters: Real) -> Real:
    """Return the value of each code, shape (start, 2**K)."""
    values = parameters[:, :1]
    for output in parameters.T[1:]:  # the last gate is the least significant digit
        values = np.stack([values, values + output[:, None]], axis=2).reshape(len(parameters), -1)
    return values


def _alternate(samples: Samples, parameters: Real, passes: int = PASSES) -> tuple[Real, Real]:
    """Return the least errors (start,) from ``parameters`` on, and the parameters that have them."""
    bits = parameters.shape[1] - 1
    best, kept = np.full(len(parameters), np.inf), parameters.copy()
    for _ in range(passes):
        values = _values(parameters)
        codes = _shortest_paths(samples, values)
        errors = np.square(np.take_along_axis(values, codes, axis=1) - samples.y) @ samples.weights
        better = errors < best * (1 - TOLERANCE)
        if not better.any():
            break
        best[better], kept[better] = errors[better], parameters[better]
        # (start, 1 + gate, sample)
        spikes = codes[:, None] >> np.arange(bits - 1, -1, -1)[:, None] & 1
        columns = np.concatenate([np.ones((len(codes), 1, codes.shape[1])), spikes], axis=1)
        weighted = columns * samples.weights
        normal = np.matmul(weighted, columns.transpose(0, 2, 1)) + 1e-12 * np.eye(bits + 1)
        parameters = np.linalg.solve(normal, np.matmul(weighted, samples.y)[..., None])[..., 0]
    return best, kept


def _shortest_paths(samples: Samples, values: Real) -> Integers:
    """Return codes (start, sample), never falling, such that the weighted squared error of each start is least.

    ``values`` are those of the codes, shape (start, code).
    """
    starts, count = len(values), len(samples.x)
    kind = np.int32 if values.shape[1] > 1 << 15 else np.int16
    codes, back = np.arange(values.shape[1], dtype=kind), np.empty((count, *values.shape), kind)
    totals = np.zeros(values.shape)
    for sample in range(count):
        # the best of all codes up to each, and which it is
        least = np.minimum.accumulate(totals, axis=1)
        np.maximum.accumulate(np.where(totals == least, codes, 0), axis=1, out=back[sample])
        totals = least + samples.weights[sample] * np.square(samples.y[sample] - values)
    paths, rows = np.empty((starts, count), np.int64), np.arange(starts)
    code = totals.argmin(axis=1)
    for sample in range(count - 1, -1, -1):
        paths[:, sample] = code
        code = back[sample, rows, code].astype(np.int64)
    return paths
