"""Exact coordinate descent on T and H: of one parameter, or a sum of some, the best value at once.

Moving the parameters of gate i by s along a direction u moves its threshold for sample n by ``s·rate``, with
``rate = u·(1, z_1, z_2, ...)`` of the earlier spikes, which stay as they are.  Sample n spikes exactly if ``s·rate <=
margin``, margin being x minus the present threshold.  What a spike gains there, the later gates following, is the
difference of two squared errors, ``z_i`` forced to 0 and to 1.  So the error as a function of s is a sum of steps at
``margin/rate``: sorted, its running sum shows the best s of all.  (Derived.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.fitting.population import Population
from amos_hdl.circuit.fitting.problem import Samples

Real = npt.NDArray[np.float64]

#: Random directions tried for each gate in each sweep, beside the parameters themselves.
RANDOM_DIRECTIONS = 2
#: Outside all breakpoints the step goes this far beyond the last, as a part of the range.
BEYOND = 1e-3


def descend(
    population: Population,
    samples: Samples,
    rng: np.random.Generator,
    *,
    sweeps: int,
    tolerance: float = 1e-3,
    integers: bool = False,
) -> None:
    """Sweep over all gates until no circuit gains more than ``tolerance`` of its error; keep the best seen of each.

    Parameters
    ----------
    population : Population
        Changed in place.
    sweeps : int
        At most.
    integers : bool
        T and H are integers (and so is x) and stay so.
    """
    spikes = population.spikes(samples.x)
    population.solve_outputs(samples, spikes)
    best = population[:]
    for _ in range(sweeps):
        before = population.errors
        for gate in rng.permutation(population.gates).tolist():
            _improve_gate(population, samples, spikes, gate, rng, integers)
        population.solve_outputs(samples, spikes)
        best.put(population.errors < best.errors, population)
        if (population.errors > before * (1 - tolerance)).all():
            break
    population.put(np.ones(len(population), bool), best)


def _improve_gate(
    population: Population, samples: Samples, spikes: Real, gate: int, rng: np.random.Generator, integers: bool
) -> None:
    count, restarts = population.earlier[gate], len(population)
    gains = _gains(population, samples, spikes, gate)
    # (restart, 1 + earlier, sample): what T and each H_ij are multiplied with
    columns = np.concatenate([np.ones((restarts, 1, len(samples.x))), spikes[:, :count]], axis=1)
    parameters = np.concatenate([population.thresholds[:, gate, None], population.lateral[:, gate, :count]], axis=1)
    margins = samples.x - np.matmul(parameters[:, None], columns)[:, 0]
    for direction in _directions(count, restarts, rng, integers):
        rates = np.matmul(direction[:, None], columns)[:, 0]
        steps = _best_steps(margins, rates, gains, BEYOND * samples.span, integers)
        parameters += steps[:, None] * direction
        margins -= steps[:, None] * rates
    population.thresholds[:, gate], population.lateral[:, gate, :count] = parameters[:, 0], parameters[:, 1:]
    for later in range(gate, population.gates):
        if later == gate or population.earlier[later] > gate:
            population.fire(samples.x, spikes, later)


def _directions(count: int, restarts: int, rng: np.random.Generator, integers: bool) -> list[Real]:
    """Return directions (restart, 1 + earlier) in random order: T, each H_ij, T against each H_ij, and any."""
    units = np.eye(count + 1)
    fixed = [*units, *(units[0] - unit for unit in units[1:])]
    directions = [np.broadcast_to(direction, (restarts, count + 1)) for direction in fixed]
    if count > 1 and not integers:
        directions += list(rng.normal(size=(RANDOM_DIRECTIONS, restarts, count + 1)))
    return [directions[number] for number in rng.permutation(len(directions))]


def _gains(population: Population, samples: Samples, spikes: Real, gate: int) -> Real:
    """Return how much less the weighted squared error of each sample is with a spike of ``gate`` than without."""
    errors = []
    for spike in (0, 1):
        forced = spikes.copy()
        forced[:, gate] = spike
        for later in range(gate + 1, population.gates):
            if population.earlier[later] > gate:
                population.fire(samples.x, forced, later)
        errors.append(np.square(population.values(forced) - samples.y))
    return (errors[0] - errors[1]) * samples.weights


def _best_steps(margins: Real, rates: Real, gains: Real, beyond: float, integers: bool) -> npt.NDArray[np.float64]:
    """Return for each restart the step of the greatest total gain; 0 unless it is greater than that of no step."""
    rows = np.arange(len(margins))
    with np.errstate(divide="ignore", invalid="ignore"):
        breaks = np.where(rates != 0, margins / rates, np.inf)
    order = np.argsort(breaks, axis=1)
    order += (rows * breaks.shape[1])[:, None]  # into all rows one after the other: one flat take is the fastest
    breaks = breaks.take(order)
    # a step just above a break loses the samples of positive rate there, and wins those of negative rate
    totals = np.cumsum((np.sign(rates) * gains).take(order), axis=1)
    np.negative(totals, out=totals)
    following = np.empty_like(breaks)
    following[:, :-1], following[:, -1] = breaks[:, 1:], np.inf
    between = following > breaks + 1e-9 * beyond  # never above an infinite break
    passed = (breaks < 0).sum(axis=1)
    present = np.where(passed > 0, totals[rows, np.maximum(passed - 1, 0)], 0.0)
    allowed = np.where(between, totals, -np.inf)
    chosen = allowed.argmax(axis=1)
    low, high, total = breaks[rows, chosen], following[rows, chosen], allowed[rows, chosen]
    with np.errstate(invalid="ignore"):
        middle = np.where(np.isfinite(high), (low + high) / 2, low + beyond)
    first = total < 0  # the best is below all breaks
    middle, total = np.where(first, breaks[:, 0] - beyond, middle), np.where(first, 0.0, total)
    if integers:
        # within (low, high], and not above the first break
        with np.errstate(invalid="ignore"):
            middle = np.floor(middle) + ~first
    better = (total > present + 1e-15) & np.isfinite(middle)
    return np.where(better, middle, 0.0)
