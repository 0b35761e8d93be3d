"""A unit as a staircase: the pieces of the potential's interval on which no spike changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.circuit.threshold import TABLE_LIMIT

Array = npt.NDArray[np.int64]

#: Up to this many potentials all are tried.
TRIED_POTENTIALS = 1 << 16


@dataclass(frozen=True, eq=False)
class Pieces:
    """Which spikes there are for which potentials; the pieces follow one another without a gap.

    Members
    -------
    first, last : int64 arrays, shape (piece,)
        Least and greatest potential of each piece.
    spikes : bool array, shape (piece, gate)
    """

    first: Array
    last: Array
    spikes: npt.NDArray[np.bool_]

    def patterns(self, gates: int) -> tuple[npt.NDArray[np.bool_], Array]:
        """Return the distinct spikes of the first ``gates`` gates and which of them each piece has.

        Shapes (pattern, gate) and (piece,); patterns are in the order of the numbers whose binary digits they are, the
        first gate the most significant.
        """
        if not gates:
            return np.zeros((1, 0), np.bool_), np.zeros(len(self.first), np.int64)
        packed = np.packbits(self.spikes[:, :gates], axis=1)
        unique, inverse = np.unique(packed, axis=0, return_inverse=True)
        return np.unpackbits(unique, axis=1, count=gates).astype(np.bool_), inverse.reshape(-1).astype(np.int64)


def pieces(circuit: ThresholdCircuit, low: int, high: int) -> Pieces | None:
    """Return the pieces of ``circuit`` for potentials from ``low`` to ``high``, exactly.

    None if there are neither few enough potentials to try all, nor tables that say where a spike can change.
    """
    if high - low < TRIED_POTENTIALS:
        x = np.arange(low, high + 1)
    elif circuit.is_table or 1 << circuit.earlier(circuit.gates - 1) <= TABLE_LIMIT:
        x = _around_steps(circuit.to_table(), low, high)
    else:
        return None
    spikes = circuit.spikes(x)  # (potential, gate)
    changes = np.flatnonzero((spikes[1:] != spikes[:-1]).any(axis=1)) + 1
    starts, ends = np.append(0, changes), np.append(changes - 1, len(x) - 1)
    return Pieces(x[starts], x[ends], spikes[starts])


def _around_steps(circuit: ThresholdCircuit, low: int, high: int) -> Array:
    """Return ``low``, ``high``, each potential at which a comparison of a table can change, and the one below it."""
    potentials = {low, high}
    for gain, table in zip(circuit.gains, circuit.tables, strict=True):
        if gain:
            # c·x >= t changes at ceil(t/c) for c > 0, just above floor(t/c) for c < 0
            edges = {-(-t // gain) if gain > 0 else t // gain + 1 for t in table}
            potentials.update(x for edge in edges for x in (edge - 1, edge) if low <= x <= high)
    return np.array(sorted(potentials), np.int64)
