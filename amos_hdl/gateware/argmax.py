"""The index of the greatest value."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.words import register, valid_pipeline, word
from amos_hdl.schedule import ArgmaxSpec, Port


class ArgmaxLayer(wiring.Component):
    """A tree of comparisons, registered after each level; of equal values the lower index wins.

    Members
    -------
    in_valid : In(1)
    x : In(values)
    out_valid : Out(1)
        ``in_valid``, ``spec.latency_cycles`` later.
    index : Out(1 word)
        Valid with ``out_valid``.
    """

    def __init__(self, spec: ArgmaxSpec) -> None:
        self.spec = spec
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        super().__init__(
            {"in_valid": In(1), "x": In(self.source.bits), "out_valid": Out(1), "index": Out(self.result.bits)}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the tree, lower indices on the left."""
        m = Module()
        m.d.comb += self.out_valid.eq(valid_pipeline(m, self.in_valid, self.spec.latency_cycles))
        # (value, index) of each contender; the index is a constant or has as many bits as the level needs
        best: list[tuple[Value, Value]] = [
            (word(self.x, self.source, number), Const(number, self.result.bits)) for number in range(self.source.count)
        ]
        for level in range(1, self.spec.latency_cycles + 1):
            following: list[tuple[Value, Value]] = []
            for pair in range(0, len(best), 2):
                value, index = best[pair]
                if pair + 1 < len(best):
                    other, other_index = best[pair + 1]
                    keep = Signal(name=f"keep_{level}_{pair // 2}")
                    m.d.comb += keep.eq(value >= other)
                    value, index = Mux(keep, value, other), Mux(keep, index, other_index)
                best_value = register(m, value, f"value_{level}_{pair // 2}")
                best_index = register(m, index, f"index_{level}_{pair // 2}")
                following.append((best_value, best_index))
            best = following
        m.d.comb += self.index.eq(best[0][1])
        return m
