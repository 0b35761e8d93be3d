"""Pools of windows side by side in Amaranth's simulator: every window of every image at its cycle, and no other."""

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from hypothesis import given, settings
from hypothesis import strategies as st

from amos_hdl.gateware.pool import PoolLayer
from amos_hdl.network import MaxPool, SumPool, Tensor
from amos_hdl.schedule import MapTiming, PoolSpec
from tests.gateware.simulated import run
from tests.gateware.test_components import pack, unpack


def spec_of(size, kernel, takes, *, channels=1, low=0, high=7, row=None, column=1):
    map_ = Tensor.filled((channels, *size), low, high)
    operation = (SumPool if takes == "sum" else MaxPool)("p", "x", kernel)
    result = operation.result(map_)
    row = row or (size[1] - 1) * column + 1
    timing = MapTiming(*size, 0, row, column)
    source, wide = Tensor(map_.low, map_.high), Tensor(result.low, result.high)
    return PoolSpec(operation, source, wide, kernel, timing, takes)


def check(spec, gaps, seed=1, reset_at=None):
    """Compare images that follow each other as close as rows do, plus ``gaps``; with a reset after so many pixels."""
    random = np.random.default_rng(seed)
    component, timing = PoolLayer(spec), spec.timing
    (low, high), channels = spec.source.interval, spec.source.channels
    images = random.integers(low, high, (len(gaps), channels, *timing.space), endpoint=True)
    interval = timing.rows * timing.row_cycles
    entries = np.cumsum(np.array(gaps) + interval) - interval
    pixels = {
        int(cycle): pack(image[:, row, column], component.source.word_bits)
        for entry, image in zip(entries, images, strict=True)
        for (row, column), cycle in np.ndenumerate(timing.cycles() + entry)
    }
    windows, due = spec.evaluate(images), {}
    for number, entry in enumerate(entries.tolist()):
        for (row, column), cycle in np.ndenumerate(spec.output.cycles() + entry):
            due[int(cycle)] = windows[number, :, row, column].tolist()
    broken = sorted(pixels)[: reset_at or 0]
    begins = broken[-1] + 2 if broken else 0
    rows, seen, reset = begins + max(due) + 3, {}, Signal()
    noise = random.integers(0, 2, (rows, component.source.bits))

    async def bench(ctx):
        for row in range(rows):
            now = row - begins if row >= begins else row
            ctx.set(reset, int(row == begins - 1))
            there = now in pixels and (row >= begins or now in broken)
            ctx.set(component.in_valid, int(there))
            ctx.set(component.x, pixels[now] if there else pack(noise[row], 1))
            if row >= begins and ctx.get(component.out_valid):
                seen[now] = ctx.get(component.y)
            await ctx.tick()

    port = component.result
    run(ResetInserter(reset)(component), bench)
    got = {cycle: unpack(word, port.count, port.word_bits, port.signed) for cycle, word in seen.items()}
    assert got == due


@pytest.mark.parametrize("takes", ["sum", "max"])
def test_one_pixel_per_clock(takes):
    spec = spec_of((4, 6), (2, 3), takes, channels=2)
    assert spec.output == MapTiming(2, 2, 6 + 2 + 1, 12, 3)
    assert spec.latency_cycles == 9
    check(spec, [0, 0, 3, 0])


def test_what_is_kept():
    """A word for each window of a row; nothing for windows as wide as the map, or of one row."""
    assert spec_of((4, 6), (2, 2), "sum", channels=3).kept.words == 3
    assert spec_of((4, 6), (2, 2), "sum", channels=3).kept.bits == 15
    assert spec_of((4, 6), (2, 4), "max").kept is None
    assert spec_of((4, 6), (1, 2), "max").kept is None


@st.composite
def specs(draw):
    def number(least, most):
        return draw(st.integers(least, most))

    size = (number(1, 6), number(1, 7))
    kernel = tuple(number(1, side) for side in size)
    low, column = number(-9, 3), number(1, 3)
    row = (size[1] - 1) * column + 1 + number(0, 5)
    takes = draw(st.sampled_from(["sum", "max"]))
    return spec_of(size, kernel, takes, channels=number(1, 3), low=low, high=low + number(0, 9), row=row, column=column)


@settings(max_examples=60)
@given(
    specs(), st.lists(st.sampled_from([0, 0, 1, 2, 7]), min_size=1, max_size=3), st.integers(0, 99), st.integers(0, 9)
)
def test_any_pool(spec, gaps, seed, reset_at):
    check(spec, gaps, seed, reset_at)


def test_a_row_that_is_not_kept_is_caught(monkeypatch):
    spec = spec_of((4, 6), (2, 2), "max", high=99)
    check(spec, [0, 0])
    monkeypatch.setattr(PoolSpec, "kept", None)
    with pytest.raises(AssertionError):
        check(spec, [0, 0])
