"""Registers of control, kept once, or three times so that the flip of any one bit is outvoted and mended."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Shape, ShapeLike, Signal, Value


class ControlRegister:
    """A register in one copy or three.

    Three copies are one register: ``value`` is what at least two of them hold, and every clock edge writes it back into
    all three.  A flipped bit so lasts one clock cycle, and nobody sees it.  Modules with such registers must be emitted
    with ``keep_registers``, or synthesis finds three equal registers and makes them one.

    Parameters
    ----------
    m : Module
    shape : shape
    name : str
        Of the value; copies are called ``<name>_copy0`` to ``<name>_copy2``.
    init : int
        Value after reset.
    copies : int, 1 or 3
    reset_less : bool
        What it holds after reset is made to mean nothing by other means.
    """

    def __init__(
        self, m: Module, shape: ShapeLike, name: str, *, init: int = 0, copies: int = 1, reset_less: bool = False
    ) -> None:
        shape = Shape.cast(shape)
        if copies == 1:
            self.value = Signal(shape, name=name, init=init, reset_less=reset_less)
            self._copies = [self.value]
            return
        self.value = Signal(shape, name=name)
        self._copies = [
            Signal(shape, name=f"{name}_copy{number}", init=init, reset_less=reset_less) for number in range(copies)
        ]
        a, b, c = self._copies
        m.d.comb += self.value.eq((a & b) | (a & c) | (b & c))
        # first, so that every later assignment goes before it
        m.d.sync += [copy.eq(self.value) for copy in self._copies]

    def eq(self, value: Value | int) -> list[object]:
        """Return the assignments of ``value`` to all copies."""
        return [copy.eq(value) for copy in self._copies]


#: Clock cycles up to which a pulse passes registers instead of being counted out.
_SHORT_CYCLES = 2


def delayed_pulse(m: Module, pulse: Value, cycles: int, spacing: int, name: str, copies: int) -> Value:
    """Return ``pulse``, which comes every ``spacing`` clock cycles at most, ``cycles`` later, in registers of control.

    It goes from one timer to the next, of ``spacing`` cycles each: one register per cycle where it may come in each.
    """
    number = 0
    while cycles:
        step = 1 if spacing <= _SHORT_CYCLES else min(cycles, spacing)
        timer = ControlRegister(m, range(step + 1), f"{name}_{number}", copies=copies)
        m.d.sync += timer.eq(Mux(timer.value == 0, 0, timer.value - 1))
        with m.If(pulse):
            m.d.sync += timer.eq(step)
        pulse, cycles, number = timer.value == 1, cycles - step, number + 1
    return pulse
