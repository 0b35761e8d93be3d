"""Pools: over windows side by side as pixels come, or the greatest tap of windows that overlap."""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from amos_hdl.gateware.counters import counter, following, memory
from amos_hdl.gateware.maps import PixelLayer
from amos_hdl.gateware.words import register, shape, valid_pipeline, word
from amos_hdl.schedule import MaxSpec, PoolSpec


class MaxLayer(PixelLayer):
    """The greatest tap of each channel, a register after each comparison."""

    def __init__(self, spec: MaxSpec, copies: int = 1) -> None:
        self.spec = spec
        super().__init__(spec, copies)

    def elaborate(self, platform: object) -> Module:
        """Build a tree per channel."""
        m = Module()
        spec, channels = self.spec, self.result.count
        m.d.comb += self.out_valid.eq(valid_pipeline(m, self.in_valid, spec.latency_cycles, self.copies))
        greatest = []
        for channel in range(channels):
            taps: list[Value] = [word(self.x, self.source, tap * channels + channel) for tap in range(spec.taps)]
            for level in range(1, spec.latency_cycles + 1):
                pairs = [taps[place : place + 2] for place in range(0, len(taps), 2)]
                taps = [
                    register(m, _greatest(pair), f"channel{channel}_level{level}_{place}")
                    for place, pair in enumerate(pairs)
                ]
            value = Signal(shape(self.result), name=f"greatest_{channel}")
            m.d.comb += value.eq(taps[0])
            greatest.append(value)
        m.d.comb += self.y.eq(Cat(greatest))
        return m


def _greatest(pair: list[Value]) -> Value:
    return pair[0] if len(pair) == 1 else Mux(pair[0] >= pair[1], pair[0], pair[1])


class PoolLayer(PixelLayer):
    """The sum or the greatest of each window: its first pixel is taken as it is, the others on top of what it has."""

    def __init__(self, spec: PoolSpec, copies: int = 1) -> None:
        self.spec = spec
        super().__init__(spec, copies)

    def elaborate(self, platform: object) -> Module:
        """Build one register per channel, the memory behind it, and what counts pixels and windows."""
        m = Module()
        spec, (height, width), (rows, columns) = self.spec, self.spec.kernel, self.spec.space
        across = _count(m, self.in_valid, spec.timing.columns, width, "column", self.copies)
        down = _count(m, self.in_valid & across.ends, spec.timing.rows, height, "row", self.copies)
        kept = [Signal(shape(self.result), name=f"kept_{n}", reset_less=True) for n in range(self.result.count)]
        more = [Signal(shape(self.result), name=f"more_{n}") for n in range(self.result.count)]
        ends_row, in_window = Signal(), Signal()
        m.d.comb += ends_row.eq(self.in_valid & (across.pixel == width - 1))
        beside = [counted.window < count for counted, count in ((across, columns), (down, rows)) if counted.has_rest]
        m.d.comb += in_window.eq(Cat(beside).all() if beside else 1)
        so_far: list[Value] = list(kept)
        if spec.kept is not None:
            # read ahead, so that it is there with the window's next pixel; beyond the last window nothing is wanted
            bits = max(1, (spec.kept.words - 1).bit_length())
            read = memory(
                m,
                "rows_so_far",
                spec.kept.words,
                Cat(more),
                write=across.window[:bits],
                write_enable=ends_row & in_window,
                read=across.window_ahead[:bits],
            )
            begins_row = across.pixel == 0
            so_far = [Mux(begins_row, word(read, self.result, n), value) for n, value in enumerate(kept)]
        begins = Signal()
        m.d.comb += begins.eq((down.pixel == 0) & (across.pixel == 0))
        for channel, value in enumerate(kept):
            pixel, before = word(self.x, self.source, channel), Signal(shape(self.result), name=f"so_far_{channel}")
            m.d.comb += before.eq(so_far[channel])
            joined = before + pixel if spec.takes == "sum" else Mux(before >= pixel, before, pixel)
            m.d.comb += more[channel].eq(Mux(begins, pixel, joined))
            with m.If(self.in_valid & in_window):
                m.d.sync += value.eq(more[channel])
        complete = counter(m, 2, "complete", self.copies)
        m.d.sync += complete.eq(ends_row & in_window & (down.pixel == height - 1))
        m.d.comb += self.out_valid.eq(complete.value)
        m.d.comb += self.y.eq(Cat(kept))
        return m


class _Counted(NamedTuple):
    """Where a pixel is along one axis: in which window, where in it, and whether it is the map's last.

    ``window_ahead`` is the window in the next clock cycle; ``has_rest`` says that the map goes on behind the last
    window.
    """

    window: Value
    pixel: Value
    ends: Signal
    window_ahead: Signal
    has_rest: bool


def _count(m: Module, step: Value, size: int, width: int, name: str, copies: int) -> _Counted:
    """Count pixels along one axis of a map of ``size``, in windows of ``width``."""
    last_window, last_pixel = divmod(size - 1, width)
    windows = counter(m, last_window + 1, f"{name}_window", copies)
    pixels = counter(m, width, f"{name}_pixel", copies)
    window, pixel = windows.value, pixels.value
    ahead, ends = Signal.like(window, name=f"{name}_window_ahead"), Signal(name=f"{name}_ends")
    m.d.comb += ends.eq((window == last_window) & (pixel == last_pixel))
    m.d.comb += ahead.eq(window)
    with m.If(step):
        m.d.sync += pixels.eq(Mux(ends, 0, following(pixel, width - 1)))
        with m.If(ends | (pixel == width - 1)):
            m.d.comb += ahead.eq(Mux(ends, 0, window + 1))
    m.d.sync += windows.eq(ahead)
    return _Counted(window, pixel, ends, ahead, last_pixel != width - 1)
