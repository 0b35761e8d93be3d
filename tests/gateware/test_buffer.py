"""Buffers in Amaranth's simulator: every pixel leaves at its cycle; where two timings meet both can."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amos_hdl.errors import ScheduleError
from amos_hdl.gateware.buffer import PixelBuffer
from amos_hdl.schedule.buffer import BufferSpec, meet
from amos_hdl.schedule.timing import MapTiming
from tests.gateware.simulated import run


def check(spec, gaps):
    component = PixelBuffer(spec)
    entries = np.cumsum(np.array(gaps) + spec.interval_cycles) - spec.interval_cycles
    come, leave = {}, {}
    for number, entry in enumerate(entries.tolist()):
        pixels = zip(spec.timing.cycles().ravel(), spec.output.cycles().ravel(), strict=True)
        for place, (at, due) in enumerate(pixels):
            value = (number * 37 + place * 11 + 5) % (1 << spec.bits)
            come[int(at) + entry] = leave[int(due) + entry] = value
    seen = {}

    async def bench(ctx):
        for row in range(max(leave) + 4):
            ctx.set(component.in_valid, int(row in come))
            ctx.set(component.x, come.get(row, row % 7))
            if ctx.get(component.out_valid):
                seen[row] = ctx.get(component.delayed)
            await ctx.tick()

    run(component, bench)
    assert seen == leave


@st.composite
def pairs(draw):
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    timings = []
    for _ in range(2):
        pitch = draw(st.integers(1, 3))
        row = (columns - 1) * pitch + 1 + draw(st.integers(0, 4))
        timings.append(MapTiming(rows, columns, draw(st.integers(0, 40)), row, pitch))
    interval = max(timing.span_cycles for timing in timings) + draw(st.integers(0, 3))
    return timings, interval


@settings(max_examples=60)
@given(pairs(), st.lists(st.sampled_from([0, 0, 1, 2, 30]), min_size=2, max_size=4))
def test_branches_meet(drawn, gaps):
    timings, interval = drawn
    output = meet(timings)
    for timing in timings:
        if timing != output and not (timing.keeps_pace(output) and timing.start == output.start):
            check(BufferSpec(8, timing, output, interval), gaps)


def test_a_long_delay_at_full_rate_keeps_as_many_pixels():
    timing = MapTiming(1, 1, 3, 1, 1)
    spec = BufferSpec(9, timing, timing.later(12), 1)
    assert spec.depth == 12
    check(spec, [0] * 30)


def test_a_delay_of_few_pixels_keeps_few():
    timing = MapTiming(4, 4, 0, 40, 10)
    assert BufferSpec(9, timing, timing.later(20), 160).depth == 2
    check(BufferSpec(9, timing, timing.later(20), 160), [0, 0, 5])


def test_fewer_pixels_are_too_few():
    """With one less a pixel would be written in the cycle in which it is read, which no two memories do alike."""
    timing = MapTiming(2, 2, 0, 2, 1)
    spec = BufferSpec(9, timing, timing.later(7), 4)
    spec.__dict__["depth"] = spec.depth - 2
    with pytest.raises(AssertionError):
        check(spec, [0, 0, 0])


def test_a_pixel_cannot_leave_before_it_came():
    with pytest.raises(ScheduleError, match="buffer: expected"):
        BufferSpec(4, MapTiming(2, 2, 5, 2, 1), MapTiming(2, 2, 4, 2, 1), 8)
