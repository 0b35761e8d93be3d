"""Whole data sets through the Verilog: images in a file, a record of every clock cycle out, no Python in between.

The network stands in a wrapper whose port ``record`` shows, in every cycle, all spikes of all unit layers, the results
and ``out_valid``.  It is for size: images back to back, many times as fast as cocotb, which does the gaps and resets.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import SimulationError
from amos_hdl.schedule import Port
from amos_hdl.simulate.build import Build, BuildOptions, build
from amos_hdl.simulate.control_file import Waiver, write_control_file
from amos_hdl.simulate.design import Design
from amos_hdl.simulate.process import run_logged
from amos_hdl.simulate.program import batch_program
from amos_hdl.simulate.regression_list import Entry
from amos_hdl.simulate.tool_log import first_error
from amos_hdl.simulate.words import Bits, Integers, pack, whole_words

#: Rows after the last result: nothing may come any more.
DRAIN_ROWS = 8
#: Name of the wrapper.  Names of networks have no capitals, so nothing else is called so.
WRAPPER = "AmosBatch"


@dataclass(frozen=True)
class Field:
    """One signal in the record: its name, the Verilog expression, its lowest bit and its width."""

    name: str
    expression: str
    low: int
    bits: int

    def of(self, record: Bits) -> Bits:
        """Return the bits ``(row, bit)`` of this signal."""
        return record[:, self.low : self.low + self.bits]


def record_fields(design: Design) -> list[Field]:
    """Return what stands in the record: valids, the results, then the spikes of each unit layer."""
    outputs = design.network.outputs
    valids = [f"valid_{name}" for name in outputs] if design.schedule.gives_maps else ["out_valid"]
    wanted = [(name, name, 1) for name in valids]
    for name in outputs:
        wanted.append((f"out_{name}", f"out_{name}", Port.of(design.network.tensors[name]).bits))
    for layer in design.manifest.layers:
        if layer.gates is not None:
            wanted.append((layer.name, f"network.{layer.instance}.spikes", layer.units * layer.gates))
    fields: list[Field] = []
    for name, expression, bits in wanted:
        fields.append(Field(name, expression, fields[-1].low + fields[-1].bits if fields else 0, bits))
    return fields


def wrapper(design: Design, fields: list[Field]) -> str:
    """Return the Verilog of the wrapper: ports ``image`` and ``record``, each a whole number of 32-bit words."""
    code = design.network.input.name
    image_bits = Port.of(design.network.tensors[code]).bits
    width = fields[-1].low + fields[-1].bits
    ports = [f".{name}({name})" for name in ("clk", "rst", "in_valid")]
    ports.append(f".in_{code}(image[{image_bits - 1}:0])")
    wires = []
    for field in fields:
        if field.expression == field.name:
            wires.append(f"  wire [{field.bits - 1}:0] {field.name};")
            ports.append(f".{field.name}({field.name})")
    lines = [
        f"module {WRAPPER}(",
        "  input clk, input rst, input in_valid,",
        f"  input [{whole_words(image_bits) - 1}:0] image, output [{whole_words(width) - 1}:0] record",
        ");",
        *wires,
        f"  {design.manifest.top} network({', '.join(ports)});",
        f"  assign record[{whole_words(width) - 1}:{width}] = 0;",
        *(f"  assign record[{f.low + f.bits - 1}:{f.low}] = {f.expression};" for f in fields),
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, eq=False)
class BatchSimulator:
    """A network compiled for whole data sets.

    Parameters
    ----------
    design : Design
    build : Build
    fields : list of Field
        What stands in the record.
    """

    design: Design
    build: Build
    fields: list[Field]

    def rows(self, images: int) -> int:
        """Return how many clock cycles ``images`` images take, back to back, until some after the last result."""
        schedule = self.design.schedule
        last = max(schedule.latency_cycles, schedule.input_timing.span_cycles)
        return max(images - 1, 0) * schedule.interval_cycles + last + 1 + DRAIN_ROWS

    def run(self, images: Integers, *, seed: int = 1, timeout_s: float = 3600) -> tuple[Bits, float]:
        """Run ``images`` ``(image, *shape)``, one per interval, and return the record and the seconds it took.

        The record is a bool array ``(row, bit)``; registers without an initial value start at random, from ``seed``.

        Raises SimulationError if the simulator crashes or does not end in time.
        """
        port = Port.of(self.design.network.tensors[self.design.network.input.name])
        rows, width = self.rows(len(images)), whole_words(self.fields[-1].low + self.fields[-1].bits)
        # (image·pixel, word)
        pixels = np.moveaxis(images.reshape(len(images), port.count, -1), 1, 2).reshape(-1, port.count)
        padded = np.zeros((len(pixels), whole_words(port.bits) // 8), np.uint8)
        packed = pack(pixels, port.word_bits)
        padded[:, : packed.shape[1]] = packed
        with tempfile.TemporaryDirectory(dir=self.build.folder.parent, prefix=".batch-") as name:
            work = Path(name)
            (work / "images").write_bytes(padded.tobytes())
            timing = self.design.schedule.input_timing
            numbers: tuple[int, ...] = (rows, len(images), self.design.schedule.interval_cycles)
            numbers += (*timing.space, timing.row_cycles, timing.column_cycles)
            command = [str(self.build.executable), "images", "record", *map(str, numbers)]
            command += ["+verilator+rand+reset+2", f"+verilator+seed+{seed}"]
            log = work / "log"
            ended = run_logged(command, cwd=work, env={}, log=log, timeout_s=timeout_s)
            if ended.timed_out:
                raise SimulationError(f"simulation of {self.design.manifest.top} did not end in {timeout_s:g} s")
            if ended.exit_code != 0:
                raise SimulationError(f"simulation of {self.design.manifest.top} crashed: {first_error(log)}")
            seconds = float(log.read_text(encoding="utf-8").rsplit("seconds ", 1)[1].split()[0])
            record: npt.NDArray[np.uint8] = np.fromfile(work / "record", np.uint8)
        if record.size != rows * width // 8:
            got = f"{record.size} bytes"
            raise SimulationError("record of a batch", expected=f"{rows * width // 8} bytes", got=got)
        bits = np.unpackbits(record.reshape(rows, -1), axis=1, bitorder="little").view(np.bool_)
        return bits, seconds


def build_batch(design: Design, *, root: Path, work: Path) -> BatchSimulator:
    """Compile ``design`` for whole data sets; cached by content in ``root``.

    Raises ToolError without Verilator or a compiler, SimulationError if they refuse the Verilog.
    """
    fields = record_fields(design)
    sources, (control,), _ = design.resolve(
        Entry(name="batch", toplevel="network", test_module="batch", samples=1), work
    )
    top = work / f"{WRAPPER}.v"
    top.write_text(wrapper(design, fields), encoding="utf-8")
    waivers = [
        Waiver("UNUSEDSIGNAL", "ports are filled up to whole words", file=f"*{WRAPPER}.v", match="*'image'*"),
        Waiver(
            "UNUSEDSIGNAL", "spikes are read within their layers", file=f"*{design.manifest.top}.v", match="*'_*_'*"
        ),
    ]
    extra = write_control_file(work / f"{WRAPPER}.vlt", (), waivers)
    # A sixth faster than -O1, and the compiler takes a third longer: whole data sets are worth it.
    options, program = BuildOptions(optimise="-O2"), batch_program()
    built = build([*sources, top], WRAPPER, root=root, control_files=[control, extra], options=options, program=program)
    return BatchSimulator(design, built, fields)
