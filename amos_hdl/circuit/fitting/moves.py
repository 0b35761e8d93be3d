"""Random changes that a search tries: each leaves most of a good circuit as it is."""

from __future__ import annotations

import numpy as np

from amos_hdl.circuit.fitting.population import Population

#: The largest and the smallest change, as powers of 1/2 of the range.
LARGEST, SMALLEST = 2, 10


def perturb(population: Population, span: float, rng: np.random.Generator) -> None:
    """Change one gate of each circuit of ``population``, in place."""
    for restart in range(len(population)):
        thresholds, lateral = population.thresholds[restart], population.lateral[restart]
        gate = int(rng.integers(population.gates))
        count = population.earlier[gate]
        later = np.array([other for other in range(population.gates) if population.earlier[other] > gate], np.int64)
        scale = span * 2.0 ** -rng.uniform(LARGEST, SMALLEST)
        move = int(rng.integers(6))
        if move == 0:  # another threshold
            thresholds[gate] += scale * rng.normal()
        elif move == 1:  # all that the gate compares with
            thresholds[gate] += scale * rng.normal()
            lateral[gate, :count] += scale * rng.normal(size=count)
        elif move == 2:  # another threshold, and those after it follow
            shift = scale * rng.normal()
            thresholds[gate] += shift
            lateral[later, gate] += shift
        elif move == 3:  # what it does to those after it
            lateral[later, gate] += scale * rng.normal(size=len(later))
        elif move == 4:  # another place in the order
            order = np.insert(np.delete(np.arange(population.gates), gate), rng.integers(population.gates), gate)
            _reorder(population, restart, order)
        else:  # a new gate at the end instead of it
            order = np.append(np.delete(np.arange(population.gates), gate), gate)
            _reorder(population, restart, order)
            last, count = population.gates - 1, population.earlier[-1]
            lateral[last, :count] = lateral[last - 1, :count] * rng.integers(2) + scale * rng.normal(size=count)
            thresholds[last] = thresholds[last - 1] + scale * rng.normal()


def _reorder(population: Population, restart: int, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    population.thresholds[restart] = population.thresholds[restart][order]
    lateral = population.lateral[restart][order][:, order]
    for gate, count in enumerate(population.earlier):
        lateral[gate, count:] = 0
    population.lateral[restart] = lateral
