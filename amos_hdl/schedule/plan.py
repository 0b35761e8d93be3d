"""From component latencies to the clock cycle of every spike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.network import Conv2d, Dense, Network
from amos_hdl.schedule.buffer import BufferSpec
from amos_hdl.schedule.clock import Clock
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.schedule.place import PixelGapError, PlacedLayer, place
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.slowest import Slowest, slowest
from amos_hdl.schedule.specs import DelaySpec, LayerSpec
from amos_hdl.schedule.timing import MapTiming
from amos_hdl.schedule.unit import UnitLayerSpec

#: Distances of rows that are tried.
_TRIES = 2000


@dataclass(frozen=True, eq=False)
class Schedule:
    """A network as hardware: the spec of every operation and when it works.

    Cycle 0 is the clock cycle in which an image, or its first pixel, is at the input with ``in_valid`` high.  The
    pipeline takes a new image every ``interval_cycles``; the schedule of an image does not depend on any other image.

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
        sums = [operation.name for operation in self.network.operations if isinstance(operation, Dense | Conv2d)]
        for name, fold in self.options.folds.items():
            if fold.inputs is not None:
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

    @cached_property
    def layers(self) -> Mapping[str, PlacedLayer]:
        """Every operation but the input as hardware, in order.

        The distance of rows is the least for which all layers have the time they need, or the most that the wanted
        interval gives.

        Raises ScheduleError if a layer would need more, or a stage is too long for the clock.
        """
        return self._placed[0]

    @cached_property
    def _placed(self) -> tuple[Mapping[str, PlacedLayer], int]:
        rows, columns = self.network.tensors[self.network.input.name].space or (1, 1)
        made: dict[str, LayerSpec] = {}
        wanted = self.options.interval
        if wanted is not None and wanted < rows * columns:
            expected = f"at least {rows * columns} clock cycles, one for each pixel"
            raise ScheduleError("interval", where=self.network.name, expected=expected, got=f"{wanted}")
        row_cycles = columns if wanted is None else wanted // rows
        for left in reversed(range(_TRIES if wanted is None else 1)):
            try:
                layers = place(self.network, self.options, row_cycles, row_cycles // columns, made)
            except ScheduleError as error:
                if not left:
                    raise
                # distances grow no faster than that of the rows
                needed, given = (error.needed, error.given) if isinstance(error, PixelGapError) else (1, 1)
                row_cycles = max(row_cycles + 1, row_cycles * needed // (given + 1))
            else:
                self._check_clock({name: layer.spec for name, layer in layers.items()})
                return MappingProxyType(dict(layers)), row_cycles
        raise AssertionError  # the last try returns or raises

    def _check_clock(self, specs: Mapping[str, LayerSpec]) -> None:
        """Raise ScheduleError, with the highest clock that can be had, if a stage is too long for the one wanted.

        The layers are made for that, so what is too long is a single addition, gate or comparison.
        """
        mhz = self.options.clock_mhz
        if mhz is None:
            return
        clock = Clock.of(self.options, mhz)
        found = slowest(specs, clock)
        if found is not None and found.mhz < mhz:
            expected = f"at most {found.mhz} MHz on {clock.fabric_name}, by the delays of {found.layer}"
            raise ScheduleError("clock_mhz", where=self.network.name, expected=expected, got=str(mhz))

    @property
    def input_timing(self) -> MapTiming:
        """When the pixels of an image are at the input."""
        rows, columns = self.network.tensors[self.network.input.name].space or (1, 1)
        row_cycles = self._placed[1]
        return MapTiming(rows, columns, 0, row_cycles, row_cycles // columns)

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from one image to the next."""
        timing = self.input_timing
        return timing.rows * timing.row_cycles

    @cached_property
    def specs(self) -> Mapping[str, LayerSpec]:
        """The hardware spec of every operation but the input, in order: what makes one pixel of its result."""
        return MappingProxyType({name: layer.spec for name, layer in self.layers.items()})

    @cached_property
    def timings(self) -> Mapping[str, MapTiming]:
        """When the pixels of each operation's result are there, the input's too; units are a map of one pixel."""
        timings = {self.network.input.name: self.input_timing}
        return MappingProxyType(timings | {name: layer.timing for name, layer in self.layers.items()})

    @cached_property
    def ready(self) -> Mapping[str, int]:
        """The clock cycle in which the result of each operation, or its first pixel, is valid; the input's is 0."""
        return MappingProxyType({name: timing.start for name, timing in self.timings.items()})

    @property
    def has_maps(self) -> bool:
        """Whether images enter pixel by pixel."""
        return bool(self.network.tensors[self.network.input.name].space)

    @property
    def gives_maps(self) -> bool:
        """Whether results leave pixel by pixel, each output with a valid of its own."""
        return any(self.timings[name].space != (1, 1) for name in self.network.outputs)

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from an image, or its first pixel, at the input to all its results at the outputs."""
        return max(self.timings[name].start + self.timings[name].span_cycles - 1 for name in self.network.outputs)

    @cached_property
    def output_delays(self) -> Mapping[str, DelaySpec | BufferSpec]:
        """What brings earlier outputs to the cycle of the latest; nothing where outputs are maps."""
        if self.gives_maps:
            return MappingProxyType({})
        delays: dict[str, DelaySpec | BufferSpec] = {}
        for name in self.network.outputs:
            timing, cycles = self.timings[name], self.latency_cycles - self.ready[name]
            bits = Port.of(self.network.tensors[name]).bits
            if cycles and self.has_maps:
                delays[name] = BufferSpec(bits, timing, timing.later(cycles), self.interval_cycles)
            elif cycles:
                delays[name] = DelaySpec(bits, cycles)
        return MappingProxyType(delays)

    def slowest(self, fabric: str | None = None) -> Slowest | None:
        """Return the stage that sets the clock on ``fabric``, by its delays; None if nothing here is reckoned.

        Default: the fabric of the options, else the default one.
        """
        options = (
            self.options if fabric is None else replace(self.options, clock_mhz=1, fabric=fabric, adders_per_stage=1)
        )
        return slowest(self.specs, Clock.of(options, 1))

    def spike_cycles(self, unit_layer: str) -> npt.NDArray[np.int64]:
        """Return the clock cycle in which each gate's spike is visible; of maps, in the first pixel.

        Shape (gate,), or (unit, gate) where units share comparators.
        """
        spec = self.specs[unit_layer]
        if not isinstance(spec, UnitLayerSpec):
            raise KeyError(unit_layer)
        return self.ready[spec.operation.source] + spec.spike_cycles()
