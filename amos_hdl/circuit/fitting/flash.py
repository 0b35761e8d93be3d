"""Flash: one gate per step of the best staircase, monotone or not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from amos_hdl.circuit.fitting.problem import Problem
from amos_hdl.circuit.fitting.unit import Solution
from amos_hdl.circuit.staircase import best_staircase
from amos_hdl.circuit.threshold import ThresholdCircuit

#: Values of y are integers of this many bits: finer than any staircase here.
VALUE_BITS = 20


def fit_flash(problem: Problem, bits: int) -> Solution:
    """Return the staircase of 2**bits levels with the least error; a step down is a negative output weight."""
    samples, integers = problem.samples, problem.integers
    span = float(np.ptp(samples.y))
    value_step = Fraction(span / (1 << VALUE_BITS)) if span > 0 else Fraction(1)
    stairs = best_staircase(samples.y, samples.weights, 1 << bits)
    error = float(np.square(stairs(len(samples.y)) - samples.y) @ samples.weights)
    offset, step = (0, value_step) if span > 0 else _constant(float(samples.y[0]))
    values = np.round(stairs.values / float(step)).astype(np.int64) if span > 0 else np.array([offset])
    thresholds, steps = integers[stairs.starts[1 : len(values)]], np.diff(values)
    # two levels that round to one value need no gate between them
    kept = np.flatnonzero(steps)
    if not len(kept):
        # a constant function: one gate that never spikes and stands for nothing
        circuit = ThresholdCircuit((1,), (0,), (1,), int(values[0]), tables=((int(integers[-1]) + 1,),))
    else:
        count = len(kept)
        tables = tuple((int(threshold),) for threshold in thresholds[kept])
        circuit = ThresholdCircuit(
            (1,) * count, tuple(steps[kept].tolist()), (1,) * count, int(values[0]), tables=tables
        )
    return Solution(circuit, step, error, "dynamic programming")


def _constant(value: float) -> tuple[int, Fraction]:
    """Return an integer and the step in which it is the value of a constant function."""
    return (1 if value > 0 else -1 if value < 0 else 0), Fraction(abs(value) or 1.0)
