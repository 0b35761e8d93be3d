"""Hardware spec of units whose sums have few inputs: each gate is a look-up table of the bits that would be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Dense, Network, Tensor, Unit, width_bits
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.schedule.unit import CYCLES_PER_STEP, UnitLayerSpec

Array = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GateTable:
    """A gate as a table: with the bits ``b_0, b_1, ...`` it fires if bit ``Σ b_m·2**m`` of ``entries`` is 1.

    Parameters
    ----------
    bits : tuple of (word, bit)
        Of the inputs of the layer; none of them without effect.
    entries : int, 0 to ``2**2**len(bits) - 1``
    """

    bits: tuple[tuple[int, int], ...]
    entries: int

    @classmethod
    def of(cls, bits: list[tuple[int, int]], fires: Bits) -> GateTable:
        """Return the table of a gate that ``fires`` ``(2**len(bits),)``, without the bits that change nothing."""
        planes = fires.reshape((2,) * len(bits))  # axis 0 is the last bit
        kept = list(bits)
        for place in reversed(range(len(bits))):
            axis = len(kept) - 1 - place
            silent, high = np.take(planes, 0, axis), np.take(planes, 1, axis)
            if np.array_equal(silent, high):
                planes = silent
                del kept[place]
        packed = np.packbits(planes.reshape(-1), bitorder="little").tobytes()
        return cls(tuple(kept), int.from_bytes(packed, "little"))


@dataclass(frozen=True, eq=False)
class GateLayerSpec(UnitLayerSpec):
    """Units whose potentials are sums of so few bits that each gate is a table of these bits: nothing is added.

    Of unit n, ``x_n = b_n + Σ w_nm·a_m``; what its gate i does is a function of the bits of those a_m whose weights are
    not zero, spikes of earlier gates included, for they are functions of the same bits.  So no gate waits for another:
    all levels are one time step, every gate spikes in cycle ``CYCLES_PER_STEP``, which is ``latency_cycles``, and the
    sums take no time.  ``interval_cycles = 1``.

    Parameters
    ----------
    operation : Unit
    source : Tensor
        What the sums read.
    result : Tensor
    sums : Dense
        Whose sums are the potentials.
    lut_inputs : int
        Of the device's look-up tables.
    """

    sums: Dense = field(kw_only=True)
    lut_inputs: int = field(default=4, kw_only=True)

    has_modules: ClassVar[bool] = False

    @cached_property
    def potential(self) -> Tensor:
        """The potentials, which no wire carries."""
        return self.sums.result(self.source)

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the inputs of the sums to y."""
        return CYCLES_PER_STEP

    def spike_cycles(self) -> Array:
        """Return for each gate the cycle in which its spike is visible, shape (gate,): the same for all."""
        return np.full(self.operation.gates, CYCLES_PER_STEP, np.int64)

    @cached_property
    def tables(self) -> tuple[tuple[GateTable, ...], ...]:
        """For each unit the tables of its gates."""
        return tuple(self._unit_tables(unit) for unit in range(self.result.units))

    def _unit_tables(self, unit: int) -> tuple[GateTable, ...]:
        weights = self.sums.weights[unit]
        bits = [place for word in np.flatnonzero(weights).tolist() for place in word_bits(self.source, word)]
        pattern = np.arange(1 << len(bits))
        x = np.full(len(pattern), self.sums.biases[unit])
        for number, (word, bit) in enumerate(bits):
            x += weights[word] * _place_value(self.source, word, bit) * (pattern >> number & 1)
        # an input that has but one value counts with that
        x += int(sum(weights[word] * self.source.low[word] for word in _constants(self.source, weights)))
        spikes = self.operation.circuit(unit).spikes(x)  # (pattern, gate)
        return tuple(GateTable.of(bits, spikes[:, gate]) for gate in range(self.operation.gates))

    def evaluate(self, x: Array) -> tuple[Bits, Array]:
        """Return spikes ``(batch, unit, gate)`` and y ``(batch, unit)`` of inputs ``(batch, input)``, by the tables."""
        spikes = np.zeros((len(x), self.result.units, self.operation.gates), np.bool_)
        for unit, tables in enumerate(self.tables):
            for gate, table in enumerate(tables):
                entry = np.zeros(len(x), np.int64)
                for number, (word, bit) in enumerate(table.bits):
                    entry |= (x[:, word] >> bit & 1) << number
                fires = np.array([table.entries >> n & 1 for n in range(1 << len(table.bits))], np.bool_)
                spikes[:, unit, gate] = fires[entry]
        return spikes, self.operation.bank.values(spikes)


def word_bits(tensor: Tensor, word: int) -> list[tuple[int, int]]:
    """Return the bits of ``word`` that its own interval needs, as (word, bit), lowest first; none if it is constant."""
    low, high = int(tensor.low[word]), int(tensor.high[word])
    return [] if low == high else [(word, bit) for bit in range(width_bits(low, high)[0])]


def _place_value(tensor: Tensor, word: int, bit: int) -> int:
    """Return what ``bit`` of ``word`` counts: the highest of two's complement counts less than nothing."""
    bits, signed = width_bits(int(tensor.low[word]), int(tensor.high[word]))
    return -(1 << bit) if signed and bit == bits - 1 else 1 << bit


def _constants(tensor: Tensor, weights: Array) -> list[int]:
    """Return the words with a weight that have but one value."""
    return np.flatnonzero((weights != 0) & (tensor.low == tensor.high)).tolist()


def looked_up(network: Network, options: HardwareOptions) -> Mapping[str, Dense]:
    """Return, by the name of each layer of units whose gates are tables, the sums that they make unnecessary.

    Those are sums of units, none of them of more than ``options.table_limit`` bits, which only units read; neither the
    sums nor the units are folded.
    """
    found: dict[str, Dense] = {}
    for operation in network.operations:
        if not isinstance(operation, Dense) or operation.name in (*network.outputs, *options.folds):
            continue
        readers = [other for other in network.operations if operation.name in other.reads]
        units = [other for other in readers if isinstance(other, Unit) and other.name not in options.folds]
        if readers and len(units) == len(readers) and _most_bits(operation, network) <= options.table_limit:
            found |= {unit.name: operation for unit in units}
    return found


def _most_bits(operation: Dense, network: Network) -> int:
    """Return the bits that the sum of the most bits sees."""
    source = network.tensors[operation.source]
    bits = [len(word_bits(source, word)) for word in range(source.units)]
    return int(((operation.weights != 0) @ np.array(bits, np.int64)).max())
