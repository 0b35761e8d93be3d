"""What is done with pixels beside weighted sums and units: greatest values, sums over maps, products, flattening."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.gateware.counters import count_pixels
from amos_hdl.gateware.words import register, shape, valid_pipeline, word
from amos_hdl.schedule import CollectSpec, GlobalSpec, MaxSpec, Port, ProductSpec


class _PixelLayer(wiring.Component):
    """Pixels or windows in, pixels out.

    Members
    -------
    in_valid : In(1)
    x : In(words)
    out_valid : Out(1)
    y : Out(channel words)
        Valid with ``out_valid``.
    """

    def __init__(self, spec: MaxSpec | GlobalSpec | CollectSpec, copies: int) -> None:
        self.copies, self.keep_registers = copies, copies > 1
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        super().__init__(
            {"in_valid": In(1), "x": In(self.source.bits), "out_valid": Out(1), "y": Out(self.result.bits)}
        )


class MaxLayer(_PixelLayer):
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


class GlobalLayer(_PixelLayer):
    """The sum or the greatest of all pixels of a map: the first is taken as it is, the others on top."""

    def __init__(self, spec: GlobalSpec, copies: int = 1) -> None:
        self.spec = spec
        super().__init__(spec, copies)

    def elaborate(self, platform: object) -> Module:
        """Build one register per channel."""
        m = Module()
        spec = self.spec
        rows, columns = spec.timing.space
        row, column = count_pixels(m, self.in_valid, rows, columns, "pixel", self.copies)
        first = Signal()
        m.d.comb += first.eq((row == 0) & (column == 0))
        complete = ControlRegister(m, 1, "complete", copies=self.copies)
        m.d.sync += complete.eq(self.in_valid & (row == rows - 1) & (column == columns - 1))
        m.d.comb += self.out_valid.eq(complete.value)
        kept = [Signal(shape(self.result), name=f"kept_{n}", reset_less=True) for n in range(self.result.count)]
        for channel, value in enumerate(kept):
            pixel = word(self.x, self.source, channel)
            more = Signal(shape(self.result), name=f"more_{channel}")
            m.d.comb += more.eq(value + pixel if spec.takes == "sum" else Mux(value >= pixel, value, pixel))
            with m.If(self.in_valid):
                m.d.sync += value.eq(Mux(first, pixel, more))
        m.d.comb += self.y.eq(Cat(kept))
        return m


class CollectLayer(_PixelLayer):
    """All pixels of a map side by side: a shift register as long as the map."""

    def __init__(self, spec: CollectSpec, copies: int = 1) -> None:
        self.spec = spec
        super().__init__(spec, copies)

    def elaborate(self, platform: object) -> Module:
        """Build the shift register."""
        m = Module()
        rows, columns = self.spec.timing.space
        row, column = count_pixels(m, self.in_valid, rows, columns, "pixel", self.copies)
        complete = ControlRegister(m, 1, "complete", copies=self.copies)
        m.d.sync += complete.eq(self.in_valid & (row == rows - 1) & (column == columns - 1))
        m.d.comb += self.out_valid.eq(complete.value)
        pixels, bits = rows * columns, self.source.bits
        kept = Signal(pixels * bits, reset_less=True)
        with m.If(self.in_valid):
            m.d.sync += kept.eq(Cat(kept[bits:], self.x))
        size = self.source.word_bits
        words = [
            kept[pixel * bits + channel * size : pixel * bits + (channel + 1) * size]
            for channel in range(self.source.count)
            for pixel in range(pixels)
        ]
        m.d.comb += self.y.eq(Cat(words))
        return m


class ProductLayer(wiring.Component):
    """Products, channel by channel.

    Members
    -------
    in_valid : In(1)
    x : In(channel words)
    other_valid : In(1)
        Only where the other pixel is kept: it is there.
    other : In(channel words)
    out_valid : Out(1)
        ``in_valid``, ``spec.latency_cycles`` later.
    y : Out(channel words)
    """

    def __init__(self, spec: ProductSpec, copies: int = 1) -> None:
        self.spec, self.copies, self.keep_registers = spec, copies, copies > 1
        self.source, self.other_source, self.result = Port.of(spec.source), Port.of(spec.other), Port.of(spec.result)
        ports = {"in_valid": In(1), "x": In(self.source.bits), "other": In(self.other_source.bits)}
        ports |= {"other_valid": In(1)} if spec.kept else {}
        super().__init__(ports | {"out_valid": Out(1), "y": Out(self.result.bits)})

    def elaborate(self, platform: object) -> Module:
        """Build registers for operands and products."""
        m = Module()
        m.d.comb += self.out_valid.eq(valid_pipeline(m, self.in_valid, self.spec.latency_cycles, self.copies))
        other: Value = self.other
        if self.spec.kept:
            kept = Signal(len(other), name="other_kept", reset_less=True)
            with m.If(self.other_valid):
                m.d.sync += kept.eq(other)
            other = kept
        products = []
        for channel in range(self.result.count):
            a = register(m, word(self.x, self.source, channel), f"a_{channel}")
            b = register(m, word(other, self.other_source, channel), f"b_{channel}")
            # the product of two words can be wider than the values that channels really have
            wide = Signal((a * b).shape(), name=f"wide_product_{channel}")
            product = Signal(shape(self.result), name=f"product_{channel}", reset_less=True)
            m.d.comb += wide.eq(a * b)
            m.d.sync += product.eq(wide)
            products.append(product)
        m.d.comb += self.y.eq(Cat(products))
        return m
