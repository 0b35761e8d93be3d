"""What `emit.table` writes as Verilog, for the simulator of Amaranth."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import MemoryData, MemoryInstance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Rom(wiring.Component):
    """``word`` is ``words[address]`` of the clock cycle before.

    Members
    -------
    address : In(bits of the greatest address)
    word : Out(bits)

    Parameters
    ----------
    words : sequence of int, >= 0, two or more
    bits : int
        Of a word.
    """

    has_reset = False

    def __init__(self, words: Sequence[int], bits: int) -> None:
        self.words, self.bits = words, bits
        super().__init__({"address": In(range(len(words))), "word": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the memory; it has no enable, so that it is a plain table with a register behind it."""
        m = Module()
        memory = MemoryInstance(data=MemoryData(shape=self.bits, depth=len(self.words), init=self.words))
        memory.read_port(domain="sync", addr=self.address, data=self.word, en=1, transparent_for=())
        m.submodules.words = memory
        return m
