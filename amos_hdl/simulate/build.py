"""Verilog to a simulation executable, once per content.

A build happens in a temporary folder that is renamed when it is complete, so nothing half-made is ever found, and of
two builders of the same content the first one wins.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.compile import EXECUTABLE, LOG, compile_simulation
from amos_hdl.simulate.content import BuildOptions, Content, CoverageKind, Waves, read_files
from amos_hdl.simulate.program import Program, cocotb_program
from amos_hdl.simulate.verilator import Verilator, find_verilator

__all__ = ["Build", "BuildOptions", "CoverageKind", "Waves", "build"]

_TEMPORARY = ".building-"
_ABANDONED_AFTER_S = 24 * 3600


@dataclass(frozen=True)
class Build:
    """A simulation executable.

    Members
    -------
    folder : Path
        Holds the executable, ``sources/``, ``build.log`` and ``build.json``.
    executable : Path
        To be started by :func:`amos_hdl.simulate.run.run`.
    toplevel : str
        The Verilog module that cocotb calls ``dut``.
    key : str
        SHA-256 of the content.
    cached : bool
        It was there already.
    wall_s : float
        Seconds this call took.
    options : BuildOptions
        How it was built.
    interpreter : tuple of str
        What runs the executable: nothing, or Icarus Verilog's interpreter.
    """

    folder: Path
    executable: Path
    toplevel: str
    key: str
    cached: bool
    wall_s: float
    options: BuildOptions
    interpreter: tuple[str, ...] = ()


def build(
    sources: Sequence[Path],
    toplevel: str,
    *,
    root: Path,
    control_files: Sequence[Path] = (),
    includes: Sequence[Path] = (),
    options: BuildOptions | None = None,
    program: Program | None = None,
    verilator: Verilator | None = None,
    object_cache: Path | None = None,
    timeout_s: float = 3600,
) -> Build:
    """Return the executable for this content, building it if there is none yet.

    Parameters
    ----------
    sources : sequence of Path
        Verilog files, in the order Verilator shall read them.
    toplevel : str
        Name of the top module.
    root : Path
        Executables are kept in ``root/<key>/``; normally ``build/sim``.
    control_files : sequence of Path
        Verilator control files (``.vlt``).
    includes : sequence of Path
        Files that the sources ```include`` by their bare name.
    options : BuildOptions, optional
        Waves, coverage, further arguments.
    program : Program, optional
        What drives the model; cocotb when not given.
    verilator : Verilator, optional
        The one to use; found when not given.
    object_cache : Path, optional
        Where compiled objects of Verilator's run-time library are kept; ``root/objects`` if not given.
    timeout_s : float
        Seconds after which Verilator or make is given up.

    Raises
    ------
    ToolError
        Verilator, cocotb or the compiler are missing.
    SimulationError
        A source is missing, or Verilator or the compiler refuse it.  Every warning of ``-Wall`` that is not waived is
        an error.  The message is the first error and the path of the log.
    """
    begin = time.monotonic()
    content = Content(
        files=read_files(sources, control_files, includes),
        toplevel=toplevel,
        options=options or BuildOptions(),
        verilator=verilator or find_verilator(),
        program=program or cocotb_program(),
    )
    root = root.resolve()
    folder = root / content.key
    cached = _is_complete(folder)
    if not cached:
        _build_into(folder, content, (object_cache or root / "objects").resolve(), timeout_s)
    return Build(
        folder=folder,
        executable=folder / EXECUTABLE,
        toplevel=toplevel,
        key=content.key,
        cached=cached,
        wall_s=time.monotonic() - begin,
        options=content.options,
    )


def _is_complete(folder: Path) -> bool:
    return (folder / EXECUTABLE).is_file() and (folder / "build.json").is_file()


def _build_into(folder: Path, content: Content, object_cache: Path, timeout_s: float) -> None:
    root = folder.parent
    if any(character.isspace() for character in str(root)):
        raise SimulationError("make cannot build in a folder with spaces in its path", where=str(root))
    root.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(root)
    temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=root))
    temporary.chmod(0o755)
    try:
        try:
            compile_simulation(content, temporary, object_cache=object_cache, timeout_s=timeout_s)
        except SimulationError as error:
            raise SimulationError(error.what, hint=f"log: {_keep_log(temporary, root, content.key)}") from error
        try:
            temporary.rename(folder)
        except OSError:
            # Another builder was first.  A damaged folder, on the other hand, makes room.
            if not _is_complete(folder):
                shutil.rmtree(folder)
                temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _keep_log(temporary: Path, root: Path, key: str) -> Path:
    kept = root / "failed" / f"{key}.log"
    kept.parent.mkdir(exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        (temporary / LOG).replace(kept)
    return kept


def _remove_abandoned(root: Path) -> None:
    """Remove what builders left that were killed long ago."""
    for path in root.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(path, ignore_errors=True)
