"""What comes of fitting: a circuit and what its integers stand for, with measured errors."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting.problem import Problem, potential
from amos_hdl.circuit.threshold import MAGNITUDE_LIMIT, ThresholdCircuit
from amos_hdl.errors import CircuitError

#: Points at which errors are measured, equally spaced, both ends of the range among them.
POINTS = 100_000
#: Steps of potential and value are within ten to this power and its inverse.
STEP_DIGITS = 80


@dataclass(frozen=True)
class FittedUnit:
    """A circuit and what its integers stand for.

    Parameters
    ----------
    activation : str
    architecture : Architecture
    method : str
        How it was found.
    circuit : ThresholdCircuit
        Of the potential ``round(x / potential_step)``; its y times ``value_step`` approximates f(x).
    potential_step, value_step : Fraction
    low, high : float
        The range that was fitted, ``low < high``.
    mean_squared_error, worst_error : float
        Over that range, the mean weighted by the distribution.
    unrounded_error : float
        The mean squared error before T, H and d were rounded to integers.
    spikes : float
        Mean number of spikes of one input, weighted likewise.

    Raises
    ------
    CircuitError
        If a step is not above 0 or beyond all use, or the range reversed, empty or too wide for its step.
    """

    activation: str
    architecture: Architecture
    method: str
    circuit: ThresholdCircuit
    potential_step: Fraction
    value_step: Fraction
    low: float
    high: float
    mean_squared_error: float
    worst_error: float
    unrounded_error: float
    spikes: float

    def __post_init__(self) -> None:
        least, most = Fraction(1, 10**STEP_DIGITS), Fraction(10**STEP_DIGITS)
        if not (least <= self.potential_step <= most and least <= self.value_step <= most):
            expected = f"above 0, 1e-{STEP_DIGITS} to 1e{STEP_DIGITS}"
            raise CircuitError("steps of potential and value", expected=expected)
        if not self.low < self.high:
            raise CircuitError("range", expected="low < high", got=f"{self.low} to {self.high}")
        furthest = max(abs(self.low), abs(self.high)) / float(self.potential_step)
        if furthest * max(map(abs, self.circuit.gains)) >= MAGNITUDE_LIMIT:
            raise CircuitError(
                "range", expected=f"gained potentials below {MAGNITUDE_LIMIT}", got=f"{furthest:g} steps"
            )

    @property
    def form(self) -> str:
        """``linear`` or ``table``."""
        return "table" if self.circuit.is_table else "linear"

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the approximation of f(x) for real x of any shape."""
        values = self.circuit.value(potential(x, self.potential_step))
        return np.multiply(values, float(self.value_step), dtype=np.float64)


@dataclass(frozen=True)
class Solution:
    """A circuit of a problem's potential, before it is measured; members as those of ``FittedUnit``."""

    circuit: ThresholdCircuit
    value_step: Fraction
    unrounded_error: float
    method: str

    def measured(self, problem: Problem, architecture: Architecture) -> FittedUnit:
        """Return the unit with its errors at many real points, the rounding of the potential included."""
        x = np.linspace(problem.low, problem.high, POINTS)
        y, weights = problem.activation(x), problem.distribution.weights(x)
        spikes = self.circuit.spikes(potential(x, problem.step))
        error = self.circuit.decode(spikes) * float(self.value_step) - y
        return FittedUnit(
            problem.activation.name,
            architecture,
            self.method,
            self.circuit,
            problem.step,
            self.value_step,
            problem.low,
            problem.high,
            float(np.average(error**2, weights=weights)),
            float(np.abs(error).max()),
            self.unrounded_error,
            float(np.average(spikes.sum(axis=1), weights=weights)),
        )
