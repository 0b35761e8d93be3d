"""Sends images to a ``digits_top``, in Verilog or Amaranth, and compares every digit with the golden model."""

from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from amos_hdl.network import golden, store
from amos_hdl.schedule import Port
from amos_hdl.simulate.job import load_job
from amos_hdl.simulate.words import pack

JOB = load_job()
BEAT_BYTES = 8


@cocotb.test()
async def every_digit(dut):
    """All images with gaps between beats; each new count shows the digit of the next image."""
    network = store.load(Path(JOB.parameters["network"]))
    images = np.load(JOB.parameters["images"], allow_pickle=False)
    expected = golden.run(network, images).values["winner"][:, 0]
    packed = pack(images, Port.of(network.tensors[network.input.name]).word_bits)
    random, edge, seen = np.random.default_rng(JOB.seed), FallingEdge(dut.clk), []
    Clock(dut.clk, 10, "ns").start()
    dut.rst.value, dut.pixels_valid.value = 1, 0
    await edge
    await edge
    dut.rst.value = 0

    async def watch():
        while True:
            await edge
            if int(dut.count.value) > len(seen):
                seen.append(int(dut.digit.value))

    cocotb.start_soon(watch())
    for row in packed:
        for first in range(0, len(row), BEAT_BYTES):
            while random.random() < 0.2:
                dut.pixels_valid.value = 0
                await edge
            dut.pixels.value = int.from_bytes(row[first : first + BEAT_BYTES].tobytes(), "little")
            dut.pixels_last.value = first + BEAT_BYTES >= len(row)
            dut.pixels_valid.value = 1
            # ready comes from registers: what it is now it is at the rising edge
            while dut.pixels_ready.value == 0:
                await edge
            await edge
    dut.pixels_valid.value = 0
    for _ in range(100):
        await edge
    assert seen == expected.tolist()
    JOB.report({"digits": len(seen)})
