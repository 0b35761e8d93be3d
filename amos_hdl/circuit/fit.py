"""Fitting: the circuit of an architecture that comes nearest to an activation function.

This version has the architectures that have a closed or globally optimal solution: ``flash`` for any function, and
``serial`` in table form for functions that never fall.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.activations import Activation
from amos_hdl.circuit.distribution import Distribution, Uniform
from amos_hdl.circuit.staircase import best_staircase
from amos_hdl.circuit.standard import quantizer
from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError

Architecture = Literal["flash", "serial"]
#: Most K of each architecture, so that 2**K - 1 thresholds stay few enough to look at.
GATE_LIMITS: dict[Architecture, int] = {"flash": 7, "serial": 12}
#: Points at which an error is measured.
POINTS = 100_000
#: Values of y are integers of about this many bits: finer than any staircase here.
VALUE_BITS = 20


@dataclass(frozen=True)
class FittedUnit:
    """A circuit and what its integers stand for.

    Parameters
    ----------
    activation : str
    architecture : {"flash", "serial"}
    circuit : ThresholdCircuit
        Of the potential ``round(x / potential_step)``; its y times ``value_step`` approximates f(x).
    potential_step, value_step : Fraction
    low, high : float
        The range that was fitted.
    mean_squared_error, worst_error : float
        Over that range, the mean weighted by the distribution.
    spikes : float
        Mean number of spikes of one input, weighted likewise.
    """

    activation: str
    architecture: Architecture
    circuit: ThresholdCircuit
    potential_step: Fraction
    value_step: Fraction
    low: float
    high: float
    mean_squared_error: float
    worst_error: float
    spikes: float

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the approximation of f(x) for real x of any shape."""
        values = self.circuit.value(potential(x, self.potential_step))
        return np.multiply(values, float(self.value_step), dtype=np.float64)


def potential(x: npt.ArrayLike, step: Fraction) -> npt.NDArray[np.int64]:
    """Return the integer potential nearest to real ``x``, halves up."""
    return np.floor(np.asarray(x, np.float64) / float(step) + 0.5).astype(np.int64)


def fit(
    activation: Activation,
    gates: int,
    architecture: Architecture,
    *,
    low: float | None = None,
    high: float | None = None,
    bits: int = 14,
    distribution: Distribution | None = None,
) -> FittedUnit:
    """Fit ``activation`` on ``low`` to ``high``.

    Parameters
    ----------
    activation : Activation
    gates : int
        K: ``serial`` has K gates, ``flash`` 2**K - 1; both have 2**K values.
    architecture : {"flash", "serial"}
    low, high : float, optional
        The activation's own range by default.
    bits : int, 4 to 24
        Of the potential: the range is divided in 2**bits steps.
    distribution : Distribution, optional
        Uniform by default.

    Raises
    ------
    CircuitError
        For a range that is reversed, empty or not finite, gates or bits out of range, an activation that is not finite
        on the range, or one that falls where ``serial`` needs one that does not.
    """
    low = activation.low if low is None else low
    high = activation.high if high is None else high
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise CircuitError("range", expected="finite, low < high", got=f"{low} to {high}")
    if architecture not in GATE_LIMITS:
        raise CircuitError("architecture", expected=" or ".join(GATE_LIMITS), got=repr(architecture))
    if not 1 <= gates <= GATE_LIMITS[architecture]:
        raise CircuitError("gates", where=architecture, expected=f"1 to {GATE_LIMITS[architecture]}", got=repr(gates))
    if not 4 <= bits <= 24:
        raise CircuitError("bits of the potential", expected="4 to 24", got=repr(bits))
    step = (Fraction(high) - Fraction(low)) / (1 << bits)
    least, greatest = potential([low, high], step).tolist()
    integers = np.arange(least, greatest + 1)
    x = (integers * float(step)).astype(np.float64)
    y, weights = activation(x), (distribution or Uniform()).weights(x)
    if not np.isfinite(y).all():
        raise CircuitError("activation", where=activation.name, expected="finite values on the range")
    span = float(y.max() - y.min())
    value_step = Fraction(span / (1 << VALUE_BITS)) if span > 0 else Fraction(1)
    if architecture == "flash":
        circuit = _flash(y, weights, 1 << gates, integers, value_step)
    else:
        circuit, value_step = _serial(activation.name, y, weights, gates, integers)
    return _measured(activation, architecture, circuit, step, value_step, low, high, distribution or Uniform())


