"""Weighted sums as Verilog text, without Amaranth and Yosys in between.

They are nearly all of a network's Verilog, and nothing but additions, tables and registers: written out, each next to
the registers that carry it on, they take a tenth of the time and are read more easily.  The circuit is the one of
``gateware.dense``; a test has Yosys prove it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from amos_hdl.schedule import DenseSpec, Port
from amos_hdl.schedule.adders.graph import ZERO, Adder, Bit, Counter
from amos_hdl.schedule.sum_registers import held_values

#: A bit of a signal, or a constant.
Wire = tuple[str, int] | bool


def sums_module(name: str, spec: DenseSpec) -> str:
    """Return the Verilog of module ``name``, the weighted sums of ``spec``: one block of lines for each value."""
    values = _Values(spec)
    lines = [
        f"module {name}(",
        *("  input clk,", "  input rst,", "  input in_valid,"),
        f"  input {bit_range(values.source.bits)}x,",
        f"  output {bit_range(1)}out_valid,",
        f"  output {bit_range(values.result.bits)}potential",
        ");",
        *_valids(spec.latency_cycles),
    ]
    for number, held in enumerate(values.held):
        adder = spec.graph.adder(number)
        if adder is not None:
            lines += _sum(held.name, adder, values, held.made, is_difference=spec.is_difference(adder))
        lines += values.registers(number)
    sums: list[Bit] = []
    for bits, signed in zip(spec.graph.sums, spec.graph.signed, strict=True):
        total = bits[: values.result.word_bits]
        sums += total + (total[-1] if signed else ZERO,) * (values.result.word_bits - len(total))
    lines += ["", f"  assign potential = {values.row(sums, spec.latency_cycles + 1)};", "endmodule"]
    return "\n".join(lines) + "\n"


class _Values:
    """What stands where, in words of Verilog."""

    def __init__(self, spec: DenseSpec) -> None:
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        self.inputs = len(spec.graph.inputs)
        self.widths = (*spec.graph.inputs, *(adder.bits for adder in spec.graph.adders))
        self.held = held_values(spec)
        # of each signal the bits; those of one bit are written without an index
        self.bits = {"x": self.source.bits}
        for held, width in zip(self.held, self.widths, strict=True):
            self.bits |= {held.name: width, f"{held.name}_row": width}
            self.bits |= {held.register(number): len(kept) for number, kept in enumerate(held.registers)}

    def wire(self, bit: Bit, stage: int) -> Wire:
        """Return where ``bit``, before it is inverted, stands in ``stage``."""
        if bit.value is None:
            return not bit.inverted
        held = self.held[bit.value]
        number, place = held.find(bit.index, stage)
        if number is not None:
            return held.register(number), place
        if bit.value < self.inputs:
            return "x", bit.value * self.source.word_bits + place
        return held.name, place

    def row(self, bits: Iterable[Bit], stage: int) -> str:
        """Return ``bits``, the lowest first, as one expression."""
        found = [(self.wire(bit, stage), bit.inverted and bit.value is not None) for bit in bits]
        parts = list(self._parts(found))[::-1]
        return parts[0] if len(parts) == 1 else f"{{ {', '.join(parts)} }}"

    def _parts(self, found: list[tuple[Wire, bool]]) -> Iterator[str]:
        """Join neighbours of one signal, and constants."""
        place = 0
        while place < len(found):
            (wire, inverted), first = found[place], place
            place += 1
            if isinstance(wire, bool):
                while place < len(found) and isinstance(found[place][0], bool):
                    place += 1
                yield constant([bit is True for bit, _ in found[first:place]])
                continue
            name, low = wire
            while place < len(found) and found[place] == ((name, low + place - first), inverted):
                place += 1
            yield f"{'~' * inverted}{self.slice(name, low, place - first)}"

    def slice(self, name: str, low: int, bits: int) -> str:
        """Return ``bits`` bits of the signal ``name`` from bit ``low`` on."""
        if bits == self.bits[name]:
            return name
        return f"{name}[{low}]" if bits == 1 else f"{name}[{low + bits - 1}:{low}]"

    def registers(self, number: int) -> Iterator[str]:
        """Return the lines of the registers of a value."""
        held = self.held[number]
        for place, kept in enumerate(held.registers):
            name, stage = held.register(place), held.made + place
            yield f"  reg {bit_range(len(kept))}{name} = {constant([False] * len(kept))};"
            yield "  always @(posedge clk)"
            yield f"    {name} <= {self.row((Bit(number, index) for index in kept), stage)};"


def _sum(name: str, adder: Adder, values: _Values, stage: int, *, is_difference: bool) -> Iterator[str]:
    """Return the lines of an addition; ``gateware.dense`` says how a difference makes a sum."""
    yield ""
    left = values.row((adder.carry, *adder.left), stage)
    if is_difference:
        yield f"  wire {bit_range(adder.bits)}{name}_row;"
        yield from _counters(f"{name}_row", adder, values, stage)
        yield f"  wire {bit_range(adder.bits)}{name}_row_inverted = ~{name}_row;"
        total = f"{left} - {{ {name}_row_inverted, 1'h1 }}"
    else:
        row = [ZERO] * adder.bits
        for counter in adder.counters:
            if counter.column < adder.bits:
                row[counter.column] = counter.bits[0][0]
        total = f"{left} + {values.row((adder.carry, *row), stage)}"
    yield f"  wire {bit_range(adder.bits + 1)}{name}_with_carry = {total};"
    yield f"  wire {bit_range(adder.bits)}{name} = {name}_with_carry[{adder.bits}:1];"


def _counters(row: str, adder: Adder, values: _Values, stage: int) -> Iterator[str]:
    """Return the lines that give each bit of ``row``."""
    outputs: dict[int, str] = {}
    for counter in adder.counters:
        outputs |= dict(enumerate(_count(counter, values, stage), start=counter.column))
    place = 0
    while place < adder.bits:
        low, place = place, place + 1
        if low in outputs:
            yield f"  assign {values.slice(row, low, 1)} = {outputs[low]};"
            continue
        while place < adder.bits and place not in outputs:
            place += 1
        yield f"  assign {values.slice(row, low, place - low)} = {constant([False] * (place - low))};"


def _count(counter: Counter, values: _Values, stage: int) -> Iterator[str]:
    """Return an expression for each output of ``counter``: its table, moved right by its bits."""
    if len(counter.bits) == 1:
        yield values.row((counter.bits[0][0],), stage)
        return
    bits, tables = counter.tables()
    index = values.row(bits, stage)
    for table in tables:
        yield f"{1 << len(bits)}'h{table:x} >> {index}"


def constant(bits: list[bool]) -> str:
    """Return ``bits``, the lowest first, as a number of Verilog."""
    value = sum(1 << place for place, bit in enumerate(bits) if bit)
    return f"{len(bits)}'h{value:0{-(-len(bits) // 4)}x}"


def _valids(cycles: int) -> Iterator[str]:
    before = "in_valid"
    for cycle in range(1, cycles + 1):
        name = f"valid_{cycle}"
        yield f"  reg {name} = 1'h0;"
        yield "  always @(posedge clk)"
        yield f"    if (rst) {name} <= 1'h0;"
        yield f"    else {name} <= {before};"
        before = name
    yield f"  assign out_valid = {before};"


def bit_range(bits: int) -> str:
    """Return how a signal of so many bits is declared, a space behind; nothing for one bit."""
    return f"[{bits - 1}:0] " if bits > 1 else ""
