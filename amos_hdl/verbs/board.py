"""``amos-hdl board``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from amos_hdl.console import Steps, note, table
from amos_hdl.project import GOALS, Project
from amos_hdl.schedule import Schedule
from amos_hdl.schedule.board import Board, find_board
from amos_hdl.schedule.delays import fabric_of
from amos_hdl.schedule.frames import FrameLayout
from amos_hdl.schedule.link import line_cycles
from amos_hdl.schedule.stream import Protection
from amos_hdl.verbs.outcome import Outcome, how_often


def board_schedule(
    project: Project, board: Board, flags: Mapping[str, Any], clock_mhz: float | None = None, baud: int | None = None
) -> Schedule:
    """Return the schedule of a network on a board: flags first, then what the board wants, then the recipe.

    A network of maps is folded, unless told otherwise, as far as it is no slower than its images come over the line.
    """
    network, preset, goals = project.network, dict(board.hardware), dict(flags)
    if board.folds_units:
        circuits = {unit.name: unit.circuits[0] for unit in network.unit_layers}
        preset["folded"] = [name for name, circuit in circuits.items() if circuit.depth == circuit.gates > 1]
    if goals.get("clock_mhz") is not None and goals.get("fabric") is None:
        goals["fabric"] = fabric_of(board.target)
    image = network.tensors[network.input.name]
    if image.space and not flags.get("folded") and all(flags.get(goal) is None for goal in GOALS):
        preset.pop("folded", None)
        bit_cycles = board.bit_cycles(board.clock(clock_mhz)[0], baud)
        goals["interval"] = line_cycles(FrameLayout.of(image, 1).beats, bit_cycles)
    return project.schedule(goals, preset)


def board(
    project: Project,
    name: str,
    flags: Mapping[str, Any],
    clock_mhz: float | None,
    baud: int | None,
    seed: int,
    protect: Protection,
    out: Path | None,
    steps: Steps,
) -> Outcome:
    """Make the bitstream of a network for a board."""
    from amos_hdl.emit.board import render_board
    from amos_hdl.synthesize.bitstream import build_bitstream

    chosen, work = find_board(name), out or project.build("board") / name
    with steps.step(f"generating {project.name} for {name}") as bar:
        schedule = board_schedule(project, chosen, flags, clock_mhz, baud)
        design = render_board(schedule, chosen, clock_mhz, baud, protect)
        result = build_bitstream(design, chosen, project.name, work, seed=seed, progress=bar.say)
    data = {"folder": str(work), "uart": chosen.uart, **asdict(result)}

    def show() -> None:
        clock = f"{result.clock_mhz:g} MHz" + (
            "" if design.pll is None else f", by PLL from {chosen.oscillator_mhz} MHz"
        )
        cells = "logic cells" if chosen.pll == "ice40" else "LUTs"
        rows = [
            ("bitstream", str(work / result.bitstream), f"SHA-256 {result.bitstream_sha256[:16]}..."),
            (cells, result.luts, f"{result.lut_percent:.1f} % of {result.device}"),
            ("flip-flops", result.flip_flops, ""),
            ("block RAMs", result.block_rams, ""),
            ("clock", clock, f"met: Fmax {result.fmax_mhz:.1f} MHz"),
            ("UART", f"{result.baud:.0f} baud", chosen.uart),
            ("latency", f"{result.latency_cycles} clock cycles", f"a new image {how_often(result.interval_cycles)}"),
            ("image, result", f"{result.image_bytes}, {result.result_bytes} bytes", "on the link"),
        ]
        table(f"{project.name} on {name}", ["", "value", ""], rows)
        note(f"load it, then: amos-hdl host {project.name} --port PORT --baud {round(result.baud)}")

    return Outcome(data, show)
