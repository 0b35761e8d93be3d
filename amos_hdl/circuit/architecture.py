"""How the gates of a unit are arranged in levels: depth against size, under one spelling everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from amos_hdl.errors import CircuitError

#: What people may write.
SPELLINGS = "serial, flash, staged(m) with m >= 2, or folded"


@dataclass(frozen=True)
class Architecture:
    """An arrangement of gates that makes K bits, 2**K values.

    =========== =================== ============ =======================================================
    name        gates               levels       what it is
    =========== =================== ============ =======================================================
    serial      K                   K            a chain: successive approximation
    flash       2**K - 1            1            one gate per step of the staircase
    staged(m)   (K/m)·(2**m - 1)    K/m          a chain of small flash units of m bits each
    folded      K                   K            the circuit of ``serial``; one comparator used for K clocks
    =========== =================== ============ =======================================================

    ``str()`` gives the spelling that ``parse`` reads; the command line, recipes and files all use it.

    Parameters
    ----------
    name : {"serial", "flash", "staged", "folded"}
    bits_per_level : int
        m of ``staged``, >= 2; 0, "not given", for all others.

    Raises
    ------
    CircuitError
        For another name, or an m that does not belong to it.
    """

    name: Literal["serial", "flash", "staged", "folded"]
    bits_per_level: int = 0

    def __post_init__(self) -> None:
        if self.name not in ("serial", "flash", "staged", "folded"):
            raise CircuitError("architecture", expected=SPELLINGS, got=repr(self.name))
        if (self.bits_per_level < 2) if self.name == "staged" else (self.bits_per_level != 0):
            raise CircuitError("architecture", expected=SPELLINGS, got=f"'{self.name}({self.bits_per_level})'")

    @classmethod
    def parse(cls, text: str) -> Architecture:
        """Return the architecture that is spelt ``text``.  Raises CircuitError if none is."""
        plain = {str(architecture): architecture for architecture in (cls("serial"), cls("flash"), cls("folded"))}
        if text in plain:
            return plain[text]
        found = re.fullmatch(r"staged\(([1-9]\d{0,2})\)", text, re.ASCII)
        if not found:
            raise CircuitError("architecture", expected=SPELLINGS, got=repr(text))
        return cls("staged", int(found[1]))

    def __str__(self) -> str:
        return f"staged({self.bits_per_level})" if self.name == "staged" else self.name

    def digit_bits(self, bits: int) -> int:
        """Return how many of the K = ``bits`` bits one level makes: K for flash, m for staged, else 1.

        Raises CircuitError if K is below 1 or, for ``staged``, not a multiple of m.
        """
        if bits < 1:
            raise CircuitError("bits of a unit", where=str(self), expected=">= 1", got=repr(bits))
        if self.name == "staged" and bits % self.bits_per_level:
            raise CircuitError(
                "bits of a unit", where=str(self), expected=f"a multiple of {self.bits_per_level}", got=repr(bits)
            )
        return {"flash": bits, "staged": self.bits_per_level}.get(self.name, 1)

    def gates(self, bits: int) -> int:
        """Return the number of gates that K = ``bits`` bits take.  Raises as ``digit_bits``."""
        digit = self.digit_bits(bits)
        return bits // digit * ((1 << digit) - 1)

    def levels(self, bits: int) -> tuple[int, ...]:
        """Return the level of each gate of K = ``bits`` bits.  Raises as ``digit_bits``."""
        digit = self.digit_bits(bits)
        return tuple(level for level in range(1, bits // digit + 1) for _ in range((1 << digit) - 1))


SERIAL, FLASH, FOLDED = Architecture("serial"), Architecture("flash"), Architecture("folded")
