"""Many circuits of one shape evaluated at once: the units of a layer, each with its own thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.disturbance import DisturbedGates
from amos_hdl.circuit.threshold import MAGNITUDE_LIMIT, ThresholdCircuit
from amos_hdl.errors import CircuitError


class CircuitBank:
    """Units that share one arrangement of gates and levels; unit u is ``circuits[assignment[u]]``.

    This is the only place where gates are evaluated; ``ThresholdCircuit.spikes`` is a bank of one.

    Parameters
    ----------
    circuits : sequence of ThresholdCircuit
        The distinct circuits; equal levels, all of the linear or all of the table form.
    assignment : array of int, shape (unit,)
        Which circuit each unit is.

    Raises
    ------
    CircuitError
        If the circuits differ in levels or form, or an assignment names no circuit.
    """

    def __init__(self, circuits: Sequence[ThresholdCircuit], assignment: npt.NDArray[np.int64]) -> None:
        if not circuits:
            raise CircuitError("circuits of a layer", expected="at least one", got="none")
        first = circuits[0]
        for number, circuit in enumerate(circuits):
            if circuit.levels != first.levels or circuit.is_table != first.is_table:
                raise CircuitError(
                    f"circuit {number} of a layer",
                    expected=f"levels {first.levels} and the form of circuit 0",
                    got=f"levels {circuit.levels}" if circuit.levels != first.levels else "the other form",
                )
        if assignment.ndim != 1 or not len(assignment):
            raise CircuitError("assignment", expected="one circuit number per unit", got=repr(assignment.shape))
        if assignment.min() < 0 or assignment.max() >= len(circuits):
            got = f"{int(assignment.min())} to {int(assignment.max())}"
            raise CircuitError("assignment", expected=f"circuit numbers 0 to {len(circuits) - 1}", got=got)
        self._circuit = first
        self._units = len(assignment)
        self._circuits, self._assignment = tuple(circuits), assignment

    def _of_units(self, field: Callable[[ThresholdCircuit], object]) -> npt.NDArray[np.int64]:
        """Return a parameter of every unit side by side: ``(unit, ...)``."""
        return np.array([field(circuit) for circuit in self._circuits], np.int64)[self._assignment]

    # made when gates are evaluated: the tables of a large network are gigabytes, and counting spikes needs none

    @cached_property
    def _gains(self) -> npt.NDArray[np.int64]:
        return self._of_units(lambda circuit: circuit.gains)

    @cached_property
    def _outputs(self) -> npt.NDArray[np.int64]:
        return self._of_units(lambda circuit: circuit.outputs)

    @cached_property
    def _offsets(self) -> npt.NDArray[np.int64]:
        return self._of_units(lambda circuit: circuit.offset)

    @cached_property
    def _thresholds(self) -> npt.NDArray[np.int64]:
        return self._of_units(lambda circuit: circuit.thresholds)

    @cached_property
    def _lateral(self) -> npt.NDArray[np.int64]:
        return self._of_units(lambda circuit: circuit.lateral)

    @cached_property
    def _tables(self) -> list[npt.NDArray[np.int64]]:
        # (unit, entry) of each gate
        columns = zip(*(circuit.tables for circuit in self._circuits), strict=True)
        return [np.array(column, np.int64)[self._assignment] for column in columns]

    @property
    def gates(self) -> int:
        """K, the number of gates of each unit."""
        return self._circuit.gates

    @property
    def units(self) -> int:
        """Number of units."""
        return self._units

    def spikes(self, x: npt.NDArray[np.integer], disturbed: DisturbedGates | None = None) -> npt.NDArray[np.bool_]:
        """Return spikes ``(batch, unit, gate)`` for potentials ``x`` of shape ``(batch, unit)``.

        Gates that err are given as ``disturbed``; those of later levels see what the earlier ones really did.

        Raises CircuitError if x is not of an integer type or so large that a sum could wrap.
        """
        if not np.issubdtype(x.dtype, np.integer):
            raise CircuitError("potential", expected="integers", got=str(x.dtype))
        gains = self._gains
        if x.size and max(-int(x.min()), int(x.max())) * max(1, int(np.abs(gains).max())) >= MAGNITUDE_LIMIT:
            raise CircuitError("potential", expected=f"c·x below {MAGNITUDE_LIMIT}", got="a larger one")
        x = x.astype(np.int64, copy=False)
        # (gate, batch, unit) while working: each plane contiguous
        planes = np.empty((self.gates, *x.shape), np.bool_)
        plain = bool((gains == 1).all())
        for gate in range(self.gates):
            potential = x if plain else x * gains[:, gate]
            threshold = self._threshold(gate, planes)
            if disturbed is None:
                np.greater_equal(potential, threshold, out=planes[gate])
            else:
                planes[gate] = disturbed.fire(gate, potential, threshold, gains[:, gate])
        return np.moveaxis(planes, 0, -1)

    def _threshold(self, gate: int, planes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return t of ``gate`` given the planes of all earlier gates; broadcastable to ``(batch, unit)``."""
        circuit = self._circuit
        count = circuit.earlier(gate)
        if circuit.is_table:
            table = self._tables[gate]
            if not count:
                return table[:, 0]
            size = table.shape[1]
            # the entry each unit looks up, in the tables of all units laid end to end
            entry = np.broadcast_to(np.arange(self.units) * size, planes.shape[1:]).astype(np.int32)
            for earlier in range(count):
                entry += planes[earlier] * np.int32(1 << (count - 1 - earlier))
            return table.ravel().take(entry)
        threshold = self._thresholds[:, gate]
        for earlier in range(count):
            threshold = threshold + planes[earlier] * self._lateral[:, gate, earlier]
        return threshold

    def values(self, spikes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return y ``(batch, unit)`` that spikes ``(batch, unit, gate)`` stand for: d_0 + Σ d_i·z_i."""
        total = np.broadcast_to(self._offsets, spikes.shape[:-1]).copy()
        for gate in range(self.gates):
            total += spikes[..., gate] * self._outputs[:, gate]
        return total
