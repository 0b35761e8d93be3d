"""The top of a board: its clock, its pins, and the linked network."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Const, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from amos_hdl.gateware.pll import place_pll
from amos_hdl.schedule.pll import PllSpec

#: Most lamps that are used.
MOST_LEDS = 6


#: Of an RGB LED, in the order of the lamps: green for images, red for refused frames.
_COLORS = ("g", "r", "b")


def count_lamps(platform: Any) -> int:
    """Return how many lamps a board has: its LEDs, or the colors of its RGB LED."""
    return sum(("led", number) in platform.resources for number in range(MOST_LEDS)) or len(_COLORS)


class BoardTop(Elaboratable):
    """Pins of a platform of ``amaranth-boards`` around the module ``linked``, and the clock.

    Reset lasts until the PLL has locked; without one it is not needed, for registers start at 0.

    Parameters
    ----------
    linked : str
        Name of that module; it has the ports of ``LinkedNetwork``.
    pll : PllSpec, optional
        What makes its clock; the board's own clock if None.
    """

    def __init__(self, linked: str, pll: PllSpec | None) -> None:
        self.linked, self.pll = linked, pll

    def elaborate(self, platform: Any) -> Module:
        """Request the pins and place everything."""
        m = Module()
        m.domains.sync = ClockDomain("sync")
        not_ready = self._clock(m, platform)
        m.submodules.reset = ResetSynchronizer(not_ready, domain="sync")
        uart = platform.request("uart", 0, dir={"rx": "-", "tx": "-", "rts": "-", "dtr": "-"})
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        leds = Signal(count_lamps(platform))
        for place, port in enumerate(self._ports(platform)):
            m.submodules[f"led{place}"] = buffer = io.Buffer("o", port)
            m.d.comb += buffer.o.eq(leds[place])
        m.submodules.linked = Instance(
            self.linked,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_rx=rx.i,
            o_tx=tx.o,
            o_leds=leds,
        )
        return m

    def _clock(self, m: Module, platform: Any) -> Any:
        """Drive the clock; return what is high until it runs as it should."""
        pin = platform.request(platform.default_clk, dir="-")
        if self.pll is not None and self.pll.kind == "ice40":
            clock = pin.io  # the PLL sits at the pad itself
        else:
            m.submodules.clock = buffer = io.Buffer("i", pin)
            clock = buffer.i
        if self.pll is None:
            m.d.comb += ClockSignal().eq(clock)
            return Const(0)
        made, locked = Signal(name="pll_clock"), Signal(name="pll_locked")
        place_pll(m, self.pll, clock, made, locked)
        platform.add_clock_constraint(made, float(self.pll.output_mhz) * 1e6)
        m.d.comb += ClockSignal().eq(made)
        return ~locked

    def _ports(self, platform: Any) -> list[Any]:
        """Return the ports of the lamps."""
        if ("led", 0) in platform.resources:
            return [platform.request("led", number, dir="-") for number in range(count_lamps(platform))]
        lamp = platform.request("rgb_led", 0, dir=dict.fromkeys(_COLORS, "-"))
        return [getattr(lamp, color) for color in _COLORS]
