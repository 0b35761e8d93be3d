"""How much of the error of a linear unit is there because thresholds are sums of one weight for each earlier spike.

``python benchmarks/fitting_floor.py`` fits the rising part of swish, -1.28 to 12, alone: r regime gates [x >= a] that
all other gates see, and b gates of a code with d_i = d_1·radix**(1 - i).  The thresholds that the code should have are
known: gate i is to spike where f crosses the middle of what the gates after it can still add, without and with it.
T and H of each gate are their least squares fit, gate after gate.  Printed are the mean squared errors of 2**b equal
steps with thresholds of any kind, of those circuits, and of the same after exact descent on all T, H and d.  Times
13.28/20 they are parts of the error on -8 to 12.  Regime gates are placed greedily on a grid.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.fitting.descent import descend
from amos_hdl.circuit.fitting.population import Population
from amos_hdl.circuit.fitting.problem import Problem, Samples

Real = npt.NDArray[np.float64]

#: Where swish begins to rise, and where the range ends.
LOW, HIGH = -1.2784, 12.0
#: Places of regime gates that are tried.
PLACES = np.linspace(-1.1, 4.0, 18)
SAMPLES, SWEEPS = 4096, 20
#: Pull of T and H to those of a code of x, against the least squares.
PULL = 1e-3


def sums_of_weights(samples: Samples, bits: int, radix: float, regimes: list[float]) -> Population:
    """Return the circuit of regime gates and a code, T and H by least squares."""
    count = len(regimes)
    gates = count + bits
    worths = radix ** -np.arange(1.0, bits + 1)
    worths *= float(np.ptp(samples.y)) / (worths.sum() + worths[-1])
    thresholds, lateral = np.zeros(gates), np.zeros((gates, gates))
    thresholds[:count] = regimes
    spikes = np.zeros((len(samples.x), gates))
    spikes[:, :count] = samples.x[:, None] >= np.array([regimes])
    values, slopes = np.full(len(samples.x), samples.y[0]), np.gradient(samples.y, samples.x)
    for gate, worth in enumerate(worths, count):
        reach = worths[gate - count + 1 :].sum() + worths[-1]
        changes = np.flatnonzero((spikes[1:, :gate] != spikes[:-1, :gate]).any(axis=1)) + 1
        rows, targets, weights = [], [], []
        for begin, end in pairwise([0, *changes, len(samples.x)]):
            level = values[begin] + (worth + reach) / 2
            target, first, last = np.interp(level, samples.y, samples.x), samples.x[begin], samples.x[end - 1]
            # a run of equal spikes has a say if it is decided in it or near
            if 2 * first - last <= target <= 2 * last - first and samples.y[0] < level < samples.y[-1]:
                rows.append(np.append(1.0, spikes[begin, :gate]))
                targets.append(target)
                weights.append(np.interp(target, samples.x, slopes) ** 0.5)
        weight = np.array(weights)[:, None]
        code = np.concatenate([np.zeros(count + 1), worths[: gate - count]])
        left = np.concatenate([np.reshape(rows, (-1, gate + 1)) * weight, PULL * np.eye(gate + 1)])
        right = np.concatenate([np.array(targets) * weight[:, 0], PULL * code])
        solution = np.linalg.lstsq(left, right, rcond=None)[0]
        thresholds[gate], lateral[gate, :gate] = solution[0], solution[1:]
        spikes[:, gate] = samples.x >= thresholds[gate] + spikes[:, :gate] @ lateral[gate, :gate]
        values += worth * spikes[:, gate]
    circuit = Population.of(tuple(range(gates)), thresholds[None], lateral[None])
    circuit.solve_outputs(samples, circuit.spikes(samples.x))
    return circuit


def equal_steps(samples: Samples, bits: int) -> float:
    """Return the error of the nearest of 2**bits equally spaced values."""
    step = float(np.ptp(samples.y)) / ((1 << bits) - 1)
    nearest = samples.y[0] + np.round((samples.y - samples.y[0]) / step) * step
    return float(np.square(nearest - samples.y) @ samples.weights)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, nargs="+", default=[8, 12, 14])
    parser.add_argument("--regimes", type=int, default=4, help="most regime gates")
    parser.add_argument("--radix", type=float, nargs="+", default=[2.0, 1.8, 1.6])
    options = parser.parse_args()
    samples = Problem(find_activation("swish"), LOW, HIGH).grid(SAMPLES)
    print("| gates | regime gates | at | radix | equal steps | sums of weights | after descent |")
    print("|---|---|---|---|---|---|---|")
    for gates in options.gates:
        regimes: list[float] = []
        for count in range(options.regimes + 1):
            bits = gates - count
            if count:
                tried = [sorted([*regimes, float(place)]) for place in PLACES]
                regimes = min(tried, key=lambda r: float(sums_of_weights(samples, bits, 2.0, r).errors[0]))
            for radix in options.radix:
                circuit = sums_of_weights(samples, bits, radix, regimes)
                before = float(circuit.errors[0])
                descend(circuit, samples, np.random.default_rng(0), sweeps=SWEEPS)
                steps = f"{equal_steps(samples, bits):.1e}" if radix == 2 else ""
                where = " ".join(f"{place:.1f}" for place in regimes)
                cells = f"{radix} | {steps} | {before:.1e} | {circuit.errors[0]:.1e}"
                print(f"| {gates} | {count} | {where} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
