"""What delays a branch until another is there."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.counters import count_pixels, counter, delayed_token, following, memory, play
from amos_hdl.gateware.words import register, valid_pipeline
from amos_hdl.schedule import BufferSpec


class PixelBuffer(wiring.Component):
    """Pixels come at the cycles of ``spec.timing`` and leave at those of ``spec.output``.

    Members
    -------
    in_valid : In(1)
    x : In(bits)
    out_valid : Out(1)
    delayed : Out(bits)
        Valid with ``out_valid``.
    """

    def __init__(self, spec: BufferSpec, copies: int = 1) -> None:
        self.spec, self.copies, self.keep_registers = spec, copies, copies > 1
        super().__init__({"in_valid": In(1), "x": In(spec.bits), "out_valid": Out(1), "delayed": Out(spec.bits)})

    def elaborate(self, platform: object) -> Module:
        """Build registers, or a circular memory and what counts pixels in and out."""
        m = Module()
        spec = self.spec
        if spec.is_registers:
            value: Value = self.x
            for cycle in range(1, spec.latency_cycles + 1):
                value = register(m, value, f"delay_{cycle}")
            m.d.comb += [
                self.delayed.eq(value),
                self.out_valid.eq(valid_pipeline(m, self.in_valid, spec.latency_cycles, self.copies)),
            ]
            return m
        begin_row, begin_column, cycles = spec.begin
        row, column = count_pixels(m, self.in_valid, *spec.timing.space, "write", self.copies)
        reached = self.in_valid & (row == begin_row) & (column == begin_column)
        start = delayed_token(m, reached, cycles, "reached", spec.interval_cycles, self.copies)
        valid, _, _ = play(m, start, spec.output, "pixel", self.copies)
        writing, reading = (counter(m, spec.depth, name, self.copies) for name in ("writing", "reading"))
        with m.If(self.in_valid):
            m.d.sync += writing.eq(following(writing.value, spec.depth - 1))
        # the oldest pixel is read again and again until it leaves, in whose cycle the next one is read
        oldest = Mux(valid, following(reading.value, spec.depth - 1), reading.value)
        m.d.sync += reading.eq(oldest)
        stored = memory(
            m,
            "pixels",
            spec.depth,
            self.x,
            write=writing.value,
            write_enable=self.in_valid,
            read=oldest[: len(writing.value)],
        )
        m.d.comb += [self.delayed.eq(stored), self.out_valid.eq(valid)]
        return m
