"""Hardware specs of AMOS units: what each gate compares, how wide, and in which clock cycle it spikes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.errors import CircuitError, ScheduleError
from amos_hdl.network import Tensor, Unit
from amos_hdl.schedule import cost
from amos_hdl.schedule.clock import Clock
from amos_hdl.schedule.lookup import Lookup, lookup
from amos_hdl.schedule.pieces import Pieces, pieces
from amos_hdl.schedule.port import Port

Array = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]

#: Clock cycles of one time step of the spiking network.
CYCLES_PER_STEP = 1


@dataclass(frozen=True)
class UnitSpec:
    """One AMOS unit of gates in levels, a new potential every clock cycle.

    Gate i of level n spikes in cycle ``n·CYCLES_PER_STEP``; ``latency_cycles = depth·CYCLES_PER_STEP``;
    ``interval_cycles = 1``.  With ``stages`` several levels may be done in one clock cycle, each gate seeing the
    others' spikes before their registers: a gate of level n spikes in cycle ``stages[n - 1]``, the last of which is the
    latency.

    Each gate looks its threshold up by the spikes before it, or adds lateral weights where that is estimated to be
    clearly smaller (``cost``).  A lookup has the gain divided out: gate i fires if ``x >= t``, or, where c_i < 0, if
    ``x <= t``.

    Parameters
    ----------
    circuit : ThresholdCircuit
    low, high : int
        Interval of the potential.
    result_low, result_high : int
        Interval of y.
    stages : tuple of int
        Of each level, from 1 on, none left out; empty: each level has its own.
    """

    circuit: ThresholdCircuit
    low: int
    high: int
    result_low: int
    result_high: int
    stages: tuple[int, ...] = ()

    folded: ClassVar[bool] = False

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from one potential to the next."""
        return 1

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
        return self.stages[-1] if self.stages else self.circuit.depth * CYCLES_PER_STEP

    def spike_cycle(self, gate: int) -> int:
        """Return the clock cycle in which the spike of ``gate`` (0-based) is visible."""
        level = self.circuit.level_of(gate)
        return self.stages[level - 1] if self.stages else level * CYCLES_PER_STEP

    @cached_property
    def pieces(self) -> Pieces | None:
        """The potentials on which no spike changes; None if there are too many to know."""
        return pieces(self.circuit, self.low, self.high)

    @cached_property
    def linear(self) -> ThresholdCircuit | None:
        """The circuit as lateral weights; None if its tables are no sums of them."""
        try:
            return self.circuit.to_linear()
        except CircuitError:
            return None

    @property
    def weighed(self) -> ThresholdCircuit:
        """``linear``, for gates that add their lateral weights.  Raises ScheduleError where there are none to add."""
        if self.linear is None:
            raise ScheduleError("thresholds of a unit", expected="looked up, or sums of lateral weights", got="neither")
        return self.linear

    @cached_property
    def lookups(self) -> tuple[Lookup | None, ...]:
        """For each gate its threshold by the spikes of all earlier levels; None where lateral weights are added."""
        chosen: list[Lookup | None] = []
        for gate in range(self.circuit.gates):
            tree = self._tree(gate)
            if tree is not None and self.linear is not None:
                adds = cost.lateral_luts(self.linear, gate, self.potential.word_bits)
                table = cost.table_luts(tree, self.potential.word_bits)
                tree = tree if table - adds < cost.SUMS_SAVE else None
            chosen.append(tree)
        return tuple(chosen)

    @cached_property
    def decoder(self) -> Lookup | None:
        """y by all spikes; None where ``Σ d_i·z_i`` is wires or is estimated to be smaller as a sum."""
        if self.pieces is None or self.has_binary_code:
            return None
        patterns, _ = self.pieces.patterns(self.circuit.gates)
        y = self.circuit.decode(patterns)
        # a y beyond the interval belongs to a potential that no unit of this module ever has
        known = (y >= self.result_low) & (y <= self.result_high)
        tree = lookup(patterns[known], y[known], y[known], y[known])
        adds = cost.sum_luts(self.circuit.outputs, self.circuit.offset)
        return tree if cost.lookup_luts(tree, self.value.word_bits) <= adds else None

    @property
    def has_binary_code(self) -> bool:
        """Whether the spikes are the binary digits of y, the first gate the most significant."""
        circuit = self.circuit
        return circuit.offset == 0 and circuit.outputs == tuple(1 << i for i in reversed(range(circuit.gates)))

    def fires_below(self, gate: int) -> bool:
        """Return whether ``gate`` (0-based) fires for potentials up to its threshold, not from it on."""
        return self.circuit.gains[gate] < 0

    def certain(self, gate: int) -> bool | None:
        """Return whether ``gate`` (0-based) fires, if it does so at all potentials or at none; None if it depends."""
        threshold, below = self.lookups[gate], self.fires_below(gate)
        if not isinstance(threshold, int) or self.low < threshold + below <= self.high:
            return None
        return (threshold + below <= self.low) != below

    def thresholds(self, gate: int) -> tuple[Bits, Array, Array, Array] | None:
        """Return what ``lookup`` takes: patterns of the spikes before ``gate``, and the x that will do as thresholds.

        None if the pieces are not known.
        """
        if self.pieces is None:
            return None
        patterns, number = self.pieces.patterns(self.circuit.earlier(gate))
        fired, gain = self.pieces.spikes[:, gate], self.circuit.gains[gate]
        # (pattern,): x at the ends of where the gate fires and is silent; beyond the interval where it never does
        below = np.full(len(patterns), self.low - 1)
        above = np.full(len(patterns), self.high + 1)
        under, over = (~fired, fired) if gain >= 0 else (fired, ~fired)
        np.maximum.at(below, number[under], self.pieces.last[under])
        np.minimum.at(above, number[over], self.pieces.first[over])
        wanted = self._divided(gate, patterns)
        if gain >= 0:  # fires if x >= t: below < t <= above
            return patterns, below + 1, above, np.clip(wanted, below + 1, above)
        return patterns, below, above - 1, np.clip(wanted, below, above - 1)  # fires if x <= t: below <= t < above

    def _divided(self, gate: int, patterns: Bits) -> Array:
        """Return the thresholds of the circuit's definition for each pattern, by the gain: those on x, not on c·x."""
        circuit, gain = self.circuit, self.circuit.gains[gate]
        earlier = patterns.astype(np.int64)
        if circuit.is_table:
            entries = earlier @ (np.int64(1) << np.arange(earlier.shape[1])[::-1])
            thresholds = np.array(circuit.tables[gate], np.int64)[entries]
        else:
            thresholds = circuit.thresholds[gate] + earlier @ np.array(
                circuit.lateral[gate][: earlier.shape[1]], np.int64
            )
        if gain == 0:  # fires always or never, as the threshold says
            return np.where(thresholds <= 0, self.low, self.high + 1)
        return -(-thresholds // gain) if gain > 0 else thresholds // gain

    def _tree(self, gate: int) -> Lookup | None:
        wanted = self.thresholds(gate)
        return None if wanted is None else lookup(*wanted)

    def evaluate(self, x: Array) -> tuple[Bits, Array]:
        """Return spikes ``(..., gate)`` and y of potentials x of any shape."""
        spikes = self.circuit.spikes(x)
        return spikes, self.circuit.decode(spikes)


@dataclass(frozen=True)
class FoldedUnitSpec(UnitSpec):
    """One AMOS unit with two or more gates, one per level, that take turns.

    The same spikes in the same cycles as ``UnitSpec``; ``interval_cycles = depth·CYCLES_PER_STEP``.

    Gate 1 compares with a constant as the potential enters.  The others share one comparator: while gate i compares,
    ``code`` holds a one followed by the spikes of gates 1 to i - 1, the number of a node in the tree of all thresholds,
    of which ``rom`` is the contents.
    """

    folded: ClassVar[bool] = True

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from one potential to the next."""
        return self.latency_cycles

    @cached_property
    def rom(self) -> Lookup | None:
        """t by the K bits of ``code``, the highest first; None where it is estimated to be smaller to add weights.

        The comparator gives ``x >= t``; it is inverted for gates with a negative gain.
        """
        circuit, bits = self.circuit, self.potential.word_bits
        parts = {gate: self.thresholds(gate) for gate in range(1, circuit.gates)}
        keys: list[Bits] = []
        low: list[Array] = []
        high: list[Array] = []
        wanted: list[Array] = []
        for gate, part in parts.items():
            if part is None:
                return None
            patterns, below, above, at = part
            lead = np.zeros((len(patterns), circuit.gates - gate), np.bool_)
            lead[:, -1] = True
            keys.append(np.concatenate([lead, patterns], axis=1))
            inverted = int(self.fires_below(gate))  # x <= t is the opposite of x >= t + 1
            for values, more in ((low, below), (high, above), (wanted, at)):
                values.append(more + inverted)
        tree = lookup(np.concatenate(keys), np.concatenate(low), np.concatenate(high), np.concatenate(wanted))
        if self.linear is None:
            return tree
        adds = cost.folded_lateral_luts(self.linear, self.approximation is not None, bits)
        return tree if cost.table_luts(tree, bits) <= adds else None

    @cached_property
    def approximation(self) -> tuple[int, ...] | None:
        """``(start, w_1, ..., w_K)`` with ``t_i = start + w_i + Σ_{j<i} w_j·z_j`` for all gates but the first, or None.

        Such a unit, as the ReLU's, approximates the potential as a converter does: one sum is tried, and kept if the
        gate fires.
        """
        linear = self.linear
        if linear is None or set(linear.gains[1:]) != {1}:
            return None
        weights, last = list(linear.lateral[-1]), linear.gates - 1
        if any(list(row[:gate]) != weights[:gate] for gate, row in enumerate(linear.lateral) if gate):
            return None
        start = linear.thresholds[1] - weights[1] if last > 1 else 0
        weights[last] = linear.thresholds[last] - start
        if any(linear.thresholds[gate] != start + weights[gate] for gate in range(1, last)):
            return None
        return (start, *weights)


@dataclass(frozen=True, eq=False)
class UnitLayerSpec:
    """Units side by side; ``modules[n]`` is the distinct unit that unit n is an instance of.

    Latency and interval are those of one unit: all have the same levels.  ``folded`` units have one comparator each.
    Others have, with a ``clock``, as few stages as its period takes.
    """

    operation: Unit
    source: Tensor
    result: Tensor
    folded: bool = False
    clock: Clock | None = None

    #: Whether each distinct unit is a module of its own.
    has_modules: ClassVar[bool] = True

    @property
    def potential(self) -> Tensor:
        """The potentials."""
        return self.source

    @property
    def port(self) -> Port:
        """The potentials, as they come."""
        return Port.of(self.source)

    @cached_property
    def distinct(self) -> tuple[UnitSpec, ...]:
        """The distinct units, in order of first appearance; all have the layer's potential and value widths."""
        circuits = [self.operation.circuits[n] for n in dict.fromkeys(self.operation.assignment.tolist())]
        intervals = (*self.potential.interval, *self.result.interval)
        if self.folded and self.operation.gates > 1:
            return tuple(FoldedUnitSpec(circuit, *intervals) for circuit in circuits)
        stages = () if self.clock is None else self.clock.unit_stages(circuits[0], self.potential.bits)
        return tuple(UnitSpec(circuit, *intervals, stages) for circuit in circuits)

    @cached_property
    def modules(self) -> tuple[int, ...]:
        """For each unit, the index of its spec in ``distinct``."""
        order = {number: index for index, number in enumerate(dict.fromkeys(self.operation.assignment.tolist()))}
        return tuple(order[number] for number in self.operation.assignment.tolist())

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from potentials to y."""
        return self.distinct[0].latency_cycles

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from one image to the next."""
        return self.distinct[0].interval_cycles

    def spike_cycles(self) -> Array:
        """Return for each gate the cycle in which its spike is visible, shape (gate,)."""
        unit = self.distinct[0]
        return np.array([unit.spike_cycle(gate) for gate in range(unit.circuit.gates)], np.int64)

    def evaluate(self, x: Array) -> tuple[Bits, Array]:
        """Return spikes ``(batch, unit, gate)`` and y ``(batch, unit)``, unit by unit."""
        results = [self.distinct[number].evaluate(x[:, unit]) for unit, number in enumerate(self.modules)]
        return np.stack([spikes for spikes, _ in results], axis=1), np.stack([y for _, y in results], axis=1)
