"""The parts of a link in Amaranth's own simulator."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.crc.catalog import CRC16_IBM_SDLC
from amaranth.sim import Simulator

from amos_hdl.gateware.fcs import fcs_step
from amos_hdl.gateware.uart import UartReceiver, UartTransmitter
from amos_hdl.schedule.link import fcs
from tests.gateware.simulated import run


def test_fcs():
    """Against the software, and both against Amaranth's catalogue of CRCs."""
    random = np.random.default_rng(1)
    m, register, byte = Module(), Signal(16), Signal(8)
    result = Signal(16)
    m.d.comb += result.eq(fcs_step(register, byte))

    async def bench(ctx):
        for _ in range(2000):
            value, data = int(random.integers(1 << 16)), int(random.integers(256))
            ctx.set(register, value)
            ctx.set(byte, data)
            await ctx.delay(1e-9)
            assert ctx.get(result) == fcs(bytes([data]), value)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    text = random.bytes(1000)
    assert CRC16_IBM_SDLC(8).compute(text) == fcs(text) ^ 0xFFFF


def loop(bit_cycles):
    """A transmitter and a receiver on one wire."""
    m = Module()
    m.submodules.sender = sender = UartTransmitter(bit_cycles)
    m.submodules.receiver = receiver = UartReceiver(bit_cycles)
    m.d.comb += receiver.rx.eq(sender.tx)
    return m, sender, receiver


@pytest.mark.parametrize("bit_cycles", [4, 5, 7, 9])
def test_bytes_over_a_wire(bit_cycles):
    """What is sent arrives, at ten bits per byte."""
    m, sender, receiver = loop(bit_cycles)
    sent = [0, 255, 0x55, 0xAA, *np.random.default_rng(bit_cycles).integers(0, 256, 30).tolist()]
    got, starts = [], []

    async def bench(ctx):
        left = list(sent)
        for cycle in range(len(sent) * 12 * bit_cycles):
            ctx.set(sender.valid, bool(left))
            ctx.set(sender.data, left[0] if left else 0)
            if left and ctx.get(sender.ready):
                left.pop(0)
                starts.append(cycle)
            if ctx.get(receiver.valid):
                assert not ctx.get(receiver.broken)
                got.append(ctx.get(receiver.data))
            await ctx.tick()

    run(m, bench)
    assert got == sent
    assert set(np.diff(starts)) == {10 * bit_cycles + 1}
