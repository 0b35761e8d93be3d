"""Synthesis with Yosys: the script, the run, and what came out.

The network inside a harness is counted alone at no extra cost: it keeps its boundary (``keep_hierarchy``) while
everything else is flattened and mapped, Yosys counts it as a module of its own, and only then the boundary is dissolved
for place and route.  Its ports are wired to registers, so that little is lost by not optimising across them.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize import carry_chains, carry_logic
from amos_hdl.synthesize.cells import CellCounts, count_cells
from amos_hdl.synthesize.families import Family
from amos_hdl.synthesize.tools import Tool, run_tool

NETLIST_JSON = "netlist.json"
NETLIST_VERILOG = "netlist.v"
SCRIPT = "synthesize.ys"
#: Where carry cells take logic in, which Yosys does not do: the netlist before, and the script for what remains.
MAPPED_JSON = "mapped.json"
SCRIPT_AFTER = "synthesize_after.ys"
LOG, LOG_AFTER = "yosys.log", "yosys_after.log"
STATISTICS = "statistics.json"
NETWORK_STATISTICS = "statistics_network.json"
# a file of a unit, perhaps as `flow` has copied it
_UNIT = re.compile(r"(?:source\d+_)?(\w+_unit\d+)\.v")
_READERS = {".sv": "read_verilog -defer -sv", ".il": "read_rtlil"}


@dataclass(frozen=True)
class Synthesized:
    """Cells after Yosys: of the whole design, and of the network alone if it was asked for."""

    design: CellCounts
    network: CellCounts | None


def make_scripts(
    sources: Sequence[str],
    top: str,
    family: Family,
    *,
    network_top: str | None = None,
    block_ram: bool = True,
    folded: bool = False,
    no_dsp: str | None = None,
    buffers: bool = True,
) -> tuple[str, ...]:
    """The Yosys script; two, where carry cells take logic in between them: from ``MAPPED_JSON``, to the same.

    Parameters
    ----------
    sources : sequence of str
        Verilog files, named as the script's folder sees them; ``.sv`` is read as SystemVerilog, ``.il`` as RTLIL.
    top : str
        The module to synthesize.
    family : Family
        The family to map to.
    network_top : str, optional
        A module below ``top`` to count alone.
    block_ram : bool
        False forbids block RAM.
    folded : bool
        True for a network with folded sums, or of additions of two bits: its sums may use carry cells, though not the
        comparisons of its units, and its memories are kept out of LUTs where those are dear.
    no_dsp : str, optional
        Option that keeps products out of DSP blocks.
    buffers : bool
        False if the design brings the buffers of its pins itself.

    Raises
    ------
    SynthesisError
        If a name is not a plain identifier or file name.
    """
    for name in (top, *([network_top] if network_top is not None else [])):
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise SynthesisError("not a Verilog module name", got=repr(name))
    for source in sources:
        if not re.fullmatch(r"[\w.-]+", source):
            raise SynthesisError("not a plain file name", got=repr(source))
    lines = ["# deferred, so that a module with parameters is not elaborated before they are known"]
    lines += [f"{_READERS.get(Path(source).suffix, 'read_verilog -defer')} {source}" for source in sources]
    # buffers are cells that only the synthesis command knows; it checks again
    lines.append(f"hierarchy {'-check ' if buffers else ''}-top {top}")
    if network_top is not None:
        lines.append(f"setattr -mod -set keep_hierarchy 1 {network_top}")
    scripts: list[list[str]] = []
    in_carry_cells = folded and family.carry_if_folded
    if in_carry_cells and family.no_carry is not None:
        lines += compare_in_luts(sources)
    options = [no_dsp, None if in_carry_cells else family.no_carry, None if block_ram else family.no_block_ram]
    options += [family.no_small_memory if folded and block_ram else None]
    command = " ".join((*family.synth, *(option for option in options if option is not None), "-top", top))
    if in_carry_cells and family.carry_map is not None:
        before, after = (f"{command} -run {part}" for part in (f"begin:{family.carry_map}", f"{family.carry_map}:"))
        # with the map by which other cells become additions
        lines += [before, f"techmap -map +/techmap.v -map {carry_chains.MAP}", after, f"write_json {MAPPED_JSON}"]
        scripts.append(lines)
        lines = [f"read_json {MAPPED_JSON}"]
    else:
        lines.append(command)
    if network_top is not None:
        lines += [
            f"tee -q -o {NETWORK_STATISTICS} stat -json",
            f"setattr -mod -unset keep_hierarchy {network_top}",
            "flatten",
            "opt_clean",
        ]
    lines.append(f"tee -q -o {STATISTICS} stat -json")
    lines.append(f"write_verilog -noattr {NETLIST_VERILOG}")
    if family.gowin_buffers and buffers:
        # Not left to synth_gowin, which would put buffers at the network's inner boundary too.
        lines += [
            f"iopadmap -bits -inpad IBUF O:I -outpad OBUF I:O -toutpad TBUF ~OEN:I:O {top}",
            "clean",
        ]
    lines.append(f"write_json {NETLIST_JSON}")
    return tuple("\n".join(script) + "\n" for script in (*scripts, lines))


def compare_in_luts(sources: Sequence[str]) -> list[str]:
    """The commands that keep comparisons of units out of carry cells, after ``hierarchy`` and before all else.

    Thresholds are choices of constants, which are smaller as look-up tables.  Once Yosys has made additions of
    comparisons, nothing tells them from sums.  ``sources``: their names; those of units end as ``emit`` lets them.
    """
    units = [found[1] for found in map(_UNIT.fullmatch, sources) if found]
    if not units:
        return []
    steps = (
        "proc",
        "opt -nodffe -nosdff",
        "wreduce",
        "peepopt",
        "opt_clean",
        "techmap -map +/cmp2lcu.v -D LUT_WIDTH=4",
    )
    return [f"select -set units {' '.join(units)}", *(f"{step} @units" for step in steps)]


def run_yosys(
    tool: Tool,
    sources: Sequence[str],
    top: str,
    family: Family,
    *,
    folder: Path,
    network_top: str | None = None,
    block_ram: bool = True,
    folded: bool = False,
    dsp: bool = False,
    buffers: bool = True,
) -> Synthesized:
    """Synthesize the sources in ``folder``; leaves netlists, statistics, scripts and logs there.

    Where a family has a map of its own for carry cells, they take logic in (``carry_logic``), and in the netlist for
    nextpnr the ends of their chains are free (``carry_chains``).

    Parameters
    ----------
    dsp : bool
        True leaves multiplications to the family's default, which may put them in DSP blocks.

    Others as in ``make_script``.

    Raises
    ------
    ToolError
        If Yosys fails.
    SynthesisError
        If its statistics do not say what they should.
    """
    no_dsp = None if dsp else _no_dsp_option(tool, family, folder)
    scripts = make_scripts(
        sources,
        top,
        family,
        network_top=network_top,
        block_ram=block_ram,
        folded=folded,
        no_dsp=no_dsp,
        buffers=buffers,
    )
    (folder / SCRIPT).write_text(scripts[0], encoding="utf-8")
    if len(scripts) > 1:
        (folder / carry_chains.MAP).write_text(carry_chains.map_text(), encoding="utf-8")
    run_tool(tool, ["-s", SCRIPT], folder=folder, log=LOG)
    for script in scripts[1:]:
        _changed(folder / MAPPED_JSON, carry_logic.take_in)
        (folder / SCRIPT_AFTER).write_text(script, encoding="utf-8")
        run_tool(tool, ["-s", SCRIPT_AFTER], folder=folder, log=LOG_AFTER)
        (folder / MAPPED_JSON).unlink()
        _changed(folder / NETLIST_JSON, carry_chains.free_chain_ends)
    design = count_cells(read_json(folder / STATISTICS), top, family, where=STATISTICS)
    network = None
    if network_top is not None:
        statistics = read_json(folder / NETWORK_STATISTICS)
        network = count_cells(statistics, network_top, family, where=NETWORK_STATISTICS)
    return Synthesized(design, network)


def _changed(path: Path, change: Callable[[dict[str, Any]], int]) -> None:
    """Apply a change to the netlist in a file."""
    netlist = read_json(path)
    change(netlist)
    path.write_text(json.dumps(netlist), encoding="utf-8")


def _no_dsp_option(tool: Tool, family: Family, folder: Path) -> str | None:
    """The family's option, if this Yosys knows it: ``synth_gowin`` used no DSP blocks before it had ``-nodsp``."""
    if family.no_dsp is None or not family.gowin_buffers:
        return family.no_dsp
    text = run_tool(tool, ["-p", f"help {family.synth[0]}"], folder=folder, log="yosys_help.log")
    return family.no_dsp if family.no_dsp in text else None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a tool's report.

    Raises
    ------
    SynthesisError
        If the file is missing or holds no JSON object.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SynthesisError("the tool wrote no report", where=str(path)) from error
    except ValueError as error:
        raise SynthesisError("the report is not JSON", where=str(path), got=str(error)) from error
    if not isinstance(table, dict):
        raise SynthesisError("the report is not a JSON object", where=str(path), got=type(table).__name__)
    return table
