"""The best staircase: piecewise-constant approximation of a sampled function with a given number of levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import CircuitError

Real = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: Cells on which the exact search runs; a finer sampling is first merged into as many.
CELLS = 1024
#: Passes of the refinement on the fine sampling; each lowers the error or ends it.
REFINEMENTS = 200


@dataclass(frozen=True, eq=False)
class Staircase:
    """Level n holds from sample ``starts[n]`` up to the next start.

    Members
    -------
    starts : int64 array, shape (level,)
        Rising, the first 0.
    values : float64 array, shape (level,)
        Weighted means of the samples, which is what makes the squared error least.
    """

    starts: Index
    values: Real

    def __call__(self, samples: int) -> Real:
        """Return the staircase at samples 0 to ``samples`` - 1."""
        return np.repeat(self.values, np.diff(np.append(self.starts, samples)))


def best_staircase(y: Real, weights: Real, levels: int) -> Staircase:
    """Return the staircase of at most ``levels`` levels with the least weighted squared error.

    Up to ``CELLS`` samples: the global optimum, monotone or not, by dynamic programming.  More samples: the better of
    two starts, the optimum on as many merged cells and the asymptotically best density of levels, both refined on
    all samples.

    Parameters
    ----------
    y, weights : float64 arrays, shape (sample,)
        Values of the function in order of x, and how much each sample counts (>= 0, their sum > 0).
    levels : int, >= 1

    Raises
    ------
    CircuitError
        If levels, weights or values are out of range.

    Source: optimal one-dimensional partition (R. Bellman, Comm. ACM 4, 1961); density of levels (P. Panter, W. Dite,
    Proc. IRE 39, 1951); the refinement is that of S. Lloyd, IEEE Trans. Inf. Theory 28, 1982, kept to intervals of x.
    """
    if levels < 1:
        raise CircuitError("levels of a staircase", expected=">= 1", got=repr(levels))
    if y.shape != weights.shape or y.ndim != 1 or not len(y) or not np.isfinite(y).all():
        raise CircuitError("samples of a staircase", expected="finite values and as many weights")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise CircuitError("weights of a staircase", expected=">= 0, not all 0")
    # samples of no weight must belong somewhere too: they follow their neighbours
    weights = weights + 1e-12 * weights.max()
    edges = np.unique(np.linspace(0, len(y), min(CELLS, len(y)) + 1).round().astype(np.int64))
    sums = _Sums(y, weights)
    starts = edges[_partition(sums, edges, min(levels, len(edges) - 1))]
    if len(edges) <= len(y):
        candidates = [_refine(sums, y, start) for start in (starts, _by_density(y, weights, levels))]
        starts = min(candidates, key=sums.error)
    return Staircase(starts, sums.means(starts))


def _by_density(y: Real, weights: Real, levels: int) -> Index:
    """Return starts such that each level gets an equal share of |y'|**(2/3)·w**(1/3)."""
    slope = np.abs(np.gradient(y)) if len(y) > 1 else np.zeros(1)
    share = np.cumsum(np.cbrt(slope**2 * weights) + 1e-9 * np.cbrt(weights.max()))
    return np.unique(np.searchsorted(share, share[-1] * np.arange(levels) / levels)).astype(np.int64)


class _Sums:
    """Running sums of weights, w·y and w·y², from which the error of any interval follows at once."""

    def __init__(self, y: Real, weights: Real) -> None:
        # about the mean, or the difference of large squares would lose the small error
        self.middle = float(np.average(y, weights=weights))
        centred = y - self.middle
        self.w, self.wy, self.wyy = (
            np.concatenate([[0.0], np.cumsum(weights * power)]) for power in (np.ones_like(y), centred, centred**2)
        )

    def costs(self, edges: Index) -> Real:
        """Return the error of every interval ``(from edge, to edge)``; infinite where it is empty."""
        w, wy, wyy = (total[edges][None, :] - total[edges][:, None] for total in (self.w, self.wy, self.wyy))
        later = np.triu(np.ones((len(edges), len(edges)), bool), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            costs: Real = np.where(later, np.maximum(wyy - wy**2 / w, 0.0), np.inf)
        return costs

    def means(self, starts: Index) -> Real:
        """Return the weighted mean of y from each start to the next."""
        ends = np.append(starts[1:], len(self.w) - 1)
        means: Real = self.middle + (self.wy[ends] - self.wy[starts]) / (self.w[ends] - self.w[starts])
        return means

    def error(self, starts: Index) -> float:
        """Return the error of a whole staircase."""
        ends = np.append(starts[1:], len(self.w) - 1)
        w, wy, wyy = (total[ends] - total[starts] for total in (self.w, self.wy, self.wyy))
        return float((wyy - wy**2 / w).sum())


def _partition(sums: _Sums, edges: Index, levels: int) -> Index:
    """Return the numbers of the edges at which the levels of the best partition start."""
    costs = sums.costs(edges)
    best, choices = costs[0], []
    for _ in range(levels - 1):
        totals = best[:, None] + costs
        choice = totals.argmin(axis=0)
        choices.append(choice)
        best = totals[choice, np.arange(len(edges))]
    starts = [len(edges) - 1]
    for choice in reversed(choices):
        starts.append(int(choice[starts[-1]]))
    return np.array([0, *reversed(starts[1:])], np.int64)


def _refine(sums: _Sums, y: Real, starts: Index) -> Index:
    """Move each inner edge to the sample at which the error of its two neighbours is least, while the sum falls."""
    error = sums.error(starts)
    for _ in range(REFINEMENTS):
        means, moved = sums.means(starts), starts.copy()
        for number in range(1, len(starts)):
            low = int(moved[number - 1]) + 1
            high = int(starts[number + 1]) if number + 1 < len(starts) else len(y)
            left, right = means[number - 1], means[number]
            # total error of the two levels if the edge is at each sample between their ends
            gain = np.cumsum((y[low - 1 : high - 1] - left) ** 2 - (y[low - 1 : high - 1] - right) ** 2)
            if len(gain):
                moved[number] = low + int(gain.argmin())
        better = sums.error(moved)
        if not better < error * (1 - 1e-9):
            break
        starts, error = moved, better
    return starts
