"""``amos-hdl info``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from amos_hdl.console import note, table
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Conv2d, Dense, Network, Unit
from amos_hdl.network.counts import Counts, count
from amos_hdl.project import BuiltIn, Project
from amos_hdl.schedule import DenseSpec, Estimate, HardwareOptions, Schedule, UnitLayerSpec, placed_estimate
from amos_hdl.schedule.delays import fabric_of
from amos_hdl.schedule.options import FABRIC
from amos_hdl.synthesize.devices import device_count, devices_needed, memories_of
from amos_hdl.synthesize.targets import find_target
from amos_hdl.verbs.outcome import Outcome, how_often


def info(project: Project, flags: Mapping[str, Any]) -> Outcome:
    """Describe a network and the hardware it will be; the network alone where there is no hardware for it yet.

    Raises ScheduleError if ``flags`` ask for hardware that there cannot be.
    """
    data, schedule = _network_info(project.name, project.network), project.schedule(flags)
    try:
        data |= _hardware_info(schedule, flags.get("device"))
    except ScheduleError as error:
        if any(value is not None and value != () for value in flags.values()):
            raise
        data["no_hardware"] = str(error)
        return Outcome(data, lambda: _show_network(data))
    return Outcome(data, lambda: _show_hardware(data, schedule))


def info_of_built_in(project: BuiltIn, device: str | None = None) -> Outcome:
    """Describe a published architecture: its size, from shapes alone, and how many devices it would need."""
    structure = project.structure
    data, sizes = _network_info(project.name, structure.network), count(structure.network)
    totals: dict[str, Counts] = {}
    for layer, function in structure.functions.items():
        totals[function] = totals.get(function, Counts()) + sizes[layer]
    data["functions"] = {name: {"units": size.units, "gates": size.gates} for name, size in totals.items()}

    hardware = devices_needed(structure.network, HardwareOptions(), device or DEVICE)
    data["hardware"] = asdict(hardware)

    def show() -> None:
        pixels = " x ".join(map(str, structure.network.input.shape[1:]))
        rows: list[Sequence[object]] = [
            (_FUNCTION_NAMES.get(name, name), size.units, size.gates // size.units, size.gates)
            for name, size in totals.items()
        ]
        rows.append(("all", data["units"], None, data["gates"]))
        columns = ["units of", "units", "K", "gates"]
        table(f"{project.name}, images of {pixels} pixels", columns, rows, right=columns[1:])
        weights, products = f"{data['weights']:,} weights", f"{data['products']:,} products of weights per image"
        note(f"{weights}, {products}; a gate is a neuron that spikes at most once per image")
        size, count = hardware.size, f"{hardware.count:,} {'device' if hardware.count == 1 else 'devices'}"
        note(
            f"folded onto {count} {hardware.target}: an image every {hardware.interval_cycles:,} clock cycles; about "
            f"{size.luts:,} LUTs, {size.flip_flops:,} flip-flops, {size.block_rams:,} block RAMs"
        )
        note("built-in architecture without trained weights: sizes only; --json lists every operation")

    return Outcome(data, show)


#: What sizes are estimated for where no device is named.
DEVICE = "ecp5-85k"
#: What a function is called in the table, where its own name does not say it.
_FUNCTION_NAMES = {"code": "sums coded between two layers of weights", "square": "squares, two for each product"}


def _network_info(name: str, network: Network) -> dict[str, Any]:
    sizes = count(network)
    return {
        "network": name,
        "sha256": network.digest,
        **asdict(sum(sizes.values(), Counts())),
        "units_by_gates": _units_by_gates(network, sizes),
        "operations": [_operation_info(network, operation, sizes[operation]) for operation in sizes],
    }


def _units_by_gates(network: Network, sizes: Mapping[str, Counts]) -> dict[str, int]:
    """Return how many units have how many gates; as text, which is what JSON makes of such keys."""
    units: dict[int, int] = {}
    for layer in network.unit_layers:
        units[layer.gates] = units.get(layer.gates, 0) + sizes[layer.name].units
    return {str(gates): units[gates] for gates in sorted(units)}


def _operation_info(network: Network, name: str, size: Counts) -> dict[str, Any]:
    operation, tensor = network[name], network.tensors[name]
    return {
        "name": name,
        "kind": operation.kind,
        "shape": list(tensor.shape),
        **asdict(size),
        "gates_per_unit": operation.gates if isinstance(operation, Unit) else None,
        "weight_bits": operation.weight_bits if isinstance(operation, Dense | Conv2d) else None,
        "bits": tensor.bits,
        "low": tensor.interval[0],
        "high": tensor.interval[1],
    }


def _show_network(data: Mapping[str, Any]) -> None:
    keys = ("gates", "weights", "products")
    rows: list[Sequence[object]] = [
        (
            entry["name"],
            entry["kind"],
            " x ".join(map(str, entry["shape"])),
            *(entry[key] or None for key in keys),
            entry["bits"],
        )
        for entry in data["operations"]
    ]
    rows.append(("all", None, None, *(data[key] for key in keys), None))
    columns = ["operation", "kind", "shape", "gates", "weights", "products", "bits"]
    table(f"{data['network']}: {data['units']:,} units of {data['gates']:,} gates", columns, rows, right=columns[3:])
    units = ", ".join(f"{count:,} of {gates} gates" for gates, count in data["units_by_gates"].items())
    note(f"units: {units or 'none'}")
    note("a gate is a neuron; products: non-zero weights times windows, per image; bits: of one word")
    note(f"no hardware: {data['no_hardware']}")


def _hardware_info(schedule: Schedule, device: str | None) -> dict[str, Any]:
    target = find_target(device or DEVICE)
    memories, carries = memories_of(target), schedule.options.carries
    sizes = {name: placed_estimate(layer, memories, carries=carries) for name, layer in schedule.layers.items()}
    layers = [_layer_info(schedule, name, sizes[name]) for name in schedule.specs]
    total = sum(sizes.values(), Estimate(0, 0))
    return {
        "options": schedule.options.as_dict(),
        "latency_cycles": schedule.latency_cycles,
        "interval_cycles": schedule.interval_cycles,
        "estimated_luts": total.luts,
        "estimated_flip_flops": total.flip_flops,
        "estimated_block_rams": total.block_rams,
        "device": target.name,
        "devices": device_count(total, target),
        "clock": _clock_info(schedule, device),
        "layers": layers,
    }


def _clock_info(schedule: Schedule, device: str | None) -> dict[str, Any] | None:
    """Return the clock by the delays of a device's fabric, or of that of the options; None where they are not known."""
    fabric = schedule.options.fabric or FABRIC
    if device is not None:
        try:
            fabric = fabric_of(find_target(device).name)
        except ScheduleError:
            return None
    slowest = schedule.slowest(fabric)
    return None if slowest is None else {"fabric": fabric, "mhz": slowest.mhz, "slowest": slowest.layer}


