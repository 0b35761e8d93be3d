"""``amos-hdl run``: all of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from amos_hdl.console import Steps, table
from amos_hdl.network import store
from amos_hdl.project import Project
from amos_hdl.verbs.convert import convert
from amos_hdl.verbs.evaluate import evaluate
from amos_hdl.verbs.generate import generate
from amos_hdl.verbs.outcome import Outcome, how_often
from amos_hdl.verbs.simulate import simulate
from amos_hdl.verbs.synth import synth, synthesis_rows
from amos_hdl.verbs.train import train


def run(
    project: Project,
    flags: Mapping[str, Any],
    target: str,
    pnr: bool,
    frequency_mhz: float,
    seed: int,
    steps: Steps,
) -> Outcome:
    """Do all of it, from the recipe to the table."""
    from amos_hdl.synthesize.targets import find_target

    find_target(target)
    started = time.perf_counter()
    if not (project.folder / store.STRUCTURE).exists():
        if project.conversion_recipe is not None:
            convert(project.conversion(), project.folder, steps)
            steps.done(f"converted {project.folder}")
        else:
            train(project, steps)
            steps.done(f"trained {project.folder}")
    evaluated = evaluate(project, None, steps)
    accuracy = evaluated.data["accuracy"].get("test")
    if accuracy is not None:
        images = evaluated.data["test_images"]
        steps.done(f"{project.name}: {100 * accuracy:.2f} % of {images:,} test images, by the golden model")
    generated = generate(project, flags, None, steps)
    generated.show()
    simulated = simulate(project, False, [], None, None, "none", "off", steps)
    figures = simulated.data["runs"][0]["figures"]
    if not simulated.passed:
        return Outcome({**simulated.data, "seconds": time.perf_counter() - started}, simulated.show, passed=False)
    compared = sum(value for key, value in figures.items() if key.endswith(".spike_slots_compared"))
    steps.done(f"simulated: {compared:,} spikes and silences (gates x clock cycles) equal to the golden model")
    synthesized = synth(project, target, pnr, frequency_mhz, seed, None, steps)
    steps.done(f"synthesized{', placed and routed' if pnr else ''} for {target}")
    data = {
        "network": project.name,
        "evaluate": evaluated.data,
        "generate": generated.data,
        "simulate": simulated.data,
        "synth": synthesized.data,
        "seconds": time.perf_counter() - started,
    }

    def show() -> None:
        rate = figures["back_to_back.images"] / figures["back_to_back.seconds"]
        often = how_often(generated.data["interval_cycles"])
        rows: list[Sequence[object]] = []
        if accuracy is not None:
            rows.append(("test accuracy", f"{100 * accuracy:.2f} %", f"{evaluated.data['test_images']:,} images"))
        rows += [
            ("spikes per image", f"{evaluated.data['spikes_per_image']:.1f}", f"of {evaluated.data['gates']:,} gates"),
            ("Verilog modules", generated.data["modules"], generated.data["folder"]),
            ("images simulated", figures["back_to_back.images"], f"{rate:,.0f} per second, one {often}"),
            ("spikes checked", figures["back_to_back.spikes"], "each at its clock cycle, all equal"),
            *synthesis_rows(synthesized.data),
            ("time", f"{data['seconds']:.0f} s", "all of it"),
        ]
        table(f"{project.name} on {target}", ["", "value", ""], rows)

    return Outcome(data, show)
