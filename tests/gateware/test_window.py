"""Windows in Amaranth's simulator: every window of every image at its cycle, whatever the distance of images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amos_hdl.errors import ScheduleError
from amos_hdl.gateware.window import WindowBuffer
from amos_hdl.network import Tensor
from amos_hdl.network.operations.window import Window
from amos_hdl.schedule.timing import MapTiming
from amos_hdl.schedule.window import WindowSpec
from tests.gateware.simulated import run
from tests.gateware.test_components import pack, unpack


def simulate(spec, images, gaps, random):
    """Return the windows of ``images`` that follow each other at the interval plus ``gaps``, by clock cycle."""
    component = WindowBuffer(spec)
    entries = np.cumsum(np.array(gaps) + spec.interval_cycles) - spec.interval_cycles
    pixels = {}
    for entry, image in zip(entries.tolist(), images, strict=True):
        for (row, column), cycle in np.ndenumerate(spec.timing.cycles() + entry):
            pixels[int(cycle)] = pack(image[:, row, column], component.source.word_bits)
    rows = int(entries[-1]) + spec.output.start + spec.output.span_cycles + 3
    noise = random.integers(0, 2, (rows, component.source.bits))
    seen = {}

    async def bench(ctx):
        for row in range(rows):
            ctx.set(component.in_valid, int(row in pixels))
            ctx.set(component.x, pixels.get(row, pack(noise[row], 1)))
            if ctx.get(component.out_valid):
                seen[row] = ctx.get(component.window)
            await ctx.tick()

    run(component, bench)
    return entries, seen, component.result


def check(spec, gaps, seed=1):
    random = np.random.default_rng(seed)
    channels, (low, high) = spec.source.channels, spec.source.interval
    images = random.integers(low, high, (len(gaps), channels, *spec.timing.space), endpoint=True)
    entries, seen, port = simulate(spec, images, gaps, random)
    windows, cycles = spec.evaluate(images), spec.output.cycles()
    due = {}
    for number, entry in enumerate(entries.tolist()):
        for place, cycle in np.ndenumerate(cycles + entry):
            due[int(cycle)] = (number, place, windows[number][place].tolist())
    assert seen.keys() == due.keys()
    for cycle, (number, place, expected) in due.items():
        got = unpack(seen[cycle], port.count, port.word_bits, port.signed)
        assert got == expected, f"image {number}, window {place}, cycle {cycle}"


def spec_of(size, window, *, row=None, column=1, slack=0, start=0, channels=1, low=0, high=7, fill=0, pitch=None):
    row = row or (size[1] - 1) * column + 1
    timing = MapTiming(*size, start, row, column)
    source = Tensor.filled((channels, *size), low, high)
    return WindowSpec(window, source, timing, size[0] * row + slack, fill, pitch)


def test_one_pixel_per_clock_with_padding():
    spec = spec_of((5, 6), Window((3, 3), (1, 1), (1, 1, 1, 1)), row=6, channels=2)
    assert (spec.output.row_cycles, spec.output.column_cycles) == (6, 1)
    # one row and one column ahead of the first window, then the memory and the tap
    assert spec.latency_cycles == 6 + 1 + 3
    assert spec.rows_kept == 3
    check(spec, [0, 0, 0])
    check(spec, [0, 1, 2, 3, 7, 0])


@st.composite
def specs(draw):
    def number(least, most):
        return draw(st.integers(least, most))

    size = (number(1, 6), number(1, 6))
    kernel = tuple(number(1, 4) for _ in size)
    padding = tuple(number(0, k - 1 + draw(st.sampled_from([0, 0, 0, 3]))) for k in kernel for _ in range(2))
    padding = tuple(
        max(before, kernel[axis // 2] - size[axis // 2] - padding[axis + 1]) if axis % 2 == 0 else before
        for axis, before in enumerate(padding)
    )
    window = Window(kernel, (number(1, 3), number(1, 3)), padding)
    column = number(1, 4)
    low = number(-3, 2)
    options = {
        "row": (size[1] - 1) * column + 1 + number(0, 8),
        "column": column,
        "slack": draw(st.sampled_from([0, 0, 1, 5, 40])),
        "start": number(0, 3),
        "channels": number(1, 2),
        "low": low,
        "high": low + number(1, 9),
        "fill": number(-3, 3),
        "pitch": draw(st.sampled_from([None, None, 1, 2, 5, 100])),
    }
    return size, window, options


@settings(max_examples=60)
@given(specs(), st.lists(st.sampled_from([0, 0, 1, 2, 3, 10, 50]), min_size=2, max_size=4), st.integers(0, 99))
def test_any_window(drawn, gaps, seed):
    size, window, options = drawn
    try:
        spec = spec_of(size, window, **options)
    except ScheduleError as error:
        assert "interval: expected at least" in str(error)
        return
    check(spec, gaps, seed)


def test_rows_and_columns_that_are_left_out():
    """A negative padding is a slice."""
    check(spec_of((6, 7), Window((1, 1), (2, 3), (-1, -1, -2, 0)), row=7), [0, 4, 0])


def test_padding_wider_than_the_window():
    """A map with an edge: whole rows and columns of windows show padding alone."""
    spec = spec_of((3, 4), Window((1, 1), (1, 1), (2, 1, 3, 1)), row=20, low=-2, fill=5)
    check(spec, [0, 1, 0])
    check(spec_of((1, 1), Window((1, 1), (1, 1), (1, 1, 1, 2)), row=24, fill=2), [0, 0, 5])


def test_rows_are_read_one_after_another_where_there_is_time():
    """One memory then; windows come no closer by it than they would."""
    window = Window((3, 3), (1, 1), (1, 1, 1, 1))
    for column, steps in ((7, 3), (6, 3), (5, 1)):
        spec = spec_of((5, 6), window, row=6 * column, column=column, channels=2)
        assert (spec.steps, spec.output.column_cycles) == (steps, column)
        check(spec, [0, 0, 3, 1])
    single = spec_of((4, 3), Window((3, 3), (1, 1), (0, 0, 0, 0)), row=10, column=2)
    assert (single.space, single.steps) == ((2, 1), 3)
    check(single, [0, 2, 0])


def test_one_row_memory_less_is_too_few():
    """The rows kept are the fewest: with one less a pixel is overwritten before it is read."""
    spec = spec_of((5, 6), Window((3, 3), (1, 1), (1, 1, 1, 1)), row=6)
    object.__setattr__(spec, "rows_kept", spec.rows_kept - 1)
    with pytest.raises(AssertionError, match=r"image \d"):
        check(spec, [0, 0, 0])


def test_more_windows_than_the_interval_holds_are_refused():
    with pytest.raises(ScheduleError, match="expected at least 36 clock cycles for 6 rows of windows, got 16"):
        spec_of((4, 4), Window((3, 3), (1, 1), (2, 2, 2, 2)))
