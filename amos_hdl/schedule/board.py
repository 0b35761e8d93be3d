"""The boards: which device, which clock, how a host reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.pll import PllKind, PllSpec

#: How far the rate of the UART may be from what was asked for: the two ends together have 5 % for ten bits.
BAUD_TOLERANCE = 0.02


@dataclass(frozen=True)
class Board:
    """One board.

    Parameters
    ----------
    name : str
    platform : str
        Class of ``amaranth-boards``, with its module: ``icebreaker.ICEBreakerPlatform``.
    target : str
        Device, as ``amos-hdl synth`` calls it.
    oscillator_mhz : int
        Of the board's clock.
    clock_mhz : float
        Of the network, unless told otherwise; from a PLL if that is not the oscillator's.
    pll : PllKind
        What the device has.
    baud : int
        Bits per second of the UART, unless told otherwise.
    uart : str
        Where the two wires of the UART are, for people.
    hardware : mapping
        Hardware options that this board wants instead of the recipe's, which was not written for it.
    folds_units : bool
        Each unit has one comparator, where it can: the board is small, and images come more slowly than it works.
    most_mhz : int, optional
        What the device's clock network carries, whatever the design; None where that is beyond what the PLL makes or
        not known for certain.
    """

    name: str
    platform: str
    target: str
    oscillator_mhz: int
    clock_mhz: float
    pll: PllKind
    baud: int
    uart: str
    hardware: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    folds_units: bool = False
    most_mhz: int | None = None

    def clock(self, clock_mhz: float | None) -> tuple[Fraction, PllSpec | None]:
        """Return the clock in MHz, and the PLL that makes it; None where it is the oscillator's own.

        Raises
        ------
        ScheduleError
            If the device cannot have a clock as fast as ``clock_mhz``, or no PLL comes near it.
        """
        wanted, own = Fraction(clock_mhz or self.clock_mhz).limit_denominator(1000), Fraction(self.oscillator_mhz)
        if wanted == own:
            return own, None
        pll = PllSpec.near(self.pll, own, wanted)
        if self.most_mhz is not None and pll.output_mhz > self.most_mhz:
            expected = f"at most {self.most_mhz} MHz, what the device's clock network carries"
            raise ScheduleError("clock", where=self.name, expected=expected, got=f"{float(pll.output_mhz):g}")
        return pll.output_mhz, pll

    def bit_cycles(self, clock_mhz: Fraction, baud: int | None) -> int:
        """Return the clock cycles of a bit at ``baud``, the board's own if None.

        Raises
        ------
        ScheduleError
            If no whole number of clock cycles comes near it.
        """
        rate = self.baud if baud is None else baud
        if rate < 1:
            raise ScheduleError("baud", expected="at least 1", got=repr(rate))
        cycles = max(1, round(clock_mhz * 1_000_000 / rate))
        real = float(clock_mhz * 1_000_000 / cycles)
        if abs(real - rate) > BAUD_TOLERANCE * rate:
            expected = f"within {100 * BAUD_TOLERANCE:g} % of what {float(clock_mhz):g} MHz can be divided to"
            raise ScheduleError("baud", expected=expected, got=f"{rate}, the nearest is {real:.0f}")
        return cycles


BOARDS: Mapping[str, Board] = MappingProxyType(
    {
        board.name: board
        for board in (
            Board(
                "icebreaker",
                "icebreaker.ICEBreakerPlatform",
                "ice40-up5k",
                oscillator_mhz=12,
                clock_mhz=12,
                pll="ice40",
                baud=1_000_000,
                uart="the second port of its USB",
                # a slow device: several sums fit between two registers at 12 MHz, and registers take logic cells
                hardware=MappingProxyType({"adders_per_stage": 8}),
                folds_units=True,
                # Lattice FPGA-DS-02008, external switching characteristics, f_MAX_GBUF
                most_mhz=185,
            ),
            Board(
                "ulx3s-85f",
                "ulx3s.ULX3S_85F_Platform",
                "ecp5-85k",
                oscillator_mhz=25,
                clock_mhz=100,
                pll="ecp5",
                baud=1_000_000,
                uart="its USB, US1",
            ),
            Board(
                "orangecrab-85f",
                "orangecrab_r0_2.OrangeCrabR0_2_85FPlatform",
                "ecp5-85k",
                oscillator_mhz=48,
                clock_mhz=96,
                pll="ecp5",
                baud=1_000_000,
                uart="an adapter of 3.3 V: its TX at pin 0, its RX at pin 1",
            ),
            Board(
                "tangnano9k",
                "tang_nano_9k.TangNano9kPlatform",
                "gowin-gw1n9",
                oscillator_mhz=27,
                clock_mhz=54,
                pll="gowin",
                baud=1_000_000,
                uart="the second port of its USB",
            ),
        )
    }
)


def find_board(name: str) -> Board:
    """Return the board of that name.

    Raises
    ------
    ScheduleError
        If there is none; the message lists the known names.
    """
    if name not in BOARDS:
        raise ScheduleError("unknown board", expected="one of " + ", ".join(BOARDS), got=repr(name))
    return BOARDS[name]
