"""Icarus Verilog: a second simulator for the same testbenches, where it is installed.

It interprets, many times as slow as what Verilator compiles, and shares no line of code with it: a fault of one is
hardly one of the other.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amos_hdl.errors import SimulationError, ToolError
from amos_hdl.simulate.build import Build
from amos_hdl.simulate.content import BuildOptions
from amos_hdl.simulate.process import run_logged
from amos_hdl.simulate.tool_log import first_error

#: Oldest version that cocotb 2.x supports.
MINIMUM = 11
_PROGRAM = "network.vvp"


@dataclass(frozen=True)
class Icarus:
    """An Icarus Verilog that was found: its compiler, its interpreter, its version."""

    compiler: str
    interpreter: str
    version: str


def find_icarus() -> Icarus:
    """Return the Icarus Verilog in PATH.

    Raises ToolError if there is none, or it is older than cocotb supports.
    """
    compiler, interpreter = shutil.which("iverilog"), shutil.which("vvp")
    hint = "install it, on Debian or Ubuntu with: apt-get install iverilog"
    if compiler is None or interpreter is None:
        raise ToolError("no Icarus Verilog in PATH", expected="iverilog and vvp", hint=hint)
    answer = subprocess.run([compiler, "-V"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"Icarus Verilog version (\d+)\.(\S+)", answer)
    if found is None or int(found[1]) < MINIMUM:
        got = found[0] if found else repr(answer[:80])
        raise ToolError("Icarus Verilog", where=compiler, expected=f"version >= {MINIMUM}", got=got, hint=hint)
    return Icarus(compiler, interpreter, f"{found[1]}.{found[2]}")


def build_icarus(sources: Sequence[Path], toplevel: str, *, root: Path, options: BuildOptions) -> Build:
    """Compile ``sources`` for the interpreter; kept in ``root`` by content.

    Raises ToolError without Icarus or cocotb, SimulationError for options it does not have, or if it refuses the
    Verilog.
    """
    try:
        import cocotb_tools.config as config
    except ImportError as error:
        raise ToolError("cocotb is not installed", hint='install it with: pip install "amos-hdl[sim]"') from error
    if options.waves != "none" or options.coverage != "off":
        raise SimulationError("waves and coverage", expected="--simulator verilator", got="icarus")
    begin, icarus = time.monotonic(), find_icarus()
    digest = hashlib.sha256(f"{icarus.version} {toplevel}".encode())
    for path in sources:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    folder = root.resolve() / f"icarus-{digest.hexdigest()}"
    program = folder / _PROGRAM
    cached = program.is_file()
    if not cached:
        folder.mkdir(parents=True, exist_ok=True)
        partial, log, scale = folder / f"{_PROGRAM}.partial", folder / "build.log", folder / "options"
        log.unlink(missing_ok=True)
        scale.write_text("+timescale+1ns/1ps\n", encoding="utf-8")
        command = [icarus.compiler, "-g2012", "-s", toplevel, "-o", str(partial), "-f", str(scale)]
        command += [str(path.resolve()) for path in sources]
        ended = run_logged(command, cwd=folder, env={"PATH": str(Path(icarus.compiler).parent)}, log=log)
        if ended.exit_code != 0:
            raise SimulationError(f"cannot build {toplevel}: {first_error(log)}", hint=f"log: {log}")
        partial.replace(program)
    library = config.lib_name_path("vpi", "icarus")
    return Build(
        folder=folder,
        executable=program,
        toplevel=toplevel,
        key=digest.hexdigest(),
        cached=cached,
        wall_s=time.monotonic() - begin,
        options=options,
        interpreter=(icarus.interpreter, "-m", str(library)),
    )
