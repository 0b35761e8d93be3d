"""The receiver, the FIFO and the counters in Amaranth's own simulator."""

import numpy as np
import pytest

from amos_hdl.gateware.stream_images import ImageReceiver
from amos_hdl.gateware.stream_results import ResultFifo
from amos_hdl.schedule.stream import StreamSpec
from tests.gateware.simulated import run


def spec(beat_bytes, interval=1, latency=3):
    return StreamSpec(
        input_bits=20,
        results={"r": 9},
        network_latency_cycles=latency,
        network_interval_cycles=interval,
        beat_bytes=beat_bytes,
    )


@pytest.mark.parametrize("interval", [1, 2, 3, 5])
@pytest.mark.parametrize("beat_bytes", [1, 2, 3])
def test_receiver(beat_bytes, interval):
    """Right and wrong frames, gaps and a lack of room: images, flags and errors of the reference, intervals kept."""
    stream, random = spec(beat_bytes, interval), np.random.default_rng(beat_bytes)
    component, taken, seen, entries, errors = ImageReceiver(stream), [], [], [], 0

    async def bench(ctx):
        nonlocal errors
        flags = []
        for cycle in range(2000):
            beat = (int(random.integers(0, 256**beat_bytes)), random.random() < 0.4, random.random() < 0.1)
            valid, room = random.random() < 0.9, random.random() < 0.8
            ctx.set(component.s_axis_tdata, beat[0])
            ctx.set(component.s_axis_tlast, int(beat[1]))
            ctx.set(component.s_axis_tuser, int(beat[2]))
            ctx.set(component.s_axis_tvalid, int(valid))
            ctx.set(component.room, int(room))
            if valid and ctx.get(component.s_axis_tready):
                taken.append(beat)
            if ctx.get(component.enter):
                assert room
                entries.append(cycle)
                flags.append(bool(ctx.get(component.after_error)))
            if ctx.get(component.image_valid):
                seen.append((ctx.get(component.image), flags.pop(0)))
            errors += ctx.get(component.error)
            await ctx.tick()
        ctx.set(component.s_axis_tvalid, 0)
        if ctx.get(component.image_valid):
            seen.append((ctx.get(component.image), flags.pop(0)))
        errors += ctx.get(component.error)

    run(component, bench)
    images, expected_errors = stream.layout.evaluate(taken)
    assert seen == images and len(seen) > 20
    assert errors == expected_errors > 100
    assert min(np.diff(entries)) == max(stream.interval_cycles, 1)


def test_fifo_at_full_rate_and_full():
    stream = spec(3)
    fifo, got = ResultFifo(stream), []

    async def bench(ctx):
        for value in range(stream.credits):
            assert ctx.get(fifo.room)
            ctx.set(fifo.enter, 1)
            ctx.set(fifo.after_error, value % 3 == 0)
            ctx.set(fifo.result, value)
            ctx.set(fifo.result_valid, value > 0)
            await ctx.tick()
            if value == 0:
                assert not ctx.get(fifo.m_axis_tvalid)
        ctx.set(fifo.enter, 0)
        ctx.set(fifo.result, stream.credits)
        await ctx.tick()
        ctx.set(fifo.result_valid, 0)
        assert not ctx.get(fifo.room)
        for _ in range(5):
            await ctx.tick()
            assert ctx.get(fifo.m_axis_tvalid) and ctx.get(fifo.m_axis_tdata) == 1
        ctx.set(fifo.m_axis_tready, 1)
        for _ in range(stream.credits):
            got.append((ctx.get(fifo.m_axis_tvalid), ctx.get(fifo.m_axis_tdata), ctx.get(fifo.m_axis_tuser)))
            await ctx.tick()
        assert ctx.get(fifo.room) and not ctx.get(fifo.m_axis_tvalid)

    run(fifo, bench)
    assert got == [(1, value + 1, int(value % 3 == 0)) for value in range(stream.credits)]