def _flash(
    y: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    levels: int,
    integers: npt.NDArray[np.int64],
    value_step: Fraction,
) -> ThresholdCircuit:
    """Return one gate per step of the best staircase; a step down is a negative output weight."""
    stairs = best_staircase(y, weights, levels)
    values = np.round(stairs.values / float(value_step)).astype(np.int64)
    thresholds, steps = integers[stairs.starts[1:]], np.diff(values)
    # two levels that round to one value need no gate between them
    kept = np.flatnonzero(steps)
    if not len(kept):
        # a constant function: one gate that never spikes and stands for nothing
        beyond = int(integers[-1]) + 1
        return ThresholdCircuit((1,), (0,), (1,), int(values[0]), tables=((beyond,),))
    count = len(kept)
    return ThresholdCircuit(
        gains=(1,) * count,
        outputs=tuple(steps[kept].tolist()),
        levels=(1,) * count,
        offset=int(values[0]),
        tables=tuple((int(threshold),) for threshold in thresholds[kept]),
    )


def _serial(
    name: str,
    y: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    gates: int,
    integers: npt.NDArray[np.int64],
) -> tuple[ThresholdCircuit, Fraction]:
    """Return the K-bit quantizer with equal steps of y, and its step; the steps are placed by least squares."""
    if (np.diff(y) < 0).any():
        hint = "use --architecture flash"
        raise CircuitError("activation", where=name, expected="one that never falls, for serial", hint=hint)
    top = (1 << gates) - 1
    base, step = float(y.min()), float(y.max() - y.min()) / max(top, 1)
    if step == 0:
        step = 1.0
    codes = np.zeros(len(y))
    for _ in range(100):
        codes = np.floor((y - base) / step + 0.5).clip(0, top)
        # the line through the codes that leaves the least squared error is the next base and step
        columns = np.stack([np.ones_like(codes), codes], axis=1) * np.sqrt(weights)[:, None]
        (new_base, new_step), *_ = np.linalg.lstsq(columns, y * np.sqrt(weights), rcond=None)
        if not new_step > 0 or abs(new_step - step) + abs(new_base - base) < 1e-12 * (abs(step) + abs(base)):
            break
        base, step = float(new_base), float(new_step)
    first = np.searchsorted(codes, np.arange(1, top + 1))  # first sample of each code; the end if none has it
    circuit = quantizer((int(integers[0]) + first).tolist())
    # y = base + step·code in units of a fine step, so that the base is an integer too
    fine = Fraction(step) / (1 << max(0, VALUE_BITS - gates))
    scale = 1 << max(0, VALUE_BITS - gates)
    return (
        ThresholdCircuit(
            circuit.gains,
            tuple(output * scale for output in circuit.outputs),
            circuit.levels,
            round(base / float(fine)),
            tables=circuit.tables,
        ),
        fine,
    )


def _measured(
    activation: Activation,
    architecture: Architecture,
    circuit: ThresholdCircuit,
    step: Fraction,
    value_step: Fraction,
    low: float,
    high: float,
    distribution: Distribution,
) -> FittedUnit:
    """Return the unit with its errors at many real points, the rounding of the potential included."""
    x = np.linspace(low, high, POINTS)
    weights = distribution.weights(x)
    spikes = circuit.spikes(potential(x, step))
    error = circuit.decode(spikes) * float(value_step) - activation(x)
    total = weights.sum()
    if not total > 0:
        raise CircuitError("distribution", expected="some weight within the range", got="none")
    return FittedUnit(
        activation.name,
        architecture,
        circuit,
        step,
        value_step,
        low,
        high,
        float((weights * error**2).sum() / total),
        float(np.abs(error).max()),
        float((weights * spikes.sum(axis=1)).sum() / total),
    )
