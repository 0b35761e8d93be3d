"""Delay lines: registers in a row that align one result with another."""

from __future__ import annotations

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.words import register
from amos_hdl.schedule import DelaySpec


class DelayLine(wiring.Component):
    """``delayed`` is ``x``, ``spec.cycles`` clock cycles later.

    Members
    -------
    x : In(bits)
    delayed : Out(bits)
    """

    has_reset = False

    def __init__(self, spec: DelaySpec) -> None:
        self.spec = spec
        super().__init__({"x": In(spec.bits), "delayed": Out(spec.bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the registers."""
        m = Module()
        value: Value = self.x
        for cycle in range(1, self.spec.cycles + 1):
            value = register(m, value, f"delay_{cycle}")
        m.d.comb += self.delayed.eq(value)
        return m
