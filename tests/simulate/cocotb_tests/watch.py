"""A cocotb test of any module with one clock: sets inputs row by row, keeps what is seen before each rising edge."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from amos_hdl.simulate.job import load_job

JOB = load_job()


@cocotb.test
async def watch(dut):
    inputs = np.load(JOB.parameters["inputs"])  # (row, byte), lowest bits first
    valid = np.load(JOB.parameters["valid"])
    signals = []
    for path in JOB.parameters["signals"]:
        handle = dut
        for name in path.split("."):
            handle = getattr(handle, name)
        signals.append(handle)
    port = getattr(dut, JOB.parameters["port"])
    Clock(dut.clk, 10, "ns").start()
    dut.rst.value, dut.in_valid.value, port.value = 1, 0, 0
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    rows = []
    for row, enters in zip(inputs, valid.tolist(), strict=True):
        port.value, dut.in_valid.value = int.from_bytes(row.tobytes(), "little"), enters
        await Timer(1, "ns")
        # the highest bit of each signal first, the first signal last
        rows.append("".join(str(signal.value) for signal in reversed(signals)))
        await FallingEdge(dut.clk)
    np.save(JOB.work / "seen.npy", np.array([[bit == "1" for bit in reversed(row)] for row in rows]))
