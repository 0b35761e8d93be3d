"""The search for T and H: starts, gradient, exact descent, then many small changes of which the good ones stay."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting.descent import descend
from amos_hdl.circuit.fitting.gradient import follow_gradient
from amos_hdl.circuit.fitting.moves import perturb
from amos_hdl.circuit.fitting.population import Population
from amos_hdl.circuit.fitting.problem import Samples
from amos_hdl.circuit.fitting.ramps import ramp_starts
from amos_hdl.circuit.fitting.starts import random_starts
from amos_hdl.errors import CircuitError

#: Circuits of a chain.
CIRCUITS = 12
#: One start in so many follows the gradient too, for so many steps, on so many samples.
GRADIENT_PART, GRADIENT_STEPS, GRADIENT_SAMPLES = 4, 600, 256
#: A chain of single gates has so many starts of ramps for each other start, and descends from the best of them, one in
#: so many of the other starts.
RAMPS, RAMPS_PART = 2, 4
#: Rounds between two exchanges of the best circuits among the chains.
SLICE = 10
#: Only changes that after one sweep are no worse than this, in parts of the error before, are descended further: most
#: of those that end well are among them, and half of all changes are not.
HOPEFUL = 1.2
#: A change that makes a circuit worse by up to this part is accepted now and then, less and less.
TEMPERATURE = 0.04

#: Told how many of all tasks are done.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Effort:
    """How long to search.

    Parameters
    ----------
    rounds : int, >= 1
        Changes tried of every circuit; each is followed by a short descent.
    processes : int, >= 1
        The result does not depend on it.
    seed : int, >= 0
    chains : int, >= 1
        Populations that are searched on their own; now and then they exchange their best.
    starts : int, >= 1
        Of each chain.

    Raises
    ------
    CircuitError
        If one is out of range.
    """

    rounds: int
    processes: int = 1
    seed: int = 0
    chains: int = 4
    starts: int = 96

    def __post_init__(self) -> None:
        for name, least in (("rounds", 1), ("processes", 1), ("seed", 0), ("chains", 1), ("starts", 1)):
            if getattr(self, name) < least:
                raise CircuitError(f"{name} of a search", expected=f">= {least}", got=repr(getattr(self, name)))


def search(
    architecture: Architecture,
    bits: int,
    samples: Samples,
    effort: Effort,
    known: Population | None = None,
    progress: Progress | None = None,
) -> Population:
    """Return the best circuits found, best first.

    Parameters
    ----------
    architecture, bits
        The arrangement of gates, K bits.
    samples : Samples
        A few for each step of the staircase are enough.
    known : Population, optional
        Circuits to start from too.
    """
    slices = max(1, -(-effort.rounds // SLICE))
    seeds = np.random.SeedSequence(effort.seed).spawn(effort.chains * (slices + 1))
    total, done = effort.chains * (slices + 1), 0

    def told(_: object) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    with _runner(effort.processes) as run:
        tasks = [
            run(_begin, architecture, bits, samples, effort.starts, seed, known) for seed in seeds[: effort.chains]
        ]
        chains = [_result(task, told) for task in tasks]
        for number in range(slices):
            temperature = TEMPERATURE * (1 - number / slices)
            part = seeds[effort.chains * (number + 1) : effort.chains * (number + 2)]
            tasks = [run(_continue, c, samples, s, temperature) for c, s in zip(chains, part, strict=True)]
            chains = [_result(task, told) for task in tasks]
            if number % 4 == 3:
                chains = _exchange(chains)
    everything = chains[0]
    for chain in chains[1:]:
        everything = everything.joined(chain)
    return everything.best(CIRCUITS)


def _begin(
    architecture: Architecture,
    bits: int,
    samples: Samples,
    starts: int,
    seed: np.random.SeedSequence,
    known: Population | None,
) -> Population:
    """Return the best of many starts."""
    rng = np.random.default_rng(seed)
    population = random_starts(architecture, bits, samples, starts, rng)
    graded = population[: max(1, starts // GRADIENT_PART)]
    coarse = slice(None, None, max(1, len(samples.x) // GRADIENT_SAMPLES))
    few = Samples(samples.x[coarse], samples.y[coarse], samples.weights[coarse] / samples.weights[coarse].sum())
    follow_gradient(graded, few, GRADIENT_STEPS)
    population = population.joined(graded)
    if len(architecture.levels(bits)) == architecture.levels(bits)[-1]:
        ramps = ramp_starts(bits, samples, RAMPS * starts, rng)
        ramps.solve_outputs(samples, ramps.spikes(samples.x))
        population = population.joined(ramps.best(max(1, starts // RAMPS_PART)))
    descend(population, samples, rng, sweeps=3)
    population = population.best(CIRCUITS)
    if known is not None:
        descend(known, samples, rng, sweeps=3)
        population = population.joined(known).best(CIRCUITS)
    return population


def _continue(population: Population, samples: Samples, seed: np.random.SeedSequence, temperature: float) -> Population:
    """Return the population after ``SLICE`` rounds; its first circuit is the best seen."""
    rng = np.random.default_rng(seed)
    best = population.best(1)
    for _ in range(SLICE):
        changed = population[:]
        perturb(changed, samples.span, rng)
        descend(changed, samples, rng, sweeps=1)
        hopeful = changed.errors < population.errors * HOPEFUL
        if hopeful.any():
            further = changed[hopeful]
            descend(further, samples, rng, sweeps=3, tolerance=3e-3)
            changed.put(hopeful, further[np.maximum(np.cumsum(hopeful) - 1, 0)])
        worse = temperature * rng.random(len(changed)) * (rng.random(len(changed)) < 0.5)
        population.put(changed.errors < population.errors * (1 + worse), changed)
        best = best.joined(changed).best(1)
    # the worst give way to the best
    return best.joined(population).best(len(population))


def _exchange(chains: list[Population]) -> list[Population]:
    """Give the best circuit of each chain to the next one, instead of its worst."""
    firsts = [chain.best(1) for chain in chains]
    return [
        chain.best(len(chain) - 1).joined(firsts[number - 1]).best(len(chain)) for number, chain in enumerate(chains)
    ]


@contextmanager
def _runner(processes: int) -> Iterator[Callable[..., Future[Population] | Callable[[], Population]]]:
    """Give a function that runs tasks, in this process or in others."""
    if processes == 1:
        yield lambda function, *arguments: lambda: function(*arguments)
        return
    # one thread of linear algebra for each process: the arrays are small
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        try:
            yield pool.submit
        finally:
            pool.shutdown(cancel_futures=True)
    finally:
        if before is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
        else:
            os.environ["OPENBLAS_NUM_THREADS"] = before


def _result(task: Future[Population] | Callable[[], Population], told: Callable[[object], None]) -> Population:
    population = task.result() if isinstance(task, Future) else task()
    told(None)
    return population
