"""Many circuits of the linear form at once, with real parameters: what the searches work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.fitting.problem import Samples

Real = npt.NDArray[np.float64]

#: Added to the diagonal of the normal equations: a gate that never or always spikes gets no output weight.
RIDGE = 1e-10


@dataclass(eq=False)
class Population:
    """Restarts side by side; gate i sees the first ``earlier[i]`` gates, all gains are 1.

    A gain other than 1 adds nothing here: dividing T and H of a gate by c > 0 leaves its spikes as they are, and a gate
    with c < 0 is the complement of one with c > 0.

    Members
    -------
    earlier : tuple of int
        For each gate the number of gates of earlier levels.
    thresholds : float64 array, shape (restart, gate)
        T, in units of x.
    lateral : float64 array, shape (restart, gate, gate)
        H, in units of x; zero from ``earlier[i]`` on.
    outputs : float64 array, shape (restart, gate)
        d.
    offsets : float64 array, shape (restart,)
        d_0.
    errors : float64 array, shape (restart,)
        Weighted mean squared error.
    """

    earlier: tuple[int, ...]
    thresholds: Real
    lateral: Real
    outputs: Real
    offsets: Real
    errors: Real

    @classmethod
    def of(cls, earlier: tuple[int, ...], thresholds: Real, lateral: Real) -> Population:
        """Return circuits whose outputs are still to be found."""
        restarts = len(thresholds)
        return cls(
            earlier, thresholds, lateral, np.zeros_like(thresholds), np.zeros(restarts), np.full(restarts, np.inf)
        )

    def __len__(self) -> int:
        return len(self.thresholds)

    @property
    def gates(self) -> int:
        """K."""
        return len(self.earlier)

    def __getitem__(self, chosen: npt.NDArray[np.integer] | npt.NDArray[np.bool_] | slice) -> Population:
        """Return copies of the chosen circuits."""
        parts = (self.thresholds, self.lateral, self.outputs, self.offsets, self.errors)
        return Population(self.earlier, *(np.array(part[chosen]) for part in parts))

    def put(self, where: npt.NDArray[np.bool_], other: Population) -> None:
        """Take over the circuits of ``other``, an equally large population, at ``where``."""
        self.thresholds[where], self.lateral[where] = other.thresholds[where], other.lateral[where]
        self.outputs[where], self.offsets[where] = other.outputs[where], other.offsets[where]
        self.errors[where] = other.errors[where]

    def joined(self, other: Population) -> Population:
        """Return both one after the other."""
        mine = (self.thresholds, self.lateral, self.outputs, self.offsets, self.errors)
        theirs = (other.thresholds, other.lateral, other.outputs, other.offsets, other.errors)
        return Population(self.earlier, *(np.concatenate(pair) for pair in zip(mine, theirs, strict=True)))

    def best(self, count: int) -> Population:
        """Return the ``count`` circuits of the least error, in order."""
        return self[np.argsort(self.errors, kind="stable")[:count]]

    def spikes(self, x: Real) -> Real:
        """Return spikes as 0 and 1, shape (restart, gate, sample)."""
        spikes = np.zeros((len(self), self.gates, len(x)))
        for gate in range(self.gates):
            self.fire(x, spikes, gate)
        return spikes

    def fire(self, x: Real, spikes: Real, gate: int) -> None:
        """Evaluate one gate into ``spikes``, the gates before it being there."""
        count = self.earlier[gate]
        threshold = self.thresholds[:, gate, None]
        if count:
            threshold = threshold + np.matmul(self.lateral[:, gate, None, :count], spikes[:, :count])[:, 0]
        np.greater_equal(x, threshold, out=spikes[:, gate], casting="unsafe")

    def values(self, spikes: Real) -> Real:
        """Return d_0 + Σ d_i·z_i, shape (restart, sample)."""
        values: Real = np.matmul(self.outputs[:, None], spikes)[:, 0] + self.offsets[:, None]
        return values

    def solve_outputs(self, samples: Samples, spikes: Real) -> None:
        """Set outputs, offsets and errors by weighted least squares, the exact optimum for these spikes."""
        restarts, gates, _ = spikes.shape
        # about the mean of y, or the difference of large squares would lose the small error
        middle = float(samples.weights @ samples.y)
        columns = np.concatenate([np.ones((restarts, 1, spikes.shape[2])), spikes], axis=1)
        weighted = columns * samples.weights
        normal = np.matmul(weighted, columns.transpose(0, 2, 1)) + RIDGE * np.eye(gates + 1)
        right = np.matmul(weighted, samples.y - middle)
        solution = np.linalg.solve(normal, right[..., None])[..., 0]
        self.offsets, self.outputs = solution[:, 0] + middle, solution[:, 1:]
        self.errors = np.square(self.values(spikes) - samples.y) @ samples.weights


def earlier_of(levels: tuple[int, ...]) -> tuple[int, ...]:
    """Return for each gate the number of gates of earlier levels."""
    return tuple(levels.index(level) for level in levels)
