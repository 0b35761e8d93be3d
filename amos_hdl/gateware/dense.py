"""Weighted sums: a pipelined graph of shifted additions."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.words import register, valid_pipeline, word
from amos_hdl.schedule import DenseSpec, Port


class DenseLayer(wiring.Component):
    """The sums of one layer, all for one image in every clock cycle.

    Members
    -------
    in_valid : In(1)
    x : In(input words)
    out_valid : Out(1)
        ``in_valid``, ``spec.latency_cycles`` later.
    potential : Out(unit words)
        The sums, valid with ``out_valid``.
    """

    def __init__(self, spec: DenseSpec) -> None:
        self.spec = spec
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        super().__init__(
            {
                "in_valid": In(1),
                "x": In(self.source.bits),
                "out_valid": Out(1),
                "potential": Out(self.result.bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build one expression per adder, and registers where a value crosses from one stage to the next."""
        m = Module()
        spec, graph = self.spec, self.spec.graph
        m.d.comb += self.out_valid.eq(valid_pipeline(m, self.in_valid, spec.latency_cycles))

        # at[value][k]: the value k stages after the one in which it is made
        at: dict[int, list[Value]] = {n: [word(self.x, self.source, n)] for n in range(graph.inputs)}
        names = {n: f"x{n}" for n in range(graph.inputs)}

        def operand(value: int, stage: int) -> Value:
            constant = graph.constant(value)
            if constant is not None:
                return Const(constant)
            adder = graph.adder(value)
            age = stage - (1 if adder is None else spec.stage(adder.level))
            stages = at[value]
            while len(stages) <= age:
                name = f"{names[value]}_at_{stage - age + len(stages) - 1}"
                stages.append(register(m, stages[-1], name))
            return stages[age]

        first = graph.inputs + len(graph.constants)
        for number, adder in enumerate(graph.adders, start=first):
            stage = spec.stage(adder.level)
            left = _shifted(operand(adder.left, stage), adder.left_shift)
            right = _shifted(operand(adder.right, stage), adder.right_shift)
            result = left - right if adder.subtract else left + right
            names[number] = f"sum{number - first}"
            total = Signal(result.shape(), name=names[number])
            m.d.comb += total.eq(result)
            # a bit or two less than any sum of such operands could need: the interval of this one is known
            exact = total[: adder.bits]
            at[number] = [exact.as_signed() if adder.low < 0 else exact]
        sums = [_shifted(operand(tap.value, spec.latency_cycles + 1), tap.shift) for tap in graph.taps]
        bits = self.result.word_bits
        m.d.comb += self.potential.eq(Cat(_sized(value, bits) for value in sums))
        return m


def _shifted(value: Value, shift: int) -> Value:
    """Return ``value << shift`` as wires."""
    if not shift:
        return value
    bits = Cat(Const(0, shift), value)
    return bits.as_signed() if value.shape().signed else bits


def _sized(value: Value, bits: int) -> Value:
    """Return ``value`` cut or extended to ``bits``; it is known to fit."""
    if len(value) >= bits:
        return value[:bits]
    fill = value[-1].replicate(bits - len(value)) if value.shape().signed else Const(0, bits - len(value))
    return Cat(value, fill)
