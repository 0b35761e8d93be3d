"""One layer on its own: units over every potential; sums, greatest taps and argmax over random and corner inputs."""

from __future__ import annotations

from pathlib import Path

import cocotb
import numpy as np
import numpy.typing as npt
import traffic as patterns
from driver import generator, run
from layer_subject import LayerSubject

from amos_hdl.network import store
from amos_hdl.schedule import GateLayerSpec, HardwareOptions, Schedule, UnitLayerSpec
from amos_hdl.simulate.job import load_job
from amos_hdl.simulate.scoreboard import Traffic, check_at_most_once, check_outputs, check_spikes
from amos_hdl.simulate.words import unpack

JOB = load_job()
NAME: str = JOB.parameters["layer"]
SCHEDULE = Schedule(store.load(Path(JOB.parameters["network"])), HardwareOptions.of(JOB.parameters["options"]))
SPEC = SCHEDULE.specs[NAME]
LAYER = LayerSubject(SPEC)
TIMING, LOW, HIGH = LAYER.timing, LAYER.low, LAYER.high
IS_UNITS = isinstance(SPEC, UnitLayerSpec)
#: The sums in front of units whose gates are tables, which see what the sums would.
SUMS = SPEC.sums if isinstance(SPEC, GateLayerSpec) else SPEC.operation
IS_LOOKED_UP = isinstance(SPEC, GateLayerSpec)
#: Steps of a unit that are looked at among the corners; `every_potential` looks at all.
CORNER_STEPS = 256


async def compare(dut, name: str, values: npt.NDArray[np.int64], traffic: Traffic, random) -> npt.NDArray[np.bool_]:
    """Run inputs ``values`` ``(batch, input)`` as ``traffic`` says and compare spikes and results."""
    data = "potential" if IS_UNITS and not IS_LOOKED_UP else "x"
    result = next(name for name in ("y", "index", "potential") if hasattr(dut, name))
    watch = [dut.out_valid, getattr(dut, result)] + ([dut.spikes] if IS_UNITS else [])
    stimulus = LAYER.stimulus(traffic, values, random)
    valid, words, *spikes = await run(dut, data, stimulus, watch)
    if IS_UNITS:
        # the definition of the unit, not the hardware spec, says what is right
        check_spikes(NAME, spikes[0], LAYER.spikes(values), SPEC.spike_cycles(), traffic)
    got, expected = unpack(words, LAYER.result.word_bits, LAYER.result.signed), LAYER.expected(values)
    results = check_outputs(f"{NAME}.{result}", valid[:, 0], got, expected, LAYER.due, traffic, LAYER.leave)
    JOB.report({f"{name}.images": len(values), f"{name}.results": results})
    return spikes[0] if IS_UNITS else valid


def corners() -> npt.NDArray[np.int64]:
    """Return inputs at the ends of the interval: all low, all high, zero, alternating, one high among low and back."""
    count, low, high = len(LOW), LOW, HIGH
    even = np.arange(count) % 2 == 0
    rows = [low, high, np.clip(0, low, high), np.where(even, low, high), np.where(even, high, low)]
    rows += [np.where(np.arange(count) == unit, high, low) for unit in range(min(count, 64))]
    rows += [np.where(np.arange(count) == unit, low, high) for unit in range(min(count, 64))]
    if isinstance(SPEC, UnitLayerSpec) and not IS_LOOKED_UP:
        # just below, at and above each step of each unit: equality is where >= and > differ
        steps = [LAYER.source.low if unit.pieces is None else unit.pieces.first for unit in SPEC.distinct]
        steps = [np.atleast_1d(firsts) for firsts in steps]
        for step in range(min(max(map(len, steps)), CORNER_STEPS)):
            at = np.array([steps[module][step % len(steps[module])] for module in SPEC.modules])
            rows += [np.clip(at + offset, low, high) for offset in (-1, 0, 1)]
    else:
        # the sign pattern of each row of weights gives its sum the greatest and the least value
        for row in getattr(SUMS, "weights", np.zeros((0, count)))[:64]:
            rows += [np.where(row > 0, high, low), np.where(row > 0, low, high)]
    return np.array(rows, np.int64)


@cocotb.test()
async def corners_back_to_back(dut):
    """Corners at full rate."""
    random, values = generator(JOB.seed, "corners"), corners()
    await compare(dut, "corners_back_to_back", values, patterns.back_to_back(len(values), *TIMING), random)


@cocotb.test()
async def random_inputs(dut):
    """Random inputs with gaps and resets; a third of them with many equal values, so that ties occur."""
    random = generator(JOB.seed, "random_inputs")
    samples = int(JOB.parameters["samples"])
    values = random.integers(LOW, HIGH, (samples, len(LOW)), endpoint=True)
    few = random.integers(LOW.min(), HIGH.max(), (samples, 1), endpoint=True)
    mixed = np.where(random.random(values.shape) < 0.5, few, values).clip(LOW, HIGH)
    values = np.where(np.arange(samples)[:, None] % 3 == 0, mixed, values)
    traffic = patterns.with_resets(patterns.bursts(samples, *TIMING, random), 3, random)
    await compare(dut, "random_inputs", values, traffic, random)


if IS_UNITS:

    @cocotb.test()
    async def every_potential(dut):
        """Every x of the width at every unit, at full rate; each unit a different x, so that a mix-up shows.

        Of gates that are tables: so many random inputs that each table's every entry is met, but for one chance in
        thousands.
        """
        random = generator(JOB.seed, "every_potential")
        if IS_LOOKED_UP:
            entries = max(1 << len(table.bits) for tables in SPEC.tables for table in tables)
            values = random.integers(LOW, HIGH, (32 * entries, len(LOW)), endpoint=True)
            await compare(dut, "every_potential", values, patterns.back_to_back(len(values), *TIMING), random)
            return
        every = np.arange(LAYER.source.low, LAYER.source.high + 1)
        values = np.stack([np.roll(every, 7 * unit) for unit in range(len(LOW))], axis=1)
        # a potential that a unit can never have may have a y that its width cannot hold
        values = values.clip(LOW, HIGH)
        await compare(dut, "every_potential", values, patterns.back_to_back(len(values), *TIMING), random)

    @cocotb.test()
    async def isolated(dut):
        """Inputs far apart: no gate spikes twice."""
        random = generator(JOB.seed, "isolated")
        values = random.integers(LOW, HIGH, (20, len(LOW)), endpoint=True)
        traffic = patterns.isolated(len(values), TIMING[0])
        record = await compare(dut, "isolated", values, traffic, random)
        check_at_most_once(NAME, record, SPEC.operation.gates, SPEC.spike_cycles(), traffic)
