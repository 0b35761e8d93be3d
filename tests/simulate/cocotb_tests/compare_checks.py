"""cocotb tests of ``design/compare.v``; which of them run is decided by the filter of each pytest test."""

import os
import signal

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from amos_hdl.simulate.job import load_job


async def reset(dut):
    Clock(dut.clk, 10, "ns").start()
    dut.rst.value, dut.enable.value, dut.threshold.value = 1, 0, load_job().parameters.get("threshold", 5)
    await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value, dut.enable.value = 0, 1


@cocotb.test
async def passes(dut):
    await reset(dut)
    job, seen = load_job(), []
    for _ in range(job.parameters["samples"]):
        await FallingEdge(dut.clk)
        seen.append(int(dut.greater.value))
    threshold = job.parameters["threshold"]
    assert seen == [int(cycle >= threshold) for cycle in range(len(seen))]
    job.report({"cycles": len(seen), "seed_seen": job.seed, "cocotb_seed": cocotb.RANDOM_SEED})


@cocotb.test
async def reads_inside(dut):
    await reset(dut)
    for cycle in range(4):
        await FallingEdge(dut.clk)
        assert int(dut.inner.count.value) == cycle + 1


@cocotb.test
async def reads_start(dut):
    await Timer(1, "ns")
    load_job().report({"start": str(dut.inner.count.value)})


@cocotb.test
async def fails(dut):
    await reset(dut)
    raise AssertionError("image 3, layer l0, unit 2, gate 1, cycle 17: expected 1, got 0\nimage 4: expected 0, got 1")


@cocotb.test
async def reports_twice(dut):
    await Timer(1, "ns")
    load_job().report({"cycles": 1})
    load_job().report({"cycles": 2})


@cocotb.test
async def crashes(dut):
    await Timer(1, "ns")
    os.kill(os.getpid(), signal.SIGSEGV)


@cocotb.test
async def never_ends(dut):
    await reset(dut)
    load_job().report({"pid": os.getpid()})
    while True:
        await FallingEdge(dut.clk)


@cocotb.test(skip=True)
async def skipped(dut):
    pass
