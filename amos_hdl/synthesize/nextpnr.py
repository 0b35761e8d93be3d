"""Place and route with nextpnr: the run, and its report."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amos_hdl.errors import DoesNotFitError, SynthesisError, ToolError
from amos_hdl.synthesize.cells import CellCounts
from amos_hdl.synthesize.families import Resource
from amos_hdl.synthesize.fit import check_fit, does_not_fit, find_overflow, needs_of
from amos_hdl.synthesize.pins import CONSTRAINTS, gowin_constraints
from amos_hdl.synthesize.targets import Target
from amos_hdl.synthesize.tools import Tool, run_tool
from amos_hdl.synthesize.yosys import NETLIST_JSON, read_json

REPORT = "report.json"
LOG = "nextpnr.log"


@dataclass(frozen=True)
class Placed:
    """What place and route achieved.

    Parameters
    ----------
    used, available : dict
        Per resource of the family's table, as nextpnr counts them.
    fmax_mhz : float
        Highest clock frequency, in MHz.
    """

    used: dict[Resource, int]
    available: dict[Resource, int]
    fmax_mhz: float


def run_nextpnr(
    tool: Tool,
    target: Target,
    cells: CellCounts,
    *,
    folder: Path,
    top: str,
    clock: str,
    seed: int,
    frequency_mhz: float,
) -> Placed:
    """Place and route the netlist in ``folder``; leaves report and log there.

    Parameters
    ----------
    cells : CellCounts
        Yosys' figures: a design that is clearly too large is refused before nextpnr starts.
    seed : int
        Of the placer.
    frequency_mhz : float
        What nextpnr aims at, in MHz; falling short is not an error.

    Raises
    ------
    DoesNotFitError
        If the device cannot hold the design.
    ToolError
        If nextpnr fails otherwise.
    SynthesisError
        If its report does not say what it should.
    """
    check_fit(target, needs_of(cells))
    # The defaults (placer heap, router1) are the quickest and the best here.  Measured with sums of 16 products
    # (16 inputs of 4 bits, 8 units, 2 layers, 3,400 LUT sites on LFE5U-25F, nextpnr 0.11.1), seeds 1 and 2, s of CPU:
    # defaults 28 s, 124 and 125 MHz; `--placer static` 34 s, 121 and 112 MHz; `--router router2` 31 s, 117 and 115 MHz.
    # The frequency asked for changed nothing.
    options = [*target.nextpnr_options, "--json", NETLIST_JSON, "--report", REPORT]
    options += ["--seed", str(seed), "--freq", f"{frequency_mhz:g}", "--timing-allow-fail"]
    if target.family.gowin_buffers:
        constraints = gowin_constraints(read_json(folder / NETLIST_JSON), top, target, clock)
        (folder / CONSTRAINTS).write_text(constraints, encoding="utf-8")
        options += ["--vopt", f"cst={CONSTRAINTS}"]
    else:
        options.append("--lpf-allow-unconstrained" if target.family.name == "ecp5" else "--pcf-allow-unconstrained")
    return place(tool, target, cells, options, folder=folder, clock=clock)


def place(
    tool: Tool, target: Target, cells: CellCounts, options: Sequence[str], *, folder: Path, clock: str | None
) -> Placed:
    """Run nextpnr with ``options``, which name ``REPORT`` as its report, and return what it achieved.

    Raises as ``run_nextpnr``.
    """
    check_fit(target, needs_of(cells))
    try:
        run_tool(tool, options, folder=folder, log=LOG)
    except ToolError as error:
        misfit = _explain(target, cells, (folder / LOG).read_text(encoding="utf-8", errors="replace"))
        if misfit is None:
            raise
        raise misfit from error
    return parse_report(read_json(folder / REPORT), target, clock=clock, where=REPORT)


def _explain(target: Target, cells: CellCounts, log: str) -> DoesNotFitError | None:
    """The error for a design that turned out too large, or None if nextpnr failed for another reason."""
    over = find_overflow(target, log)
    if over is not None:
        return does_not_fit(target, *over, needs_of(cells))
    if re.search(r"(?i)no bels remaining|utili[sz]ation limit|unable to find (a )?(legal )?placement", log):
        return DoesNotFitError(
            f"the design fills {target.name} ({target.device}) too far to be placed",
            got=f"{cells.lut_sites:,} LUT sites needed at the least",
            hint="use a larger target, or fold layers",
        )
    return None


def parse_report(report: Mapping[str, Any], target: Target, *, clock: str | None, where: str) -> Placed:
    """Utilization and highest clock frequency from nextpnr's JSON report.

    Parameters
    ----------
    clock : str, optional
        Name of the clock port; nextpnr decorates it (``$glbnet$clk$TRELLIS_IO_IN``, ``clk$SB_IO_IN_$glb_clk``).  None
        for a design that has but one clock.
    where : str
        The file's name, for messages.

    Raises
    ------
    SynthesisError
        If a field is missing or not a number, or if not exactly one clock has that name.
    """
    table = _table(report, "utilization", where)
    used: dict[Resource, int] = {}
    available: dict[Resource, int] = {}
    for resource, names in target.family.report.items():
        entries = {name: _table(table, name, f"{where}, utilization") for name in names}
        used[resource] = sum(_whole(entry, "used", f"{where}, {name}") for name, entry in entries.items())
        available[resource] = _whole(entries[names[0]], "available", f"{where}, {names[0]}")
    clocks = _table(report, "fmax", where)
    matching = [name for name in clocks if clock is None or is_clock(name, clock)]
    if len(matching) != 1:
        known = ", ".join(repr(name) for name in clocks) or "no clock at all"
        raise SynthesisError(f"not exactly one clock {clock or ''!r} in the report", where=where, got=known)
    achieved = _field(_table(clocks, matching[0], where), "achieved", f"{where}, clock {matching[0]}")
    if isinstance(achieved, bool) or not isinstance(achieved, int | float) or not 0 < achieved < math.inf:
        raise SynthesisError("achieved frequency is not a positive number", where=where, got=repr(achieved))
    return Placed(used, available, float(achieved))


def is_clock(name: str, clock: str) -> bool:
    """Whether a net of nextpnr's report is that clock, whatever buffer's name was put around it."""
    plain = re.sub(r"_IBUF_I_O$|_IBUF$", "", name)
    return clock in re.split(r"[$.]", plain)


def _field(table: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in table:
        raise SynthesisError(f"no field {key!r} in nextpnr's report", where=where)
    return table[key]


def _table(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = _field(table, key, where)
    if not isinstance(value, dict):
        raise SynthesisError(f"field {key!r} is not a table", where=where, got=repr(value))
    return value


def _whole(table: Mapping[str, Any], key: str, where: str) -> int:
    value = _field(table, key, where)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SynthesisError(f"field {key!r} is not a count", where=where, got=repr(value))
    return value
