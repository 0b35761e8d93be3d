"""Where a memory goes: block RAM, small memories in LUTs, or plain logic, as Yosys decides by size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What Yosys reckons one bit of a memory in plain logic to cost (``memory_libmap``), of a table and of a memory that is
#: written; the costs of blocks below are in the same unit.
_TABLE_BIT, _WRITTEN_BIT = 1 / 16, 1.0
#: Words of one bit that a LUT holds as a table.
_LUT_WORDS = 16
#: A small memory in LUTs: 16 words of 4 bits, and its cost.
_SMALL_WORDS, _SMALL_BITS, _SMALL_COST = 16, 4, 4


@dataclass(frozen=True)
class Memory:
    """One memory, read with a clock.

    Parameters
    ----------
    words, bits : int
        How many words, and the bits of each.
    is_table : bool
        Whether it is never written.
    """

    words: int
    bits: int
    is_table: bool = True


@dataclass(frozen=True)
class MemoryKind:
    """The memories of a family of devices.

    Parameters
    ----------
    words : tuple of (int, int)
        The shapes of one block RAM, (words, bits).
    cost : int
        What Yosys reckons a block RAM to cost.
    small : (int, int), optional
        LUTs, and flip-flops beside them, that a memory of 16 words of 4 bits in LUTs takes; None where there is none.
    """

    shapes: tuple[tuple[int, int], ...]
    cost: int
    small: tuple[int, int] | None

    def place(self, memory: Memory) -> tuple[Literal["block", "small", "logic"], int]:
        """Return where ``memory`` goes and how many blocks, small memories, or LUTs, that takes."""
        blocks = self._blocks(memory.words, memory.bits)
        bit = _TABLE_BIT if memory.is_table else _WRITTEN_BIT
        costs = {"block": self.cost * blocks, "logic": memory.words * memory.bits * bit}
        small = -(-memory.words // _SMALL_WORDS) * -(-memory.bits // _SMALL_BITS)
        if self.small is not None and not memory.is_table:
            costs["small"] = _SMALL_COST * small
        best = min(costs.values())
        if costs["logic"] <= best:
            tables = -(-memory.words // _LUT_WORDS) if memory.is_table else memory.words
            return "logic", memory.bits * tables
        if costs.get("small", best + 1) <= best:
            return "small", small
        return "block", blocks

    def _blocks(self, words: int, bits: int) -> int:
        """Return the fewest block RAMs: columns of one shape, and of another for the bits that are left."""
        found = []
        for depth, width in self.shapes:
            stacked = -(-words // depth)
            found.append(stacked * -(-bits // width))
            if bits > width and bits % width:
                found.append(stacked * (bits // width) + self._blocks(words, bits % width))
        return min(found)


_SHAPES_18K = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
#: By the names of families of ``synthesize``.  Source: Yosys 0.70, brams.txt and lutrams.txt of each family.
MEMORY_KINDS = {
    "ecp5": MemoryKind(_SHAPES_18K, 128, (4, 0)),
    "ice40": MemoryKind(((256, 16), (512, 8), (1024, 4), (2048, 2)), 64, None),
    "gowin": MemoryKind(_SHAPES_18K, 128, None),  # small ones take a whole tile each, and are not used
}
