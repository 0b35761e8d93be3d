"""``amos-hdl report``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from amos_hdl.console import Steps, table
from amos_hdl.emit.manifest import MANIFEST, load_schedule
from amos_hdl.errors import AmosError, CheckFailed, DoesNotFitError, ToolError
from amos_hdl.files import write_file
from amos_hdl.frontend.reference import load_reference
from amos_hdl.network import golden
from amos_hdl.project import BUILD, Project
from amos_hdl.verbs.generate import generate
from amos_hdl.verbs.outcome import Outcome
from amos_hdl.verbs.rtl import batch_simulator
from amos_hdl.verbs.simulate import simulate
from amos_hdl.verbs.synth import synth

if TYPE_CHECKING:
    from amos_hdl.circuit.fitting import FittedUnit
    from amos_hdl.report.activity import Activity
    from amos_hdl.report.facts import Check, Integers
    from amos_hdl.synthesize.result import SynthesisResult

#: What is synthesized if there is no result yet.
TARGET, FREQUENCY_MHZ, SEED = "ecp5-25k", 150.0, 1
# figures of the network's testbench, and what the report calls them
_COUNTS = {"images": "images", "results": "results", "spikes": "spikes", "spike_slots_compared": "compared"}


def report(
    project: Project,
    images: Path | None,
    out: Path | None,
    reference: Path | None,
    with_simulation: bool,
    with_synthesis: bool,
    steps: Steps,
) -> Outcome:
    """Gather everything about a network, simulate it, and write one HTML page."""
    from amos_hdl.report import page
    from amos_hdl.report.facts import Check, Facts, chosen_images
    from amos_hdl.report.raster import picture_shape

    path = out or BUILD / project.name / "report.html"
    # now, not after minutes
    _check_writable(path)
    page.check_library()
    network = project.network
    dataset, chosen = chosen_images(project.dataset(images), project.name)
    pixels = golden.check_images(network, dataset.images[chosen], where=project.name)
    original = None
    if reference is not None:
        original = load_reference(reference, len(dataset.images)).ranking[chosen, 0]
    if not (project.rtl / MANIFEST).exists():
        generate(project, {}, None, steps)
    manifest, schedule = load_schedule(network, project.rtl)
    with steps.step(f"evaluating {len(pixels):,} images"):
        trace = golden.run(network, pixels, schedule)
    checks = [Check("Verilog files as in their manifest, SHA-256", "passed", {"files": len(manifest.files)})]
    activity = None
    if with_simulation:
        activity = _whole_set(project, pixels.reshape(len(pixels), -1), checks, steps)
        checks += _testbench(project, images, steps)
    else:
        checks.append(Check("simulation", "not run", {}))
    results, remarks = _synthesis(project, list(manifest.files), with_synthesis, steps)
    for result in results:
        if result.fmax_mhz is not None and result.frequency_mhz is not None:
            met = result.fmax_mhz >= result.frequency_mhz
            timing = f"timing at {result.frequency_mhz:g} MHz, {result.target}"
            checks.append(Check(timing, "passed" if met else "failed", {}))
    facts = Facts(
        schedule=schedule,
        images=pixels,
        labels=dataset.labels[chosen].astype(np.int64),
        shape=picture_shape(network, dataset),
        trace=trace,
        reference=original,
        checks=checks,
        activity=activity,
        synthesis=results,
        remarks=remarks,
        commands=_commands(project, images, results, reference),
        fitted=_fitted(project),
    )
    with steps.step("drawing"):
        text = page.render(facts)
    write_file(path, text, AmosError)
    data = {**facts.as_dict(), "passed": facts.passed, "out": str(path), "bytes": len(text.encode())}

    def show() -> None:
        rows: list[tuple[str, str, str]] = []
        if facts.accuracy is not None:
            rows.append(("accuracy", f"{100 * facts.accuracy:.2f} %", f"{len(pixels):,} test images"))
        if facts.ann_accuracy is not None:
            rows.append(("accuracy of the original", f"{100 * facts.ann_accuracy:.2f} %", ""))
        rows.append(("spikes per image", f"{facts.spikes_per_image:.1f}", f"of {facts.gates:,} gates"))
        if activity is not None:
            rows.append(("toggles per image", f"{activity.toggles:.1f}", "of spike wires, images back to back"))
            rows.append(("synaptic operations", f"{activity.synaptic_operations:,.1f}", "per image"))
            if activity.energy is not None:
                ratio = f"{activity.energy.ratio:.2f}"
                rows.append(("energy, spikes : words", ratio, "an estimate of the arithmetic alone, not measured"))
        done = sum(check.outcome == "passed" for check in checks)
        rows.append(("checks passed", f"{done}", f"of {len(checks)}"))
        rows += [
            (f"on {r.target}", f"{r.luts:,} LUTs", f"Fmax {r.fmax_mhz} MHz" if r.fmax_mhz else "") for r in results
        ]
        rows.append(("page", f"{data['bytes'] / 1e6:.2f} MB", str(path)))
        table(f"{project.name}, report", ["", "value", ""], rows)
        for check in checks:
            if check.outcome == "failed":
                steps.failed(f"{check.name}: {check.message}" if check.message else check.name)

    return Outcome(data, show, passed=facts.passed)


def _check_writable(path: Path) -> None:
    """Raise AmosError if ``path`` is a folder, or is within something that is none or cannot be written to."""
    if path.is_dir():
        raise AmosError("cannot be written", where=str(path), expected="a file", got="a folder")
    above = next(folder for folder in (*path.absolute().parents,) if folder.exists())
    if not above.is_dir():
        raise AmosError("cannot be written: not a folder", where=str(above))
    if not os.access(above, os.W_OK):
        raise AmosError("cannot be written: no permission", where=str(above))


def _whole_set(project: Project, images: Integers, checks: list[Check], steps: Steps) -> Activity | None:
    """Run the test images through the compiled Verilog: one check more, and what happens for an image."""
    from amos_hdl.report.activity import measure
    from amos_hdl.report.facts import Check
    from amos_hdl.simulate.design import load_design
    from amos_hdl.simulate.whole_set import check_whole_set

    design = load_design(project.folder, project.rtl, images)
    with steps.step("reading the Verilog for whole data sets"):
        simulator = batch_simulator(design, project.build("batch"))
    name = "test images back to back, compiled"
    try:
        with steps.step(f"simulating {len(images):,} images", len(images)) as bar:
            found = check_whole_set(simulator, images, bar.to)
            activity = measure(simulator, images)
    except CheckFailed as failure:
        checks.append(Check(name, "failed", {}, str(failure)))
        return None
    counts = {"images": found.images, "results": found.results, "spikes": found.spikes, "compared": found.slots}
    checks.append(Check(name, "passed", counts))
    return activity


def _testbench(project: Project, images: Path | None, steps: Steps) -> list[Check]:
    """Run the network's cocotb testbench; one check for each of its tests."""
    from amos_hdl.report.facts import Check

    found: list[Check] = []
    for run in simulate(project, False, [], images, None, "none", "off", steps).data["runs"]:
        figures: Mapping[str, Any] = run["figures"]
        for test in run["tests"]:
            counts = {
                name: int(figures[f"{test['name']}.{key}"])
                for key, name in _COUNTS.items()
                if f"{test['name']}.{key}" in figures
            }
            name = f"cocotb, {test['name'].replace('_', ' ')}, seed {run['seed']}"
            found.append(Check(name, test["outcome"], counts, test["message"]))
        if run["error"]:
            found.append(Check(f"cocotb, {run['entry']}, seed {run['seed']}", "failed", {}, run["error"]))
    return found


