"""A whole data set through the Verilog, every spike and every result compared with the golden model."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np

from amos_hdl.errors import CheckFailed
from amos_hdl.network import golden
from amos_hdl.schedule import Port
from amos_hdl.simulate.batch import BatchSimulator
from amos_hdl.simulate.lanes import LANES, Stop
from amos_hdl.simulate.scoreboard import Traffic, check_outputs, check_spikes
from amos_hdl.simulate.words import Bits, Integers, unpack

#: Bits of record that are unpacked at a time, one byte each: more leave the cache and were up to twice as slow.
RECORD_BITS = 1 << 22
#: Bits of record that a run leaves at most, if one image in each of the fewest lanes does not leave more.
RUN_BITS = 1 << 30


@dataclass(frozen=True)
class WholeSet:
    """What came of a data set, everything equal.

    Members
    -------
    images, results : int
        Images that entered, and results (words of all outputs at their cycle) that were compared.
    spikes, slots : int
        Spikes seen; gates x clock cycles in which a spike or a silence was compared.
    seconds : float
        Processor time of the simulators, added up over those that ran at the same time.
    """

    images: int
    results: int
    spikes: int
    slots: int
    seconds: float

    def __add__(self, other: WholeSet) -> WholeSet:
        return WholeSet(
            self.images + other.images,
            self.results + other.results,
            self.spikes + other.spikes,
            self.slots + other.slots,
            self.seconds + other.seconds,
        )


def check_whole_set(
    simulator: BatchSimulator, images: Integers, progress: Callable[[int], None] | None = None
) -> WholeSet:
    """Run ``images`` ``(image, *shape)`` through ``simulator``, some at a time on every core, and compare everything.

    ``progress`` is called with the number of images done.

    Raises CheckFailed that names image, layer, unit, gate, clock cycle, expected and got; SimulationError if the
    simulator crashes.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    size = max(1, min(-(-len(images) // cores), _most(simulator)))
    total, done, lock = WholeSet(0, 0, 0, 0, 0.0), 0, Lock()
    stop = Stop()

    def tell(found: int) -> None:
        nonlocal done
        with lock:
            done += found
            if progress is not None:
                progress(done)

    with ThreadPoolExecutor(cores) as pool:
        try:
            starts = range(0, len(images), size)
            for part in pool.map(lambda at: _run(simulator, images[at : at + size], at, stop, tell), starts):
                total += part
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return total


def _most(simulator: BatchSimulator) -> int:
    """Return how many images a run takes, so that its record is not too large."""
    lanes = next((lanes for lanes in reversed(LANES) if _bits(simulator, lanes) <= RUN_BITS), min(LANES))
    spare_rows = RUN_BITS // (lanes * simulator.width) - simulator.rows(1)
    return lanes * (1 + max(spare_rows, 0) // simulator.design.schedule.interval_cycles)


def _bits(simulator: BatchSimulator, lanes: int) -> int:
    return simulator.rows(1) * simulator.width * lanes


def _run(simulator: BatchSimulator, images: Integers, first: int, stop: Stop, tell: Callable[[int], None]) -> WholeSet:
    """Run ``images``, of which the first is number ``first``, and compare the record of some lanes at a time."""
    per_lane = simulator.per_lane(len(images))
    record = simulator.run(images, per_lane, stop=stop)
    lanes, rows, _ = record.words.shape
    together = max(1, RECORD_BITS // (rows * record.width))
    total = WholeSet(0, 0, 0, 0, record.seconds)
    for lane in range(0, lanes, together):
        end = min(lane + together, lanes)
        some = images[lane * per_lane : end * per_lane]
        starts = np.arange(end - lane)[:, None] * rows + np.arange(per_lane) * simulator.design.schedule.interval_cycles
        total += _check(simulator, some, record.bits(lane, end), starts.ravel()[: len(some)], first + lane * per_lane)
        tell(len(some))
    return total


def _check(simulator: BatchSimulator, images: Integers, record: Bits, entries: Integers, first: int) -> WholeSet:
    """Compare ``record`` ``(row, bit)`` of ``images``, which entered in the rows ``entries``."""
    design = simulator.design
    schedule, network = design.schedule, design.network
    trace = golden.run(network, images, schedule)
    fields = {field.name: field.of(record) for field in simulator.fields}
    traffic = Traffic(entries, np.zeros(len(record), np.bool_))
    spikes = slots = results = 0
    try:
        for layer, expected in trace.spikes.items():
            pixels = schedule.timings[layer].offsets()
            spikes += check_spikes(layer, fields[layer], expected, trace.spike_cycles[layer], traffic, pixels)
            slots += fields[layer].size
        for name in network.outputs:
            port = Port.of(network.tensors[name])
            words = unpack(fields[f"out_{name}"], port.word_bits, port.signed)
            valid = fields[f"valid_{name}" if schedule.gives_maps else "out_valid"][:, 0]
            due = schedule.ready[name] if schedule.gives_maps else schedule.latency_cycles
            pixels = schedule.timings[name].offsets()
            results += check_outputs(f"out_{name}", valid, words, trace.values[name], due, traffic, pixels)
    except AssertionError as failure:
        where = f"{network.name}, images from {first}"
        raise CheckFailed(str(failure), where=where) from failure
    return WholeSet(len(images), results, spikes, slots, 0.0)
