"""What is to be fitted: an activation function, sampled at integer potentials, with a weight for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.activations import Activation
from amos_hdl.circuit.distribution import Distribution, Uniform
from amos_hdl.errors import CircuitError

Real = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Most steps between samples of a problem; a finer potential is sampled at as many of its values.
SAMPLE_LIMIT = 1 << 16
#: Bits of the potential that may be asked for.
LEAST_BITS, MOST_BITS = 4, 24
#: Widest range, its inverse the narrowest; their squares for values: what is computed of them stays finite.
WIDEST = 1e30
#: Most that values may be away from 0, in spans of themselves, so that they are integers of a part of their span.
DISTANCE_LIMIT = 1 << 26


def potential(x: npt.ArrayLike, step: Fraction) -> Integers:
    """Return the integer potential nearest to real ``x``, halves up."""
    return np.floor(np.asarray(x, np.float64) / float(step) + 0.5).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Samples:
    """A function at some points.

    Parameters
    ----------
    x, y, weights : float64 arrays, shape (sample,)
        Points, rising; the values there; how much each counts, their sum 1.
    """

    x: Real
    y: Real
    weights: Real

    @property
    def span(self) -> float:
        """Length of the range."""
        return float(self.x[-1] - self.x[0])


@dataclass(frozen=True, eq=False)
class Problem:
    """An activation on a range.

    Parameters
    ----------
    activation : Activation
    low, high : float
        Range of x.
    bits : int, 4 to 24
        Of the potential: the range is 2**bits of its steps long.
    distribution : Distribution

    Raises
    ------
    CircuitError
        For a range that is reversed, empty, not finite or too narrow for its distance from 0, bits out of range, values
        that are not finite, too large, or all but equal, or a distribution without weight on the range.
    """

    activation: Activation
    low: float
    high: float
    bits: int = 14
    distribution: Distribution = field(default_factory=Uniform)

    def __post_init__(self) -> None:
        low, high = self.low, self.high
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise CircuitError("range", expected="finite, low < high", got=f"{low} to {high}")
        if max(abs(low), abs(high)) > WIDEST or high - low < 1 / WIDEST:
            expected = f"at least {1 / WIDEST:g} wide, within -{WIDEST:g} to {WIDEST:g}"
            raise CircuitError("range", expected=expected, got=f"{low} to {high}")
        if not LEAST_BITS <= self.bits <= MOST_BITS:
            expected = f"{LEAST_BITS} to {MOST_BITS}"
            raise CircuitError("bits of the potential", expected=expected, got=repr(self.bits))
        if max(abs(low), abs(high)) / float(self.step) >= 1 << 40:
            raise CircuitError("range", expected="one that is wide against its distance from 0", got=f"{low} to {high}")
        self._check_values()

    def _check_values(self) -> None:
        y = self.samples.y
        span, most = float(np.ptp(y)), float(np.abs(y).max())
        where, got = self.activation.name, f"{float(y.min())} to {float(y.max())}"
        if most > WIDEST**2:
            raise CircuitError("values", where=where, expected=f"magnitudes of at most {WIDEST**2:g}", got=got)
        if span and (span < 1 / WIDEST**2 or most > span * DISTANCE_LIMIT):
            expected = "ones that differ more against their distance from 0, or not at all"
            raise CircuitError("values", where=where, expected=expected, got=got)

    @property
    def step(self) -> Fraction:
        """One step of the potential, in units of x."""
        return (Fraction(self.high) - Fraction(self.low)) / (1 << self.bits)

    @cached_property
    def integers(self) -> Integers:
        """Potentials of the samples, shape (sample,): rising, the least and the greatest of the range among them."""
        least, greatest = potential([self.low, self.high], self.step).tolist()
        count = min(greatest - least, SAMPLE_LIMIT)
        return np.unique(np.round(np.linspace(least, greatest, count + 1)).astype(np.int64))

    @cached_property
    def samples(self) -> Samples:
        """f at every one of ``integers``."""
        return self._at((self.integers * float(self.step)).astype(np.float64))

    def grid(self, points: int) -> Samples:
        """Return f at the middles of ``points`` equal parts of the range."""
        return self._at(self.low + (np.arange(points) + 0.5) / points * (self.high - self.low))

    def _at(self, x: Real) -> Samples:
        with np.errstate(all="ignore"):
            y = self.activation(x)
        if y.shape != x.shape or not np.isfinite(y).all():
            raise CircuitError("activation", where=self.activation.name, expected="finite values on the range")
        weights = self.distribution.weights(x)
        total = float(weights.sum())
        if not total > 0:
            raise CircuitError("distribution", expected="some weight within the range", got="none")
        return Samples(x, y, weights / total)
