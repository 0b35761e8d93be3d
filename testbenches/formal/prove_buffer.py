"""Proves the receiver with a buffer by SymbiYosys, bounded and by k-induction: any stalls, wrong frames and resets.

``python testbenches/formal/prove_buffer.py`` prints one line per proof; ``tests/testbenches/test_buffer_proof.py`` runs
the same, and that broken Verilog is refuted.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prove import proved

from amos_hdl.emit.verilog import convert
from amos_hdl.gateware.stream_buffer import BufferedReceiver
from amos_hdl.schedule.image_buffer import ImageBufferSpec
from amos_hdl.schedule.stream import StreamSpec
from amos_hdl.schedule.timing import MapTiming

CHECKER = Path(__file__).parent / "buffer_proof.v"
#: Of a pixel; one goes into a beat of a byte.
BITS = 5


@dataclass(frozen=True)
class BufferCase:
    """Images of one row and two columns.

    Parameters
    ----------
    row_cycles, column_cycles : int
    depth : int
        Clock cycles from reset: time for more images to be taken than the buffer holds, and for one to be played.
    """

    row_cycles: int
    column_cycles: int
    depth: int

    @property
    def spec(self) -> StreamSpec:
        """Of the wrapper around the receiver."""
        return StreamSpec(
            input_bits=BITS,
            results={"r": 1},
            network_latency_cycles=1,
            network_interval_cycles=self.row_cycles,
            beat_bytes=1,
            pixels=MapTiming(1, 2, 0, self.row_cycles, self.column_cycles),
        )

    @property
    def buffer(self) -> ImageBufferSpec:
        """Of the receiver."""
        return ImageBufferSpec(self.spec.layout, MapTiming(1, 2, 0, self.row_cycles, self.column_cycles))


CASES = {
    "two images": BufferCase(row_cycles=2, column_cycles=1, depth=8),
    "one image": BufferCase(row_cycles=6, column_cycles=3, depth=9),
}


def verilog(case: BufferCase) -> dict[str, str]:
    """Return the Verilog of the receiver."""
    return convert({"receiver": BufferedReceiver(case.spec)})


def prove(case: BufferCase, sources: Mapping[str, str], work: Path, mode: Literal["bmc", "prove"]) -> bool:
    """Return whether the claims hold for ``sources``; ``work`` is replaced and keeps SymbiYosys's log and trace."""
    return proved(sources, CHECKER, _script(case, list(sources), mode), work)


def _script(case: BufferCase, modules: list[str], mode: str) -> str:
    buffer, two = case.buffer, case.buffer.images == 2
    parameters = {
        "ROW_CYCLES": case.row_cycles,
        "COLUMN_CYCLES": case.column_cycles,
        "BITS": BITS,
        "IMAGES": buffer.images,
        "RELEASE": int(buffer.read_cycles[buffer.release_word]),
    }
    inner = {"word": "word", "too_long": "too_long", "lost": "lost", "reading": "reading"}
    inner |= {"waiting": "images_waiting", "places": "places_taken"}
    inner["flags"] = "after_error_1,dut.after_error_0" if two else "after_error"
    inner["stored"] = ",dut.".join(f"stored_images[{word}]" for word in reversed(range(buffer.depth)))
    defines = []
    if two:
        defines.append("-DTWO_IMAGES")
        inner |= {"into": "into", "out_of": "out_of"}
    if case.column_cycles > 1:
        defines.append("-DWAIT")
        inner["wait"] = "wait"
        parameters["WAIT_BITS"] = (case.column_cycles - 1).bit_length()
    chosen = " ".join(f"-set {name} {value}" for name, value in parameters.items())
    lines = ["[options]", f"mode {mode}", f"depth {case.depth}", "[engines]", "smtbmc z3", "[script]"]
    lines += [f"read_verilog {name}.v" for name in modules]
    lines += [f"read_verilog -formal {' '.join(defines)} {CHECKER.name}", f"chparam {chosen} buffer_proof"]
    lines += ["hierarchy -check -top buffer_proof", "proc", "flatten", "opt_clean", "memory"]
    lines += [f"connect -set inner_{name} dut.{place}" for name, place in inner.items()]
    lines += ["check -assert", "prep -top buffer_proof"]
    lines += ["[files]", *(f"{name}.v" for name in modules), CHECKER.name]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Prove every case both ways; return 1 if one does not hold."""
    failed = False
    for name, case in CASES.items():
        for mode in ("bmc", "prove"):
            work = Path("build") / "formal" / "buffer" / name.replace(" ", "_") / mode
            holds = prove(case, verilog(case), work, mode)
            sys.stdout.write(f"buffer of {name}, {mode}: {'holds' if holds else 'FAILS'}\n")
            failed |= not holds
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
