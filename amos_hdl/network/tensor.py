"""Value intervals: what every tensor of a network can hold, and the widths that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import NetworkError

#: Widest word of a network: sums stay exact in 64-bit integers with room for one addition.
WIDTH_LIMIT_BITS = 56
#: Most channels of one tensor, or units of one that is no map; intervals are kept for each.
CHANNEL_LIMIT = 1 << 20
#: Most rows, and most columns, of one map.
SIDE_LIMIT = 1 << 16


def width_bits(low: int, high: int) -> tuple[int, bool]:
    """Return the bits, and whether a sign is among them, of the narrowest word that holds ``low`` to ``high``.

    Unsigned when ``low >= 0``, else two's complement; at least 1 bit.
    """
    if low >= 0:
        return max(1, high.bit_length()), False
    return max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0) + 1, True


@dataclass(frozen=True, eq=False)
class Tensor:
    """What one operation gives for one image: integers of shape ``(unit,)`` or ``(channel, row, column)``.

    All integers of a channel share one interval, so that nothing here grows with the size of a map.

    Parameters
    ----------
    low, high : int64 arrays, shape (channel,)
        Least and greatest value of each channel, both included; for ``(unit,)`` each unit is a channel.
    space : (rows, columns), or () for no map

    Raises
    ------
    NetworkError
        If a value needs more than ``WIDTH_LIMIT_BITS`` bits.
    """

    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]
    space: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.bits > WIDTH_LIMIT_BITS:
            raise NetworkError("width of a tensor", expected=f"at most {WIDTH_LIMIT_BITS} bits", got=f"{self.bits}")

    @classmethod
    def filled(cls, shape: tuple[int, ...], low: int, high: int) -> Tensor:
        """Return the tensor of ``shape`` whose channels all have one interval."""
        return cls(np.full(shape[0], low, np.int64), np.full(shape[0], high, np.int64), shape[1:])

    @property
    def channels(self) -> int:
        """Number of channels; of units where there is no map."""
        return len(self.low)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(unit,)`` or ``(channel, row, column)``."""
        return (self.channels, *self.space)

    @property
    def units(self) -> int:
        """Number of integers."""
        return math.prod(self.shape)

    @property
    def interval(self) -> tuple[int, int]:
        """Least and greatest value over all units."""
        return int(self.low.min()), int(self.high.max())

    @property
    def magnitude(self) -> int:
        """Greatest absolute value over all units."""
        return max(map(abs, self.interval))

    @property
    def bits(self) -> int:
        """Bits of one word, the same for all units; derived from ``interval``."""
        return width_bits(*self.interval)[0]

    @property
    def signed(self) -> bool:
        """Whether words are two's complement."""
        return width_bits(*self.interval)[1]
