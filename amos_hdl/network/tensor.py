"""Value intervals: what every tensor of a network can hold, and the widths that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import NetworkError

#: Widest word of a network: sums stay exact in 64-bit integers with room for one addition.
WIDTH_LIMIT_BITS = 56


def width_bits(low: int, high: int) -> tuple[int, bool]:
    """Return the bits, and whether a sign is among them, of the narrowest word that holds ``low`` to ``high``.

    Unsigned when ``low >= 0``, else two's complement; at least 1 bit.
    """
    if low >= 0:
        return max(1, high.bit_length()), False
    return max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0) + 1, True


@dataclass(frozen=True, eq=False)
class Tensor:
    """What one operation gives for one image: ``unit`` integers, each within its own interval.

    Parameters
    ----------
    low, high : int64 arrays, shape (unit,)
        Least and greatest value of each unit, both included.

    Raises
    ------
    NetworkError
        If a value needs more than ``WIDTH_LIMIT_BITS`` bits.
    """

    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.bits > WIDTH_LIMIT_BITS:
            raise NetworkError("width of a tensor", expected=f"at most {WIDTH_LIMIT_BITS} bits", got=f"{self.bits}")

    @property
    def units(self) -> int:
        """Number of integers."""
        return len(self.low)

    @property
    def interval(self) -> tuple[int, int]:
        """Least and greatest value over all units."""
        return int(self.low.min()), int(self.high.max())

    @property
    def bits(self) -> int:
        """Bits of one word, the same for all units; derived from ``interval``."""
        return width_bits(*self.interval)[0]

    @property
    def signed(self) -> bool:
        """Whether words are two's complement."""
        return width_bits(*self.interval)[1]
