"""One simulation executable: Verilator, then make, in one folder."""

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.content import Content
from amos_hdl.simulate.fst import lz4_stand_in
from amos_hdl.simulate.process import run_logged
from amos_hdl.simulate.runtime_objects import RuntimeObjects
from amos_hdl.simulate.tool_log import first_error

LOG = "build.log"
EXECUTABLE = "simulator"
"""Its name in the build folder; a top module may be called anything."""
_OBJECTS = "objects"

_COVERAGE = {"off": [], "line": ["--coverage-line"], "toggle": ["--coverage-toggle"]}
_WAVES = {"none": [], "fst": ["--trace-fst"]}


def compile_simulation(content: Content, folder: Path, *, object_cache: Path, timeout_s: float) -> None:
    """Build ``content`` in ``folder``, which exists and is empty; all paths used are relative to it.

    Afterwards it holds the executable, ``sources/``, ``control/``, ``build.json`` and
    the log.

    Raises
    ------
    ToolError
        A header of FST waveforms is missing.
    SimulationError
        Verilator or the compiler refuse it, or take longer than ``timeout_s`` seconds.
    """
    for file in content.files:
        path = folder / file.inside
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file.content)
    stand_in = None
    if content.options.waves == "fst":
        stand_in = lz4_stand_in(content.verilator, folder / "lz4")
    _step(content, folder, _verilate(content, stand_in), timeout_s)
    objects = folder / _OBJECTS
    make = _make(content)
    runtime = RuntimeObjects(content.verilator, cache=object_cache, object_folder=objects, make=make)
    runtime.restore()
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    _step(content, folder, [*make, "-C", _OBJECTS, f"-j{jobs}"], timeout_s)
    runtime.store()
    (objects / EXECUTABLE).rename(folder / EXECUTABLE)
    shutil.rmtree(objects)
    about = {
        "key": content.key,
        "toplevel": content.toplevel,
        "options": asdict(content.options),
        "verilator": content.verilator.version,
        "program": [content.program.name, content.program.version],
        "compiler": content.verilator.compiler_version,
    }
    (folder / "build.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _verilate(content: Content, stand_in: Path | None) -> list[str]:
    options, program = content.options, content.program
    link, extra = list(program.link), []
    if stand_in is not None:
        # Relative to the folder of the objects, where the compiler runs.
        extra = ["-CFLAGS", f"-I../{stand_in.name}"]
        link.append(f"-L../{stand_in.name}")
    if link:
        extra += ["-LDFLAGS", " ".join(link)]
    return [
        str(content.verilator.executable),
        *("--cc", "--exe", "--Mdir", _OBJECTS, "--prefix", "Vtop", "-o", EXECUTABLE),
        *("--top-module", content.toplevel),
        *program.verilator_args,
        *("-Wall", "--timescale", "1ns/1ps"),
        # Registers without an initial value start at random, from the run's seed: nothing may rely on a zero.
        *("--x-assign", "fast", "--x-initial", "unique"),
        *_WAVES[options.waves],
        *_COVERAGE[options.coverage],
        *(*extra, "-Isources"),
        *options.verilator_args,
        str(program.main),
        *content.given(),
    ]


def _make(content: Content) -> list[str]:
    variables = dict(content.verilator.make_variables)
    variables["OPT_FAST"] = content.options.optimise
    return ["make", "-f", "Vtop.mk", *(f"{name}={value}" for name, value in variables.items())]


def _step(content: Content, folder: Path, command: list[str], timeout_s: float) -> None:
    log = folder / LOG
    environment = content.verilator.full_environment()
    # make's own variables of a calling make (its jobs, its flags) are not meant for this one.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CXXFLAGS", "CPPFLAGS", "LDFLAGS"):
        environment.pop(name, None)
    ended = run_logged(command, cwd=folder, env=environment, log=log, timeout_s=timeout_s)
    if ended.timed_out:
        raise SimulationError(f"the build of {content.toplevel} took longer than {timeout_s:g} s")
    if ended.exit_code != 0:
        names = {file.inside: str(file.origin) for file in content.files}
        raise SimulationError(f"cannot build {content.toplevel}: {first_error(log, names)}")
