"""A network, or a network with its AXI4-Stream wrapper, compiled so that single bits of its registers can be flipped.

Registers alone become writable, by a generated control file; ``faults.cpp`` finds them when it runs, so that nothing in
C++ knows the network.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import SimulationError
from amos_hdl.network import Argmax
from amos_hdl.schedule import Port
from amos_hdl.schedule.stream import StreamSpec
from amos_hdl.simulate.build import Build, BuildOptions, build
from amos_hdl.simulate.control_file import Waiver, write_control_file
from amos_hdl.simulate.design import Design
from amos_hdl.simulate.frames import frames, pixel_rows
from amos_hdl.simulate.process import run_logged
from amos_hdl.simulate.program import faults_program
from amos_hdl.simulate.registers import registers_of
from amos_hdl.simulate.regression_list import Entry
from amos_hdl.simulate.tool_log import first_error
from amos_hdl.simulate.words import Integers, pack, whole_words

#: Name of the wrapper.  Names of networks have no capitals, so nothing else is called so.
WRAPPER = "AmosFaults"
#: Instance of the network, or of the stream wrapper, in it.
INSTANCE = "device"
#: Idle clock cycles after which a model is at rest, beyond its latency.
_REST_CYCLES = 8
#: Words of a verdict, in the order of ``faults.cpp``.
VERDICT = ("touched", "classes", "lost", "surplus", "outlived", "last_cycles", "stalled")

Words = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Register:
    """One register of one instance.

    Members
    -------
    path : tuple of str
        Instances from the device down to the one it is in.
    name : str
    words, bits : int
        More than one word for memories.
    """

    path: tuple[str, ...]
    name: str
    words: int
    bits: int


@dataclass(frozen=True)
class Ports:
    """How ``faults.cpp`` sees a device: beats in, one record per result out.

    Parameters
    ----------
    beat_bits, record_bits : int
    class_bits : tuple of (int, int)
        Lowest bit and number of bits of each class in the record.
    body : tuple of str
        Verilog that connects the device.
    """

    beat_bits: int
    record_bits: int
    class_bits: tuple[tuple[int, int], ...]
    body: tuple[str, ...]

    def wrapper(self) -> str:
        """Return the Verilog of the wrapper."""
        beat, record = whole_words(self.beat_bits), whole_words(self.record_bits)
        lines = [
            f"module {WRAPPER}(",
            "  input clk, input rst, input in_valid, output in_ready, input out_ready, output out_valid,",
            f"  input [{beat - 1}:0] beat, output [{record - 1}:0] record",
            ");",
            f"  wire [{self.record_bits - 1}:0] got;",
            f"  assign record = {{{record - self.record_bits}'b0, got}};",
            *self.body,
            "endmodule",
        ]
        return "\n".join(lines) + "\n"


def _winners(design: Design) -> set[str]:
    """Return the outputs that are classes."""
    return {operation.name for operation in design.network.operations if isinstance(operation, Argmax)}


def network_ports(design: Design) -> Ports:
    """Return how the network itself is connected: a beat is an image, or a pixel of one.

    Raises SimulationError if its results leave pixel by pixel.
    """
    network, code, winners = design.network, design.network.input, _winners(design)
    if design.schedule.gives_maps:
        raise SimulationError("flips in a network", where=network.name, expected="outputs of one pixel", got="maps")
    names = list(network.outputs)
    bits = {name: Port.of(network.tensors[name]).bits for name in names}
    lows = dict(zip(names, np.cumsum([0, *bits.values()])[:-1].tolist(), strict=True))
    classes = tuple((lows[name], bits[name]) for name in names if name in winners)
    pixels = Port.of(network.tensors[code.name]).bits
    ports = [f".{name}({name})" for name in ("clk", "rst", "in_valid", "out_valid")]
    ports.append(f".in_{code.name}(beat[{pixels - 1}:0])")
    ports += [f".out_{name}(got[{lows[name] + bits[name] - 1}:{lows[name]}])" for name in names]
    ports += [f".{name}()" for name in design.spike_ports]
    body = ("  assign in_ready = 1'b1;", f"  {design.manifest.top} {INSTANCE}({', '.join(ports)});")
    return Ports(pixels, sum(bits.values()), classes, body)


def stream_ports(design: Design, spec: StreamSpec, top: str) -> Ports:
    """Return how the AXI4-Stream wrapper is connected: a beat is tdata and, above it, tlast."""
    network, winners = design.network, _winners(design)
    data, result = 8 * spec.beat_bytes, 8 * spec.result_beat_bytes
    places = spec.result_bytes
    classes = tuple((8 * places[name][0], 8 * places[name][1]) for name in network.outputs if name in winners)
    ports = [f".{name}({name})" for name in ("clk", "rst")]
    ports += [f".s_axis_tdata(beat[{data - 1}:0])", f".s_axis_tlast(beat[{data}])", ".s_axis_tuser(1'b0)"]
    ports += [".s_axis_tvalid(in_valid)", ".s_axis_tready(in_ready)", ".error()"]
    ports += [f".m_axis_tdata(got[{result - 1}:0])", f".m_axis_tuser(got[{result}])", ".m_axis_tlast()"]
    ports += [".m_axis_tvalid(out_valid)", ".m_axis_tready(out_ready)"]
    if spec.spikes is not None:
        tied = ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "araddr", "arvalid")
        ports += [f".s_axil_{name}('0)" for name in tied] + [f".s_axil_{name}(1'b1)" for name in ("bready", "rready")]
        free = ("awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid")
        ports += [f".s_axil_{name}()" for name in free]
    return Ports(data + 1, result + 1, classes, (f"  {top} {INSTANCE}({', '.join(ports)});",))


@dataclass(frozen=True, eq=False)
class FaultSimulator:
    """A device compiled so that bits can be flipped.

    Parameters
    ----------
    design : Design
    spec : StreamSpec or None
        Of the wrapper, if the device is the wrapper.
    ports : Ports
    build : Build
    registers : sequence of Register
        All of them, in the order of ``faults.cpp``.
    """

    design: Design
    spec: StreamSpec | None
    ports: Ports
    build: Build
    registers: Sequence[Register]

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the last beat of an image to its result."""
        return self.design.schedule.latency_cycles if self.spec is None else self.spec.latency_cycles

    @property
    def interval_cycles(self) -> int:
        """Clock cycles between two images at full rate."""
        return self.design.schedule.interval_cycles if self.spec is None else self.spec.interval_cycles

    @property
    def beats(self) -> int:
        """Beats of an image, of a network itself pixels."""
        timing = self.design.schedule.input_timing
        return timing.rows * timing.columns if self.spec is None else self.spec.beats

    def to_beats(self, images: Integers) -> Words:
        """Return the beats ``(image·beats, word)`` of ``images``; of a network itself its pixels."""
        source, spec = self.design.network.tensors[self.design.network.input.name], self.spec
        width = whole_words(self.ports.beat_bits) // 8
        if spec is None:
            port = Port.of(source)
            packed = pack(pixel_rows(images, port.count).reshape(-1, port.count), port.word_bits)
            wide = np.zeros((len(packed), width), np.uint8)
            wide[:, : packed.shape[1]] = packed
            return wide.view(np.uint32)
        # (image, beat, byte)
        beats = np.zeros((len(images), spec.beats, width), np.uint8)
        beats[:, :, : spec.beat_bytes] = frames(source, images, spec.beat_bytes)
        beats[:, -1, spec.beat_bytes] = 1  # tlast
        return beats.reshape(-1, width).view(np.uint32)

    def plan(self, images: int) -> Words:
        """Return the head of a plan, for ``images`` images before the probe."""
        latency, interval, beats = self.latency_cycles, self.interval_cycles, self.beats
        round_trip = latency + interval
        inside = 2 if self.spec is None else self.spec.credits
        blocked = 0 if self.spec is None else inside * interval + round_trip + _REST_CYCLES
        grace = round_trip + _REST_CYCLES
        mask = np.zeros(whole_words(self.ports.record_bits), np.bool_)
        for low, bits in self.ports.class_bits:
            mask[low : low + bits] = True
        after = (inside + 2) * beats
        most = 64 * (images * interval + grace)
        timing, per_beat = self.design.schedule.input_timing, -(-interval // beats)
        # a network without handshake takes the pixels of an image at their clock cycles
        last_of_row = timing.row_cycles - (timing.columns - 1) * timing.column_cycles
        paces = [beats, timing.columns, timing.column_cycles, last_of_row] if self.spec is None else [1, 1, 0, 0]
        head = [per_beat, latency, images * beats, after, blocked, grace, most, int(self.spec is None), *paces]
        return np.concatenate([np.array(head, np.uint32), np.packbits(mask, bitorder="little").view(np.uint32)])

    def run(self, plan: Words, beats: Words, *, timeout_s: float = 3600) -> npt.NDArray[np.int64]:
        """Run a plan and return the verdicts ``(flip, word)``; the words are ``VERDICT``.

        Raises SimulationError if the simulator crashes or does not end in time.
        """
        with tempfile.TemporaryDirectory(dir=self.build.folder.parent, prefix=".faults-") as name:
            work = Path(name)
            (work / "plan").write_bytes(plan.tobytes())
            (work / "beats").write_bytes(beats.tobytes())
            log = work / "log"
            command = [str(self.build.executable), "plan", "beats", "verdicts"]
            ended = run_logged(command, cwd=work, env={}, log=log, timeout_s=timeout_s)
            if ended.timed_out:
                raise SimulationError(f"simulation of {self.design.manifest.top} did not end in {timeout_s:g} s")
            if ended.exit_code != 0:
                raise SimulationError(f"simulation of {self.design.manifest.top} crashed: {first_error(log)}")
            return np.fromfile(work / "verdicts", np.uint32).reshape(-1, len(VERDICT)).astype(np.int64)


def build_fault_simulator(design: Design, spec: StreamSpec | None, *, root: Path, work: Path) -> FaultSimulator:
    """Compile the network of ``design``, or with ``spec`` its AXI4-Stream wrapper; cached by content in ``root``.

    Raises ToolError without Verilator or a compiler, SimulationError if they refuse the Verilog.
    """
    wrapper = design.manifest.stream
    if spec is None:
        ports = network_ports(design)
    elif wrapper is None:
        expected = "Verilog generated with --interface axi-stream"
        raise SimulationError("stream", where=design.manifest.top, expected=expected, got="none")
    else:
        ports = stream_ports(design, spec, wrapper.top)
    entry = Entry(name="faults", toplevel="network" if spec is None else "stream", test_module="faults", samples=1)
    sources, (control,), _ = design.resolve(entry, work)
    top = work / f"{WRAPPER}.v"
    top.write_text(ports.wrapper(), encoding="utf-8")
    waivers = [
        Waiver("UNUSEDSIGNAL", "ports are filled up to whole words", file=f"*{WRAPPER}.v", match="*'beat'*"),
        Waiver("UNUSEDSIGNAL", "only a stream can be stalled", file=f"*{WRAPPER}.v", match="*'out_ready'*"),
        Waiver("PINCONNECTEMPTY", "outputs that say nothing about an image", file=f"*{WRAPPER}.v"),
        Waiver("UNUSEDSIGNAL", "spikes are read within their layers", f"*{design.manifest.top}.v", "*'_*_'*"),
        Waiver("UNUSEDSIGNAL", "outputs left open", f"*{design.manifest.top}_stream.v", "Signal is not used: '_*_'*"),
    ]
    if spec is None and wrapper is not None:
        # the files of the wrapper are there too, but nothing places them
        sources = [path for path in sources if not path.stem.startswith(wrapper.top)]
    declared = [register for path in sources for register in registers_of(path.read_text(encoding="utf-8"))]
    writable = [(register.module, register.name) for register in declared]
    extra = write_control_file(work / f"{WRAPPER}.vlt", (), waivers, writable=writable)
    built = build(
        [*sources, top],
        WRAPPER,
        root=root,
        control_files=[control, extra],
        options=BuildOptions(),
        program=faults_program(),
    )
    words = {(register.module, register.name): register.words for register in declared}
    return FaultSimulator(design, spec, ports, built, _listed(built, words))


def _listed(built: Build, words: Mapping[tuple[str, str], int]) -> list[Register]:
    """Return the registers that the executable has."""
    answer = subprocess.run([built.executable, "list"], capture_output=True, text=True, timeout=60, check=False)
    if answer.returncode != 0:
        raise SimulationError("registers cannot be listed", got=answer.stderr.strip() or f"exit {answer.returncode}")
    registers = []
    for line in answer.stdout.splitlines():
        scope, name, count, bits = line.split()
        path = scope.split(".")
        registers.append(Register(tuple(path[path.index(INSTANCE) + 1 :]), name, int(count), int(bits)))
    if {name for _, name in words} != {register.name for register in registers}:
        raise SimulationError("registers that the simulator has not", where=str(built.folder))
    return registers
