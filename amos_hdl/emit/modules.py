"""Which Verilog modules a network is made of, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amaranth.lib import wiring

from amos_hdl.emit.headers import (
    buffer_header,
    delay_header,
    lane_header,
    layer_header,
    network_header,
    thresholds_header,
    unit_header,
    weights_header,
    window_header,
)
from amos_hdl.emit.table import Table
from amos_hdl.errors import EmitError
from amos_hdl.gateware.argmax import ArgmaxLayer
from amos_hdl.gateware.buffer import PixelBuffer
from amos_hdl.gateware.delay import DelayLine
from amos_hdl.gateware.dense import DenseLayer
from amos_hdl.gateware.folded import FoldedUnit
from amos_hdl.gateware.folded_sum import FoldedSum, SumLane
from amos_hdl.gateware.gates import GateLayer
from amos_hdl.gateware.maps import CollectLayer, ProductLayer
from amos_hdl.gateware.network import AmosNetwork
from amos_hdl.gateware.pool import MaxLayer, PoolLayer
from amos_hdl.gateware.shared_units import SharedUnitLayer
from amos_hdl.gateware.unit import AmosUnit, AmosUnitLayer
from amos_hdl.gateware.window import WindowBuffer
from amos_hdl.schedule import (
    ArgmaxSpec,
    BufferSpec,
    CollectSpec,
    DelaySpec,
    DenseSpec,
    FoldedSumSpec,
    FoldedUnitSpec,
    GateLayerSpec,
    LayerSpec,
    MaxSpec,
    PoolSpec,
    ProductSpec,
    Schedule,
    SharedUnitLayerSpec,
    UnitLayerSpec,
    UnitSpec,
    WireSpec,
)


@dataclass(frozen=True)
class EmittedModule:
    """One module to be written.

    Parameters
    ----------
    name : str
        Of the module; the file is ``<name>.v``.
    component : wiring.Component, DenseSpec, GateLayerSpec or Table
        Weighted sums and gates that are tables are written by their spec, and memories.
    comment : str
        The lines above it.
    """

    name: str
    component: wiring.Component | DenseSpec | GateLayerSpec | Table
    comment: str

    @property
    def path(self) -> str:
        """Where it is written, relative to the network's folder."""
        folder = ""
        if isinstance(self.component, AmosUnit):
            folder = "units/"
        elif isinstance(self.component, Table | SumLane):
            folder = "parts/"
        return f"{folder}{self.name}.v"


def network_modules(schedule: Schedule, *, spikes: bool = False, copies: int = 1) -> list[EmittedModule]:
    """Return the modules of a network, those that others instantiate first, the top module last.

    Equal units, within a layer or across layers, are one module; so are equal delay lines.  With ``spikes`` the top
    module has outputs for the spikes of each layer of units; ``copies`` are of each counter, and in networks that are
    folded or of maps of each valid bit: counters take one that is lost for a shift, and one too many, while they are at
    work, for the next image.
    """
    prefix, modules = schedule.network.name, []
    valids = copies if schedule.has_maps or schedule.interval_cycles > 1 else 1
    unit_names = unit_modules(schedule)
    for spec, name in unit_names.items():
        users = [layer for layer, other in schedule.specs.items() if _uses(other, spec)]
        unit = FoldedUnit(spec) if isinstance(spec, FoldedUnitSpec) else AmosUnit(spec)
        modules.append(EmittedModule(name, unit, unit_header(spec, users, schedule)))
    names: dict[str, str] = {}
    for layer, placed in schedule.layers.items():
        for number, (source, buffer) in enumerate(zip(placed.operation.reads, placed.buffers, strict=True)):
            if buffer is not None:
                names[f"{layer}_buffer{number}"] = name = f"{prefix}_{layer}_buffer{number}"
                modules.append(
                    EmittedModule(name, PixelBuffer(buffer, copies), buffer_header(layer, source, buffer, schedule))
                )
        if placed.window is not None:
            names[f"{layer}_window"] = name = f"{prefix}_{layer}_window"
            comment = window_header(layer, placed.window, schedule)
            modules.append(EmittedModule(name, WindowBuffer(placed.window, copies), comment))
        component = layer_component(placed.spec, f"{prefix}_{layer}", unit_names, copies, valids)
        if component is not None:
            names[layer] = f"{prefix}_{layer}"
            if isinstance(placed.spec, FoldedSumSpec):
                modules += _folded_sum(names[layer], placed.spec, schedule)
            if isinstance(placed.spec, SharedUnitLayerSpec):
                modules += _thresholds(names[layer], placed.spec, schedule)
            modules.append(EmittedModule(names[layer], component, layer_header(layer, placed.spec, schedule)))
    delays: dict[DelaySpec | BufferSpec, str] = {}
    for output, delay in schedule.output_delays.items():
        if delay not in delays:
            delays[delay] = f"{prefix}_delay_{output}"
            line = DelayLine(delay) if isinstance(delay, DelaySpec) else PixelBuffer(delay, copies)
            modules.append(EmittedModule(delays[delay], line, delay_header(output, delay, schedule)))
        names[f"delay_{output}"] = delays[delay]
    modules.append(
        EmittedModule(prefix, AmosNetwork(schedule, names, spikes=spikes), network_header(schedule, spikes=spikes))
    )
    return modules


