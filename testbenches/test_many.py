"""Many small networks side by side in one design, each with images, gaps and resets of its own.

``job.parameters["networks"]`` is a list of the parameters that ``test_network`` takes for one; the ports of network n
are called ``n<n>_<port>``, and its instance ``n<n>``.
"""

from __future__ import annotations

from collections.abc import Callable

import cocotb
import numpy as np
import traffic as patterns
from driver import Feed, generator, run_all
from subject import Subject

from amos_hdl.simulate.job import load_job
from amos_hdl.simulate.scoreboard import Traffic

JOB = load_job()
SUBJECTS = [Subject.of(parameters) for parameters in JOB.parameters["networks"]]

Pattern = Callable[[int, int, int, np.random.Generator], Traffic]


async def compare(dut, name: str, pattern: Pattern) -> None:
    """Run all images of all networks at once and compare everything."""
    random = generator(JOB.seed, name)
    runs, feeds, watch = [], [], []
    for number, subject in enumerate(SUBJECTS):
        numbers = random.permutation(len(subject.images))
        traffic = pattern(len(numbers), *subject.timing, random)
        prefix = f"n{number}_"
        # an instance in which nothing is looked at has no name in the simulator
        inside = getattr(dut, f"n{number}") if subject.layers else None
        handles = subject.watch(inside, dut, prefix)
        ports = [getattr(dut, prefix + port) for port in (f"in_{subject.network.input.name}", "in_valid", "rst")]
        feeds.append(Feed(*ports, subject.stimulus(numbers, traffic, random)))
        runs.append((subject, numbers, traffic, slice(len(watch), len(watch) + len(handles))))
        watch += handles
    record = await run_all(dut.clk, feeds, watch)
    results = spikes = slots = 0
    for subject, numbers, traffic, part in runs:
        rows = len(traffic.reset)
        try:
            found = subject.check([bits[:rows] for bits in record[part]], numbers, traffic)
        except AssertionError as failure:
            raise AssertionError(f"network {subject.network.name}: {failure}") from failure
        results, spikes, slots = results + found.results, spikes + found.spikes, slots + found.slots
    figures = {"networks": len(SUBJECTS), "results": results, "spikes": spikes, "spike_slots_compared": slots}
    JOB.report({f"{name}.{figure}": value for figure, value in figures.items()})


@cocotb.test()
async def back_to_back(dut):
    """One image per interval."""
    await compare(
        dut, "back_to_back", lambda count, latency, interval, _: patterns.back_to_back(count, latency, interval)
    )


@cocotb.test()
async def gaps_and_resets(dut):
    """Gaps of random length, and resets in the middle of images."""

    def pattern(count: int, latency: int, interval: int, random: np.random.Generator) -> Traffic:
        return patterns.with_resets(patterns.bursts(count, latency, interval, random), 2, random)

    await compare(dut, "gaps_and_resets", pattern)
