"""Choices of hardware that do not change what is computed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

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

    def as_dict(self) -> dict[str, int]:
        """Return the options as plain data, for manifests and hashes."""
        return asdict(self)
