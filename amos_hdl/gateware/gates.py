"""Units whose gates are look-up tables."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.gateware.unit import decode
from amos_hdl.gateware.words import register, shape
from amos_hdl.schedule import GateLayerSpec, GateTable, Port


class GateLayer(wiring.Component):
    """Units whose gates are tables of the bits that the sums before them would add.

    Members
    -------
    in_valid : In(1)
    x : In(input words)
        What the sums would read.
    out_valid : Out(1)
        ``in_valid``, ``spec.latency_cycles`` later.
    y : Out(units words)
        Values of one image, valid with ``out_valid``.
    spikes : Out(units·K)
        Bit n·K + i - 1 is the spike of gate i of unit n in the cycle in which it happens.
    """

    def __init__(self, spec: GateLayerSpec, copies: int = 1) -> None:
        self.spec, self.copies, self.keep_registers = spec, copies, copies > 1
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        super().__init__(
            {
                "in_valid": In(1),
                "x": In(self.source.bits),
                "out_valid": Out(1),
                "y": Out(self.result.bits),
                "spikes": Out(len(spec.modules) * spec.operation.gates),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build per gate a table and the register of its spike."""
        m = Module()
        spec = self.spec
        step = Signal()
        valid = ControlRegister(m, 1, "step_register", copies=self.copies, reset_less=True)
        # no step during reset: the spikes then go silent with the same clock edge
        m.d.comb += [step.eq(self.in_valid & ~ResetSignal()), self.out_valid.eq(valid.value)]
        m.d.sync += valid.eq(step)
        spikes: list[Value] = []
        values: list[Value] = []
        for unit, (module, tables) in enumerate(zip(spec.modules, spec.tables, strict=True)):
            fired: list[Value] = []
            for gate, table in enumerate(tables, start=1):
                fires = self._looked_up(m, table, f"fires_{unit}_{gate}")
                # a choice, not a conjunction: the register is cleared where no image is, and the table has one input
                # less than with a step among them
                fired.append(register(m, Mux(step, fires, 0), f"spike_{unit}_{gate}"))
            value = Signal(shape(self.result), name=f"y_{unit}")
            m.d.comb += value.eq(decode(m, spec.distinct[module], fired, f"_{unit}"))
            spikes += fired
            values.append(value)
        m.d.comb += [self.spikes.eq(Cat(spikes)), self.y.eq(Cat(values))]
        return m

    def _looked_up(self, m: Module, table: GateTable, name: str) -> Value:
        """Return what ``table`` says, as the signal ``name``."""
        fires = Signal(name=name)
        bits = Cat(self.x[word * self.source.word_bits + bit] for word, bit in table.bits)
        size = 1 << len(table.bits)
        m.d.comb += fires.eq(Const(table.entries, size).bit_select(bits, 1) if table.bits else table.entries)
        return fires
