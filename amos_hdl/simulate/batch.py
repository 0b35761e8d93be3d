"""Whole data sets through the Verilog: arrays of images in, a record of every clock cycle out, no Python in between.

Yosys reads the Verilog, and its gates are evaluated for up to 256 copies of the network at a time, each with images of
its own, back to back.  The record shows, in every cycle of every copy, all spikes of all unit layers, the results and
``out_valid``.  It is for size: hundreds of times as fast as cocotb, which does the gaps and the resets.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np

from amos_hdl.errors import ToolError
from amos_hdl.schedule import Port
from amos_hdl.simulate.circuit import Circuit, read_circuit
from amos_hdl.simulate.design import Design
from amos_hdl.simulate.evaluation import Evaluation, evaluation_of
from amos_hdl.simulate.lanes import LANES, WORD_BITS, Simulator, Stop, Timing, Words
from amos_hdl.simulate.words import Bits, Integers, pack

#: Rows after the last result: nothing may come any more.
DRAIN_ROWS = 8
#: Relative time of a row for each number of lanes (measured on digits: 13, 18 and 45 us): more of them fill the caches.
_ROW_COST = dict(zip(LANES, (3, 4, 10), strict=True))
#: What decides how Verilog becomes numbers: part of the key under which they are kept.
_MAKERS = ("batch", "cells", "circuit", "evaluation", "gates")
_KEPT = "evaluation.npz"


class Elaborate(Protocol):
    """A tool that reads Verilog: :class:`amos_hdl.synthesize.elaborate.Elaborator`."""

    @property
    def version(self) -> str:
        """What it is."""

    def __call__(self, sources: Sequence[Path], top: str, folder: Path) -> Path:
        """Return the JSON of module ``top``, made in ``folder``."""


@dataclass(frozen=True)
class Field:
    """One signal in the record: its name here and in the Verilog, its lowest bit and its width."""

    name: str
    signal: str
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
            wanted.append((layer.name, f"{layer.instance}.spikes", layer.units * layer.gates))
    found: list[Field] = []
    for name, signal, bits in wanted:
        found.append(Field(name, signal, found[-1].low + found[-1].bits if found else 0, bits))
    return found


@dataclass(frozen=True, eq=False)
class Record:
    """What was seen of all copies.

    Members
    -------
    words : uint64 array ``(lane, row, word)``
    width : int
        Bits of a row.
    seconds : float
        Processor time it took.
    """

    words: Words
    width: int
    seconds: float

    def bits(self, first: int, end: int) -> Bits:
        """Return the record ``(row, bit)`` of lanes ``first`` to ``end - 1``, one after the other."""
        octets = self.words[first:end].astype("<u8", copy=False).view(np.uint8).reshape(-1, self.words.shape[-1] * 8)
        return np.unpackbits(octets, axis=1, count=self.width, bitorder="little").view(np.bool_)


@dataclass(frozen=True, eq=False)
class BatchSimulator:
    """A network for whole data sets.

    Parameters
    ----------
    design : Design
    fields : list of Field
        What stands in the record.
    evaluation : Evaluation
    simulator : Simulator
    """

    design: Design
    fields: list[Field]
    evaluation: Evaluation
    simulator: Simulator

    @property
    def width(self) -> int:
        """Bits of a row of the record."""
        return self.fields[-1].low + self.fields[-1].bits

    def rows(self, images: int) -> int:
        """Return how many clock cycles ``images`` images take, back to back, until some after the last result."""
        schedule = self.design.schedule
        last = max(schedule.latency_cycles, schedule.input_timing.span_cycles)
        return max(images - 1, 0) * schedule.interval_cycles + last + 1 + DRAIN_ROWS

    def per_lane(self, images: int) -> int:
        """Return how many of ``images`` images each lane gets, so that all together take the shortest time."""
        lanes = min(LANES, key=lambda lanes: self.rows(-(-images // lanes)) * _ROW_COST[lanes])
        return max(-(-images // lanes), 1)

    def run(self, images: Integers, per_lane: int, *, seed: int = 1, stop: Stop | None = None) -> Record:
        """Run ``images`` ``(image, *shape)``, one per interval in each lane, ``per_lane`` in each lane but the last.

        Registers without an initial value start at random, from ``seed``; ``stop`` ends it early.

        Raises SimulationError if it was stopped.
        """
        port = Port.of(self.design.network.tensors[self.design.network.input.name])
        # (image·pixel, word)
        pixels = np.moveaxis(images.reshape(len(images), port.count, -1), 1, 2).reshape(-1, port.count)
        packed = pack(pixels, port.word_bits)
        padded = np.zeros((len(pixels), -(-port.bits // WORD_BITS) * 8), np.uint8)
        padded[:, : packed.shape[1]] = packed
        entering = self.design.schedule.input_timing
        timing = Timing(
            self.design.schedule.interval_cycles, *entering.space, entering.row_cycles, entering.column_cycles
        )
        words = padded.view("<u8").astype(np.uint64, copy=False)
        record, seconds = self.simulator.run(
            self.evaluation, timing, words, len(images), per_lane, self.rows(per_lane), seed, stop or Stop()
        )
        return Record(record, self.width, seconds)


def build_batch(design: Design, elaborate: Elaborate, *, root: Path, work: Path) -> BatchSimulator:
    """Make ``design`` ready for whole data sets; kept by content in ``root``, made in ``work``.

    Raises ToolError without a compiler or if the Verilog is refused; SimulationError for Verilog that gates are not
    made of here.
    """
    simulator = Simulator(root)
    found = record_fields(design)
    sources = [design.rtl / path for path in design.manifest.files]
    parts = [path.read_bytes() for path in (*sources, *(Path(__file__).with_name(f"{name}.py") for name in _MAKERS))]
    about = [elaborate.version, np.__version__, design.manifest.top, *(field.signal for field in found)]
    hashes = [hashlib.sha256(part).hexdigest() for part in parts]
    kept = root / hashlib.sha256("\n".join([*about, *hashes]).encode()).hexdigest() / _KEPT
    if not kept.is_file():
        names = [field.signal for field in found]
        circuit = _read(sources, design.manifest.top, names, elaborate, work)
        _keep(evaluation_of(circuit, f"in_{design.network.input.name}", names), kept)
    with np.load(kept, allow_pickle=False) as arrays:
        read = {field.name: arrays[field.name] for field in fields(Evaluation)}
    scalars = {name: int(value) for name, value in read.items() if value.ndim == 0}
    return BatchSimulator(design, found, Evaluation(**{**read, **scalars}), simulator)


def _read(sources: Sequence[Path], top: str, signals: Sequence[str], elaborate: Elaborate, work: Path) -> Circuit:
    """Return the circuit of ``sources``, read in a folder of its own in ``work``, which stays if they are refused."""
    work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="read-", dir=work))
    refused = False
    try:
        return read_circuit(elaborate(sources, top, folder), top, "clk", signals)
    except ToolError:
        refused = True
        raise
    finally:
        if not refused:
            shutil.rmtree(folder)


def _keep(evaluation: Evaluation, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        np.savez(made, **{field.name: getattr(evaluation, field.name) for field in fields(evaluation)})
        made.replace(path)
