"""The AXI4-Lite register block alone: values, times and torn reads, with spikes at the greatest rate."""

import numpy as np
import pytest

from amos_hdl.gateware import counters
from amos_hdl.gateware.stream_registers import OKAY, SLVERR, StreamRegisters
from amos_hdl.schedule.stream import StreamSpec
from amos_hdl.schedule.stream_counters import SpikeLines
from amos_hdl.schedule.stream_registers import RegisterMap
from tests.gateware.simulated import run

SPEC = StreamSpec(
    input_bits=20,
    results={"r": 9},
    network_latency_cycles=3,
    network_interval_cycles=2,
    beat_bytes=3,
    # gates 0 and 3 take turns, and so do 2 and 4; 1 comes a clock cycle later on the line of 5
    spikes={
        "a": SpikeLines((((0, 3),), ((5,), (1,)), ((2, 4),)), 1),
        "b": SpikeLines(tuple(((bit,),) for bit in range(20))),
    },
)
MAP = RegisterMap(SPEC, "0123456789abcdef7c3e92b1d5a0f846" * 2)
#: Clock cycles by which a counter may be behind.
BEHIND = 16


class Device:
    """The block, what it has been given, and reads over its pins."""

    def __init__(self, random):
        self.block, self.random, self.rate = StreamRegisters(MAP), random, 1.0
        names = [register.name for register in MAP.registers if register.value is None]
        self.totals = {name: [0] for name in names}

    async def step(self, ctx):
        """One clock cycle: one image at most in two, each gate of it once; everything else in each."""
        high = {name: int(self.random.random() < self.rate) for name in ("enter", "take", "error")}
        even = len(self.totals["images"]) % 2
        for layer, lines in SPEC.spikes.items():
            value = 0
            for groups in lines.groups:
                # two gates of one group take turns; what is late would meet what comes in the next clock cycle
                group = groups[0] if len(groups) == 1 or even else groups[1]
                if self.random.random() < self.rate and (len(groups) == 1 or not even):
                    value |= 1 << group[even % len(group)]
            high[f"spikes_{layer}"] = value
        for name, value in high.items():
            ctx.set(getattr(self.block, name), value)
        counted = {"images": high["enter"], "results": high["take"], "errors": high["error"]}
        for name, totals in self.totals.items():
            totals.append(totals[-1] + (counted[name] if name in counted else high[name].bit_count()))
        await ctx.tick()

    async def read(self, ctx, offset):
        """Return data, response, and clock cycles from the address to the answer."""
        ctx.set(self.block.s_axil_araddr, offset)
        ctx.set(self.block.s_axil_arvalid, 1)
        while not ctx.get(self.block.s_axil_arready):
            await self.step(ctx)
        await self.step(ctx)
        ctx.set(self.block.s_axil_arvalid, 0)
        cycles = 1
        while not ctx.get(self.block.s_axil_rvalid):
            cycles += 1
            await self.step(ctx)
        for _ in range(int(self.random.integers(0, 4))):
            await self.step(ctx)
        answer = ctx.get(self.block.s_axil_rdata), ctx.get(self.block.s_axil_rresp)
        ctx.set(self.block.s_axil_rready, 1)
        await self.step(ctx)
        ctx.set(self.block.s_axil_rready, 0)
        return *answer, cycles


@pytest.mark.parametrize("rate", [1.0, 0.6])
def test_reads(rate):
    """Constants, holes and counters in any order, with pauses: right and in time."""
    random = np.random.default_rng(round(10 * rate))
    device = Device(random)
    device.rate = rate
    places = {register.offset: register for register in MAP.registers}
    offsets = range(0, 1 << MAP.address_bits, 4)

    async def bench(ctx):
        for _ in range(80):
            offset = int(random.choice(offsets))
            for _ in range(int(random.integers(0, 9))):
                await device.step(ctx)
            before = len(device.totals["images"]) - 1
            data, response, cycles = await device.read(ctx, offset)
            assert cycles <= MAP.read_cycles
            register = places.get(offset)
            if register is not None and register.value is not None:
                assert (data, response) == (register.value, OKAY)
            elif register is not None:
                totals = device.totals[register.name]
                assert totals[max(0, before - BEHIND)] <= data <= totals[-1] and response == OKAY
            elif offset - 4 in places and places[offset - 4].value is None:
                assert (data, response) == (0, OKAY)
            else:
                assert response == SLVERR
        # all that is over has been counted
        device.rate = 0.0
        for _ in range(BEHIND):
            await device.step(ctx)
        for register in MAP.registers:
            if register.value is None:
                assert (await device.read(ctx, register.offset))[:2] == (device.totals[register.name][-1], OKAY)

    run(device.block, bench)


@pytest.mark.parametrize(("name", "longest"), [("results", MAP.read_cycles), ("identity", 2 + 3 + 3 + 1)])
def test_the_time_to_an_answer(name, longest):
    """At every clock cycle of a round; that of a counter is what the map says."""
    device, taken, round_cycles = Device(np.random.default_rng(1)), [], MAP.counters.round_cycles
    offset = next(register.offset for register in MAP.registers if register.name == name)

    async def bench(ctx):
        for phase in range(round_cycles):
            while (len(device.totals["images"]) - 1) % round_cycles != phase:
                await device.step(ctx)
            taken.append((await device.read(ctx, offset))[2])

    run(device.block, bench)
    assert (max(taken), len(taken)) == (longest, round_cycles)


def test_no_read_is_torn_where_a_carry_passes_both_words(monkeypatch):
    """Counters put to just below 2**32 and 2**64 while they run at the greatest rate: both words are of one moment."""
    memories = []

    make = counters.MemoryData

    def recorded(**arguments):
        memories.append(make(**arguments))
        return memories[-1]

    monkeypatch.setattr(counters, "MemoryData", recorded)
    device, random = Device(np.random.default_rng(5)), np.random.default_rng(6)
    places = {register.name: (number, register.offset) for number, register in enumerate(MAP.registers[-5:])}

    async def total(ctx, name):
        lower = (await device.read(ctx, places[name][1]))[0]
        return lower | (await device.read(ctx, places[name][1] + 4))[0] << 32

    async def bench(ctx):
        (memory,) = memories
        for _ in range(2 * MAP.counters.round_cycles):
            await device.step(ctx)
        for name, top in (("images", 2**32), ("spikes_a", 2**32), ("results", 2**64)):
            number, round_cycles = places[name][0], MAP.counters.round_cycles
            upper = range(MAP.counters.live_parts(number), 8)
            # the parts in memory alone are put up, half a round from where the counter is at work
            while (len(device.totals[name]) - 1 - 8 * number) % round_cycles != round_cycles // 2:
                await device.step(ctx)
            words = [ctx.get(memory[8 * number + part]) for part in upper]
            raised = top - (1 << 8 * upper[0]) - sum(word << 8 * part for word, part in zip(words, upper, strict=True))
            for part in upper:
                ctx.set(memory[8 * number + part], 0xFF if 1 << 8 * part < top else 0)
            passed = False
            while not passed:
                before = len(device.totals[name]) - 1
                value = await total(ctx, name)
                least, most = device.totals[name][max(0, before - BEHIND)], device.totals[name][-1]
                assert (value - raised - least) % 2**64 <= most - least, f"{name}: {value:#x}"
                passed = least + raised >= top
                for _ in range(int(random.integers(0, 20))):
                    await device.step(ctx)

    run(device.block, bench)
