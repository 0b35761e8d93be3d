"""What drives a Verilated model: cocotb, or our own program that flips bits."""

import functools
import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from amos_hdl.errors import ToolError


@dataclass(frozen=True)
class Program:
    """The C++ program around a model.

    Parameters
    ----------
    name, version : str
        Both are part of the key of a build.
    main : Path
        The file with ``main``.
    verilator_args, link : tuple of str
        What Verilator and the linker need for it.
    """

    name: str
    version: str
    main: Path
    verilator_args: tuple[str, ...] = ()
    link: tuple[str, ...] = ()


@functools.cache
def cocotb_program() -> Program:
    """Return the program that runs cocotb tests.

    Raises
    ------
    ToolError
        cocotb is not installed.
    """
    try:
        import cocotb_tools.config as config
    except ImportError as error:
        raise ToolError("cocotb is not installed", hint='install it with: pip install "amos-hdl[sim]"') from error
    libraries = Path(config.libs_dir)
    return Program(
        "cocotb",
        importlib.metadata.version("cocotb"),
        Path(config.share_dir) / "lib" / "verilator" / "verilator.cpp",
        # Only ports and what the control files name are visible: making all of it so takes the compiler minutes.
        ("--vpi", "--no-public-flat-rw", "--public-depth", "1"),
        (f"-Wl,-rpath,{libraries}", f"-L{libraries}", "-lcocotbvpi_verilator"),
    )


@functools.cache
def faults_program() -> Program:
    """Return the program that flips bits of registers, ``faults.cpp``."""
    main = Path(__file__).with_name("faults.cpp")
    return Program("faults", hashlib.sha256(main.read_bytes()).hexdigest(), main)
