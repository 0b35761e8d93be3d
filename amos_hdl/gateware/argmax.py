"""The index of the greatest value."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.words import register, valid_pipeline, word
from amos_hdl.schedule import ArgmaxSpec, Port


class ArgmaxLayer(wiring.Component):
    """A tree of comparisons, in two steps at each level; of equal values the lower index wins.

    Members
    -------
    in_valid : In(1)
    x : In(values)
    out_valid : Out(1)
        ``in_valid``, ``spec.latency_cycles`` later.
    index : Out(1 word)
        Valid with ``out_valid``.
    """

    def __init__(self, spec: ArgmaxSpec, copies: int = 1) -> None:
        self.spec, self.copies, self.keep_registers = spec, copies, copies > 1
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        super().__init__(
            {"in_valid": In(1), "x": In(self.source.bits), "out_valid": Out(1), "index": Out(self.result.bits)}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the tree, lower indices on the left."""
        m = Module()
        m.d.comb += self.out_valid.eq(valid_pipeline(m, self.in_valid, self.spec.latency_cycles, self.copies))
        # (value, index) of each contender; the index is a constant or has as many bits as the level needs
        best: list[tuple[Value, Value]] = [
            (word(self.x, self.source, number), Const(number, self.result.bits)) for number in range(self.source.count)
        ]
        for level in range(1, self.spec.levels + 1):
            best = [
                self._better(m, level, f"{level}_{number}", best[2 * number : 2 * number + 2])
                for number in range(-(-len(best) // 2))
            ]
        m.d.comb += self.index.eq(best[0][1])
        return m

    def _better(self, m: Module, level: int, name: str, pair: list[tuple[Value, Value]]) -> tuple[Value, Value]:
        """Return (value, index) of the better of one or two contenders, behind the registers of both steps."""
        compared, chosen = self.spec.ends_stage(2 * level - 1), self.spec.ends_stage(2 * level)
        held = pair
        if compared:
            held = [
                (register(m, value, f"value_{name}{side}"), self._held(m, index, f"index_{name}{side}"))
                for side, (value, index) in zip("ab", pair, strict=False)
            ]
        value, index = held[0]
        if len(pair) == 2:
            first_is_best = Signal(name=f"compare_{name}")
            m.d.comb += first_is_best.eq(pair[0][0] >= pair[1][0])
            keep = register(m, first_is_best, f"keep_{name}") if compared else first_is_best
            value, index = Mux(keep, value, held[1][0]), Mux(keep, index, held[1][1])
        if chosen:
            return register(m, value, f"value_{name}"), register(m, index, f"index_{name}")
        # named, for the sake of whoever reads the Verilog
        better = Signal(value.shape(), name=f"value_{name}"), Signal(index.shape(), name=f"index_{name}")
        m.d.comb += [better[0].eq(value), better[1].eq(index)]
        return better

    @staticmethod
    def _held(m: Module, index: Value, name: str) -> Value:
        """Return an index one clock later; a constant stays one."""
        return index if isinstance(index, Const) else register(m, index, name)
