"""Float tensors as integers of the network in the making: what one unit of them stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from amos_hdl.network.operations import Window

Real = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scaled:
    """The integers u of operation ``source`` stand for ``scale·u + offset``, both of shape (channel,)."""

    source: str
    scale: Real
    offset: Real

    def affine(self, factor: Real, addend: Real) -> Scaled:
        """Return the same integers, standing for factor·x + addend."""
        return replace(self, scale=self.scale * factor, offset=self.offset * factor + addend)


@dataclass(frozen=True, eq=False)
class Sums:
    """Weighted sums that are not integers yet: whoever uses them decides their scale.

    Members
    -------
    name : str
        Of the operation to be.
    place : str
        Of the float node, for errors.
    source : str
        The operation that is summed.
    weights : float64, shape (output, input) or (channel, input of the group, row, column)
        In units of the integers of ``source``.
    offset : float64, shape (output,)
    bits : int
        Of the integer weights to be.
    window, groups :
        Of a convolution.
    """

    name: str
    place: str
    source: str
    weights: Real
    offset: Real
    bits: int
    window: Window | None = None
    groups: int = 1

    def affine(self, factor: Real, addend: Real) -> Sums:
        """Return factor·x + addend: the factor is in the weights, so that scales stay positive."""
        column = np.broadcast_to(factor, self.offset.shape).reshape(-1, *[1] * (self.weights.ndim - 1))
        return replace(self, weights=self.weights * column, offset=self.offset * factor + addend)

    @property
    def least_scale(self) -> Real:
        """The least step of each output's weights with which the greatest fits, shape (output,)."""
        greatest = np.abs(self.weights).reshape(len(self.weights), -1).max(axis=1)
        # sums of nothing take the step of the others
        fallback = greatest.max() if greatest.max() > 0 else 1.0
        step: Real = np.where(greatest > 0, greatest, fallback) / ((1 << self.bits - 1) - 1)
        return step

    def best_scale(self) -> Real:
        """Return the step with the least squared error of the rounded weights, shape (output,).

        For few bits it pays to clip the greatest weights.
        """
        rows = self.weights.reshape(len(self.weights), -1)
        full, limit = self.least_scale, (1 << self.bits - 1) - 1
        best, least = full, np.full(len(rows), np.inf)
        for part in np.linspace(1.0, 0.5, 26):
            step = full * part
            error = ((np.clip(np.round(rows / step[:, None]), -limit, limit) * step[:, None] - rows) ** 2).sum(axis=1)
            best, least = np.where(error < least, step, best), np.minimum(error, least)
        return best

    def integers(self, scale: Real) -> Integers:
        """Return the weights as integers of that scale, symmetric, clipped to their width."""
        limit = (1 << self.bits - 1) - 1
        column = scale.reshape(-1, *[1] * (self.weights.ndim - 1))
        return np.clip(np.round(self.weights / column), -limit, limit).astype(np.int64)


def short_factor(ratio: Real) -> Integers:
    """Return the greatest integers <= ``ratio`` with at most three significant binary digits: two additions at most.

    ``ratio`` must be at least 1.
    """
    whole = np.maximum(np.floor(ratio + 1e-9), 1).astype(np.int64)
    shift = np.maximum(np.floor(np.log2(whole)).astype(np.int64) - 2, 0)
    return (whole >> shift) << shift
