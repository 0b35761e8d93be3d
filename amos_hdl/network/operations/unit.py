"""AMOS units: the operation that spikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from amos_hdl.circuit import CircuitBank, ThresholdCircuit
from amos_hdl.circuit.threshold import MAGNITUDE_LIMIT
from amos_hdl.errors import CircuitError, NetworkError
from amos_hdl.network.operations.base import Array, OneSource, constant
from amos_hdl.network.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Unit(OneSource):
    """AMOS units: every unit of channel n (or unit n) is ``circuits[assignment[n]]`` applied to its potential.

    Parameters
    ----------
    name, source : str
        This operation, and the one whose values are the potentials.
    circuits : tuple of ThresholdCircuit
        The distinct circuits; equal levels and form.
    assignment : integers, shape (channel,)
        Which circuit the units of each channel are; shape (unit,) where the source is no map.

    Raises
    ------
    NetworkError
        If the circuits differ in shape or the assignment does not fit.
    """

    circuits: tuple[ThresholdCircuit, ...]
    assignment: Array

    kind: ClassVar[str] = "unit"

    def __post_init__(self) -> None:
        super().__post_init__()
        assignment = constant(self.assignment, np.shape(self.assignment), f"assignment of {self.name}")
        object.__setattr__(self, "assignment", assignment)
        try:
            _ = self.bank  # made, and so checked, on construction
        except CircuitError as error:
            raise NetworkError(str(error), where=self.name) from error

    @cached_property
    def bank(self) -> CircuitBank:
        """The circuits of all channels, to be evaluated at once."""
        return CircuitBank(self.circuits, self.assignment)

    @cached_property
    def _known(self) -> dict[tuple[int, int, int], tuple[int, int]]:
        """Intervals of y by circuit and interval of x: those of thousands of channels take seconds, but only once."""
        return {}

    @property
    def gates(self) -> int:
        """K, the gates of each unit."""
        return self.bank.gates

    def circuit(self, channel: int) -> ThresholdCircuit:
        """Return the circuit of ``channel`` (or unit)."""
        return self.circuits[int(self.assignment[channel])]

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of values y: the exact interval of each channel over its potentials."""
        (source,) = read
        if source.channels != len(self.assignment):
            what = "channels" if source.space else "units"
            raise self.refuse(what, f"{source.channels}, what {self.source} gives", len(self.assignment))
        greatest = max(abs(gain) for circuit in self.circuits for gain in circuit.gains)
        if greatest * source.magnitude >= MAGNITUDE_LIMIT:
            raise self.refuse("gained potential", f"c·x below {MAGNITUDE_LIMIT}", "more")
        keys = zip(self.assignment.tolist(), source.low.tolist(), source.high.tolist(), strict=True)
        known, intervals = self._known, []
        for key in keys:
            if key not in known:
                known[key] = self.circuits[key[0]].value_interval(*key[1:])
            intervals.append(known[key])
        low, high = np.array(intervals, np.int64).T
        return Tensor(low, high, source.space)

    def magnitude(self, *read: Tensor) -> int:
        """Return 0: nothing is summed here, potentials are compared by the circuits."""
        return 0

    def attributes(self) -> dict[str, Any]:
        """Return form and levels of the circuits."""
        form = "table" if self.circuits[0].is_table else "linear"
        return {"form": form, "levels": list(self.circuits[0].levels)}

    def arrays(self) -> dict[str, Array]:
        """Return ``assignment`` and the parameters of the circuits, whose first axis is the circuit."""
        circuits = self.circuits
        fields: dict[str, Any] = {
            "gains": [circuit.gains for circuit in circuits],
            "outputs": [circuit.outputs for circuit in circuits],
            "offset": [circuit.offset for circuit in circuits],
        }
        if circuits[0].is_table:
            # the tables of one circuit end to end, gate after gate
            fields["tables"] = [tuple(value for table in circuit.tables for value in table) for circuit in circuits]
        else:
            fields |= {"thresholds": [c.thresholds for c in circuits], "lateral": [c.lateral for c in circuits]}
        return {"assignment": self.assignment} | {name: np.array(part, np.int64) for name, part in fields.items()}

    @classmethod
    def from_arrays(
        cls, name: str, source: str, form: str, levels: list[int], array_of: Callable[[str], Array]
    ) -> Unit:
        """Return the units that ``attributes`` and ``arrays`` describe, the arrays given by name.

        Raises NetworkError if shapes do not fit, CircuitError if the circuits are none.
        """
        count = len(levels)
        if not 1 <= count <= 255:
            raise NetworkError("levels", where=name, expected="1 to 255 gates", got=repr(count))

        def take(key: str, *tail: int) -> Any:
            array = array_of(key)
            if array.ndim != 1 + len(tail) or array.shape[1:] != tail:
                expected = " x ".join(["circuits", *map(str, tail)])
                raise NetworkError(f"shape of {key}", where=name, expected=expected, got=repr(array.shape))
            return array.tolist()

        gains, outputs, offsets = take("gains", count), take("outputs", count), take("offset")
        forms: list[dict[str, Any]]
        if form == "table":
            sizes = [1 << min(levels.index(level), 16) for level in levels]
            ends = np.cumsum(sizes).tolist()
            forms = [
                {"tables": tuple(tuple(row[end - size : end]) for size, end in zip(sizes, ends, strict=True))}
                for row in take("tables", ends[-1])
            ]
        else:
            lateral = take("lateral", count, count)
            forms = [
                {"thresholds": tuple(row), "lateral": tuple(map(tuple, matrix))}
                for row, matrix in zip(take("thresholds", count), lateral, strict=False)
            ]
        if not len(gains) == len(outputs) == len(offsets) == len(forms):
            raise NetworkError("circuits", where=name, expected="as many in each array")
        circuits = tuple(
            ThresholdCircuit(tuple(gain), tuple(output), tuple(levels), offset, **parameters)
            for gain, output, offset, parameters in zip(gains, outputs, offsets, forms, strict=True)
        )
        return cls(name, source, circuits, array_of("assignment"))
