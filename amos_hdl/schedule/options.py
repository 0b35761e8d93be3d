"""Choices of hardware that do not change what is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.delays import FABRICS
from amos_hdl.schedule.folds import Fold

#: Most clock cycles from one image to the next.
INTERVAL_LIMIT = 1 << 40
#: Highest clock that may be asked for, in MHz, and the fabric unless it is said.
CLOCK_LIMIT, FABRIC = 2000, "ecp5"
#: Bits of the tables that gates may be, and how many they are unless it is said.
TABLE_BITS_LIMIT, TABLE_BITS = 8, 6
#: What an option is in a file.
Plain = int | str | list[str]


@dataclass(frozen=True, kw_only=True)
class HardwareOptions:
    """How a network is built.

    Parameters
    ----------
    adders_per_stage : int, 1 to 64
        Adders that follow one another between two pipeline registers of a weighted sum.  1 gives the highest clock
        rate, more gives fewer registers and a shorter latency.
    lut_inputs : int, 2, 4 or 6
        Inputs of the look-up tables of the device: 6 on Xilinx, 4 on ECP5, iCE40 and Gowin.  2 makes sums of additions
        of two bits alone, which run in carry cells that take nothing else in: for weights of many digits on ECP5.
        The Verilog works on any device; on another than it was made for it is larger.
    extra_adder_levels : int, 0 to 32
        Adder levels of a weighted sum beyond the fewest.  More give smaller sums and a longer latency.
    folded : tuple of str
        Layers that share hardware, as ``Fold`` writes them.  ``LAYER`` of units: each unit has one comparator, which
        works for one gate after the other; a layer of K gates then takes a new image every K clock cycles, and so does
        the network.  ``LAYER=LANESxINPUTS`` of weighted sums: so many sums are worked on at once, with so many inputs
        of each per clock cycle.
    table_bits : int, 0 to 8, optional
        Sums of at most so many bits, read by units alone, are not made: each gate is a look-up table of those bits.  0:
        every sum is made.  Default: 6.
    clock_mhz : int, 1 to 2000, optional
        Clock, in MHz, for which registers are placed, by the delays of ``fabric``: as many additions, gates and
        comparisons follow one another without registers as its period takes, as ``delays`` reckons.
    fabric : str, optional
        Of which ``delays`` has the delays; only with a clock.  Default: ``ecp5``.
    interval : int, optional
        Clock cycles from one image to the next; of a network of maps the greatest multiple of its rows up to that is
        taken.  Default: the fewest that all layers allow.

    Raises
    ------
    ScheduleError
        If a value is out of range.
    """

    adders_per_stage: int = 1
    lut_inputs: int = 4
    extra_adder_levels: int = 0
    folded: tuple[str, ...] = ()
    table_bits: int | None = None
    clock_mhz: int | None = None
    fabric: str | None = None
    interval: int | None = None

    def __post_init__(self) -> None:
        if type(self.adders_per_stage) is not int or not 1 <= self.adders_per_stage <= 64:
            raise ScheduleError("adders_per_stage", expected="1 to 64", got=repr(self.adders_per_stage))
        if type(self.lut_inputs) is not int or self.lut_inputs not in (2, 4, 6):
            raise ScheduleError("lut_inputs", expected="2, 4 or 6", got=repr(self.lut_inputs))
        if type(self.extra_adder_levels) is not int or not 0 <= self.extra_adder_levels <= 32:
            raise ScheduleError("extra_adder_levels", expected="0 to 32", got=repr(self.extra_adder_levels))
        if self.table_bits is not None and (
            type(self.table_bits) is not int or not 0 <= self.table_bits <= TABLE_BITS_LIMIT
        ):
            raise ScheduleError("table_bits", expected=f"0 to {TABLE_BITS_LIMIT}", got=repr(self.table_bits))
        self._check_clock()
        if self.interval is not None and (type(self.interval) is not int or not 1 <= self.interval <= INTERVAL_LIMIT):
            raise ScheduleError("interval", expected=f"1 to {INTERVAL_LIMIT}", got=repr(self.interval))
        if len(self.folds) != len(self.folded):
            raise ScheduleError("folded", expected="each layer once", got=repr(self.folded))

    def _check_clock(self) -> None:
        mhz = self.clock_mhz
        if mhz is not None and (type(mhz) is not int or not 1 <= mhz <= CLOCK_LIMIT):
            raise ScheduleError("clock_mhz", expected=f"1 to {CLOCK_LIMIT}", got=repr(mhz))
        if mhz is not None and self.adders_per_stage != 1:
            got = repr(self.adders_per_stage)
            raise ScheduleError("adders_per_stage", expected="none beside clock_mhz, which chooses them", got=got)
        if self.fabric is not None and self.fabric not in FABRICS:
            raise ScheduleError("fabric", expected=f"one of {', '.join(FABRICS)}", got=repr(self.fabric))
        if self.fabric is not None and mhz is None:
            raise ScheduleError("fabric", expected="clock_mhz beside it", got="none")

    @property
    def table_limit(self) -> int:
        """Most bits of a sum whose gates are tables."""
        return TABLE_BITS if self.table_bits is None else self.table_bits

    @cached_property
    def folds(self) -> Mapping[str, Fold]:
        """How each layer that shares hardware does, by its name."""
        return MappingProxyType({fold.layer: fold for fold in map(Fold.parse, self.folded)})

    @cached_property
    def folds_sums(self) -> bool:
        """Whether weighted sums are folded."""
        return any(fold.inputs is not None for fold in self.folds.values())

    @property
    def carries(self) -> bool:
        """Whether ``synth`` takes carry cells: folded sums are smaller in them, additions of two bits made for them."""
        return self.folds_sums or self.lut_inputs == 2

    @classmethod
    def from_dict(cls, options: Mapping[str, Plain], *, where: str) -> HardwareOptions:
        """Return the options that ``as_dict`` gave.

        Raises ScheduleError if one is missing, unknown or out of range.
        """
        known = {field.name for field in fields(cls)}
        always = {field.name for field in fields(cls) if field.default is not None}
        if not always <= set(options) <= known:
            raise ScheduleError("options", where=where, expected=f"{sorted(known)}", got=f"{sorted(options)}")
        return cls.of(options)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> HardwareOptions:
        """Return options from plain data; what is not given has its default.  Raises ScheduleError."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in options.items()
        }
        return cls(**given)

    def as_dict(self) -> dict[str, Plain]:
        """Return the options as plain data, for manifests and hashes; without those that are not chosen."""
        chosen = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in chosen.items()}
