"""Weighted sums: a pipelined graph of additions."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.words import register, valid_pipeline, word
from amos_hdl.schedule import DenseSpec, Port
from amos_hdl.schedule.adders.graph import Adder, Bit, Counter
from amos_hdl.schedule.sum_registers import held_values


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

    def __init__(self, spec: DenseSpec, copies: int = 1) -> None:
        self.spec, self.copies, self.keep_registers = spec, copies, copies > 1
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
        m.d.comb += self.out_valid.eq(valid_pipeline(m, self.in_valid, self.spec.latency_cycles, self.copies))
        words = [word(self.x, self.source, number) for number in range(self.source.count)]
        m.d.comb += self.potential.eq(add_words(m, self.spec, words))
        return m


def add_words(m: Module, spec: DenseSpec, words: list[Value]) -> Value:
    """Return the sums of ``words`` side by side, ``spec.latency_cycles`` later, built within module ``m``."""
    graph, result = spec.graph, Port.of(spec.result)
    values = _Values(m, spec, words)
    for number, (adder, stage) in enumerate(zip(graph.adders, spec.stages, strict=True)):
        values.append(_sum(m, adder, values, stage, f"sum{number}", is_difference=spec.is_difference(adder)))
    sums: list[Value] = []
    for bits, signed in zip(graph.sums, graph.signed, strict=True):
        total = [values.bit(bit, spec.latency_cycles + 1) for bit in bits][: result.word_bits]
        fill = total[-1] if signed else Const(0)
        sums += total + [fill] * (result.word_bits - len(total))
    return Cat(sums)


class _Values:
    """Every value of the graph in every stage in which it is read: of each only the bits that are still needed."""

    def __init__(self, m: Module, spec: DenseSpec, inputs: list[Value]) -> None:
        self.m = m
        self.held = held_values(spec)
        # for each value: the value itself, then its registers
        self.stages: list[list[list[Value]]] = []
        for value in inputs:
            self.append(value)

    def append(self, value: Value) -> None:
        """Add the next value, and its registers."""
        held = self.held[len(self.stages)]
        bits, places = list(value), dict(enumerate(range(len(value))))
        stages = [bits]
        for number, kept in enumerate(held.registers):
            bits = list(register(self.m, Cat(bits[places[index]] for index in kept), held.register(number)))
            places = {index: place for place, index in enumerate(kept)}
            stages.append(bits)
        self.stages.append(stages)

    def bit(self, bit: Bit, stage: int) -> Value:
        """Return ``bit`` as it is in ``stage``."""
        if bit.value is None:
            return Const(int(not bit.inverted))
        number, place = self.held[bit.value].find(bit.index, stage)
        found = self.stages[bit.value][0 if number is None else number + 1][place]
        return ~found if bit.inverted else found


def _sum(m: Module, adder: Adder, values: _Values, stage: int, name: str, *, is_difference: bool) -> Signal:
    """Return the sum of ``adder``; ``DenseSpec.is_difference`` says why it may be written as one."""
    carry = values.bit(adder.carry, stage)
    left = Cat(carry, *(values.bit(bit, stage) for bit in adder.left))
    right: list[Value] = [Const(0)] * adder.bits
    for counter in adder.counters:
        for place, output in enumerate(_count(counter, values, stage), start=counter.column):
            if place < adder.bits:
                right[place] = output
    # one bit more at the low end takes the carry: carry + carry carries it, and carry - 1 borrows if it is not there,
    # which is left - ~row - 1 = left + row against left - ~row = left + row + 1
    if is_difference:
        row, inverted = Signal(adder.bits, name=f"{name}_row"), Signal(adder.bits, name=f"{name}_row_inverted")
        m.d.comb += [row.eq(Cat(right)), inverted.eq(~row)]
        result = left - Cat(1, inverted)
    else:
        result = left + Cat(carry, *right)
    with_carry = Signal(len(result), name=f"{name}_with_carry")
    total = Signal(adder.bits, name=name)
    m.d.comb += [with_carry.eq(result), total.eq(with_carry[1 : adder.bits + 1])]
    return total


def _count(counter: Counter, values: _Values, stage: int) -> list[Value]:
    """Return the outputs of ``counter``, each a table of its bits."""
    if len(counter.bits) == 1:
        return [values.bit(counter.bits[0][0], stage)]
    bits, tables = counter.tables()
    index = Cat(values.bit(bit, stage) for bit in bits)
    return [Const(table, 1 << len(bits)).bit_select(index, 1) for table in tables]
