"""The netlist of a network on its own: the cells that an FPGA would have, as Verilog to be simulated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from amos_hdl.errors import SynthesisError
from amos_hdl.files import write_file
from amos_hdl.synthesize.cell_models import BLOCK_RAM_MODELS, cell_models
from amos_hdl.synthesize.families import FAMILIES
from amos_hdl.synthesize.flow import synthesize
from amos_hdl.synthesize.targets import TARGETS
from amos_hdl.synthesize.tools import find_tool
from amos_hdl.synthesize.yosys import NETLIST_VERILOG

#: Name of the file with the models of the cells, beside the netlist.
CELLS = "cells.v"
_KEY = "netlist.key"
#: Of what is done to a netlist besides Yosys: another number where it changes.
FORMAT = 2


def netlist(
    sources: Sequence[Path],
    top: str,
    family: str,
    work: Path,
    *,
    latency_cycles: int,
    folded: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[Path, Path]:
    """Return the netlist of ``top`` in cells of ``family`` and the models of those cells, both in ``work``.

    Memories are in block RAM only where Yosys brings a model of it (iCE40); else in LUTs and registers, which can be
    simulated.  What is there already is kept if the sources, the family and Yosys are the same.

    Parameters
    ----------
    folded : bool
        Whether sums may use carry cells, as in ``flow.synthesize``.

    Others as there.

    Raises
    ------
    SynthesisError, ToolError
        As ``flow.synthesize``, for an unknown family, and if Yosys brings no models of its cells.
    """
    if family not in FAMILIES:
        raise SynthesisError("family", expected=", ".join(FAMILIES), got=repr(family))
    yosys = find_tool("yosys")
    models = cell_models(yosys, FAMILIES[family])
    # without place and route all devices of a family are alike
    target = next(name for name, target in TARGETS.items() if target.family.name == family)
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sources]
    block_ram = family in BLOCK_RAM_MODELS
    key = json.dumps(
        [FORMAT, top, family, block_ram, folded, yosys.version, hashes, hashlib.sha256(models.encode()).hexdigest()]
    )
    verilog, cells, stamp = (work / name for name in (NETLIST_VERILOG, CELLS, _KEY))
    if not (verilog.is_file() and cells.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == key):
        stamp.unlink(missing_ok=True)
        synthesize(
            sources,
            top,
            target,
            work,
            pnr=False,
            latency_cycles=latency_cycles,
            block_ram=block_ram,
            folded=folded,
            progress=progress,
        )
        write_file(cells, models, SynthesisError)
        write_file(stamp, key, SynthesisError)
    return verilog, cells
