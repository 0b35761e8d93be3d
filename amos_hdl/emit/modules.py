"""Which Verilog modules a network is made of, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.lib import wiring

from amos_hdl.emit.headers import delay_header, lane_header, layer_header, network_header, unit_header, weights_header
from amos_hdl.errors import EmitError
from amos_hdl.gateware.argmax import ArgmaxLayer
from amos_hdl.gateware.delay import DelayLine
from amos_hdl.gateware.dense import DenseLayer
from amos_hdl.gateware.folded import FoldedUnit
from amos_hdl.gateware.folded_sum import FoldedSum, SumLane
from amos_hdl.gateware.network import AmosNetwork
from amos_hdl.gateware.rom import Rom
from amos_hdl.gateware.unit import AmosUnit, AmosUnitLayer
from amos_hdl.schedule import (
    ArgmaxSpec,
    DelaySpec,
    DenseSpec,
    FoldedSumSpec,
    FoldedUnitSpec,
    Schedule,
    UnitLayerSpec,
    UnitSpec,
)


@dataclass(frozen=True)
class EmittedModule:
    """One module to be written.

    Parameters
    ----------
    name : str
        Of the module; the file is ``<name>.v``.
    component : wiring.Component
    comment : str
        The lines above it.
    """

    name: str
    component: wiring.Component
    comment: str

    @property
    def path(self) -> str:
        """Where it is written, relative to the network's folder."""
        folder = ""
        if isinstance(self.component, AmosUnit):
            folder = "units/"
        elif isinstance(self.component, Rom | SumLane):
            folder = "parts/"
        return f"{folder}{self.name}.v"


def network_modules(schedule: Schedule, *, spikes: bool = False) -> list[EmittedModule]:
    """Return the modules of a network, those that others instantiate first, the top module last.

    Equal units, within a layer or across layers, are one module; so are equal delay lines.  With ``spikes`` the top
    module has outputs for the spikes of each layer of units.
    """
    prefix, modules = schedule.network.name, []
    unit_names = unit_modules(schedule)
    for spec, name in unit_names.items():
        users = [layer for layer, other in schedule.specs.items() if _uses(other, spec)]
        unit = FoldedUnit(spec) if isinstance(spec, FoldedUnitSpec) else AmosUnit(spec)
        modules.append(EmittedModule(name, unit, unit_header(spec, users, schedule)))
    names: dict[str, str] = {}
    for layer, layer_spec in schedule.specs.items():
        names[layer] = f"{prefix}_{layer}"
        component: wiring.Component
        match layer_spec:
            case DenseSpec():
                component = DenseLayer(layer_spec)
            case FoldedSumSpec():
                parts = _folded_sum(names[layer], layer_spec, schedule)
                modules += parts
                component = FoldedSum(
                    layer_spec, dict(zip(("weights", "lane"), (part.name for part in parts), strict=True))
                )
            case UnitLayerSpec():
                component = AmosUnitLayer(layer_spec, [unit_names[unit] for unit in layer_spec.distinct])
            case ArgmaxSpec():
                component = ArgmaxLayer(layer_spec)
        modules.append(EmittedModule(names[layer], component, layer_header(layer, layer_spec, schedule)))
    delays: dict[DelaySpec, str] = {}
    for output, delay in schedule.output_delays.items():
        if delay not in delays:
            delays[delay] = f"{prefix}_delay_{output}"
            modules.append(EmittedModule(delays[delay], DelayLine(delay), delay_header(output, delay, schedule)))
        names[f"delay_{output}"] = delays[delay]
    modules.append(
        EmittedModule(prefix, AmosNetwork(schedule, names, spikes=spikes), network_header(schedule, spikes=spikes))
    )
    return modules


def _folded_sum(name: str, spec: FoldedSumSpec, schedule: Schedule) -> list[EmittedModule]:
    """Return the modules within a folded sum: its weights, and the lane of which it has a few."""
    return [
        EmittedModule(f"{name}_weights", Rom(spec.rom, spec.rom_bits), weights_header(name, spec, schedule)),
        EmittedModule(f"{name}_lane", SumLane(spec), lane_header(name, spec, schedule)),
    ]


def check_names(modules: Sequence[EmittedModule]) -> None:
    """Raise EmitError if two modules have one name."""
    written = [module.name for module in modules]
    if len(set(written)) < len(written):
        twice = sorted({name for name in written if written.count(name) > 1})
        raise EmitError("two modules of one name", where=modules[-1].name, got=repr(twice), hint="rename an operation")


def unit_modules(schedule: Schedule) -> dict[UnitSpec, str]:
    """Return the module name of every distinct unit, numbered in order of first use."""
    specs = [spec for layer in schedule.specs.values() if isinstance(layer, UnitLayerSpec) for spec in layer.distinct]
    return {spec: f"{schedule.network.name}_unit{number}" for number, spec in enumerate(dict.fromkeys(specs))}


def _uses(layer: object, unit: UnitSpec) -> bool:
    return isinstance(layer, UnitLayerSpec) and unit in layer.distinct
