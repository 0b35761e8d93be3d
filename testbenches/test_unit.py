"""One unit: every x of its width, at full rate, then with gaps; spikes at their steps, y aligned."""

from __future__ import annotations

from pathlib import Path

import cocotb
import numpy as np
import traffic as patterns
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge
from driver import generator

from amos_hdl.network import store
from amos_hdl.schedule import HardwareOptions, Schedule, UnitLayerSpec, UnitSpec
from amos_hdl.simulate.job import load_job
from amos_hdl.simulate.scoreboard import Traffic, check_at_most_once, check_spikes
from amos_hdl.simulate.words import as_integers, pack, unpack

JOB = load_job()
SCHEDULE = Schedule(store.load(Path(JOB.parameters["network"])), HardwareOptions.of(JOB.parameters["options"]))


def unit_spec(number: int) -> UnitSpec:
    """Return the spec of the module ``<network>_unit<number>``."""
    layers = [layer for layer in SCHEDULE.specs.values() if isinstance(layer, UnitLayerSpec) and layer.has_modules]
    return list(dict.fromkeys(spec for layer in layers for spec in layer.distinct))[number]


SPEC = unit_spec(int(JOB.parameters["unit"]))


async def compare(dut, name: str, x: np.ndarray, traffic: Traffic, random: np.random.Generator) -> np.ndarray:
    """Drive potentials ``x`` with their steps; compare every spike in every row and y where it is due.

    Returns the recorded spikes ``(row, gate)``.
    """
    depth = SPEC.latency_cycles
    stimulus = patterns.stimulus(traffic, x[:, None], SPEC.potential.word_bits, random)
    # step n of a row is high if an image entered n rows before and is still there: as the layer makes it
    steps = np.zeros((stimulus.rows, depth), bool)
    steps[:, 0] = stimulus.valid & ~stimulus.reset
    for n in range(1, depth):
        steps[1:, n] = steps[:-1, n - 1] & ~stimulus.reset[1:]
    clock = Clock(dut.clk, 10, "ns")
    clock.start()
    edge, rows = FallingEdge(dut.clk), []
    dut.step.value = 0
    for _ in range(2):
        await edge
    for word, step in zip(stimulus.words, as_integers(pack(steps.astype(np.int64), 1)), strict=True):
        await edge
        rows.append((str(dut.spikes.value), str(dut.y.value)))
        dut.potential.value, dut.step.value = word, step
    await edge
    clock.stop()
    spikes, y = (np.array([[c == "1" for c in row[n][::-1]] for row in rows]) for n in range(2))
    cycles = np.array([SPEC.spike_cycle(gate) for gate in range(SPEC.circuit.gates)])
    check_spikes("unit", spikes, SPEC.circuit.spikes(x)[:, None, :], cycles, traffic)
    images, due = traffic.visible(SPEC.latency_cycles)
    values = unpack(y, SPEC.value.word_bits, SPEC.value.signed)[due, 0]
    expected = SPEC.circuit.value(x[images])
    # a y beyond the layer's interval belongs to a potential that no unit of this module ever has
    reachable = (expected >= SPEC.result_low) & (expected <= SPEC.result_high)
    wrong = np.flatnonzero((values != expected) & reachable)
    assert not len(wrong), f"x = {x[images[wrong[0]]]}: expected y {expected[wrong[0]]}, got {values[wrong[0]]}"
    JOB.report({f"{name}.images": len(x), f"{name}.results": len(images), f"{name}.spikes": int(spikes.sum())})
    return spikes


@cocotb.test()
async def every_potential(dut):
    """Every x within the potential's interval, up and down, at full rate."""
    every = np.arange(SPEC.low, SPEC.high + 1)
    x = np.concatenate([every, every[::-1]])
    random = generator(JOB.seed, "every_potential")
    traffic = patterns.back_to_back(len(x), SPEC.latency_cycles, SPEC.interval_cycles)
    await compare(dut, "every_potential", x, traffic, random)


@cocotb.test()
async def gaps_and_resets(dut):
    """Random potentials with gaps, noise within them, and resets."""
    random = generator(JOB.seed, "gaps_and_resets")
    x = random.integers(SPEC.low, SPEC.high, 500, endpoint=True)
    traffic = patterns.bursts(len(x), SPEC.latency_cycles, SPEC.interval_cycles, random)
    await compare(dut, "gaps_and_resets", x, patterns.with_resets(traffic, 4, random), random)


@cocotb.test()
async def isolated_potentials(dut):
    """Potentials far apart, with noise between: silence in between, and no gate spikes twice."""
    random = generator(JOB.seed, "isolated_potentials")
    x = random.integers(SPEC.low, SPEC.high, 100, endpoint=True)
    traffic = patterns.isolated(len(x), SPEC.latency_cycles)
    spikes = await compare(dut, "isolated_potentials", x, traffic, random)
    cycles = np.array([SPEC.spike_cycle(gate) for gate in range(SPEC.circuit.gates)])
    check_at_most_once("unit", spikes, SPEC.circuit.gates, cycles, traffic)
