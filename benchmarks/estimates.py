"""How right the estimate before synthesis is: each layer of the digits network by formula, and by Yosys for ECP5.

python benchmarks/estimates.py
python benchmarks/estimates.py mnist_cnn --interval 30000    another network, folded by the planner
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from amos_hdl.emit.generate import generate
from amos_hdl.project import find_project
from amos_hdl.schedule import Estimate, FoldedSumSpec, buffer_estimate, estimate, placed_estimate, window_estimate
from amos_hdl.schedule.memory import MEMORY_KINDS
from amos_hdl.synthesize.flow import synthesize


def main() -> None:
    """Synthesize every layer alone, its windows and buffers too, then the network, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", default="models/digits.yaml")
    parser.add_argument("--interval", type=int)
    parser.add_argument("--adders-per-stage", type=int)
    arguments = parser.parse_args()
    project = find_project(arguments.network)
    flags = {"interval": arguments.interval, "adders_per_stage": arguments.adders_per_stage}
    schedule, memories = project.schedule(flags), MEMORY_KINDS["ecp5"]
    folded = any(isinstance(spec, FoldedSumSpec) for spec in schedule.specs.values())
    sizes: dict[str, Estimate] = {}
    for name, layer in schedule.layers.items():
        for number, buffer in enumerate(layer.buffers):
            if buffer is not None:
                sizes[f"{name}_buffer{number}"] = buffer_estimate(buffer, memories)
        if layer.window is not None:
            sizes[f"{name}_window"] = window_estimate(layer.window, memories)
        sizes[name] = estimate(layer.spec, memories)
    table = Table("layer", "LUTs by formula", "by Yosys", "", "FFs by formula", "by Yosys", "", "RAMs", "by Yosys")
    all_found, all_made = Estimate(0, 0), Estimate(0, 0)
    with tempfile.TemporaryDirectory() as folder:
        rtl = Path(folder) / "rtl"
        manifest = generate(schedule, rtl)
        parts = [rtl / path for path in manifest.files if "/" in path]
        for name, size in sizes.items():
            module = f"{manifest.top}_{name}"
            if not (rtl / f"{module}.v").exists():
                continue  # wires
            found = synthesize(
                [*parts, rtl / f"{module}.v"],
                module,
                "ecp5-25k",
                Path(folder) / "work",
                pnr=False,
                latency_cycles=1,
                folded=folded,
            )
            made = Estimate(found.luts, found.flip_flops, found.block_rams)
            table.add_row(name, *_row(size, made))
            all_found, all_made = all_found + size, all_made + made
        whole = synthesize(
            [rtl / path for path in manifest.files],
            manifest.top,
            "ecp5-85k",
            Path(folder) / "work",
            pnr=False,
            latency_cycles=1,
            folded=folded,
        )
    table.add_row("all", *_row(all_found, all_made))
    joined = sum((placed_estimate(layer, memories) for layer in schedule.layers.values()), Estimate(0, 0))
    made = Estimate(whole.luts, whole.flip_flops, whole.block_rams)
    table.add_row("the network", *_row(joined, made))
    Console(width=120).print(table)


def _row(size: Estimate, made: Estimate) -> tuple[str, ...]:
    figures = []
    for formula, yosys in ((size.luts, made.luts), (size.flip_flops, made.flip_flops)):
        figures += [f"{formula:,}", f"{yosys:,}", f"{formula / yosys - 1:+.0%}" if yosys else ""]
    return (*figures, str(size.block_rams), str(made.block_rams))


if __name__ == "__main__":
    main()
