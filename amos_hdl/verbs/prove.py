"""``amos-hdl prove``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from amos_hdl.console import Steps, note, table
from amos_hdl.errors import EmitError
from amos_hdl.project import Project
from amos_hdl.schedule import GateLayerSpec, SharedUnitLayerSpec, UnitSpec
from amos_hdl.verbs.outcome import Outcome
from amos_hdl.verbs.proofs import show_unproved, summary


def _shape(spec: UnitSpec | GateLayerSpec) -> dict[str, Any]:
    """Return what is said of a unit, or of a layer of units that are tables: gates of all of them, in one step."""
    if isinstance(spec, GateLayerSpec):
        gates = len(spec.modules) * spec.operation.gates
        return {"gates": gates, "levels": 1, "potential_bits": spec.potential.bits, "folded": False}
    circuit = spec.circuit
    bits = spec.potential.word_bits
    return {"gates": circuit.gates, "levels": circuit.depth, "potential_bits": bits, "folded": spec.folded}


def prove(project: Project, rtl: Path | None, timeout_s: int, steps: Steps) -> Outcome:
    """Prove that the Verilog of every distinct unit of a network is the golden model."""
    from amos_hdl.emit.manifest import load_schedule
    from amos_hdl.emit.modules import unit_modules
    from amos_hdl.formal.prove import prove as run
    from amos_hdl.synthesize.tools import find_tool

    folder = rtl or project.rtl
    manifest, schedule = load_schedule(project.network, folder)
    units: dict[str, UnitSpec | GateLayerSpec] = {name: spec for spec, name in unit_modules(schedule).items()}
    tables = {name: spec for name, spec in schedule.specs.items() if isinstance(spec, GateLayerSpec)}
    units |= {f"{manifest.top}_{name}": spec for name, spec in tables.items()}
    shared = sorted(name for name, spec in schedule.specs.items() if isinstance(spec, SharedUnitLayerSpec))
    if not units:
        where, hint = str(folder), "amos-hdl simulate --layers compares units that share comparators"
        raise EmitError("no units to prove", where=where, expected="units with comparators of their own", hint=hint)
    sources = {Path(path).stem: folder / path for path in manifest.files}
    started, proofs = time.perf_counter(), []
    with steps.step("looking for the tools"):  # the first call of a YoWASP build compiles it: up to a minute
        yosys = find_tool("yosys")
    with steps.step(f"proving {len(units)} units", len(units)) as bar:
        for proof in run(yosys, units, sources, project.build("prove"), timeout_s):
            proofs.append(proof)
            bar.advance()
    seconds = time.perf_counter() - started
    result = summary(proofs, seconds, f"yosys {yosys.version}")
    proved: list[dict[str, Any]] = [
        {
            **asdict(proof),
            **_shape(units[proof.unit]),
        }
        for proof in proofs
    ]
    data = {"network": project.name, **result, "units": proved, "not_proved": shared}

    def show() -> None:
        rows: list[Sequence[object]] = [
            (unit["unit"], unit["verdict"], unit["gates"], unit["levels"], unit["potential_bits"], unit["clauses"])
            for unit in proved
        ]
        columns = ["unit", "", "gates", "levels", "bits of x", "clauses"]
        table(f"{project.name}: Verilog of each unit against the golden model", columns, rows, right=columns[2:])
        show_unproved({proof.unit: proof for proof in proofs}, timeout_s, steps)
        if result["passed"]:
            steps.done(f"{len(proofs)} units proved for every potential, any traffic and any start, {seconds:.0f} s")
        if shared:
            note(f"not proved: units that share comparators, of {', '.join(shared)}: simulate --layers compares them")

    return Outcome(data, show, passed=bool(result["passed"]))
