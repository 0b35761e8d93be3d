"""A whole data set through the Verilog, every spike and every result compared with the golden model."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from amos_hdl.errors import CheckFailed
from amos_hdl.network import golden
from amos_hdl.schedule import Port
from amos_hdl.simulate.batch import BatchSimulator
from amos_hdl.simulate.scoreboard import Traffic, check_outputs, check_spikes
from amos_hdl.simulate.words import Integers, unpack

#: Bits of record that one run unpacks, one byte each: larger ones leave the cache and were up to twice as slow.
RECORD_BITS = 1 << 22


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
        Time that the simulators ran, added up over those that ran at the same time.
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
    last = simulator.fields[-1]
    width = (last.low + last.bits) * simulator.design.schedule.interval_cycles
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    size = max(1, min(RECORD_BITS // width, -(-len(images) // cores)))
    starts = range(0, len(images), size)
    total, done = WholeSet(0, 0, 0, 0, 0.0), 0
    with ThreadPoolExecutor(cores) as pool:
        try:
            for part in pool.map(lambda start: _check(simulator, images[start : start + size], start), starts):
                total += part
                done += part.images
                if progress is not None:
                    progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return total


def _check(simulator: BatchSimulator, images: Integers, first: int) -> WholeSet:
    design = simulator.design
    schedule, network = design.schedule, design.network
    trace = golden.run(network, images, schedule)
    record, seconds = simulator.run(images)
    fields = {field.name: field.of(record) for field in simulator.fields}
    traffic = Traffic(np.arange(len(images)) * schedule.interval_cycles, np.zeros(len(record), np.bool_))
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
    return WholeSet(len(images), results, spikes, slots, seconds)
