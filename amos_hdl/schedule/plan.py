"""From component latencies to the clock cycle of every spike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.network import Argmax, Dense, Input, Network, Unit
from amos_hdl.schedule.dense import DenseSpec
from amos_hdl.schedule.folded_sum import FoldedSumSpec
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.specs import ArgmaxSpec, DelaySpec, LayerSpec
from amos_hdl.schedule.unit import UnitLayerSpec


@dataclass(frozen=True, eq=False)
class Schedule:
    """A network as hardware: the spec of every operation and when it works.

    Cycle 0 is the clock cycle in which an image is at the input with ``in_valid`` high.  The pipeline takes a new
    image every ``interval_cycles``; the schedule of an image does not depend on any other image.

    Parameters
    ----------
    network : Network
    options : HardwareOptions

    Raises
    ------
    ScheduleError
        If a layer that is to be folded is no unit layer, or one with two gates on a level.
    """

    network: Network
    options: HardwareOptions

    def __post_init__(self) -> None:
        units = {layer.name: layer for layer in self.network.unit_layers}
        sums = [operation.name for operation in self.network.operations if isinstance(operation, Dense)]
        for name, fold in self.options.folds.items():
            if fold.lanes is not None:
                if name not in sums:
                    expected = f"weighted sums: {', '.join(sums) or 'there are none'}"
                    raise ScheduleError("folded layer", where=self.network.name, expected=expected, got=repr(name))
                continue
            if name not in units:
                expected = f"a unit layer: {', '.join(units) or 'there is none'}"
                raise ScheduleError("folded layer", where=self.network.name, expected=expected, got=repr(name))
            circuit = units[name].circuits[0]
            if circuit.depth != circuit.gates:
                got = f"{circuit.gates} gates in {circuit.depth} levels"
                raise ScheduleError("folded layer", where=name, expected="units with one gate per level", got=got)

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from one image to the next: the most that any layer needs."""
        return max((spec.interval_cycles for spec in self.specs.values()), default=1)

    @cached_property
    def specs(self) -> Mapping[str, LayerSpec]:
        """The hardware spec of every operation but the input, in order."""
        specs: dict[str, LayerSpec] = {}
        tensors = self.network.tensors
        for operation in self.network.operations:
            match operation:
                case Input():
                    continue
                case _ if tensors[operation.name].space or not isinstance(operation, Dense | Unit | Argmax):
                    raise ScheduleError(
                        f"{operation.kind} of shape {tensors[operation.name].shape}",
                        where=operation.name,
                        expected="dense, unit or argmax on units; nothing else has hardware yet",
                    )
                case Dense(name=name):
                    specs[name] = self._dense(operation)
                case Unit(name=name, source=source):
                    folded = name in self.options.folds
                    specs[name] = UnitLayerSpec(operation, tensors[source], tensors[name], folded)
                case Argmax(name=name, source=source):
                    specs[name] = ArgmaxSpec(operation, tensors[source], tensors[name])
        return MappingProxyType(specs)

    def _dense(self, operation: Dense) -> DenseSpec | FoldedSumSpec:
        tensors, options = self.network.tensors, self.options
        source, result = tensors[operation.source], tensors[operation.name]
        adders: dict[str, Any] = {
            "adders_per_stage": options.adders_per_stage,
            "lut_inputs": options.lut_inputs,
            "extra_levels": options.extra_adder_levels,
        }
        fold = options.folds.get(operation.name)
        if fold is None or fold.lanes is None or fold.inputs is None:
            return DenseSpec(operation, source, result, **adders)
        return FoldedSumSpec(operation, source, result, fold.lanes, fold.inputs, **adders)

    @cached_property
    def ready(self) -> Mapping[str, int]:
        """The clock cycle in which the result of each operation is valid; the input's is 0."""
        ready = {self.network.input.name: 0}
        for name, spec in self.specs.items():
            ready[name] = ready[spec.operation.source] + spec.latency_cycles
        return MappingProxyType(ready)

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from an image at the input to all its results at the outputs."""
        return max(self.ready[name] for name in self.network.outputs)

    @cached_property
    def output_delays(self) -> Mapping[str, DelaySpec]:
        """Delay lines that bring earlier outputs to the cycle of the latest."""
        tensors, ready = self.network.tensors, self.ready
        return MappingProxyType(
            {
                name: DelaySpec(Port.of(tensors[name]).bits, self.latency_cycles - ready[name])
                for name in self.network.outputs
                if ready[name] < self.latency_cycles
            }
        )

    def spike_cycles(self, unit_layer: str) -> npt.NDArray[np.int64]:
        """Return the clock cycle in which each gate's spike is visible, shape (gate,)."""
        spec = self.specs[unit_layer]
        if not isinstance(spec, UnitLayerSpec):
            raise KeyError(unit_layer)
        return self.ready[spec.operation.source] + spec.spike_cycles()
