"""Errors of fitted units against published coefficients and the optimal quantizer; the search for stored coefficients.

``python benchmarks/fitting.py`` prints the table of docs/fitting.md.  ``python benchmarks/fitting.py --search swish 8
--rounds 400 --seed 1`` goes on from the stored coefficients of swish, K=8, and keeps what it finds if it is better;
with ``--anew`` it starts without them, so that what it finds depends on nothing but the command.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

from amos_hdl.circuit import SERIAL, Architecture
from amos_hdl.circuit.activations import ACTIVATIONS, Activation, find_activation
from amos_hdl.circuit.fitting import DEFAULT_EFFORT, Effort, fit
from amos_hdl.circuit.fitting.descent import descend
from amos_hdl.circuit.fitting.linear import FINE_SAMPLES, search_samples
from amos_hdl.circuit.fitting.problem import Problem
from amos_hdl.circuit.fitting.search import search
from amos_hdl.circuit.fitting.stored import store_start, stored_starts

#: Mean squared errors of the FS coefficients (arXiv:2002.00860), re-evaluated on 100,000 points of the same ranges.
PUBLISHED = {("swish", 16): 3.4e-3, ("sigmoid", 12): 1.4e-4}
#: Samples on which stored coefficients have the error that they say: more than those that they were refined on.
STORED_SAMPLES = 1 << 15
ROWS = [(name, bits) for name, activation in ACTIVATIONS.items() if name == activation.name for bits in (4, 6, 8)]
ROWS += [("swish", 12), ("swish", 16), ("sigmoid", 12)]


def keep_better(name: str, architecture: Architecture, bits: int, effort: Effort, anew: bool) -> str:
    """Search, from the stored coefficients on unless ``anew``; store the best if its error on the fine grid is less."""
    problem = Problem(find_activation(name), find_activation(name).low, find_activation(name).high)
    fine = problem.grid(STORED_SAMPLES)
    known = stored_starts(name, architecture, bits)
    before = np.inf
    if known is not None:
        known.solve_outputs(fine, known.spikes(fine.x))
        before = float(known.errors[0])
    found = search(architecture, bits, search_samples(problem, bits), effort, None if anew else known)
    descend(found, problem.grid(FINE_SAMPLES), np.random.default_rng(effort.seed), sweeps=20)
    best = found.best(1)
    best.solve_outputs(fine, best.spikes(fine.x))
    if best.errors[0] < before * (1 - 1e-4):
        store_start(name, architecture, bits, best)
    return f"{name} {architecture} K={bits}: {before:.3e} before, {best.errors[0]:.3e} found"


def main() -> None:
    """Print the table, or search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--search", nargs=2, metavar=("ACTIVATION", "K"), help="search, and keep what is better")
    parser.add_argument("--anew", action="store_true", help="search without the stored coefficients")
    parser.add_argument("--architecture", default="serial")
    parser.add_argument("--rounds", type=int, default=DEFAULT_EFFORT.rounds)
    parser.add_argument("--chains", type=int, default=DEFAULT_EFFORT.chains)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    effort = Effort(options.rounds, options.processes, options.seed, options.chains)
    if options.search:
        name, bits = options.search
        print(keep_better(name, Architecture.parse(options.architecture), int(bits), effort, options.anew), flush=True)
        return
    print("| activation | K | published FS | linear | s | table | flash, 2^K levels | equal steps, 2^K values |")
    print("|---|---|---|---|---|---|---|---|")
    for name, bits in ROWS:
        print(row(name, bits, effort), flush=True)


def row(name: str, bits: int, effort: Effort) -> str:
    """Return one line of the table."""
    activation = find_activation(name)
    start = time.perf_counter()
    linear = fit(activation, bits, SERIAL, effort=effort)
    seconds = time.perf_counter() - start
    cells = [name, str(bits), number(PUBLISHED.get((name, bits))), number(linear.mean_squared_error), f"{seconds:.0f}"]
    cells.append(number(fit(activation, bits, SERIAL, form="table").mean_squared_error if bits <= 12 else None))
    flash = fit(activation, bits, Architecture("flash")).mean_squared_error if bits <= 8 else None
    cells += [number(flash), number(equal_steps(activation, bits))]
    return "| " + " | ".join(cells) + " |"


def equal_steps(activation: Activation, bits: int) -> float:
    """Return the error of the nearest of 2**bits equally spaced values from least to greatest, at 100,000 points."""
    x = np.linspace(activation.low, activation.high, 100_000)
    y = activation(x)
    step = np.ptp(y) / ((1 << bits) - 1)
    return float(np.mean((np.round((y - y.min()) / step) * step + y.min() - y) ** 2))


def number(value: float | None) -> str:
    """Return a cell."""
    return "" if value is None else f"{value:.2e}"


if __name__ == "__main__":
    main()
