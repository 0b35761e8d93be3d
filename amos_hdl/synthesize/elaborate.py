"""Verilog as Yosys understands it before it makes cells of a device: operations on words, registers, memories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from amos_hdl.synthesize.tools import Tool, find_tool, run_tool

# processes, and memories of all their ports, module by module; then all in one module
_PASSES = ("proc", "memory_collect", "flatten")
_JSON = "elaborated.json"


class Elaborator:
    """A Yosys that elaborates Verilog.

    Members
    -------
    version : str

    Raises ToolError if there is none.
    """

    def __init__(self) -> None:
        self._yosys: Tool = find_tool("yosys")
        self.version = self._yosys.version

    def __call__(self, sources: Sequence[Path], top: str, folder: Path) -> Path:
        """Return the JSON of module ``top``, all in one level, made in ``folder``, where copies of ``sources`` go.

        Raises ToolError if Yosys refuses them.
        """
        for source in sources:
            (folder / source.name).write_bytes(source.read_bytes())
        read = [f"read_verilog {source.name}" for source in sources]
        # what passes say of each process is more than the Verilog itself; what is wrong with that, reading says
        quiet = [f"tee -q {command}" for command in (*_PASSES, f"write_json {_JSON}")]
        script = "\n".join([*read, f"hierarchy -check -top {top}", *quiet])
        (folder / "elaborate.ys").write_text(script + "\n", encoding="utf-8")
        run_tool(self._yosys, ["-s", "elaborate.ys"], folder=folder, log="elaborate.log")
        return folder / _JSON
