"""How right the estimate before synthesis is: each layer of the digits network by formula, and by Yosys for ECP5.

python benchmarks/estimates.py
python benchmarks/estimates.py mnist_cnn --interval 30000    another network, folded by the planner

A layer is what ``amos-hdl info`` counts as one, with its windows and what delays its branches, but without outputs that
the network does not read, such as spikes.  Yosys makes the slowest path fast at any price, and all else small: each
layer is given the time of the slowest path of the network.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from amos_hdl.emit.generate import generate
from amos_hdl.errors import ToolError
from amos_hdl.project import find_project
from amos_hdl.schedule import Estimate, Schedule, placed_estimate
from amos_hdl.synthesize.cells import count_cells
from amos_hdl.synthesize.families import FAMILIES
from amos_hdl.synthesize.tools import find_tool, run_tool
from amos_hdl.synthesize.yosys import read_json

#: What the whole network is called among the layers.
WHOLE = "the network"


def estimated(schedule: Schedule) -> dict[str, Estimate]:
    """Return what ``amos-hdl info`` says of each layer."""
    carries = schedule.options.carries
    return {name: placed_estimate(layer, carries=carries) for name, layer in schedule.layers.items()}


def synthesized(schedule: Schedule, work: Path, slowest_ps: int | None = None) -> dict[str, Estimate]:
    """Return what Yosys makes of each layer, and of the network, in the folder ``work``.

    First of the whole; then with walls between the layers, each of which may take as long as the whole does.  Layers
    that are nothing but wires are left out.  ``slowest_ps`` is the delay of the slowest path of the whole; by default
    it is read from the log of a native Yosys, for that of WebAssembly has none of ABC's lines.  Raises ToolError
    without.
    """
    manifest = generate(schedule, work / "rtl")
    top, family = manifest.top, FAMILIES["ecp5"]
    options = [*family.synth, family.no_dsp] + ([] if schedule.options.carries else [family.no_carry])
    synth = f"{' '.join(option for option in options if option is not None)} -top {top}"
    read = [f"read_verilog -defer rtl/{path}" for path in manifest.files if path.endswith(".v")]
    read.append(f"hierarchy -check -top {top}")
    _yosys([*read, synth, "tee -q -o whole.json stat -json"], work, "whole")
    if slowest_ps is None:
        delays = re.findall(r"Del = *(\d+)", (work / "whole.log").read_text(encoding="utf-8"))
        if not delays:
            raise ToolError("Yosys logs no delays", hint="install a native one: pip install pyosys")
        slowest_ps = max(map(int, delays))
    script = [*read, "proc", f"scratchpad -set abc9.D {slowest_ps}"]
    layers = [name for name in schedule.layers if (work / "rtl" / f"{top}_{name}.v").exists()]
    for name in layers:
        # a module of all that belongs to a layer; its ports are what others read
        cells = f"{top}/c:{name}_layer {top}/c:{name}_window {top}/c:{name}_buffer*"
        script += [f"submod -name {_wall(name)} {cells}", f"setattr -mod -set keep_hierarchy 1 {_wall(name)}"]
    _yosys([*script, synth, "tee -q -o layers.json stat -json"], work, "layers")
    counts = {name: count_cells(read_json(work / "layers.json"), _wall(name), family, where=name) for name in layers}
    counts[WHOLE] = count_cells(read_json(work / "whole.json"), top, family, where=WHOLE)
    return {name: Estimate(found.lut_sites, found.flip_flops, found.block_rams) for name, found in counts.items()}


def _yosys(script: Sequence[str], work: Path, name: str) -> None:
    (work / f"{name}.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    run_tool(find_tool("yosys"), ["-s", f"{name}.ys"], folder=work, log=f"{name}.log")


def _wall(name: str) -> str:
    return f"layer_{name}"


def table_of(sizes: Mapping[str, Estimate], made: Mapping[str, Estimate]) -> Table:
    """Return the comparison as a table."""
    table = Table("layer", "LUTs by formula", "by Yosys", "", "FFs by formula", "by Yosys", "", "RAMs", "by Yosys")
    layers = {name: found for name, found in made.items() if name != WHOLE}
    for name, found in layers.items():
        table.add_row(name, *_row(sizes[name], found))
    joined = sum(sizes.values(), Estimate(0, 0))
    table.add_row("all layers", *_row(joined, sum(layers.values(), Estimate(0, 0))))
    table.add_row(WHOLE, *_row(joined, made[WHOLE]))
    return table


def _row(size: Estimate, made: Estimate) -> tuple[str, ...]:
    figures = []
    for formula, yosys in ((size.luts, made.luts), (size.flip_flops, made.flip_flops)):
        figures += [f"{formula:,}", f"{yosys:,}", f"{formula / yosys - 1:+.0%}" if yosys else ""]
    return (*figures, str(size.block_rams), str(made.block_rams))


def main() -> None:
    """Synthesize the network and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", default="models/digits.yaml")
    parser.add_argument("--interval", type=int)
    parser.add_argument("--adders-per-stage", type=int)
    arguments = parser.parse_args()
    flags = {"interval": arguments.interval, "adders_per_stage": arguments.adders_per_stage}
    schedule = find_project(arguments.network).schedule(flags)
    with tempfile.TemporaryDirectory() as folder:
        made = synthesized(schedule, Path(folder))
    Console(width=120).print(table_of(estimated(schedule), made))


if __name__ == "__main__":
    main()
