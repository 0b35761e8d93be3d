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
        Of weighted sums: how many are worked on at once.
    inputs : int, optional
        Inputs of each of them that are taken per clock cycle.  None for units, of which each then has one comparator
        for all its gates.
    """

    layer: str
    lanes: int | None = None
    inputs: int | None = None

    @classmethod
    def parse(cls, text: str) -> Fold:
        """Return the fold that ``text`` says.  Raises ScheduleError if it says none."""
        found = _TEXT.fullmatch(text)
        if found is None or (found["lanes"] is not None and found["inputs"] is None):
            raise ScheduleError(
                "fold", expected="LAYER of units, or LAYER=SUMSxINPUTS at once, such as conv1=4x9", got=repr(text)
            )
        lanes, inputs = found["lanes"], found["inputs"]
        return cls(found["layer"], None if lanes is None else int(lanes), None if inputs is None else int(inputs))

    def __str__(self) -> str:
        return self.layer if self.lanes is None else f"{self.layer}={self.lanes}x{self.inputs}"
