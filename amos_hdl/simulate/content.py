"""Everything that goes into a simulation executable, and its key."""

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.program import Program
from amos_hdl.simulate.verilator import Verilator

Waves = Literal["none", "fst"]
CoverageKind = Literal["off", "line", "toggle"]

_LAYOUT = 2
"""Part of every key: raise it when the way executables are made changes."""


@dataclass(frozen=True)
class BuildOptions:
    """How an executable is built.

    Parameters
    ----------
    waves : {"none", "fst"}
        ``fst``: the executable can write waveforms.
    coverage : {"off", "line", "toggle"}
        What the executable counts.
    verilator_args : tuple of str
        More arguments for Verilator.
    optimise : str
        C++ optimisation of the model.  Measured on 120 units (5,400 weights, unrolled), CPU seconds of the build and
        clock cycles per second: -O0 14 to 17 s, 3,000; -O1 and -Os 17 to 22 s, 20,000 to 30,000; -O2 26 s, 19,000.
    """

    waves: Waves = "none"
    coverage: CoverageKind = "off"
    verilator_args: tuple[str, ...] = ()
    optimise: str = "-O1"


@dataclass(frozen=True)
class SourceFile:
    """One file: its role, where it came from, and its bytes at the time it was read."""

    role: Literal["control", "source", "include"]
    origin: Path
    content: bytes

    @property
    def inside(self) -> str:
        """Path inside the build folder.  Paths of the user's machine are in no executable and no coverage file."""
        return f"{'control' if self.role == 'control' else 'sources'}/{self.origin.name}"


@dataclass(frozen=True)
class Content:
    """All that decides what an executable is."""

    files: tuple[SourceFile, ...]
    toplevel: str
    options: BuildOptions
    verilator: Verilator
    program: Program

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 over all of it."""
        parts = {
            "layout": _LAYOUT,
            "files": [(file.role, file.inside, hashlib.sha256(file.content).hexdigest()) for file in self.files],
            "toplevel": self.toplevel,
            "options": asdict(self.options),
            "verilator": [self.verilator.version, str(self.verilator.root)],
            "program": [self.program.name, self.program.version, str(self.program.main), *self.program.link],
            "compiler": [self.verilator.compiler, self.verilator.compiler_version],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def given(self) -> list[str]:
        """Return the paths to name to Verilator: control files first, as they speak about what follows."""
        return [file.inside for file in self.files if file.role != "include"]


def read_files(
    sources: Sequence[Path], control_files: Sequence[Path], includes: Sequence[Path]
) -> tuple[SourceFile, ...]:
    """Read all files once, so that what is hashed is what is built.

    Raises
    ------
    SimulationError
        No source, a file that cannot be read, or two of one name.
    """
    if not sources:
        raise SimulationError("no Verilog source")
    files: dict[str, SourceFile] = {}
    groups: tuple[tuple[Literal["control", "source", "include"], Sequence[Path]], ...] = (
        ("control", control_files),
        ("source", sources),
        ("include", includes),
    )
    for role, paths in groups:
        for path in paths:
            try:
                file = SourceFile(role, path, path.read_bytes())
            except OSError as error:
                raise SimulationError(f"source cannot be read: {error.strerror}", where=str(path)) from error
            if file.inside in files:
                raise SimulationError(
                    "two sources of one name", where=str(path), got=f"{files[file.inside].origin} before"
                )
            files[file.inside] = file
    return tuple(files.values())
