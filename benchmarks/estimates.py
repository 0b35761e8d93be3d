"""How right the estimate before synthesis is: each layer of the digits network by formula, and by Yosys for ECP5.

python benchmarks/estimates.py
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from amos_hdl.emit.manifest import load_manifest
from amos_hdl.project import find_project
from amos_hdl.schedule import estimate
from amos_hdl.synthesize.flow import synthesize


def main() -> None:
    """Synthesize every layer alone and print one table."""
    project = find_project("models/digits.yaml")
    schedule, manifest = project.schedule(), load_manifest(project.rtl)
    units = [project.rtl / path for path in manifest.files if path.startswith("units/")]
    table = Table("layer", "LUTs by formula", "by Yosys", "FFs by formula", "by Yosys")
    sums = [0, 0, 0, 0]
    for layer in manifest.layers:
        size = estimate(schedule.specs[layer.name])
        found = synthesize(
            [*units, project.rtl / f"{layer.module}.v"],
            layer.module,
            "ecp5-25k",
            Path("build") / "estimates" / layer.name,
            pnr=False,
            latency_cycles=layer.latency_cycles,
        )
        figures = (size.luts, found.luts, size.flip_flops, found.flip_flops)
        sums = [total + figure for total, figure in zip(sums, figures, strict=True)]
        table.add_row(layer.name, *(f"{figure:,}" for figure in figures))
    table.add_row("all", *(f"{figure:,}" for figure in sums))
    table.add_row("", "", f"{sums[0] / sums[1] - 1:+.0%}", "", f"{sums[2] / sums[3] - 1:+.0%}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
