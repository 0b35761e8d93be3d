"""Words side by side in one port."""

from __future__ import annotations

from dataclasses import dataclass

from amos_hdl.network import Tensor, width_bits


@dataclass(frozen=True)
class Port:
    """``count`` words side by side, word 0 in the lowest bits.

    Parameters
    ----------
    count : int
    low, high : int
        Value interval of every word; width and sign follow from it.
    """

    count: int
    low: int
    high: int

    @classmethod
    def of(cls, tensor: Tensor) -> Port:
        """Return the port that carries ``tensor``: all units, or one pixel of a map, its channels."""
        return cls(tensor.channels, *tensor.interval)

    @property
    def word_bits(self) -> int:
        """Bits of one word."""
        return width_bits(self.low, self.high)[0]

    @property
    def signed(self) -> bool:
        """Whether words are two's complement."""
        return width_bits(self.low, self.high)[1]

    @property
    def bits(self) -> int:
        """Bits of the port."""
        return self.count * self.word_bits
