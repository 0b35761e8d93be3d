"""The linear form, T and H: in closed form where the thresholds are equally spaced, else by search; then integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting.descent import descend
from amos_hdl.circuit.fitting.population import Population, earlier_of
from amos_hdl.circuit.fitting.problem import Problem, Samples, potential
from amos_hdl.circuit.fitting.search import Effort, Progress, search
from amos_hdl.circuit.fitting.stored import stored_starts
from amos_hdl.circuit.fitting.table import fine_step, quantize, turns
from amos_hdl.circuit.fitting.unit import POINTS, Solution
from amos_hdl.circuit.staircase import best_staircase
from amos_hdl.circuit.standard import digits_of
from amos_hdl.circuit.threshold import ThresholdCircuit

#: Samples of a search, for each bit; at least, and at most.
SAMPLES_PER_BIT, LEAST_SAMPLES, MOST_SAMPLES = 128, 256, 2048
#: Samples on which the best circuits are refined, and rounded to integers.
FINE_SAMPLES = 1 << 13
#: So many of the circuits found are refined.
REFINED = 3
#: Closed form: no more than these parts worse than the exact quantizer, and than the best staircase of any values;
#: the latter is looked at up to so many bits, above which only ramps have a closed form.
CLOSED, CLOSED_STAIRCASE, STAIRCASE_BITS = 1e-3, 1e-2, 5


def fit_linear(
    problem: Problem, bits: int, architecture: Architecture, effort: Effort, progress: Progress | None = None
) -> Solution:
    """Return the best circuit of the linear form that was found."""
    projected = _projection(problem, bits, architecture)
    if projected is not None and projected.exact:
        return _closed(problem, bits, architecture, projected, effort)
    samples = search_samples(problem, bits)
    known = stored_starts(problem.activation.name, architecture, bits)
    if projected is not None:
        known = projected.population if known is None else known.joined(projected.population)
    found = search(architecture, bits, samples, effort, known, progress).best(REFINED)
    rng = np.random.default_rng(effort.seed)
    descend(found, problem.grid(FINE_SAMPLES), rng, sweeps=10)
    return _rounded(problem, found.best(2), effort, "search")


def search_samples(problem: Problem, bits: int) -> Samples:
    """Return the samples of a search: a few for each step of a staircase of K = ``bits``."""
    return problem.grid(min(max(SAMPLES_PER_BIT * bits, LEAST_SAMPLES), MOST_SAMPLES))


@dataclass(frozen=True, eq=False)
class _Projection:
    """The linear form nearest to the exact quantizer ``base + step·code``, and whether it is as good."""

    population: Population
    base: float
    step: float
    exact: bool


def _projection(problem: Problem, bits: int, architecture: Architecture) -> _Projection | None:
    """Return the projection of a monotone f, None of another one.

    Each gate's T and H are the least squares fit to the thresholds that it has in the table form.
    """
    samples = problem.grid(FINE_SAMPLES)
    directions = turns(samples)
    if len(directions) > 1:
        return None
    base, step, codes = quantize(samples, bits, directions[0] if directions else 1)
    exact = float(np.square(base + step * codes - samples.y) @ samples.weights)
    top = (1 << bits) - 1
    codes = np.maximum.accumulate(codes)
    # (top,): x between the last sample of a code and the first of the next
    first = np.searchsorted(codes, np.arange(1, top + 1))
    edges = np.append(samples.x, problem.high + samples.span)
    middles = np.concatenate([[problem.low - samples.span], (edges[1:] + edges[:-1]) / 2])
    middles[-1] = edges[-1]
    thresholds, inside = middles[first], (first > 0) & (first < len(samples.x))
    levels, worths, counts = digits_of(bits, architecture)
    gates, depth = len(levels), levels[-1]
    digit = bits // depth
    level_lateral = np.zeros((gates, depth))
    own = np.zeros(gates)
    for gate, (level, worth, number) in enumerate(zip(levels, worths, counts, strict=True)):
        prefixes = np.arange(1 << digit * (level - 1))
        # (prefix, earlier level): how many gates of each earlier level spike
        digits = prefixes[:, None] >> digit * np.arange(level - 2, -1, -1) & ((1 << digit) - 1)
        index = (prefixes << digit * (depth - level + 1)) + number * worth - 1
        used = inside[index]
        if used.any():
            columns = np.concatenate([np.ones((len(prefixes), 1)), digits], axis=1)
            solution = np.linalg.lstsq(columns[used], thresholds[index][used], rcond=None)[0]
        else:
            solution = np.concatenate([[thresholds[index[0]]], np.zeros(level - 1)])
        own[gate], level_lateral[gate, : level - 1] = solution[0], solution[1:]
    earlier = earlier_of(levels)
    lateral = level_lateral[:, np.array(levels) - 1]
    lateral[np.arange(gates) >= np.array(earlier)[:, None]] = 0
    population = Population.of(earlier, own[None], lateral[None])
    population.solve_outputs(samples, population.spikes(samples.x))
    floor = 1e-12 * float(np.ptp(samples.y)) ** 2
    limit = exact * (1 + CLOSED)
    if bits <= STAIRCASE_BITS:
        stairs = best_staircase(samples.y, samples.weights, 1 << bits)(len(samples.y))
        limit = min(limit, float(np.square(stairs - samples.y) @ samples.weights) * (1 + CLOSED_STAIRCASE))
    return _Projection(population, base, step, bool(population.errors[0] <= limit + floor))


def _closed(
    problem: Problem, bits: int, architecture: Architecture, projected: _Projection, effort: Effort
) -> Solution:
    """Return the rounded projection with the outputs of the code, whose binary digits cost no adders."""
    solution = _rounded(problem, projected.population, effort, "closed form")
    value_step, scale = fine_step(projected.step, bits)
    outputs = tuple(int(np.sign(projected.step)) * worth * scale for worth in digits_of(bits, architecture)[1])
    circuit = replace(solution.circuit, outputs=outputs, offset=round(Fraction(projected.base) / value_step))
    return replace(solution, circuit=circuit, value_step=value_step)


def _rounded(problem: Problem, population: Population, effort: Effort, method: str) -> Solution:
    """Round to integers, and refine T, H and d as integers."""
    x = np.linspace(problem.low, problem.high, POINTS)
    weights = problem.distribution.weights(x)
    all_points = Samples(x, problem.activation(x), weights / weights.sum())
    step = float(problem.step)
    picked = np.unique(np.linspace(0, len(problem.integers) - 1, FINE_SAMPLES + 1).round().astype(np.int64))
    whole = Samples(
        problem.integers[picked].astype(np.float64),
        problem.samples.y[picked],
        problem.samples.weights[picked] / problem.samples.weights[picked].sum(),
    )
    rounded = Population.of(
        population.earlier, np.ceil(population.thresholds / step - 0.5), np.round(population.lateral / step)
    )
    descend(rounded, whole, np.random.default_rng(effort.seed), sweeps=6, integers=True)
    chosen = int(rounded.errors.argmin())
    picked_one = slice(chosen, chosen + 1)
    best, before = rounded[picked_one], population[picked_one]
    before.solve_outputs(all_points, before.spikes(x))
    # outputs for the points at which errors are measured
    at_points = Samples(potential(x, problem.step).astype(np.float64), all_points.y, all_points.weights)
    spikes = best.spikes(at_points.x)
    best.solve_outputs(at_points, spikes)
    height = float(np.ptp(all_points.y)) or abs(float(all_points.y[0])) or 1.0
    value_step = Fraction(height / (1 << problem.bits))
    parameters = np.append(best.offsets, best.outputs[0]) / float(value_step)
    outputs = _whole_outputs(parameters, spikes[0], at_points, float(value_step))
    levels = tuple(np.unique(population.earlier, return_inverse=True)[1] + 1)
    circuit = ThresholdCircuit(
        (1,) * population.gates,
        tuple(outputs[1:].tolist()),
        tuple(int(level) for level in levels),
        int(outputs[0]),
        thresholds=tuple(best.thresholds[0].astype(np.int64).tolist()),
        lateral=tuple(tuple(row) for row in best.lateral[0].astype(np.int64).tolist()),
    )
    return Solution(circuit, value_step, float(before.errors[0]), method)


def _whole_outputs(
    parameters: np.ndarray[tuple[int], np.dtype[np.float64]],
    spikes: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    samples: Samples,
    value_step: float,
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return integers near real (d_0, d_1..d_K): rounded, then each in turn set to its best value for the others."""
    columns = np.concatenate([np.ones((1, spikes.shape[1])), spikes])
    normal = columns * samples.weights @ columns.T
    right = columns * samples.weights @ (samples.y / value_step)
    whole = np.round(parameters)
    for _ in range(20):
        before = whole.copy()
        for number in range(len(whole)):
            if normal[number, number] > 0:
                rest = right[number] - normal[number] @ whole + normal[number, number] * whole[number]
                whole[number] = np.round(rest / normal[number, number])
        if (whole == before).all():
            break
    return whole.astype(np.int64)
