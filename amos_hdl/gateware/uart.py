"""Bytes over two wires: eight data bits, lowest first, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class UartReceiver(wiring.Component):
    """Takes bytes from a wire.

    Each bit is looked at in its middle, counted from the falling edge of the start bit.

    Members
    -------
    rx : In(1)
        The wire; high when idle.  Not synchronous to the clock.
    data : Out(8)
        Valid with ``valid``.
    valid : Out(1)
        High for one clock cycle per byte.
    broken : Out(1)
        With ``valid``: the stop bit was missing.

    Parameters
    ----------
    bit_cycles : int
        Clock cycles of one bit, at least 4.
    """

    def __init__(self, bit_cycles: int) -> None:
        self.bit_cycles = bit_cycles
        super().__init__({"rx": In(1), "data": Out(8), "valid": Out(1), "broken": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the synchroniser, the timer, and the register of bits."""
        m = Module()
        # the first may be metastable; the last tells an edge
        first, line, earlier = (Signal(name=name, init=1) for name in ("line_first", "line", "line_earlier"))
        busy, place = Signal(name="busy"), Signal(range(10), name="place")
        timer, bits = Signal(range(self.bit_cycles), name="timer"), Signal(8, name="bits", reset_less=True)
        middle = Signal(name="middle")
        m.d.comb += middle.eq(busy & (timer == 0))
        m.d.sync += [first.eq(self.rx), line.eq(first), earlier.eq(line)]
        with m.If(~busy):
            m.d.sync += [busy.eq(earlier & ~line), place.eq(0), timer.eq(self.bit_cycles // 2 - 1)]
        with m.Elif(middle):
            m.d.sync += [timer.eq(self.bit_cycles - 1), place.eq(place + 1), bits.eq(Cat(bits[1:], line))]
            # a start bit that is high in its middle is none; the stop bit is the last
            with m.If(((place == 0) & line) | (place == 9)):
                m.d.sync += busy.eq(0)
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        m.d.comb += [self.data.eq(bits), self.valid.eq(middle & (place == 9)), self.broken.eq(~line)]
        return m


class UartTransmitter(wiring.Component):
    """Gives bytes to a wire, one directly after another while ``valid`` is high.

    Members
    -------
    data : In(8), valid : In(1), ready : Out(1)
        A byte is taken in a clock cycle in which both are high.
    tx : Out(1)
        The wire, a register; high when idle.

    Parameters
    ----------
    bit_cycles : int
        Clock cycles of one bit.
    """

    def __init__(self, bit_cycles: int) -> None:
        self.bit_cycles = bit_cycles
        super().__init__({"data": In(8), "valid": In(1), "ready": Out(1), "tx": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the register of bits, which fills up with stop bits, and the timer."""
        m = Module()
        bits, left = Signal(9, name="bits", init=0x1FF), Signal(range(11), name="left")
        timer = Signal(range(self.bit_cycles), name="timer")
        m.d.comb += [self.tx.eq(bits[0]), self.ready.eq(left == 0)]
        with m.If(left == 0):
            with m.If(self.valid):
                m.d.sync += [bits.eq(Cat(Const(0, 1), self.data)), left.eq(10), timer.eq(self.bit_cycles - 1)]
        with m.Elif(timer == 0):
            m.d.sync += [bits.eq(Cat(bits[1:], Const(1, 1))), left.eq(left - 1), timer.eq(self.bit_cycles - 1)]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m