def _folded_sum(name: str, spec: FoldedSumSpec, schedule: Schedule) -> list[EmittedModule]:
    """Return the modules within a folded sum: its weights, and the lane of which it has a few."""
    return [
        EmittedModule(f"{name}_weights", Table(spec.rom, spec.rom_bits), weights_header(name, spec, schedule)),
        EmittedModule(f"{name}_lane", SumLane(spec), lane_header(name, spec, schedule)),
    ]


def layer_component(
    spec: LayerSpec, name: str, unit_names: Mapping[UnitSpec, str], copies: int = 1, valids: int = 1
) -> wiring.Component | DenseSpec | GateLayerSpec | None:
    """Return what is built for ``spec`` as module ``name``; None where it is wires.

    ``copies`` are of each counter, ``valids`` of each valid bit where nothing is counted.
    """
    match spec:
        case DenseSpec():
            # the text has each register once
            return spec if valids == 1 else DenseLayer(spec, valids)
        case FoldedSumSpec():
            return FoldedSum(spec, {"weights": f"{name}_weights", "lane": f"{name}_lane"}, copies)
        case SharedUnitLayerSpec():
            return SharedUnitLayer(spec, [f"{name}_thresholds{lane}" for lane in range(spec.lanes)], copies)
        case GateLayerSpec():
            # likewise
            return spec if valids == 1 else GateLayer(spec, valids)
        case UnitLayerSpec():
            return AmosUnitLayer(spec, [unit_names[unit] for unit in spec.distinct], valids)
        case ArgmaxSpec():
            return ArgmaxLayer(spec, valids)
        case MaxSpec():
            return MaxLayer(spec, valids)
        case PoolSpec():
            return PoolLayer(spec, copies)
        case CollectSpec():
            return CollectLayer(spec, copies)
        case ProductSpec():
            return ProductLayer(spec, valids)
        case WireSpec():
            return None


def _thresholds(name: str, spec: SharedUnitLayerSpec, schedule: Schedule) -> list[EmittedModule]:
    """Return the thresholds of units that share comparators, those of each lane."""
    comment = thresholds_header(name, spec, schedule)
    return [
        EmittedModule(f"{name}_thresholds{lane}", Table(spec.rom(lane), spec.word_bits), comment)
        for lane in range(spec.lanes)
    ]


def check_names(modules: Sequence[EmittedModule]) -> None:
    """Raise EmitError if two modules have one name."""
    written = [module.name for module in modules]
    if len(set(written)) < len(written):
        twice = sorted({name for name in written if written.count(name) > 1})
        raise EmitError("two modules of one name", where=modules[-1].name, got=repr(twice), hint="rename an operation")


def unit_modules(schedule: Schedule) -> dict[UnitSpec, str]:
    """Return the module name of every distinct unit, numbered in order of first use."""
    layers = [spec for spec in schedule.specs.values() if isinstance(spec, UnitLayerSpec) and spec.has_modules]
    specs = [unit for layer in layers for unit in layer.distinct]
    return {spec: f"{schedule.network.name}_unit{number}" for number, spec in enumerate(dict.fromkeys(specs))}


def _uses(layer: object, unit: UnitSpec) -> bool:
    return isinstance(layer, UnitLayerSpec) and layer.has_modules and unit in layer.distinct
