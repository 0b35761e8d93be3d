"""Choices of hardware that do not change what is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from amos_hdl.errors import ScheduleError


@dataclass(frozen=True, kw_only=True)
class HardwareOptions:
    """How a network is built.

    Parameters
    ----------
    adders_per_stage : int, 1 to 64
        Adders that follow one another between two pipeline registers of a weighted sum.  1 gives the highest clock
        rate, more gives fewer registers and a shorter latency.

    Raises
    ------
    ScheduleError
        If a value is out of range.
    """

    adders_per_stage: int = 1

    def __post_init__(self) -> None:
        if type(self.adders_per_stage) is not int or not 1 <= self.adders_per_stage <= 64:
            raise ScheduleError("adders_per_stage", expected="1 to 64", got=repr(self.adders_per_stage))

    @classmethod
    def from_dict(cls, options: Mapping[str, int], *, where: str) -> HardwareOptions:
        """Return the options that ``as_dict`` gave.

        Raises ScheduleError if one is missing, unknown or out of range.
        """
        known = {field.name for field in fields(cls)}
        if set(options) != known:
            raise ScheduleError("options", where=where, expected=f"{sorted(known)}", got=f"{sorted(options)}")
        return cls(**options)

    def as_dict(self) -> dict[str, int]:
        """Return the options as plain data, for manifests and hashes."""
        return asdict(self)
