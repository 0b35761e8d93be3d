"""The devices a network can be synthesized for, with what each holds."""

from dataclasses import dataclass
from typing import Any

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize.families import FAMILIES, Family, Resource


@dataclass(frozen=True)
class Capacity:
    """What a device holds.

    Parameters
    ----------
    luts : int
        LUT sites (all devices here have four-input LUTs).
    flip_flops, carry_cells, block_rams, dsps : int
        Cells of each kind; a carry cell is what Yosys counts (CCU2C has two bits, SB_CARRY and ALU one).
    pins : int
        Pins of the package that a design may use.
    source : str
        Where the figures are from.
    """

    luts: int
    flip_flops: int
    carry_cells: int
    block_rams: int
    dsps: int
    pins: int
    source: str

    def of(self, resource: Resource) -> int:
        """The capacity of one resource."""
        value: Any = getattr(self, resource)
        return int(value)


@dataclass(frozen=True)
class Target:
    """One device in one package.

    Parameters
    ----------
    name : str
        What ``find_target`` knows it by.
    family_name : str
        Key of ``families.FAMILIES``.
    device, package : str
        The maker's names.
    capacity : Capacity, optional
        None for a target that is only estimated.
    nextpnr_options : tuple of str
        Options that select device and package.
    aliases : tuple of str
        Other names.
    clock_pin : str, optional
        Package pin for the clock, where nextpnr does not choose pins itself.
    user_pins : tuple of str
        Package pins for all else, likewise.
    """

    name: str
    family_name: str
    device: str
    package: str
    capacity: Capacity | None
    nextpnr_options: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    clock_pin: str | None = None
    user_pins: tuple[str, ...] = ()

    @property
    def family(self) -> Family:
        """The target's family."""
        return FAMILIES[self.family_name]


def _pin_range(*ranges: tuple[int, int]) -> tuple[str, ...]:
    return tuple(str(pin) for first, last in ranges for pin in range(first, last + 1))


# LUTs, flip-flops, block RAMs and DSP blocks are the "available" of nextpnr 0.11.1's own report.  A CCU2C takes two
# TRELLIS_COMB; an iCE40 logic cell holds one LUT, one flip-flop and one carry.
_REPORT = "nextpnr 0.11.1 --report"
_ECP5 = f"{_REPORT}; carry = TRELLIS_COMB / 2; pins: Project Trellis iodb.json, CABGA381"
_ICE40 = f"{_REPORT}; flip-flops and carry = ICESTORM_LC"
# nextpnr reports the pads of the die.  These are the pins of the package that it accepts in a constraints file.
_GOWIN = f"{_REPORT}; pins: the numbers that nextpnr accepts for QN88"

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            "ice40-up5k",
            "ice40",
            "iCE40UP5K",
            "sg48",
            Capacity(5280, 5280, 5280, 30, 8, 39, _ICE40),
            ("--up5k", "--package", "sg48"),
            ("up5k",),
        ),
        Target(
            "ice40-hx8k",
            "ice40",
            "iCE40HX8K",
            "ct256",
            Capacity(7680, 7680, 7680, 32, 0, 206, _ICE40),
            ("--hx8k", "--package", "ct256"),
            ("hx8k",),
        ),
        Target(
            "gowin-gw1n9",
            "gowin-gw1n",
            "GW1NR-LV9QN88PC6/I5",
            "QN88P",
            Capacity(8640, 6480, 6480, 26, 20, 71, _GOWIN),
            ("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
            ("gw1n9",),
            clock_pin="52",
            user_pins=_pin_range((25, 42), (47, 51), (53, 57), (68, 77), (79, 86)),
        ),
        Target(
            "gowin-gw2a18",
            "gowin-gw2a",
            "GW2AR-LV18QN88C8/I7",
            "QN88",
            Capacity(20736, 15552, 15552, 46, 48, 66, _GOWIN),
            ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
            ("gw2a18",),
            clock_pin="4",
            user_pins=_pin_range((25, 42), (48, 49), (51, 57), (69, 77), (79, 86)),
        ),
        Target(
            "ecp5-25k",
            "ecp5",
            "LFE5U-25F",
            "CABGA381",
            Capacity(24288, 24288, 12144, 56, 28, 197, _ECP5),
            ("--25k", "--package", "CABGA381"),
            ("25k",),
        ),
        Target(
            "ecp5-45k",
            "ecp5",
            "LFE5U-45F",
            "CABGA381",
            Capacity(43848, 43848, 21924, 108, 72, 203, _ECP5),
            ("--45k", "--package", "CABGA381"),
            ("45k",),
        ),
        Target(
            "ecp5-85k",
            "ecp5",
            "LFE5U-85F",
            "CABGA381",
            Capacity(83640, 83640, 41820, 208, 156, 205, _ECP5),
            ("--85k", "--package", "CABGA381"),
            ("85k",),
        ),
        Target("xilinx", "xilinx", "UltraScale+ (estimate)", "none", None),
    )
}


def find_target(name: str) -> Target:
    """The target of that name or alias.

    Raises
    ------
    SynthesisError
        If there is none; the message lists the known names.
    """
    for target in TARGETS.values():
        if name == target.name or name in target.aliases:
            return target
    raise SynthesisError("unknown target", expected="one of " + ", ".join(TARGETS), got=repr(name))
