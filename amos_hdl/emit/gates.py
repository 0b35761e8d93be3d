"""Units whose gates are look-up tables as Verilog text: each unit one block of lines, each table a constant.

A table is indexed by its bits, not moved right by them: Yosys, which takes each different constant apart on its own,
then needs less time for that, and more of the gates become one look-up table of a device (figures in ``benchmarks``).
The spikes of a unit are clocked in one block, for Yosys takes a hundred times as long to read some thousands of blocks,
and are registers of their own, so that those that nobody looks at are left out with their tables.
The circuit is the one of ``gateware.gates``; a test has Yosys prove it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from amos_hdl.emit.sums import bit_range
from amos_hdl.schedule import GateLayerSpec, GateTable, Port, UnitSpec
from amos_hdl.schedule.lookup import Choice, Lookup


def gates_module(name: str, spec: GateLayerSpec) -> str:
    """Return the Verilog of module ``name``, the units of ``spec``."""
    source, result, gates = Port.of(spec.source), Port.of(spec.result), spec.operation.gates
    spikes = len(spec.modules) * gates
    lines = [
        f"module {name}(",
        *("  input clk,", "  input rst,", "  input in_valid,"),
        f"  input {bit_range(source.bits)}x,",
        "  output reg out_valid = 1'h0,",
        f"  output {bit_range(spikes)}spikes,",
        f"  output {bit_range(result.bits)}y",
        ");",
        "  // no step during reset: the spikes then go silent with the same clock edge",
        "  wire step = in_valid & ~rst;",
        "  always @(posedge clk)",
        "    out_valid <= step;",
    ]
    for unit, (module, tables) in enumerate(zip(spec.modules, spec.tables, strict=True)):
        lines.append("")
        gate_names = [f"{unit}_{gate}" for gate in range(1, gates + 1)]
        # a gate that is always silent has no register
        kept = {name: table for name, table in zip(gate_names, tables, strict=True) if table.bits or table.entries}
        for name, table in kept.items():
            lines += _gate(name, table, source)
        lines += _clocked(kept)
        fired = [f"spike_{name}" if name in kept else "1'h0" for name in gate_names]
        value = _value(spec.distinct[module], fired, result)
        lines += [
            f"  assign {_slice('spikes', spikes, unit * gates, gates)} = {_joined(fired[::-1])};",
            f"  assign {_slice('y', result.bits, unit * result.word_bits, result.word_bits)} = {value};",
        ]
    return "\n".join([*lines, "endmodule"]) + "\n"


def _gate(name: str, table: GateTable, source: Port) -> Iterator[str]:
    """Return the lines of a gate: its table, what that says, and the register of its spike."""
    if table.bits:
        entries = 1 << len(table.bits)
        places = [word * source.word_bits + bit for word, bit in reversed(table.bits)]
        index = _joined([_slice("x", source.bits, place, 1) for place in places])
        yield f"  localparam [{entries - 1}:0] TABLE_{name} = {entries}'h{table.entries:0{-(-entries // 4)}x};"
        yield f"  wire fires_{name} = TABLE_{name}[{index}];"
    else:
        yield f"  wire fires_{name} = 1'h1;"
    yield f"  reg spike_{name} = 1'h0;"


def _clocked(names: Collection[str]) -> Iterator[str]:
    """Return the lines that clock the spikes of a unit."""
    if not names:
        return
    yield "  always @(posedge clk)"
    yield "    if (!step) begin"
    yield from (f"      spike_{name} <= 1'h0;" for name in names)
    yield "    end else begin"
    yield from (f"      spike_{name} <= fires_{name};" for name in names)
    yield "    end"


def _value(spec: UnitSpec, fired: Sequence[str], result: Port) -> str:
    """Return y, ``d_0 + Σ d_i·z_i``: wires, choices or a sum, as ``gateware.unit.decode`` has it."""
    bits = result.word_bits

    def number(value: int) -> str:
        return f"{bits}'h{value % (1 << bits):x}"

    def choose(node: Lookup) -> str:
        if not isinstance(node, Choice):
            return number(node)
        return f"({fired[node.bit]} ? {choose(node.fired)} : {choose(node.silent)})"

    if spec.has_binary_code:
        # a digit beyond those of y is never there
        digits = fired[-bits:]
        return _joined([f"{bits - len(digits)}'h0", *digits] if len(digits) < bits else digits)
    if spec.decoder is not None:
        return choose(spec.decoder).removeprefix("(").removesuffix(")")
    weighed = [
        f"({spike} ? {number(weight)} : {number(0)})"
        for spike, weight in zip(fired, spec.circuit.outputs, strict=True)
        if weight
    ]
    return " + ".join([number(spec.circuit.offset), *weighed])


def _slice(name: str, width: int, low: int, bits: int) -> str:
    """Return ``bits`` bits of a signal of ``width`` bits from bit ``low`` on."""
    if bits == width:
        return name
    return f"{name}[{low}]" if bits == 1 else f"{name}[{low + bits - 1}:{low}]"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{{ {', '.join(parts)} }}"
