"""How long a pipeline stage takes on each fabric, reckoned before place and route.

A stage holds parts of one kind that follow one another: additions, or gates of a unit, or steps of an argmax.  Its
period is a constant of the kind, which has the clock-to-output of a register, the set-up of the next and the wires
between, and the delay of each part.  Parts in look-up tables are trees, so that their delay goes with the logarithm of
the bits; sums in carry cells go with the bits themselves.

Source: fitted (least squares of the relative error) to the longest paths that nextpnr 0.11.1 reports for small seeded
designs, each alone in a harness of shift registers, synthesized as ``amos-hdl synth`` does and placed once for 500 MHz:
layers of sums of 1, 4 and 8 bits with 1 to 5 adders per stage, units of 4 and 6 gates with 1 to 4 gates per stage, and
argmax of 6 and 10 values with 1 to 4 steps per stage; ``benchmarks/delays.py`` makes them again and prints both.  How
wires get longer in larger layers is from the digits network at four numbers of stages, ``benchmarks/clock.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from amos_hdl.errors import ScheduleError

#: No part is shorter than one look-up table and its wires, ps.
_LEAST_PS = 300


@dataclass(frozen=True)
class Delay:
    """The delay of one part in ps, ``max(300, fixed + tree·log2(bits) + bit·bits)``, rounded."""

    fixed: int
    tree: int = 0
    bit: int = 0

    def ps(self, bits: int) -> int:
        """Return the delay for ``bits`` bits, >= 1, in ps."""
        return max(_LEAST_PS, round(self.fixed + self.tree * math.log2(bits) + self.bit * bits))


#: What stages that are filled for a clock take when routed, in percent of what they are reckoned to: 115 and 116 in
#: digits for 120 and 160 MHz.
FILLED_PERCENT = 116
#: LUTs of a layer from which on its wires get longer.
SPREAD_LUTS = 700


@dataclass(frozen=True)
class Fabric:
    """The delays of one fabric.

    Parameters
    ----------
    name : str
        The start of the names of its targets.
    sums_ps, carries_ps, units_ps, argmax_ps : int
        What a stage takes beside its parts: of sums in look-up tables and in carry cells, of units, of an argmax.
    adder : Delay
        From operands to sum, by the bits of the sum, in look-up tables.
    spread : float
        How much longer adders in look-up tables take for each doubling of the layer beyond 700 LUTs, as its wires do.
    carry : Delay, optional
        From operands to sum in carry cells, which networks with folded sums have; None where it is not known or they
        have none.
    carries_spread : float
        As ``spread``, of adders in carry cells.
    gate : Delay
        A potential against its threshold, by the bits of the potential.
    spike_ps : int
        What a gate takes longer for each earlier spike that its threshold is looked up by.
    compare : Delay
        Two values of an argmax, by their bits.
    choose_ps : int
        One of two values.
    """

    name: str
    sums_ps: int
    adder: Delay
    spread: float
    carries_ps: int
    carry: Delay | None
    carries_spread: float
    units_ps: int
    gate: Delay
    spike_ps: int
    argmax_ps: int
    compare: Delay
    choose_ps: int


FABRICS: Mapping[str, Fabric] = MappingProxyType(
    {
        fabric.name: fabric
        for fabric in (
            # root of the mean square error: sums 5 %, and the layers of digits with them, of which one is 14 % longer
            # than reckoned; sums in carry cells 4 %, units 2 %, argmax 6 %.  The carry takes 71 ps for four bits, which
            # nextpnr's paths say; chains of 17 bits are too short to fit it.  Two networks of 11,000 and 16,000 LUTs
            # (cmvm64x32s and mlp64 of benchmarks/peers) set how it spreads: 6 % longer and 5 % shorter than reckoned.
            Fabric(
                "ecp5",
                sums_ps=3510,
                adder=Delay(-3040, 1470),
                spread=0.23,
                carries_ps=1980,
                carry=Delay(1620, bit=18),
                carries_spread=0.05,
                units_ps=1800,
                gate=Delay(-3660, 1330),
                spike_ps=690,
                argmax_ps=1630,
                compare=Delay(-660, 1105),
                choose_ps=810,
            ),
            # sums 8 %, but one adder of 17 bits 20 % longer than reckoned; units 4 %, argmax 1 %.  How wires spread is
            # taken over from ECP5.  Carry cells were not measured: sums in them are reckoned as in tables.
            Fabric(
                "ice40-hx8k",
                sums_ps=4990,
                adder=Delay(-6270, 2540),
                spread=0.23,
                carries_ps=4990,
                carry=None,
                carries_spread=0.0,
                units_ps=980,
                gate=Delay(-6970, 2235),
                spike_ps=1510,
                argmax_ps=1940,
                compare=Delay(-4280, 2355),
                choose_ps=2100,
            ),
        )
    }
)


def fabric_of(target: str) -> str:
    """Return the name of the fabric of the device called ``target``.

    Raises ScheduleError if its delays are unknown.
    """
    for name in FABRICS:
        if target.startswith(name):
            return name
    raise ScheduleError("fabric", expected=f"one of {', '.join(FABRICS)}", got=repr(target))
