"""How much of a layer works at once, in one short text: ``LAYER``, ``LAYER=2`` or ``LAYER=2x8``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from amos_hdl.errors import ScheduleError

_TEXT = re.compile(r"(?P<layer>[^=]+)(=(?P<lanes>\d{1,7})(x(?P<inputs>\d{1,7}))?)?")


@dataclass(frozen=True)
class Fold:
    """How one layer shares its hardware.

    Parameters
    ----------
    layer : str
    lanes : int, optional
        How many sums, or units, are worked on at once.  None: all units are, each with a comparator of its own.
    inputs : int, optional
        Inputs of each sum that are taken per clock cycle.  None for units.
    """

    layer: str
    lanes: int | None = None
    inputs: int | None = None

    @classmethod
    def parse(cls, text: str) -> Fold:
        """Return the fold that ``text`` says.  Raises ScheduleError if it says none."""
        found = _TEXT.fullmatch(text)
        if found is None:
            expected = "LAYER or LAYER=UNITS of units, or LAYER=SUMSxINPUTS at once, such as conv1=4x9"
            raise ScheduleError("fold", expected=expected, got=repr(text))
        lanes, inputs = found["lanes"], found["inputs"]
        return cls(found["layer"], None if lanes is None else int(lanes), None if inputs is None else int(inputs))

    def __str__(self) -> str:
        lanes = "" if self.lanes is None else f"={self.lanes}"
        return self.layer + lanes + ("" if self.inputs is None else f"x{self.inputs}")
