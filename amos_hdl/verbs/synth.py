"""``amos-hdl synth``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from amos_hdl.console import Steps, table
from amos_hdl.errors import EmitError
from amos_hdl.project import Project
from amos_hdl.verbs.outcome import Outcome, how_often


def synth(
    project: Project,
    target: str,
    pnr: bool,
    frequency_mhz: float,
    seed: int,
    rtl: Path | None,
    steps: Steps,
    *,
    stream: bool = False,
) -> Outcome:
    """Synthesize the Verilog of a network, within its harness if it is placed and routed.

    With ``stream`` its AXI4-Stream wrapper instead, whose streams are then at the device's pins.  Raises EmitError if
    the Verilog has none.
    """
    from amos_hdl.emit.generate import write_harness
    from amos_hdl.emit.manifest import load_schedule
    from amos_hdl.synthesize.flow import synthesize
    from amos_hdl.synthesize.targets import find_target

    pnr = pnr and find_target(target).family.placer is not None
    folder, work = rtl or project.rtl, project.build("synth") / target
    manifest, schedule = load_schedule(project.network, folder)
    sources, top = [folder / path for path in manifest.files], manifest.top
    latency, interval = manifest.latency_cycles, manifest.interval_cycles
    harness_registers = 0
    if stream:
        if manifest.stream is None:
            hint = f"amos-hdl generate {project.name} --interface axi-stream"
            raise EmitError("no AXI4-Stream wrapper in this Verilog", where=str(folder), hint=hint)
        top, work = manifest.stream.top, work.with_name(f"{target}-stream")
        latency, interval = manifest.stream.latency_cycles, manifest.stream.interval_cycles
    elif pnr:
        top, path, harness_registers = write_harness(schedule, project.build("harness"))
        sources = [*sources, path]
    with steps.step(f"synthesizing for {target}") as bar:
        result = synthesize(
            sources,
            top,
            target,
            work,
            pnr=pnr,
            latency_cycles=latency,
            interval_cycles=interval,
            seed=seed,
            frequency_mhz=frequency_mhz,
            network_top=manifest.top if pnr or stream else None,
            # with carry cells sums of products of codes and weights take 30 to 40 % fewer LUTs (benchmarks/folds.py)
            folded=schedule.options.carries,
            progress=bar.say,
        )
    data = {"name": project.name, "harness_flip_flops": harness_registers, **asdict(result)}

    def show() -> None:
        table(f"{project.name if not stream else top} on {target}", ["", "value", ""], synthesis_rows(data))

    return Outcome(data, show)


def synthesis_rows(data: Mapping[str, Any]) -> list[Sequence[object]]:
    """Return the rows of a table about one synthesis."""
    percent = data["percent"] or {}

    def share(name: str) -> str:
        return f"{percent[name]:.1f} % of the device" if name in percent else "estimate"

    network = data["network"]
    rows: list[Sequence[object]] = [
        ("logic cells" if data["target"].startswith("ice40") else "LUTs", data["luts"], share("luts"))
    ]
    flip_flops = data["flip_flops"]
    inside = f", {data['harness_flip_flops']:,} of them in the harness" if data["harness_flip_flops"] else ""
    rows.append(("flip-flops", flip_flops, share("flip_flops") + inside))
    rows.append(("carry cells", data["carry_cells"], ""))
    rows.append(("block RAMs, DSPs", f"{data['block_rams']}, {data['dsps']}", ""))
    if network:
        around = "the harness" if data["harness_flip_flops"] else "what is around it"
        alone = f"LUTs after Yosys, {network['flip_flops']:,} flip-flops, without {around}"
        rows.append(("network alone", network["luts"], alone))
    if data["fmax_mhz"] is not None:
        rows.append(("Fmax", f"{data['fmax_mhz']:.1f} MHz", f"aimed at {data['frequency_mhz']:g} MHz"))
        rows.append(("latency", f"{data['latency_ns']:.1f} ns", f"{data['latency_cycles']} clock cycles"))
        often = how_often(data["interval_cycles"])
        rows.append(("images per second", f"{data['images_per_second']:,.0f}", f"one {often}"))
    return rows
