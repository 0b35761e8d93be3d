"""One layer under test: how its inputs come, how its results leave, and what they must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import traffic as patterns
from driver import Stimulus

from amos_hdl.schedule import FoldedSumSpec, GateLayerSpec, LayerSpec, MaxSpec, Port, SharedUnitLayerSpec, UnitLayerSpec
from amos_hdl.simulate.scoreboard import ONE_PIXEL, Traffic

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LayerSubject:
    """A layer whose inputs and results come at once, or in turn; those in turn are the pixels of a map to a testbench.

    Parameters
    ----------
    spec : LayerSpec
        Of units, weighted sums, the greatest of taps, or an argmax.
    """

    spec: LayerSpec

    @property
    def source(self) -> Port:
        """What is at the input at once."""
        return self.spec.port if isinstance(self.spec, UnitLayerSpec) else Port.of(self.spec.source)

    @property
    def result(self) -> Port:
        """What is at the output at once."""
        return self.spec.potential if isinstance(self.spec, FoldedSumSpec) else Port.of(self.spec.result)

    @property
    def parts(self) -> int:
        """Parts in which an image's inputs come."""
        return self.spec.parts if isinstance(self.spec, FoldedSumSpec) else 1

    @property
    def low(self) -> Integers:
        """The least of each input, of all parts."""
        return np.tile(self.spec.source.low, self.parts)

    @property
    def high(self) -> Integers:
        """The greatest of each input, of all parts."""
        return np.tile(self.spec.source.high, self.parts)

    @property
    def timing(self) -> tuple[int, int]:
        """Clock cycles for which an image is under way, and from one to the next."""
        interval = self.parts * self.spec.interval_cycles
        return max(self.due + int(self.leave.max()) + 1, interval), interval

    @property
    def come(self) -> Integers:
        """Clock cycles from an image's first input to each of its turns, or parts."""
        spec = self.spec
        if isinstance(spec, SharedUnitLayerSpec) and spec.pitch_cycles:
            return np.arange(spec.turns) * spec.pitch_cycles
        return np.arange(self.parts) * spec.interval_cycles

    @property
    def leave(self) -> Integers:
        """Clock cycles from an image's first result to each."""
        spec = self.spec
        return np.arange(spec.folds) * spec.slices if isinstance(spec, FoldedSumSpec) and spec.in_turn else ONE_PIXEL

    @property
    def due(self) -> int:
        """Clock cycles from an image's first input to its first result."""
        return self.spec.latency_cycles + (self.parts - 1) * self.spec.interval_cycles

    def stimulus(self, traffic: Traffic, values: Integers, random: np.random.Generator) -> Stimulus:
        """Return the inputs of every row for ``values`` ``(image, input)``."""
        spec, hold = self.spec, 1
        shaped = values.reshape(len(values), self.parts, -1).swapaxes(1, 2)  # (image, word, part)
        if isinstance(spec, SharedUnitLayerSpec) and spec.pitch_cycles:
            shaped, hold = values.reshape(len(values), spec.lanes, spec.turns), spec.pitch_cycles
        return patterns.stimulus(traffic, shaped, self.source.word_bits, random, self.come, hold)

    def spikes(self, values: Integers) -> npt.NDArray[np.bool_]:
        """Return the spikes ``(image, unit, gate)`` of units; of units that are tables ``values`` are those of sums."""
        spec = self.spec
        assert isinstance(spec, UnitLayerSpec)
        potentials = values @ spec.sums.weights.T + spec.sums.biases if isinstance(spec, GateLayerSpec) else values
        return np.asarray(spec.operation.bank.spikes(potentials))

    def expected(self, values: Integers) -> Integers:
        """Return the results ``(image, word, turn)``, by the definition of the operation and not by the spec."""
        match self.spec:
            case UnitLayerSpec() as spec:
                found = spec.operation.bank.values(self.spikes(values))
            case MaxSpec() as spec:
                found = values.reshape(len(values), spec.taps, -1).max(axis=1)
            case spec if hasattr(spec.operation, "weights"):
                found = values @ spec.operation.weights.T + spec.operation.biases
            case _:
                found = values.argmax(axis=1)[:, None]
        return np.asarray(found.reshape(len(values), self.result.count, -1))
