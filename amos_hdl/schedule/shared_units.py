"""Hardware spec of AMOS units that share comparators: a lane works through its units, gate after gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.memory import Memory
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.unit import UnitLayerSpec

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SharedUnitLayerSpec(UnitLayerSpec):
    """Units that take turns on ``lanes`` comparators, thresholds from a ROM.

    Lane k works through units ``k·turns`` to ``(k + 1)·turns - 1``, ``turns = units / lanes``, each K clock cycles: the
    gate at work compares with the word at ``turn·2**K + code``, where ``code`` is a one followed by the spikes of the
    gates before.  Gate i (from 1) of the unit whose turn is t compares in cycle ``1 + t·K + i - 1`` and its spike is
    visible one cycle later; ``interval_cycles = turns·K``, ``latency_cycles = turns·K + 1``.

    With ``pitch_cycles`` potentials come as lanes of folded sums make them, one for each lane every so many cycles, and
    none is kept: turn t works ``t·pitch_cycles`` after the first instead of t·K, so ``interval_cycles =
    turns·pitch_cycles``, ``latency_cycles = (turns - 1)·pitch_cycles + K + 1`` from the first potential.

    Parameters, beside those of ``UnitLayerSpec``
    ---------------------------------------------
    lanes : int
    pitch_cycles : int, > K, optional
        Default: all potentials come together.

    Raises
    ------
    ScheduleError
        If the lanes do not divide the units; if units differ in the values of their spikes; or if their thresholds
        cannot be known for all spikes before.
    """

    lanes: int = field(default=1, kw_only=True)
    pitch_cycles: int | None = field(default=None, kw_only=True)

    has_modules: ClassVar[bool] = False

    def __post_init__(self) -> None:
        units, where = len(self.modules), self.operation.name
        if self.lanes < 1 or units % self.lanes:
            expected = f"a divisor of {units}, the units"
            raise ScheduleError("units at once", where=where, expected=expected, got=str(self.lanes))
        values = {(circuit.offset, circuit.outputs) for circuit in self.operation.circuits}
        if len(values) > 1:
            raise ScheduleError("units at once", where=where, expected="units of equal values of spikes", got="others")
        if self.pitch_cycles is not None and self.pitch_cycles <= self.operation.gates:
            expected = f"more than {self.operation.gates} clock cycles from one potential to the next"
            raise ScheduleError("units in turn", where=where, expected=expected, got=str(self.pitch_cycles))
        if any(unit.pieces is None for unit in self.distinct):
            raise self._too_wide()

    def _too_wide(self) -> ScheduleError:
        where = self.operation.name
        return ScheduleError("units at once", where=where, expected="potentials of fewer bits", got="too many")

    @property
    def turns(self) -> int:
        """Units that share a lane."""
        return len(self.modules) // self.lanes

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from one vector of potentials to the next."""
        return self.turns * self._turn_cycles

    @property
    def _turn_cycles(self) -> int:
        return self.pitch_cycles or self.operation.gates

    @property
    def port(self) -> Port:
        """The potentials, as they come."""
        return Port(self.lanes, *self.source.interval) if self.pitch_cycles else Port.of(self.source)

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from potentials, in turn from the first, to y."""
        return (self.turns - 1) * self._turn_cycles + self.operation.gates + 1

    def spike_cycles(self) -> Array:
        """Return for each gate of each unit the cycle in which its spike is visible, shape (unit, gate)."""
        turns = np.arange(len(self.modules)) % self.turns
        return 2 + turns[:, None] * self._turn_cycles + np.arange(self.operation.gates)

    @cached_property
    def threshold(self) -> Port:
        """One word of the thresholds: up to one above the greatest potential, which no potential reaches."""
        low, high = self.source.interval
        return Port(1, low, high + 1)

    @property
    def inverted(self) -> tuple[bool, ...]:
        """For each gate whether it fires below its threshold in some unit; a bit above the threshold says in which."""
        return tuple(any(unit.fires_below(gate) for unit in self.distinct) for gate in range(self.operation.gates))

    @property
    def word_bits(self) -> int:
        """Bits of one word of the ROM."""
        return self.threshold.word_bits + any(self.inverted)

    @cached_property
    def memory(self) -> Memory:
        """The ROM of one lane."""
        return Memory(self.turns << self.operation.gates, self.word_bits)

    def rom(self, lane: int) -> tuple[int, ...]:
        """Return the words of the ROM of ``lane``."""
        words: list[int] = []
        for module in self.modules[lane * self.turns : (lane + 1) * self.turns]:
            words += self._tables[module]
        return tuple(words)

    @cached_property
    def _tables(self) -> tuple[list[int], ...]:
        """For each distinct unit the words by ``code``; 0 for codes that never are."""
        tables, bits = [], self.threshold.word_bits
        for unit in self.distinct:
            table = [0] * (1 << unit.circuit.gates)
            for gate in range(unit.circuit.gates):
                known = unit.thresholds(gate)
                if known is None:
                    raise self._too_wide()
                patterns, _, _, wanted = known
                below = unit.fires_below(gate)
                for pattern, threshold in zip(patterns.tolist(), (wanted + below).tolist(), strict=True):
                    code = 1
                    for spike in pattern:
                        code = 2 * code + spike
                    table[code] = threshold & (1 << bits) - 1 | int(below) << bits
            tables.append(table)
        return tuple(tables)
