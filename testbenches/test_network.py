"""A whole network: every spike of every layer at its clock cycle, every result, against the golden model."""

from __future__ import annotations

import time
from pathlib import Path

import cocotb
import numpy as np
import traffic as patterns
from driver import generator, run

from amos_hdl.network import golden, store
from amos_hdl.schedule import HardwareOptions, Port, Schedule
from amos_hdl.simulate.job import load_job
from amos_hdl.simulate.scoreboard import Traffic, check_at_most_once, check_outputs, check_spikes
from amos_hdl.simulate.words import unpack

JOB = load_job()
NETWORK = store.load(Path(JOB.parameters["network"]))
SCHEDULE = Schedule(NETWORK, HardwareOptions.of(JOB.parameters["options"]))
IMAGES = golden.check_images(NETWORK, np.load(JOB.parameters["images"], allow_pickle=False))
# an image is under way until its last result has left and the next one may begin
LATENCY = max(SCHEDULE.latency_cycles, SCHEDULE.interval_cycles)
TIMING = (LATENCY, SCHEDULE.interval_cycles)
#: Clock cycles from the first pixel of each operation's result to each of its pixels.
PIXELS = {name: timing.cycles().ravel() - timing.start for name, timing in SCHEDULE.timings.items()}
TRACE = golden.run(NETWORK, IMAGES, SCHEDULE)
# a netlist has no spikes by name any more
LAYERS = [] if JOB.parameters.get("results_only") else list(TRACE.spikes)


async def compare(dut, name: str, numbers, traffic: Traffic, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Run images ``numbers`` as ``traffic`` says and compare everything; return the recorded spikes of each layer."""
    layers = LAYERS
    outputs = list(NETWORK.outputs)
    watch = [getattr(dut, f"{layer}_layer").spikes for layer in layers]
    valids = [getattr(dut, f"valid_{output}") if SCHEDULE.gives_maps else dut.out_valid for output in outputs]
    watch += [*valids, *(getattr(dut, f"out_{output}") for output in outputs)]
    code = NETWORK.input.name
    word_bits = Port.of(NETWORK.tensors[code]).word_bits
    stimulus = patterns.stimulus(traffic, IMAGES[numbers], word_bits, random, PIXELS[code])
    started = time.perf_counter()
    record = await run(dut, f"in_{code}", stimulus, watch)
    seconds = time.perf_counter() - started
    spikes = sum(
        check_spikes(layer, bits, TRACE.spikes[layer][numbers], TRACE.spike_cycles[layer], traffic, PIXELS[layer])
        for layer, bits in zip(layers, record, strict=False)
    )
    results, last = 0, len(layers) + len(outputs)
    for output, valid, bits in zip(outputs, record[len(layers) : last], record[last:], strict=True):
        port = Port.of(NETWORK.tensors[output])
        words = unpack(bits, port.word_bits, port.signed)
        expected = TRACE.values[output][numbers]
        due = SCHEDULE.ready[output] if SCHEDULE.gives_maps else SCHEDULE.latency_cycles
        results += check_outputs(f"out_{output}", valid[:, 0], words, expected, due, traffic, PIXELS[output])
    figures = {"images": len(numbers), "results": results, "cycles": stimulus.rows, "seconds": seconds}
    if layers:
        slots = stimulus.rows * sum(bits.shape[1] for bits in record[: len(layers)])
        figures |= {"spikes": spikes, "spike_slots_compared": slots}
    JOB.report({f"{name}.{figure}": value for figure, value in figures.items()})
    return dict(zip(layers, record, strict=False))


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
    traffic = patterns.isolated(len(numbers), LATENCY)
    record = await compare(dut, "isolated", numbers, traffic, random)
    for layer, bits in record.items():
        if len(PIXELS[layer]) > 1:
            continue  # each pixel is another neuron, and each has one clock cycle in which it could spike
        check_at_most_once(layer, bits, TRACE.spikes[layer].shape[2], TRACE.spike_cycles[layer], traffic)
