"""Operations of a network as hardware, one after the other, each with its place in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.network import (
    Add,
    Argmax,
    Concat,
    Conv2d,
    Dense,
    Flatten,
    MaxPool,
    Multiply,
    Network,
    Operation,
    Pad,
    Slice,
    SumPool,
    Tensor,
    Unit,
)
from amos_hdl.network.operations.window import Window
from amos_hdl.schedule.buffer import BufferSpec, meet
from amos_hdl.schedule.clock import Clock
from amos_hdl.schedule.dense import DenseSpec
from amos_hdl.schedule.folded_sum import FoldedSumSpec
from amos_hdl.schedule.gates import GateLayerSpec, looked_up
from amos_hdl.schedule.maps import CollectSpec, ProductSpec, WireSpec
from amos_hdl.schedule.matrices import as_dense, conv_matrix
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.schedule.pool import MaxSpec, PoolSpec, side_by_side
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.readers import summed_by_pixels, takes_in_turn
from amos_hdl.schedule.shared_units import SharedUnitLayerSpec
from amos_hdl.schedule.specs import ArgmaxSpec, LayerSpec
from amos_hdl.schedule.timing import MapTiming
from amos_hdl.schedule.unit import UnitLayerSpec
from amos_hdl.schedule.window import WindowSpec

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PlacedLayer:
    """One operation as hardware, in the order in which pixels pass.

    Members
    -------
    buffers : tuple of BufferSpec or None
        For each operation that it reads, what delays its pixels until the others are there.
    window : WindowSpec or None
        Makes windows of them.
    spec : LayerSpec
        Makes one pixel of the result of each window, or of each pixel where there is none.
    timing : MapTiming
        Of the result.
    """

    operation: Operation
    buffers: tuple[BufferSpec | None, ...]
    window: WindowSpec | None
    spec: LayerSpec
    timing: MapTiming

    @property
    def is_wires(self) -> bool:
        """Whether nothing here takes a clock cycle."""
        return isinstance(self.spec, WireSpec) and self.window is None and not any(self.buffers)


class PixelGapError(ScheduleError):
    """Pixels come faster than a layer takes them."""

    def __init__(self, where: str, needed: int, given: int) -> None:
        self.needed, self.given = needed, given
        expected = f"{needed} clock cycles from one pixel to the next"
        super().__init__("interval", where=where, expected=expected, got=f"{given}")


def place(
    network: Network, options: HardwareOptions, row_cycles: int, column_cycles: int, made: dict[str, LayerSpec]
) -> Mapping[str, PlacedLayer]:
    """Return all layers but the input, the pixels of an image coming at these distances.

    What takes long to make and does not depend on the distances is kept in ``made`` for the next try.

    Raises ScheduleError, naming the layer, if a layer needs more time.
    """
    placing = _Placing(network, options, row_cycles, column_cycles, made)
    layers: dict[str, PlacedLayer] = {}
    for operation in network.operations[1:]:
        placed = placing.layer(operation)
        if placed.is_wires and not placed.timing.start and operation.name in network.outputs:
            placed = placing.registered(placed)
        given, needed = placed.timing.least_gap(placing.interval_cycles), placed.spec.interval_cycles
        if given < needed:
            raise PixelGapError(operation.name, needed, given)
        placing.timings[operation.name], layers[operation.name] = placed.timing, placed
    return layers


def pixel(tensor: Tensor) -> Tensor:
    """Return one pixel of a map, its channels as units; units as they are."""
    return Tensor(tensor.low, tensor.high)


def argmax_spec(operation: Argmax, source: Tensor, result: Tensor, options: HardwareOptions) -> ArgmaxSpec:
    """Return an argmax with as many steps in a stage as the adders of a stage, or as the clock has time for."""
    spec = ArgmaxSpec(operation, source, result, options.adders_per_stage)
    if options.clock_mhz is None:
        return spec
    steps = Clock.of(options, options.clock_mhz).argmax_steps(spec.levels, Port.of(source).word_bits)
    return replace(spec, steps_per_stage=steps, filled=True)


class _Placing:
    """One try: the timings so far, and how each kind of operation is built behind them."""

    def __init__(
        self,
        network: Network,
        options: HardwareOptions,
        row_cycles: int,
        column_cycles: int,
        made: dict[str, LayerSpec],
    ) -> None:
        self.network, self.options, self.made = network, options, made
        self.tensors = network.tensors
        code = network.input.name
        rows, columns = self.tensors[code].space or (1, 1)
        self.timings = {code: MapTiming(rows, columns, 0, row_cycles, column_cycles)}
        self.interval_cycles = rows * row_cycles
        # dense layers that add up pixel by pixel what a flattened map would bring them at once
        readers = (summed_by_pixels(network, flatten.name) for flatten in network.operations)
        folded = {name for name, fold in options.folds.items() if fold.inputs is not None}
        self.summed = {name for name in readers if name in folded}
        self.looked_up = looked_up(network, options)
        self.clock = None if options.clock_mhz is None else Clock.of(options, options.clock_mhz)
        self.unmade = {sums.name for sums in self.looked_up.values()}

    def layer(self, operation: Operation) -> PlacedLayer:
        """Return ``operation`` as hardware."""
        options = self.options
        match operation:
            case Conv2d():
                return self._conv(operation)
            case SumPool() | MaxPool():
                return self._pool(operation)
            case Multiply():
                return self._multiply(operation)
            case Add() | Concat():
                return self._join(operation)
            case Slice() | Pad():
                return self._cut(operation)
            case Flatten(name=name, source=source):
                timing = self.timings[source]
                if summed_by_pixels(self.network, name) in self.summed:
                    wide = pixel(self.tensors[source])
                    return self._plain(operation, _wires(operation, (wide,), wide))
                wide, result = pixel(self.tensors[source]), self.tensors[operation.name]
                if timing.space == (1, 1):
                    return self._plain(operation, _wires(operation, (wide,), result))
                return self._plain(operation, CollectSpec(operation, wide, result, timing), whole=True)
            case Dense(name=name) if name in self.summed:
                return self._sums_by_pixels(operation)
            case Dense(name=name) if name in self.unmade:
                seen = pixel(self.tensors[operation.source])
                return self._plain(operation, _wires(operation, (seen,), seen))
            case Dense():
                return self._plain(operation, self._sums(operation, self.tensors[operation.source]))
            case Unit(name=name) if name in self.looked_up:
                sums, lut_inputs = self.looked_up[name], options.lut_inputs
                seen = pixel(self.tensors[sums.source])
                spec = GateLayerSpec(operation, seen, self.tensors[name], sums=sums, lut_inputs=lut_inputs)
                return self._plain(operation, self._once(name, spec))
            case Unit(name=name, source=source):
                fold = options.folds.get(name)
                pixels = pixel(self.tensors[source]), pixel(self.tensors[name])
                if fold is not None and fold.lanes is not None:
                    before = self.made.get(source)
                    pitch = before.slices if isinstance(before, FoldedSumSpec) and before.in_turn else None
                    shared = SharedUnitLayerSpec(operation, *pixels, True, lanes=fold.lanes, pitch_cycles=pitch)
                    return self._plain(operation, self._once(name, shared))
                units = UnitLayerSpec(operation, *pixels, fold is not None, self.clock)
                return self._plain(operation, self._once(name, units))
            case Argmax(name=name, source=source):
                return self._plain(operation, argmax_spec(operation, self.tensors[source], self.tensors[name], options))
        raise ScheduleError(f"{operation.kind} has no hardware", where=operation.name)

    def registered(self, placed: PlacedLayer) -> PlacedLayer:
        """Return wires from the input to an output with a register, so that no input reaches an output at once."""
        buffers = tuple(
            BufferSpec(
                Port.of(self.tensors[name]).bits, self.timings[name], self.timings[name].later(1), self.interval_cycles
            )
            for name in placed.operation.reads
        )
        return replace(placed, buffers=buffers, timing=placed.timing.later(1))

    def _once(self, name: str, spec: LayerSpec) -> LayerSpec:
        """Return the spec made for ``name`` in an earlier try, else this one."""
        return self.made.setdefault(name, spec)

    def _plain(
        self, operation: Operation, spec: LayerSpec, window: WindowSpec | None = None, *, whole: bool = False
    ) -> PlacedLayer:
        """Return a layer with one source; ``whole`` if it makes one pixel of the whole map."""
        timing = self.timings[operation.reads[0]] if window is None else window.output
        timing = timing.later(spec.latency_cycles)
        if whole:
            timing = self._single(timing.start)
        return PlacedLayer(operation, (None,), window, spec, timing)

    def _single(self, start: int) -> MapTiming:
        """Return the timing of one pixel per image."""
        return MapTiming(1, 1, start, self.interval_cycles, self.interval_cycles)

    def _window(self, operation: Operation, window: Window, fill: int = 0) -> WindowSpec | None:
        """Return what makes windows of the source; None if each pixel is one."""
        if window == Window((1, 1), (1, 1), (0, 0, 0, 0)):
            return None
        (source,) = operation.reads
        timing, interval = self.timings[source], self.interval_cycles
        # what is folded has the more time for each window the more evenly they are spread over a row
        apart = None
        if self.options.folds_sums:
            rows, columns = window.over(timing.space, operation.name)
            apart = max(1, min(window.stride[0] * timing.row_cycles, interval // rows) // columns)
        return WindowSpec(window, self.tensors[source], timing, interval, fill, apart, operation.name)

    def _sums(self, operation: Dense, source: Tensor, groups: int = 1) -> LayerSpec:
        """Return the weighted sums of one pixel or window.

        ``groups`` are those of a convolution: its channels, and those of each tap, are divided into so many.
        """
        name, options = operation.name, self.options
        if name in self.made:
            return self.made[name]
        result, fold = pixel(self.tensors[name]), options.folds.get(name)
        adders: dict[str, Any] = {
            "adders_per_stage": options.adders_per_stage,
            "lut_inputs": options.lut_inputs,
            "extra_levels": options.extra_adder_levels,
            "clock": self.clock,
        }
        whole = (len(operation.weights), operation.weights.shape[1] // groups)
        if fold is None or fold.lanes is None or fold.inputs is None or (fold.lanes, fold.inputs) == whole:
            return self._once(name, DenseSpec(operation, source, result, **adders))
        if groups > 1:
            # (tap, group, channel of the group) to (group, tap·channel)
            words = np.arange(source.units).reshape(-1, groups, self.tensors[operation.source].channels // groups)
            adders |= {"groups": groups, "taps": words.swapaxes(0, 1).reshape(groups, -1)}
        spec = FoldedSumSpec(operation, source, result, fold.lanes, fold.inputs, **adders)
        in_turn = takes_in_turn(self.network, options.folds, name, spec.slices)
        return self._once(name, replace(spec, in_turn=True) if in_turn else spec)

    def _sums_by_pixels(self, operation: Dense) -> PlacedLayer:
        """Return folded sums that take the pixels of a map as they come, instead of all of them at once."""
        name, fold = operation.name, self.options.folds[operation.name]
        flatten = self.network[operation.source]
        map_ = self.tensors[flatten.reads[0]]
        timing = self.timings[operation.source]
        if name not in self.made:
            count, places = len(operation.weights), map_.units // map_.channels
            # (sum, channel, place) to (sum, place, channel)
            weights = operation.weights.reshape(count, map_.channels, places).swapaxes(1, 2).reshape(count, -1)
            by_pixel = Dense(name, operation.source, weights, operation.weight_bits, operation.biases)
            self.made[name] = FoldedSumSpec(
                by_pixel,
                pixel(map_),
                self.tensors[name],
                fold.lanes or 1,
                fold.inputs or 1,
                parts=places,
                adders_per_stage=self.options.adders_per_stage,
                lut_inputs=self.options.lut_inputs,
                extra_levels=self.options.extra_adder_levels,
                clock=self.clock,
            )
        spec = self.made[name]
        given = timing.least_gap(self.interval_cycles)
        if given < spec.interval_cycles:
            raise PixelGapError(name, spec.interval_cycles, given)
        ready = self._single(timing.start + timing.span_cycles - 1 + spec.latency_cycles)
        return PlacedLayer(operation, (None,), None, spec, ready)

    def _conv(self, operation: Conv2d) -> PlacedLayer:
        window = self._window(operation, operation.window)
        source = pixel(self.tensors[operation.source]) if window is None else window.result
        spec = self._sums(as_dense(operation, conv_matrix(operation), operation.biases), source, operation.groups)
        return self._plain(operation, spec, window)

    def _pool(self, operation: SumPool | MaxPool) -> PlacedLayer:
        map_, result = self.tensors[operation.source], pixel(self.tensors[operation.name])
        geometry, timing, source = operation.window(map_), self.timings[operation.source], pixel(map_)
        sums = isinstance(operation, SumPool)
        if geometry.kernel == (1, 1) == geometry.stride and not any(geometry.padding):
            return self._plain(operation, _wires(operation, (source,), result))
        if side_by_side(geometry):
            spec = PoolSpec(operation, source, result, geometry.kernel, timing, "sum" if sums else "max")
            whole = spec.space == (1, 1)
            ready = self._single(spec.output.start) if whole else spec.output
            return PlacedLayer(operation, (None,), None, spec, ready)
        window = self._window(operation, geometry, 0 if sums else source.interval[0])
        source = source if window is None else window.result
        if sums:
            taps = np.tile(np.eye(map_.channels, dtype=np.int64), source.units // map_.channels)
            return self._plain(operation, self._sums(as_dense(operation, taps), source), window)
        return self._plain(operation, MaxSpec(operation, source, result), window)

    def _cut(self, operation: Slice | Pad) -> PlacedLayer:
        """Return a part of a map, or a map with an edge: windows of one pixel, and other channels."""
        source, result = self.tensors[operation.source], self.tensors[operation.name]
        words: list[tuple[int, int] | int] = [(0, word) for word in range(source.channels)]
        if isinstance(operation, Slice):
            words = words[operation.slices[0]]
            edges = [
                (-start, stop - size) for (start, stop, _), size in zip(operation.ranges, source.shape, strict=True)
            ]
            strides, fill = tuple(step for _, _, step in operation.ranges), 0
        else:
            (before, after), fill = operation.widths[0], operation.value
            words = [fill] * before + words + [fill] * after
            edges, strides = [(first, last) for first, last in operation.widths], (1, 1, 1)
        if not source.space:
            return self._plain(operation, WireSpec(operation, (source,), result, tuple(words)))
        (_, row_step, column_step), (_, row_edges, column_edges) = strides, edges
        window = self._window(operation, Window((1, 1), (row_step, column_step), (*row_edges, *column_edges)), fill)
        seen = pixel(source) if window is None else window.result
        return self._plain(operation, WireSpec(operation, (seen,), pixel(result), tuple(words)), window)

    def _join(self, operation: Add | Concat) -> PlacedLayer:
        read = [pixel(self.tensors[name]) for name in operation.reads]
        timing = meet([self.timings[name] for name in operation.reads])
        buffers = tuple(self._buffer(name, timing) for name in operation.reads)
        if isinstance(operation, Concat):
            spec: LayerSpec = _wires(operation, tuple(read), pixel(self.tensors[operation.name]))
        else:
            factors = np.broadcast_to(operation.factors.reshape(len(read), -1), (len(read), read[0].units))
            both = Tensor(np.concatenate([one.low for one in read]), np.concatenate([one.high for one in read]))
            spec = self._sums(as_dense(operation, np.hstack([np.diag(factor) for factor in factors])), both)
        return PlacedLayer(operation, buffers, None, spec, timing.later(spec.latency_cycles))

    def _multiply(self, operation: Multiply) -> PlacedLayer:
        """Return products; of a map and a gate per channel, the gate is kept from the cycle before the first pixel."""
        names, result = list(operation.reads), pixel(self.tensors[operation.name])
        timings = [self.timings[name] for name in names]
        kept = timings[0].space != timings[1].space
        if not kept:
            timing = meet(timings)
            buffers = [self._buffer(name, timing) for name in names]
        else:
            gate = next(place for place, timing in enumerate(timings) if timing.space == (1, 1))
            wide = timings[1 - gate]
            timing = wide.later(max(0, timings[gate].start + 1 - wide.start))
            # the next image's gate takes this one's place after its last pixel
            too_early = timings[gate].start + self.interval_cycles < timing.start + timing.span_cycles - 1
            ready = self._single(timing.start - 1 if too_early else timings[gate].start)
            buffers = [self._buffer(name, ready if n == gate else timing) for n, name in enumerate(names)]
        first, second = (pixel(self.tensors[name]) for name in names)
        if kept and gate == 0:
            first, second = second, first
        spec = ProductSpec(operation, first, second, result, kept)
        return PlacedLayer(operation, tuple(buffers), None, spec, timing.later(spec.latency_cycles))

    def _buffer(self, name: str, output: MapTiming) -> BufferSpec | None:
        """Return what delays the pixels of ``name`` until ``output``; None if they are there then."""
        timing = self.timings[name]
        if timing.keeps_pace(output) and timing.start == output.start:
            return None
        return BufferSpec(Port.of(self.tensors[name]).bits, timing, output, self.interval_cycles)


def _wires(operation: Operation, sources: tuple[Tensor, ...], result: Tensor) -> WireSpec:
    """Return all words of all sources, in order."""
    words = tuple((number, word) for number, source in enumerate(sources) for word in range(source.units))
    return WireSpec(operation, sources, result, words)
