"""AMOS units that share comparators."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, ClockSignal, Elaboratable, Instance, Module, Mux, Signal, Value
from amaranth.lib import wiring

from amos_hdl.gateware.counters import count_up, counter
from amos_hdl.gateware.gate import add_up
from amos_hdl.gateware.unit import unit_layer_ports
from amos_hdl.gateware.words import shape
from amos_hdl.schedule import Port, SharedUnitLayerSpec


class SharedUnitLayer(wiring.Component):
    """A few comparators for all units of a layer; members as of ``AmosUnitLayer``.

    Where potentials come in turn ``in_valid`` is high with each, and ``potential`` has a word for each comparator.

    Parameters
    ----------
    spec : SharedUnitLayerSpec
    roms : sequence of str
        Module names of the thresholds of each lane.
    copies : int, 1 or 3
        Of each counter; see ``ControlRegister``.
    """

    def __init__(self, spec: SharedUnitLayerSpec, roms: Sequence[str], copies: int = 1) -> None:
        self.spec, self.roms, self.copies, self.keep_registers = spec, roms, copies, copies > 1
        self.source, self.result = spec.port, Port.of(spec.result)
        super().__init__(unit_layer_ports(spec))

    def elaborate(self, platform: object) -> Module:
        """Build what counts turns and gates, and the lanes."""
        m = Module()
        spec, gates = self.spec, self.spec.operation.gates
        ends_unit, ends = Signal(), Signal()
        at_work, done = (counter(m, 2, name, self.copies) for name in ("working", "done"))
        gate_count = counter(m, gates, "gate", self.copies)
        turn_count = counter(m, spec.turns, "turn", self.copies)
        working, gate, turn = at_work.value, gate_count.value, turn_count.value
        following_gate = count_up(m, gate, gates)
        following_turn = count_up(m, turn, spec.turns)
        m.d.comb += ends_unit.eq(working & (gate == gates - 1))
        m.d.comb += ends.eq(ends_unit & (turn == spec.turns - 1))
        m.d.sync += at_work.eq(self.in_valid | (working & ~(ends if spec.pitch_cycles is None else ends_unit)))
        with m.If(working):
            m.d.sync += gate_count.eq(following_gate)
        with m.If(ends_unit):
            m.d.sync += turn_count.eq(following_turn)
        m.d.sync += done.eq(ends)
        m.d.comb += self.out_valid.eq(done.value)
        # the ROM is read one gate ahead; while nothing is at work, at the first gate of the first unit
        turn_ahead = Signal.like(turn)
        m.d.comb += turn_ahead.eq(Mux(ends_unit, following_turn, turn))
        values, spikes = [], []
        for lane in range(spec.lanes):
            value, fire = self._lane(m, lane, turn_ahead, working, ends_unit)
            values.append(value)
            for place in range(spec.turns):
                for number in range(gates):
                    spike = Signal(name=f"spike_{lane * spec.turns + place}_{number + 1}")
                    m.d.sync += spike.eq(fire & working & (turn == place) & (gate == number))
                    spikes.append(spike)
        m.d.comb += [self.y.eq(Cat(values)), self.spikes.eq(Cat(spikes))]
        return m

    def _lane(self, m: Module, lane: int, turn: Signal, working: Value, ends_unit: Signal) -> tuple[Signal, Signal]:
        """Build one comparator; return the values of its units and whether the gate at work fires."""
        spec, gates, bits = self.spec, self.spec.operation.gates, self.source.word_bits
        turns = spec.turns if spec.pitch_cycles is None else 1
        share = self.potential[lane * turns * bits : (lane + 1) * turns * bits]
        held = Signal(turns * bits, name=f"potentials_{lane}", reset_less=True)
        if spec.pitch_cycles is not None:
            m.d.comb += held.eq(share)  # it stays until all its gates have compared
        else:
            with m.If(self.in_valid):
                m.d.sync += held.eq(share)
            with m.Elif(ends_unit):
                m.d.sync += held.eq(held[bits:])
        word = Signal(spec.word_bits, name=f"threshold_word_{lane}")
        threshold = Signal(shape(spec.threshold), name=f"threshold_{lane}")
        potential = Signal(shape(self.source), name=f"potential_{lane}")
        fire = Signal(name=f"fire_{lane}")
        m.d.comb += [threshold.eq(word), potential.eq(held[:bits])]
        reached = potential >= threshold
        m.d.comb += fire.eq(reached ^ word[-1] if any(spec.inverted) else reached)
        # a one and the spikes so far, the latest lowest
        code, ahead = Signal(gates, name=f"code_{lane}", init=1), Signal(gates, name=f"code_ahead_{lane}")
        m.d.comb += ahead.eq(Mux(ends_unit | ~working, 1, Cat(fire, code[:-1])))
        m.d.sync += code.eq(ahead)
        address = Cat(ahead, turn) if spec.turns > 1 else ahead
        m.submodules[f"thresholds_{lane}"] = self.place(lane, i_address=address, o_word=word)
        done = Signal(spec.turns * self.result.word_bits, name=f"values_{lane}", reset_less=True)
        value = Signal(self.result.word_bits, name=f"value_{lane}")
        m.d.comb += value.eq(self._decoded(m, lane, [*reversed(code[:-1]), fire]))
        with m.If(ends_unit):
            m.d.sync += done.eq(Cat(done, value)[self.result.word_bits :])
        return done, fire

    def _decoded(self, m: Module, lane: int, spikes: list[Value]) -> Value:
        """Return y of all spikes of a unit, the first gate's first."""
        unit = self.spec.distinct[0]
        if unit.has_binary_code:
            return Cat(*reversed(spikes))
        circuit = unit.circuit
        weighted = [Mux(spike, weight, 0) for spike, weight in zip(spikes, circuit.outputs, strict=True) if weight]
        return add_up(m, Value.cast(circuit.offset), weighted, f"sum_y_{lane}")

    def place(self, lane: int, **ports: Value) -> Elaboratable:
        """Return an instance of the thresholds of ``lane``."""
        return Instance(self.roms[lane], i_clk=ClockSignal(), **ports)
