"""How often each input occurs: the weight that an approximation gives to it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import CircuitError

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Uniform:
    """All inputs alike."""

    def weights(self, x: Real) -> Real:
        """Return the weight of each x."""
        return np.ones_like(x)


@dataclass(frozen=True)
class Normal:
    """A bell of inputs; the networks of arXiv:2001.01682 have mean -0.06 and standard deviation 1.56.

    Raises CircuitError unless both are finite and ``deviation`` is positive.
    """

    mean: float = -0.06
    deviation: float = 1.56

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and np.isfinite(self.deviation) and self.deviation > 0):
            got = f"{self.mean}, {self.deviation}"
            raise CircuitError("normal distribution", expected="finite mean, deviation above 0", got=got)

    def weights(self, x: Real) -> Real:
        """Return the weight of each x, in proportion to the density."""
        weights: Real = np.exp(-0.5 * ((x - self.mean) / self.deviation) ** 2)
        return weights


@dataclass(frozen=True)
class Histogram:
    """Counts of inputs between edges, as calibration gives them.

    Parameters
    ----------
    edges : tuple of float
        Rising, one more than counts.
    counts : tuple of float
        >= 0, their sum > 0.

    Raises
    ------
    CircuitError
        If they are not so.
    """

    edges: tuple[float, ...]
    counts: tuple[float, ...]

    def __post_init__(self) -> None:
        edges, counts = np.array(self.edges, np.float64), np.array(self.counts, np.float64)
        if len(edges) != len(counts) + 1 or len(counts) < 1:
            raise CircuitError("histogram", expected="one edge more than counts", got=f"{len(edges)} and {len(counts)}")
        if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
            raise CircuitError("edges of a histogram", expected="finite and rising")
        if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.max() > 0):
            raise CircuitError("counts of a histogram", expected="finite, >= 0, not all 0")
        if not (np.isfinite(self._density).all() and self._density.max() > 0):
            raise CircuitError("histogram", expected="bins and counts whose quotients, the densities, are finite")

    @property
    def _density(self) -> Real:
        """Count by width of each bin, shape (bin,)."""
        with np.errstate(all="ignore"):
            density: Real = np.array(self.counts, np.float64) / np.diff(np.array(self.edges, np.float64))
        return density

    def weights(self, x: Real) -> Real:
        """Return the weight of each x: the density of its bin against the greatest of all, 0 outside."""
        edges = np.array(self.edges)
        density = self._density / self._density.max()
        bins = np.searchsorted(edges, x, side="right") - 1
        weights: Real = np.where((bins >= 0) & (bins < len(density)), density[bins.clip(0, len(density) - 1)], 0.0)
        return weights


Distribution = Uniform | Normal | Histogram


def read_columns(path: Path, what: str) -> tuple[list[float], list[float]]:
    """Read two columns of numbers from a CSV file, a header line allowed.

    Raises CircuitError, naming file and line, if the file is missing or a line is not two finite numbers.
    """
    first, second = [], []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                try:
                    a, b = (float(cell) for cell in row)
                except ValueError as failure:
                    if number == 1 or not row:
                        continue
                    expected = "two numbers separated by a comma"
                    raise CircuitError(
                        what, where=f"{path}, line {number}", expected=expected, got=repr(row)
                    ) from failure
                if not (np.isfinite(a) and np.isfinite(b)):
                    raise CircuitError(what, where=f"{path}, line {number}", expected="finite numbers", got=repr(row))
                first.append(a)
                second.append(b)
    except (OSError, UnicodeDecodeError, csv.Error) as failure:
        raise CircuitError(f"{what} cannot be read: {failure}", where=str(path)) from failure
    return first, second
