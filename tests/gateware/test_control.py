"""Control registers in Amaranth's own simulator: three copies outvote and mend a flipped one."""

import pytest
from amaranth.hdl import Module, Signal

from amos_hdl.gateware.control import ControlRegister
from tests.gateware.simulated import run


@pytest.mark.parametrize("copies", [1, 3])
def test_it_is_one_register(copies):
    m, enable, reset_to = Module(), Signal(), 5
    count = ControlRegister(m, 3, "count", init=reset_to, copies=copies)
    with m.If(enable):
        m.d.sync += count.eq(count.value + 1)

    async def bench(ctx):
        value = reset_to
        for cycle in range(40):
            ctx.set(enable, cycle % 3 != 0)
            assert ctx.get(count.value) == value
            await ctx.tick()
            value = (value + (cycle % 3 != 0)) % 8

    run(m, bench)


@pytest.mark.parametrize("copy", range(3))
@pytest.mark.parametrize("bit", range(3))
@pytest.mark.parametrize("enabled", [0, 1])
def test_a_flip_is_outvoted_and_mended(copy, bit, enabled):
    m, enable = Module(), Signal()
    count = ControlRegister(m, 3, "count", copies=3)
    with m.If(enable):
        m.d.sync += count.eq(count.value + 1)

    async def bench(ctx):
        ctx.set(enable, 1)
        for _ in range(4):
            await ctx.tick()
        ctx.set(enable, enabled)
        flipped = count._copies[copy]
        ctx.set(flipped, ctx.get(flipped) ^ (1 << bit))
        assert ctx.get(count.value) == 4
        await ctx.tick()
        assert [ctx.get(each) for each in count._copies] == [4 + enabled] * 3

    run(m, bench)