def _show_hardware(data: Mapping[str, Any], schedule: Schedule) -> None:
    columns = ["layer", "units", "gates", "adders", "bits", "low", "high", "ready", "fold", "LUT4*", "FF*", "RAM*"]
    name = schedule.network.input.name
    code = schedule.network.tensors[name]
    rows: list[Sequence[object]] = [(name, code.units, None, None, code.bits, *code.interval, 0, *[None] * 4)]
    keys = ("name", "units", "gates", "adders", "bits", "low", "high", "ready_cycle", "fold")
    sizes = ("estimated_luts", "estimated_flip_flops", "estimated_block_rams")
    rows += [[layer[key] for key in (*keys, *sizes)] for layer in data["layers"]]
    rows.append(("all", None, data["gates"], *[None] * 6, *(data[size] for size in sizes)))
    title = (
        f"{data['network']}: latency {data['latency_cycles']} clock cycles, "
        f"interval {data['interval_cycles']} (a new image {how_often(data['interval_cycles'])})"
    )
    table(title, columns, rows, right=columns[1:])
    note("bits: of one word; ready: clock cycle of the result; fold: sums x inputs at once; *: before synthesis")
    note(f"estimated for {data['device']}: {data['devices']:,} {'device' if data['devices'] == 1 else 'devices'}")
    if data["clock"] is not None:
        note("about {mhz} MHz on {fabric}, where {slowest} is the slowest".format_map(data["clock"]))


def _layer_info(schedule: Schedule, name: str, size: Estimate) -> dict[str, Any]:
    spec, fold, tensor = schedule.specs[name], schedule.options.folds.get(name), schedule.network.tensors[name]
    is_unit = isinstance(spec, UnitLayerSpec)
    return {
        "name": name,
        "kind": type(spec.operation).__name__.lower(),
        "units": tensor.channels,
        "gates": tensor.channels * spec.operation.gates if isinstance(spec, UnitLayerSpec) else None,
        "adders": len(spec.graph.adders) if isinstance(spec, DenseSpec) else None,
        "bits": tensor.bits,
        "low": tensor.interval[0],
        "high": tensor.interval[1],
        "latency_cycles": spec.latency_cycles,
        "interval_cycles": spec.interval_cycles,
        "ready_cycle": schedule.ready[name],
        "spike_cycles": schedule.spike_cycles(name).tolist() if is_unit else None,
        "estimated_luts": size.luts,
        "estimated_flip_flops": size.flip_flops,
        "estimated_block_rams": size.block_rams,
        "fold": None if fold is None else str(fold).partition("=")[2] or "units",
    }
