"""A netlist in the place of a network: the same testbench, results only, for inner spikes have lost their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.control_file import Waiver, write_control_file
from amos_hdl.simulate.design import Design
from amos_hdl.simulate.regression_list import Entry

#: Name of the module around a netlist.  Were the netlist itself on top, each of its wires would be visible, and C++
#: compilers would take minutes for that.
WRAPPER = "AmosNetlist"

#: Verilator's warnings about what Yosys writes.
WAIVERS = (
    Waiver("DECLFILENAME", "the file of a netlist has the name that Yosys gives it"),
    Waiver("UNUSEDSIGNAL", "Yosys keeps the names of signals that it has optimised away"),
    Waiver("UNDRIVEN", "Yosys keeps the names of signals that it has optimised away"),
    Waiver("UNOPTFLAT", "bits of a word that follow from other bits of it are no loop"),
    Waiver("PINMISSING", "Yosys leaves pins of cells open that are not needed"),
    Waiver("INITIALDLY", "what a flip-flop begins with is the same with either assignment"),
    Waiver("SPECIFYIGN", "delays of cells are not simulated here"),
    Waiver("PINCONNECTEMPTY", "Yosys leaves pins of cells open that are not needed"),
)


@dataclass(frozen=True, eq=False)
class NetlistDesign:
    """The netlist of a design.

    Parameters
    ----------
    design : Design
        Of the Verilog that the netlist was made from.
    verilog, cells : Path
        The netlist and the models of its cells.
    """

    design: Design
    verilog: Path
    cells: Path

    def resolve(self, entry: Entry, work: Path) -> tuple[Sequence[Path], Sequence[Path], str]:
        """Return sources, control files and top module of ``entry``.

        Raises SimulationError for anything but a whole network: nothing smaller is left of it.
        """
        if entry.toplevel != "network":
            raise SimulationError(
                "toplevel of a netlist", where=entry.name, expected="network", got=repr(entry.toplevel)
            )
        work.mkdir(parents=True, exist_ok=True)
        top = work / f"{WRAPPER}.v"
        top.write_text(self.wrapper(), encoding="utf-8")
        control = write_control_file(work / f"{WRAPPER}.vlt", (), WAIVERS, foreign=[f"*{self.cells.name}"])
        return [self.verilog, self.cells, top], [control], WRAPPER

    def wrapper(self) -> str:
        """Return the Verilog of a module with the ports of the network around its netlist."""
        ports = self.design.manifest.ports
        lines = [f"  {port.direction} [{port.bits - 1}:0] {port.name}" for port in ports]
        inside = ", ".join(f".{port.name}({port.name})" for port in ports)
        body = f"  {self.design.manifest.top} network({inside});"
        return f"module {WRAPPER}(\n" + ",\n".join(lines) + f"\n);\n{body}\nendmodule\n"

    def job(self, entry: Entry, seed: int, folder: Path) -> Mapping[str, Any]:
        """Write the images of one run into ``folder`` and return the keys of its job."""
        return {**self.design.job(entry, seed, folder), "results_only": True}
