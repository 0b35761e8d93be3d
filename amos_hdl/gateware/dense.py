"""Weighted sums: a pipelined graph of additions."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.words import register, valid_pipeline, word
from amos_hdl.schedule import DenseSpec, Port
from amos_hdl.schedule.adders.graph import ONE, Adder, Bit, Counter


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
        """Build one addition per adder, and registers where a value crosses from one stage to the next."""
        m = Module()
        spec, graph = self.spec, self.spec.graph
        m.d.comb += self.out_valid.eq(valid_pipeline(m, self.in_valid, spec.latency_cycles))
        values = _Values(m, spec, [word(self.x, self.source, number) for number in range(len(graph.inputs))])
        for number, adder in enumerate(graph.adders):
            values.append(_sum(m, adder, values, spec.stage(adder.level), f"sum{number}"), spec.stage(adder.level))
        sums = []
        for bits, signed in zip(graph.sums, graph.signed, strict=True):
            total = [values.bit(bit, spec.latency_cycles + 1) for bit in bits][: self.result.word_bits]
            fill = total[-1] if signed else Const(0)
            sums += total + [fill] * (self.result.word_bits - len(total))
        m.d.comb += self.potential.eq(Cat(sums))
        return m


class _Values:
    """Every value of the graph in every stage in which it is read."""

    def __init__(self, m: Module, spec: DenseSpec, inputs: list[Value]) -> None:
        self.m, self.latency = m, spec.latency_cycles
        self.stages: list[list[Value]] = [[value] for value in inputs]
        self.made = [1] * len(inputs)
        self.names = [f"x{number}" for number in range(len(inputs))]

    def append(self, value: Signal, stage: int) -> None:
        """Add the value that an adder of ``stage`` makes."""
        self.stages.append([value])
        self.made.append(stage)
        self.names.append(value.name)

    def bit(self, bit: Bit, stage: int) -> Value:
        """Return ``bit`` as it is in ``stage``, delayed by as many registers as it needs."""
        if bit.value is None:
            return Const(int(not bit.inverted))
        stages, made = self.stages[bit.value], self.made[bit.value]
        while len(stages) <= stage - made:
            stages.append(register(self.m, stages[-1], f"{self.names[bit.value]}_at_{made + len(stages) - 1}"))
        found = stages[stage - made][bit.index]
        return ~found if bit.inverted else found


def _sum(m: Module, adder: Adder, values: _Values, stage: int, name: str) -> Signal:
    """Return the sum of ``adder``; see there why it may be written as a difference."""
    carry = values.bit(adder.carry, stage)
    left = Cat(carry, *(values.bit(bit, stage) for bit in adder.left))
    right: list[Value] = [Const(0)] * adder.bits
    for counter in adder.counters:
        for place, output in enumerate(_count(counter, values, stage), start=counter.column):
            if place < adder.bits:
                right[place] = output
    # one bit more at the low end takes the carry: carry + carry, and carry - 1 with a borrow, are 0 and leave it above
    with_carry = Signal(adder.bits + 1, name=f"{name}_with_carry")
    if adder.counts:
        row, inverted = Signal(adder.bits, name=f"{name}_row"), Signal(adder.bits, name=f"{name}_row_inverted")
        m.d.comb += [row.eq(Cat(right)), inverted.eq(~row), with_carry.eq(left - Cat(1, inverted))]
    else:
        m.d.comb += with_carry.eq(left + Cat(carry, *right))
    total = Signal(adder.bits, name=name)
    m.d.comb += total.eq(with_carry[1:])
    return total


def _count(counter: Counter, values: _Values, stage: int) -> list[Value]:
    """Return the outputs of ``counter``, each a table of its bits."""
    if len(counter.bits) == 1:
        return [values.bit(counter.bits[0][0], stage)]
    known = [(bit, weight) for bit, weight in counter.bits if bit.value is not None]
    extra = sum(1 << weight for bit, weight in counter.bits if bit == ONE)
    tables = [0] * counter.outputs
    for pattern in range(1 << len(known)):
        total = extra + sum(
            (pattern >> place & 1 ^ bit.inverted) << weight for place, (bit, weight) in enumerate(known)
        )
        for output in range(counter.outputs):
            tables[output] |= (total >> output & 1) << pattern
    index = Cat(values.bit(Bit(bit.value, bit.index), stage) for bit, _ in known)
    return [Const(table, 1 << len(known)).bit_select(index, 1) for table in tables]
