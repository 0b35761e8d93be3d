"""``amos-hdl prove --netlist``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from amos_hdl.console import Steps, table
from amos_hdl.errors import SynthesisError
from amos_hdl.project import Project
from amos_hdl.verbs.outcome import Outcome
from amos_hdl.verbs.proofs import show_unproved, summary

if TYPE_CHECKING:
    from amos_hdl.emit.manifest import Manifest
    from amos_hdl.formal.netlist import Subject
    from amos_hdl.schedule import Schedule


def prove_netlist(
    project: Project, rtl: Path | None, family: str, layers: Sequence[str], timeout_s: int, steps: Steps
) -> Outcome:
    """Prove that the netlist of every distinct unit, and of ``layers``, is its Verilog."""
    from amos_hdl.emit.manifest import load_schedule
    from amos_hdl.formal.netlist import prove_netlists
    from amos_hdl.synthesize.families import FAMILIES
    from amos_hdl.synthesize.tools import find_tool

    if family not in FAMILIES:
        raise SynthesisError("family", expected=", ".join(FAMILIES), got=repr(family))
    folder = rtl or project.rtl
    manifest, schedule = load_schedule(project.network, folder)
    subjects = subjects_of(manifest, schedule, folder, layers)
    started, proofs = time.perf_counter(), []
    with steps.step("looking for the tools"):
        yosys = find_tool("yosys")
    with steps.step(f"proving {len(subjects)} netlists", len(subjects)) as bar:
        work = project.build("prove") / family
        for proof in prove_netlists(yosys, subjects, FAMILIES[family], work, timeout_s):
            proofs.append(proof)
            bar.advance()
    seconds = time.perf_counter() - started
    result = summary(proofs, seconds, f"yosys {yosys.version}")
    data = {
        "network": project.name,
        "netlist": family,
        **result,
        "modules": [asdict(proof) for proof in proofs],
    }

    def show() -> None:
        rows = [(p.module, p.verdict, p.registers or None, p.clauses or None, p.bound_cycles) for p in proofs]
        columns = ["module", "", "register bits", "clauses", "cycles"]
        table(f"{project.name}: netlists for {family} against the Verilog", columns, rows, right=columns[2:])
        show_unproved({proof.module: proof for proof in proofs}, timeout_s, steps)
        if result["passed"]:
            steps.done(f"{len(proofs)} netlists proved equal to their Verilog, {seconds:.0f} s")

    return Outcome(data, show, passed=bool(result["passed"]))


def subjects_of(manifest: Manifest, schedule: Schedule, rtl: Path, layers: Sequence[str]) -> list[Subject]:
    """Return every distinct unit of a network, and the layers that are named, as something to prove.

    Raises SynthesisError for a layer that is not there.
    """
    from amos_hdl.emit.modules import unit_modules
    from amos_hdl.formal.netlist import Subject

    files = {Path(path).stem: rtl / path for path in manifest.files}
    units = {name: spec for spec, name in unit_modules(schedule).items()}
    subjects = [Subject(name, (files[name],), spec.latency_cycles, spec.folded) for name, spec in units.items()]
    known = {layer.name: layer for layer in manifest.layers if layer.module is not None}
    for name in layers:
        if name not in known:
            raise SynthesisError("layer", where=str(rtl), expected=", ".join(known), got=repr(name))
        layer, module = known[name], str(known[name].module)
        inside = [files[unit] for unit in units] if layer.kind == "unit" else []
        parts = [path for stem, path in files.items() if stem.startswith(f"{module}_") and "parts" in path.parts]
        keeps = layer.interval_cycles > 1
        subjects.append(Subject(module, (*inside, *parts, files[module]), layer.latency_cycles, keeps))
    return subjects