def _synthesis(
    project: Project, files: list[str], run_it: bool, steps: Steps
) -> tuple[list[SynthesisResult], list[str]]:
    """Return the stored results of this Verilog; if there is none, and ``run_it``, make one."""
    from amos_hdl.report.facts import stored_results

    def stored() -> tuple[list[SynthesisResult], list[str]]:
        verilog = [project.rtl / name for name in files]
        return stored_results(project.build("synth"), verilog, project.build("harness"))

    results, remarks = stored()
    if results or not run_it:
        return results, remarks
    try:
        synth(project, TARGET, True, FREQUENCY_MHZ, SEED, None, steps)
    except (ToolError, DoesNotFitError) as failure:
        return [], [*remarks, f"Synthesis for {TARGET} was not possible: {failure}"]
    return stored()


def _fitted(project: Project) -> dict[str, FittedUnit]:
    """Return the circuit files that the hidden layers of the recipe are copies of."""
    from amos_hdl.circuit import store

    if project.recipe is None or project.recipe_path is None:
        return {}
    layers = enumerate(project.recipe.units.circuits or (), start=1)
    folder = project.recipe_path.parent
    return {f"hidden{number}": store.load(folder / path) for number, path in layers if path is not None}


def _commands(
    project: Project, images: Path | None, results: list[SynthesisResult], reference: Path | None
) -> list[str]:
    """Return the commands that make all of it again."""
    name = project.folder.as_posix()
    given = [] if images is None else ["--images", images.as_posix()]
    commands = [
        ["evaluate", name, "--rtl", *given],
        ["generate", name],
        ["simulate", name, *given],
    ]
    for result in results:
        chosen = ["--target", result.target]
        if result.frequency_mhz is not None and result.seed is not None:
            chosen += ["--frequency", f"{result.frequency_mhz:g}", "--seed", str(result.seed)]
        else:
            chosen += ["--no-pnr"]
        commands.append(["synth", name, *chosen])
    told = [] if reference is None else ["--reference", reference.as_posix()]
    commands.append(["report", name, *given, *told])
    return [shlex.join(["amos-hdl", *command]) for command in commands]
