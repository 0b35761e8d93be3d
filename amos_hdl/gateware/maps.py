"""What is done with pixels beside weighted sums, pools and units: products, flattening."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.gateware.counters import count_pixels
from amos_hdl.gateware.words import register, shape, valid_pipeline, word
from amos_hdl.schedule import CollectSpec, MaxSpec, PoolSpec, Port, ProductSpec


class PixelLayer(wiring.Component):
    """Pixels or windows in, pixels out.

    Members
    -------
    in_valid : In(1)
    x : In(words)
    out_valid : Out(1)
    y : Out(channel words)
        Valid with ``out_valid``.
    """

    def __init__(self, spec: MaxSpec | PoolSpec | CollectSpec, copies: int) -> None:
        self.copies, self.keep_registers = copies, copies > 1
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        super().__init__(
            {"in_valid": In(1), "x": In(self.source.bits), "out_valid": Out(1), "y": Out(self.result.bits)}
        )


class CollectLayer(PixelLayer):
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
