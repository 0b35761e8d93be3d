"""``amos-hdl info``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from amos_hdl.console import note, table
from amos_hdl.project import Project
from amos_hdl.schedule import DenseSpec, Estimate, Schedule, UnitLayerSpec, estimate
from amos_hdl.verbs.outcome import Outcome, how_often


def info(project: Project, flags: Mapping[str, Any]) -> Outcome:
    """Describe a network and the hardware it will be."""
    schedule = project.schedule(flags)
    layers = [_layer_info(schedule, name) for name in schedule.specs]
    total = sum((estimate(spec) for spec in schedule.specs.values()), Estimate(0, 0))
    data = {
        "network": project.name,
        "sha256": project.network.digest,
        "options": schedule.options.as_dict(),
        "latency_cycles": schedule.latency_cycles,
        "interval_cycles": schedule.interval_cycles,
        "gates": sum(layer["gates"] or 0 for layer in layers),
        "estimated_luts": total.luts,
        "estimated_flip_flops": total.flip_flops,
        "layers": layers,
    }

    def show() -> None:
        columns = ["layer", "units", "gates", "adders", "bits", "low", "high", "ready", "LUT4*", "FF*"]
        code = project.network.tensors[project.network.input.name]
        rows: list[Sequence[object]] = [
            (project.network.input.name, code.units, None, None, code.bits, *code.interval, 0, None, None)
        ]
        keys = ("name", "units", "gates", "adders", "bits", "low", "high", "ready_cycle")
        rows += [
            [*(layer[key] for key in keys), layer["estimated_luts"], layer["estimated_flip_flops"]] for layer in layers
        ]
        rows.append(("all", None, data["gates"], None, None, None, None, None, total.luts, total.flip_flops))
        title = (
            f"{project.name}: latency {schedule.latency_cycles} clock cycles, "
            f"interval {schedule.interval_cycles} (a new image {how_often(schedule.interval_cycles)})"
        )
        table(title, columns, rows, right=columns[1:])
        note("bits: of one word; ready: clock cycle of the result; *: estimated before synthesis")

    return Outcome(data, show)


def _layer_info(schedule: Schedule, name: str) -> dict[str, Any]:
    spec, size = schedule.specs[name], estimate(schedule.specs[name])
    is_unit = isinstance(spec, UnitLayerSpec)
    return {
        "name": name,
        "kind": type(spec.operation).__name__.lower(),
        "units": spec.result.units,
        "gates": spec.result.units * spec.operation.gates if isinstance(spec, UnitLayerSpec) else None,
        "adders": len(spec.graph.adders) if isinstance(spec, DenseSpec) else None,
        "bits": spec.result.bits,
        "low": spec.result.interval[0],
        "high": spec.result.interval[1],
        "latency_cycles": spec.latency_cycles,
        "interval_cycles": spec.interval_cycles,
        "ready_cycle": schedule.ready[name],
        "spike_cycles": schedule.spike_cycles(name).tolist() if is_unit else None,
        "estimated_luts": size.luts,
        "estimated_flip_flops": size.flip_flops,
    }
