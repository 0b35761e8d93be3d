"""What a layer of gates that are tables must do, as Verilog that has no tables: sums, and a staircase for each unit."""

from __future__ import annotations

import numpy as np

from amos_hdl.formal.golden_module import staircase, tree
from amos_hdl.schedule import GateLayerSpec, Port

#: Bits in which sums are made: of 8 bits at most, times weights of 16.
_SUM_BITS = 40


def groups(spec: GateLayerSpec, size: int) -> list[range]:
    """Return the units of a layer in groups of ``size``, the last one smaller: every unit is in one of them."""
    units = range(len(spec.modules))
    return [units[start : start + size] for start in units[::size]]


def golden_gates(spec: GateLayerSpec, layer: str, name: str, units: range) -> str:
    """Return a Verilog module ``name`` in which ``units`` of the module ``layer`` are compared with the golden model.

    Its output ``wrong`` is high if one of their spikes, or a y, differs from what is due, or if y is not said to be
    valid when it is due.  The whole layer is in it; of the other units nothing is looked at.  Inputs are free:
    ``request`` an image (it is taken unless a word is beyond its interval), ``reset``, and any words.
    """
    gates, source, result = spec.operation.gates, Port.of(spec.source), Port.of(spec.result)
    bits = result.word_bits
    ranges = [
        f"{_word(source, 'x_0', word)} >= {low} && {_word(source, 'x_0', word)} <= {high}"
        for word, low, high in zip(
            range(source.count), spec.source.low.tolist(), spec.source.high.tolist(), strict=True
        )
        if (low, high) != (source.low, source.high) or high - low + 1 != 1 << source.word_bits
    ]
    lines = [
        f"module {name}(input clk, input request, input reset, input [{source.bits - 1}:0] x_0, output wrong);",
        "  reg at;  // an image entered in the clock before and is still there",
        f"  wire entering = {' && '.join(['request', *ranges])};",
        f"  (* keep *) reg [{source.bits - 1}:0] x_1;",
        "  always @(posedge clk) begin at <= entering & ~reset; x_1 <= x_0; end",
        f"  wire [{len(spec.modules) * gates - 1}:0] all_spikes;",
        f"  wire [{result.bits - 1}:0] all_y;",
        f"  (* keep *) wire [{len(units) * gates - 1}:0] due_spikes, spikes;",
        f"  (* keep *) wire [{len(units) * bits - 1}:0] due_y, y;",
        f"  assign spikes = all_spikes[{units.start * gates}+:{len(units) * gates}];",
        f"  assign y = all_y[{units.start * bits}+:{len(units) * bits}];",
        "  (* keep *) wire valid;",
        f"  {layer} layer(.clk(clk), .rst(reset), .in_valid(entering), .x(x_0),",
        "    .out_valid(valid), .spikes(all_spikes), .y(all_y));",
    ]
    for place, number in enumerate(units):
        unit, x = spec.distinct[spec.modules[number]], f"p_{number}"
        pieces = staircase(unit)
        terms = [f"{_SUM_BITS}'sd0" if not spec.sums.biases[number] else _constant(int(spec.sums.biases[number]))]
        terms += [
            f"{_constant(int(spec.sums.weights[number, word]))} * {_word(source, 'x_1', word)}"
            for word in np.flatnonzero(spec.sums.weights[number]).tolist()
        ]
        sign = "signed " if unit.potential.signed else ""
        lines.append(f"  wire {sign}[{unit.potential.word_bits - 1}:0] {x} = {' + '.join(terms)};")
        for gate in range(gates):
            fires = tree(pieces, pieces.spikes[:, gate].astype(int).tolist(), x, 1, unit)
            lines.append(f"  assign due_spikes[{place * gates + gate}] = at & {fires};")
        values = unit.circuit.decode(pieces.spikes).clip(unit.result_low, unit.result_high).tolist()
        lines.append(f"  assign due_y[{place * bits}+:{bits}] = {tree(pieces, values, x, bits, unit)};")
    lines += [
        "  (* keep *) wire y_is_due = at;",
        "  assign wrong = (spikes != due_spikes) | (at & (y != due_y)) | (valid != at);",
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


def _word(port: Port, of: str, number: int) -> str:
    """Return word ``number`` of ``of`` as a signed expression."""
    bits = f"{of}[{number * port.word_bits}+:{port.word_bits}]"
    return f"$signed({bits})" if port.signed else f"$signed({{1'b0, {bits}}})"


def _constant(value: int) -> str:
    return f"{_SUM_BITS}'sd{value}" if value >= 0 else f"-{_SUM_BITS}'sd{-value}"
