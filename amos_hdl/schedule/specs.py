"""Hardware specs: for each operation what is built, how wide, and in which clock cycle what appears.

A spec knows no Amaranth.  ``evaluate()`` is the reference of the component that ``gateware/`` builds from it, and
``latency_cycles`` its only source of timing.  Cycle 0 is the clock cycle in which the inputs are valid; a register that
takes them at the end of it shows them in cycle 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Argmax, Tensor, Unit, width_bits
from amos_hdl.schedule.dense import DenseSpec

Array = npt.NDArray[np.int64]

#: Clock cycles of one time step of the spiking network.
CYCLES_PER_STEP = 1
#: Up to this many earlier spikes a gate looks its threshold up; above, it adds lateral weights.
TABLE_SPIKES = 7


@dataclass(frozen=True)
class Port:
    """``count`` words side by side, word 0 in the lowest bits.

    Parameters
    ----------
    count : int
    low, high : int
        Value interval of every word; width and sign follow from it.
    """

    count: int
    low: int
    high: int

    @classmethod
    def of(cls, tensor: Tensor) -> Port:
        """Return the port that carries ``tensor``."""
        return cls(tensor.units, *tensor.interval)

    @property
    def word_bits(self) -> int:
        """Bits of one word."""
        return width_bits(self.low, self.high)[0]

    @property
    def signed(self) -> bool:
        """Whether words are two's complement."""
        return width_bits(self.low, self.high)[1]

    @property
    def bits(self) -> int:
        """Bits of the port."""
        return self.count * self.word_bits


@dataclass(frozen=True)
class UnitSpec:
    """One AMOS unit of gates in levels, a new potential every clock cycle.

    Gate i of level n spikes in cycle ``n·CYCLES_PER_STEP``; ``latency_cycles = depth·CYCLES_PER_STEP``;
    ``interval_cycles = 1``.

    Parameters
    ----------
    circuit : ThresholdCircuit
    low, high : int
        Interval of the potential.
    result_low, result_high : int
        Interval of y.
    """

    circuit: ThresholdCircuit
    low: int
    high: int
    result_low: int
    result_high: int

    interval_cycles = 1

    @property
    def potential(self) -> Port:
        """The potential x."""
        return Port(1, self.low, self.high)

    @property
    def value(self) -> Port:
        """The value y."""
        return Port(1, self.result_low, self.result_high)

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from potential to y."""
        return self.circuit.depth * CYCLES_PER_STEP

    def spike_cycle(self, gate: int) -> int:
        """Return the clock cycle in which the spike of ``gate`` (0-based) is visible."""
        return self.circuit.level_of(gate) * CYCLES_PER_STEP

    @cached_property
    def tables(self) -> tuple[tuple[int, ...] | None, ...]:
        """For each gate its thresholds on c·x by the spikes of earlier levels; None where lateral weights are added.

        A threshold that no c·x within the interval reaches is given as one above the greatest, one that all reach as
        the least: the same spikes, and no wider than the potential.
        """
        circuit = self.circuit
        if not circuit.is_table and circuit.earlier(circuit.gates - 1) > TABLE_SPIKES:
            return (None,) * circuit.gates
        tables = []
        for gain, table in zip(circuit.gains, circuit.to_table().tables, strict=True):
            least, greatest = sorted((gain * self.low, gain * self.high))
            tables.append(tuple(min(max(threshold, least), greatest + 1) for threshold in table))
        return tuple(tables)

    def evaluate(self, x: Array) -> tuple[npt.NDArray[np.bool_], Array]:
        """Return spikes ``(..., gate)`` and y of potentials x of any shape."""
        spikes = self.circuit.spikes(x)
        return spikes, self.circuit.decode(spikes)


@dataclass(frozen=True, eq=False)
class UnitLayerSpec:
    """Units side by side; ``modules[n]`` is the distinct unit that unit n is an instance of.

    Latency and interval are those of one unit: all have the same levels.
    """

    operation: Unit
    source: Tensor
    result: Tensor

    interval_cycles = 1

    @cached_property
    def distinct(self) -> tuple[UnitSpec, ...]:
        """The distinct units, in order of first appearance; all have the layer's potential and value widths."""
        return tuple(
            UnitSpec(self.operation.circuits[number], *self.source.interval, *self.result.interval)
            for number in dict.fromkeys(self.operation.assignment.tolist())
        )

    @cached_property
    def modules(self) -> tuple[int, ...]:
        """For each unit, the index of its spec in ``distinct``."""
        order = {number: index for index, number in enumerate(dict.fromkeys(self.operation.assignment.tolist()))}
        return tuple(order[number] for number in self.operation.assignment.tolist())

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from potentials to y."""
        return self.distinct[0].latency_cycles

    def spike_cycles(self) -> Array:
        """Return for each gate the cycle in which its spike is visible, shape (gate,)."""
        unit = self.distinct[0]
        return np.array([unit.spike_cycle(gate) for gate in range(unit.circuit.gates)], np.int64)

    def evaluate(self, x: Array) -> tuple[npt.NDArray[np.bool_], Array]:
        """Return spikes ``(batch, unit, gate)`` and y ``(batch, unit)``, unit by unit."""
        results = [self.distinct[number].evaluate(x[:, unit]) for unit, number in enumerate(self.modules)]
        return np.stack([spikes for spikes, _ in results], axis=1), np.stack([y for _, y in results], axis=1)


@dataclass(frozen=True, eq=False)
class ArgmaxSpec:
    """A tree of comparisons; of equal values the lower index wins.

    Each level takes two stages: compare, then choose.  Both in one stage were the slowest path of a whole network on
    ECP5.  ``latency_cycles = 2·max(1, ceil(log2(values)))``; ``interval_cycles = 1``.
    """

    operation: Argmax
    source: Tensor
    result: Tensor

    interval_cycles = 1

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from values to index."""
        return 2 * self.levels

    @property
    def levels(self) -> int:
        """Levels of comparisons."""
        return max(1, (self.source.units - 1).bit_length())

    def evaluate(self, x: Array) -> Array:
        """Return the index ``(batch, 1)`` of the greatest of ``x`` ``(batch, unit)``, by the same tree."""
        best = [(x[:, unit], np.full(len(x), unit, np.int64)) for unit in range(self.source.units)]
        while len(best) > 1:
            pairs = zip(best[::2], best[1::2], strict=False)
            reduced = [(np.maximum(a, b), np.where(a >= b, a_index, b_index)) for (a, a_index), (b, b_index) in pairs]
            best = reduced + best[len(reduced) * 2 :]
        return best[0][1][:, None]


@dataclass(frozen=True)
class DelaySpec:
    """``cycles`` registers in a row: ``latency_cycles = cycles``; ``interval_cycles = 1``."""

    bits: int
    cycles: int

    interval_cycles = 1

    def __post_init__(self) -> None:
        if self.bits < 1 or self.cycles < 1:
            raise ScheduleError("delay line", expected=">= 1 bit and cycle", got=f"{self.bits} and {self.cycles}")

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from input to output."""
        return self.cycles


LayerSpec = DenseSpec | UnitLayerSpec | ArgmaxSpec
