"""What comes of a verb: data for machines, a table for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What came of a verb.

    Members
    -------
    data : mapping
        Plain data for ``--json``.
    show : callable
        Prints it for people.
    passed : bool
        False if a check failed.
    """

    data: Mapping[str, Any]
    show: Callable[[], None]
    passed: bool = True


def how_often(interval_cycles: int) -> str:
    """Return how often a new image may enter, in words."""
    return "every clock" if interval_cycles == 1 else f"every {interval_cycles} clocks"
