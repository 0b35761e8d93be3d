"""Gates that err: noise on potentials, thresholds that are off, spikes that are dropped or inserted."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import CircuitError


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How much gates err; all zero is the exact circuit.

    Potential and threshold are *input-referred fractions of the spread* of a layer's potentials (their standard
    deviation without noise), so that levels mean the same whatever the integers of a layer are.

    Parameters
    ----------
    potential : float, >= 0
        Standard deviation of Gaussian noise on the potential, drawn anew for every gate and image.
    threshold : float, >= 0
        Standard deviation of the Gaussian error of each gate's threshold, drawn once per device.
    drop, insert : float, 0 to 1
        Probability that a spike is lost, and that a silent gate spikes, for every gate and image.

    Raises
    ------
    CircuitError
        For a level that is negative, not finite, or no probability.
    """

    potential: float = 0.0
    threshold: float = 0.0
    drop: float = 0.0
    insert: float = 0.0

    def __post_init__(self) -> None:
        for name, greatest in (("potential", math.inf), ("threshold", math.inf), ("drop", 1.0), ("insert", 1.0)):
            level = getattr(self, name)
            if not (math.isfinite(level) and 0 <= level <= greatest):
                expected = "finite and >= 0" if greatest == math.inf else "0 to 1"
                raise CircuitError(f"noise level {name}", expected=expected, got=repr(level))

    def __bool__(self) -> bool:
        """Whether anything is disturbed at all."""
        return any(getattr(self, field.name) for field in fields(self))


class DisturbedGates:
    """The gates of one layer of one device: their threshold errors are drawn on construction, the rest at each use.

    ::

        z_i = 1  if  c_i·(x + n_i) >= t_i + |c_i|·e_i  else 0
        n_i ~ N(0, potential·spread)      e_i ~ N(0, threshold·spread)

    then a spike is dropped, or one inserted.  Gates of later levels see the disturbed spikes.

    Parameters
    ----------
    disturbance : Disturbance
    units, gates : int
        Of the layer.
    spread : float
        What the levels are fractions of, in integer steps of the potential.
    random : numpy.random.Generator
    only : int, optional
        The one gate of each unit (0-based) that errs.  Default: all.
    one_comparator : bool
        A folded unit: its gates are one comparator, whose threshold error they share.
    """

    def __init__(
        self,
        disturbance: Disturbance,
        *,
        units: int,
        gates: int,
        spread: float,
        random: np.random.Generator,
        only: int | None = None,
        one_comparator: bool = False,
    ) -> None:
        self._disturbance, self._random, self._only = disturbance, random, only
        self._deviation = disturbance.potential * spread
        # (unit, gate)
        errors = np.zeros((units, 1))
        if disturbance.threshold:
            errors = random.standard_normal((units, 1 if one_comparator else gates)) * disturbance.threshold * spread
        self._errors = np.broadcast_to(errors, (units, gates))

    def fire(
        self,
        gate: int,
        potential: npt.NDArray[np.integer],
        threshold: npt.NDArray[np.integer],
        gain: npt.NDArray[np.integer],
    ) -> npt.NDArray[np.bool_]:
        """Return the disturbed spikes of ``gate`` (0-based), shape ``(batch, unit)``.

        Parameters
        ----------
        potential : shape (batch, unit)
            c·x.
        threshold : broadcastable to (batch, unit)
        gain : shape (unit,)
            c.
        """
        if not self._disturbance or self._only not in (None, gate):
            return potential >= threshold
        drop, insert, size = self._disturbance.drop, self._disturbance.insert, potential.shape
        if self._disturbance.potential or self._disturbance.threshold:
            shift: npt.NDArray[np.floating] = -self._errors[:, gate]
            if self._deviation:
                shift = shift + self._deviation * self._random.standard_normal(size, np.float32)
            fired = potential - threshold + np.abs(gain) * shift >= 0
        else:
            fired = potential >= threshold
        if drop or insert:
            chance = self._random.random(size, np.float32)
            fired = np.where(fired, chance >= drop, chance < insert)
        return np.asarray(fired, np.bool_)
