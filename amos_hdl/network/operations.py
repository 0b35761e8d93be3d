"""The operations of a network, as frozen values: input code, dense, unit, argmax.

Each operation knows how many integers it gives and within which intervals (``result``); what it computes is in
``golden.py``, and in words in ``SPEC.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import CircuitBank, ThresholdCircuit
from amos_hdl.circuit.threshold import MAGNITUDE_LIMIT
from amos_hdl.errors import CircuitError, NetworkError
from amos_hdl.network.names import check_operation_name
from amos_hdl.network.tensor import WIDTH_LIMIT_BITS, Tensor, width_bits

#: Most units of one operation.
UNIT_LIMIT = 1 << 20

Array = npt.NDArray[np.int64]


def _constant(values: npt.ArrayLike, shape: tuple[int, ...], what: str) -> Array:
    """Return ``values`` as a read-only int64 array after checking type and shape."""
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.integer):
        raise NetworkError(what, expected="integers", got=str(array.dtype))
    if array.shape != shape:
        raise NetworkError(f"shape of {what}", expected=repr(shape), got=repr(array.shape))
    array = array.astype(np.int64)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Input:
    """The input code: ``units`` integers from ``low`` to ``high``, one image.

    Raises NetworkError for a reversed interval or a number of units out of range.
    """

    name: str
    units: int
    low: int
    high: int

    def __post_init__(self) -> None:
        check_operation_name(self.name)
        if not 1 <= self.units <= UNIT_LIMIT:
            raise NetworkError("units", where=self.name, expected=f"1 to {UNIT_LIMIT}", got=repr(self.units))
        if self.low > self.high:
            raise NetworkError("interval", where=self.name, expected="low <= high", got=f"{self.low} to {self.high}")
        if width_bits(self.low, self.high)[0] > 32:
            raise NetworkError(
                "interval", where=self.name, expected="at most 32 bits", got=f"{self.low} to {self.high}"
            )

    def result(self) -> Tensor:
        """Return the tensor of pixels."""
        return Tensor(np.full(self.units, self.low, np.int64), np.full(self.units, self.high, np.int64))


@dataclass(frozen=True, eq=False)
class Dense:
    """Weighted sums: ``x[n] = bias[n] + Σ_m weights[n, m]·y[m]``.

    Parameters
    ----------
    name, source : str
        This operation, and the one whose values y it sums.
    weights : integers, shape (unit, input)
        Two's complement of ``weight_bits`` bits.
    weight_bits : int, 1 to 16
        Declared width; a weight outside it is an error.
    bias : integers, shape (unit,), optional
        Default 0.  Where units follow, biases are absorbed in their thresholds and left 0 here.
    potential_bits : int, optional
        Declared width of x; an error if x could overflow it.  Default: as wide as the value interval needs.

    Raises
    ------
    NetworkError
        If a weight does not fit, or shapes or widths do not.
    """

    name: str
    source: str
    weights: Array
    weight_bits: int
    bias: Array | None = None
    potential_bits: int | None = None

    def __post_init__(self) -> None:
        check_operation_name(self.name)
        shape = np.shape(self.weights)
        if len(shape) != 2 or not (1 <= shape[0] <= UNIT_LIMIT and 1 <= shape[1] <= UNIT_LIMIT):
            raise NetworkError("shape of weights", where=self.name, expected="(unit, input)", got=repr(shape))
        object.__setattr__(self, "weights", _constant(self.weights, shape, f"weights of {self.name}"))
        bias = np.zeros(shape[0], np.int64) if self.bias is None else self.bias
        object.__setattr__(self, "bias", _constant(bias, shape[:1], f"bias of {self.name}"))
        if not 1 <= self.weight_bits <= 16:
            raise NetworkError("weight_bits", where=self.name, expected="1 to 16 bits", got=repr(self.weight_bits))
        low, high = -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1
        outside = np.argwhere((self.weights < low) | (self.weights > high))
        if len(outside):
            unit, column = (int(index) for index in outside[0])
            raise NetworkError(
                "weight",
                where=f"{self.name}, unit {unit}, input {column}",
                expected=f"{low} to {high} ({self.weight_bits} bits)",
                got=repr(int(self.weights[unit, column])),
            )
        if np.abs(self.biases).max() >= 1 << WIDTH_LIMIT_BITS - 2:
            raise NetworkError("bias", where=self.name, expected=f"fewer than {WIDTH_LIMIT_BITS - 1} bits")

    @property
    def biases(self) -> Array:
        """Bias of every unit, shape (unit,)."""
        return self.bias  # type: ignore[return-value]  # set on construction

    def result(self, source: Tensor) -> Tensor:
        """Return the tensor of potentials: the exact interval of each sum, its inputs taken as independent.

        Raises NetworkError if a potential could overflow its width.
        """
        if self.weights.shape[1] != source.units:
            raise NetworkError(
                "inputs of weights",
                where=self.name,
                expected=f"{source.units}, what {self.source} gives",
                got=repr(self.weights.shape[1]),
            )
        greatest = int(np.abs(self.weights).sum(axis=1).max()) * max(-int(source.low.min()), int(source.high.max()), 1)
        if greatest >= 1 << WIDTH_LIMIT_BITS - 2:
            raise NetworkError("potential", where=self.name, expected=f"at most {WIDTH_LIMIT_BITS} bits", got="more")
        positive, negative = self.weights.clip(min=0), self.weights.clip(max=0)  # (unit, input)
        low: Array = np.add(self.biases, positive @ source.low + negative @ source.high, dtype=np.int64)
        high: Array = np.add(self.biases, positive @ source.high + negative @ source.low, dtype=np.int64)
        tensor = Tensor(low, high)
        if self.potential_bits is not None and tensor.bits > self.potential_bits:
            raise NetworkError(
                "a potential could overflow its width",
                where=self.name,
                expected=f"{tensor.bits} bits for {tensor.interval[0]} to {tensor.interval[1]}",
                got=f"potential_bits {self.potential_bits}",
            )
        return tensor


@dataclass(frozen=True, eq=False)
class Unit:
    """AMOS units: unit n is ``circuits[assignment[n]]`` applied to potential n.

    Parameters
    ----------
    name, source : str
        This operation, and the one whose values are the potentials.
    circuits : tuple of ThresholdCircuit
        The distinct circuits; equal levels and form.
    assignment : integers, shape (unit,)
        Which circuit each unit is.

    Raises
    ------
    NetworkError
        If the circuits differ in shape or the assignment does not fit.
    """

    name: str
    source: str
    circuits: tuple[ThresholdCircuit, ...]
    assignment: Array

    def __post_init__(self) -> None:
        check_operation_name(self.name)
        assignment = _constant(self.assignment, np.shape(self.assignment), f"assignment of {self.name}")
        object.__setattr__(self, "assignment", assignment)
        try:
            self.bank  # noqa: B018  # made, and so checked, on construction
        except CircuitError as error:
            raise NetworkError(str(error), where=self.name) from error

    @cached_property
    def bank(self) -> CircuitBank:
        """All units, to be evaluated at once."""
        return CircuitBank(self.circuits, self.assignment)

    @property
    def gates(self) -> int:
        """K, the gates of each unit."""
        return self.bank.gates

    def circuit(self, unit: int) -> ThresholdCircuit:
        """Return the circuit of ``unit``."""
        return self.circuits[int(self.assignment[unit])]

    def result(self, source: Tensor) -> Tensor:
        """Return the tensor of values y: the exact interval of each unit over its potentials."""
        if source.units != len(self.assignment):
            raise NetworkError(
                "units",
                where=self.name,
                expected=f"{source.units}, what {self.source} gives",
                got=repr(len(self.assignment)),
            )
        greatest = max(abs(gain) for circuit in self.circuits for gain in circuit.gains)
        if greatest * max(map(abs, source.interval)) >= MAGNITUDE_LIMIT:
            raise NetworkError("gained potential", where=self.name, expected=f"c·x below {MAGNITUDE_LIMIT}", got="more")
        keys = zip(self.assignment.tolist(), source.low.tolist(), source.high.tolist(), strict=True)
        known: dict[tuple[int, int, int], tuple[int, int]] = {}
        intervals = []
        for key in keys:
            if key not in known:
                known[key] = self.circuits[key[0]].value_interval(*key[1:])
            intervals.append(known[key])
        low, high = np.array(intervals, np.int64).T
        return Tensor(low, high)


@dataclass(frozen=True, eq=False)
class Argmax:
    """The index of the greatest value; of equal ones, the lowest index."""

    name: str
    source: str

    def __post_init__(self) -> None:
        check_operation_name(self.name)

    def result(self, source: Tensor) -> Tensor:
        """Return the tensor of one index.  Raises NetworkError if there is nothing to choose from."""
        if source.units < 2:
            raise NetworkError("values", where=self.name, expected="at least 2", got=repr(source.units))
        return Tensor(np.zeros(1, np.int64), np.array([source.units - 1], np.int64))


Operation = Input | Dense | Unit | Argmax
