"""A whole network: every spike of every layer at its clock cycle, every result, against the golden model."""

from __future__ import annotations

import time

import cocotb
import numpy as np
import traffic as patterns
from driver import generator, run
from subject import Subject

from amos_hdl.simulate.job import load_job
from amos_hdl.simulate.scoreboard import Traffic, check_at_most_once

JOB = load_job()
SUBJECT = Subject.of(JOB.parameters, spikes=not JOB.parameters.get("results_only"))
IMAGES, TIMING = SUBJECT.images, SUBJECT.timing


async def compare(dut, name: str, numbers, traffic: Traffic, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Run images ``numbers`` as ``traffic`` says and compare everything; return the recorded spikes of each layer."""
    stimulus = SUBJECT.stimulus(numbers, traffic, random)
    started = time.process_time()  # that of a busy machine is no other
    record = await run(dut, f"in_{SUBJECT.network.input.name}", stimulus, SUBJECT.watch(dut, dut))
    seconds = time.process_time() - started
    found = SUBJECT.check(record, numbers, traffic)
    figures = {"images": len(numbers), "results": found.results, "cycles": stimulus.rows, "seconds": seconds}
    if SUBJECT.layers:
        figures |= {"spikes": found.spikes, "spike_slots_compared": found.slots}
    JOB.report({f"{name}.{figure}": value for figure, value in figures.items()})
    return dict(zip(SUBJECT.layers, record, strict=False))


@cocotb.test()
async def back_to_back(dut):
    """Every image at full rate."""
    random = generator(JOB.seed, "back_to_back")
    numbers = np.arange(len(IMAGES))
    await compare(dut, "back_to_back", numbers, patterns.back_to_back(len(numbers), *TIMING), random)


@cocotb.test()
async def random_gaps(dut):
    """Every image in random order, with gaps of random length and noise at the input within them."""
    random = generator(JOB.seed, "random_gaps")
    numbers = random.permutation(len(IMAGES))
    await compare(dut, "random_gaps", numbers, patterns.bursts(len(numbers), *TIMING, random), random)


@cocotb.test()
async def reset_midway(dut):
    """Resets while the pipeline is full: what was in flight is gone, what comes after is right."""
    random = generator(JOB.seed, "reset_midway")
    numbers = np.arange(min(len(IMAGES), 500))
    traffic = patterns.back_to_back(len(numbers), *TIMING)
    await compare(dut, "reset_midway", numbers, patterns.with_resets(traffic, 4, random), random)


@cocotb.test()
async def gaps_and_resets(dut):
    """Both."""
    random = generator(JOB.seed, "gaps_and_resets")
    numbers = random.permutation(len(IMAGES))[:500]
    traffic = patterns.bursts(len(numbers), *TIMING, random)
    await compare(dut, "gaps_and_resets", numbers, patterns.with_resets(traffic, 4, random), random)


@cocotb.test()
async def isolated(dut):
    """Images alone in the pipeline: the spikes of each gate are counted, none spikes twice for one image."""
    random = generator(JOB.seed, "isolated")
    numbers = random.permutation(len(IMAGES))[:50]
    traffic = patterns.isolated(len(numbers), TIMING[0])
    record = await compare(dut, "isolated", numbers, traffic, random)
    for layer, bits in record.items():
        if len(SUBJECT.pixels[layer]) == 1:  # each pixel of a map is another neuron, with one cycle in which to spike
            check_at_most_once(layer, bits, SUBJECT.gates(layer), SUBJECT.trace.spike_cycles[layer], traffic)
