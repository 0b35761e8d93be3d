"""One AMOS unit, and units side by side."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, ClockSignal, Const, Elaboratable, Instance, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.gateware.gate import add_up, fires, look_up
from amos_hdl.gateware.words import register, shape
from amos_hdl.schedule import Port, SharedUnitLayerSpec, UnitLayerSpec, UnitSpec


class AmosUnit(wiring.Component):
    """K gates in levels; a new potential may enter in every clock cycle.

    Members
    -------
    potential : In(word)
        x, valid with ``step[0]``.
    step : In(latency)
        ``step[n]`` is high in the cycle in which gates that spike in cycle n + 1 compare, for an image that is there;
        low during reset.
    spikes : Out(K)
        Bit i - 1 is the spike of gate i, visible in cycle ``spec.spike_cycle(i - 1)`` for one cycle; low whenever no
        image is there, so that a gate never spikes twice for one image.
    y : Out(word)
        d_0 + Σ d_i·z_i of one image, valid ``spec.latency_cycles`` after its potential.
    """

    has_reset = False

    def __init__(self, spec: UnitSpec) -> None:
        self.spec = spec
        super().__init__(
            {
                "potential": In(shape(spec.potential)),
                "step": In(spec.latency_cycles),
                "spikes": Out(spec.circuit.gates),
                "y": Out(shape(spec.value)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build one comparison and one spike register per gate, stage by stage."""
        m = Module()
        spec, circuit = self.spec, self.spec.circuit
        potential: Value = self.potential
        earlier: list[Value] = []  # spikes of earlier stages, delayed to the stage at hand
        spikes: list[Value] = []
        for stage in range(1, spec.latency_cycles + 1):
            gates = [gate for gate in range(circuit.gates) if spec.spike_cycle(gate) == stage]
            fired: list[Value] = []
            seen = list(earlier)  # and those of gates of this stage, before their registers
            for gate in gates:
                fire = Signal(name=f"fire_{gate + 1}")
                above, step = fires(m, spec, gate, potential, seen[: circuit.earlier(gate)]), self.step[stage - 1]
                # of a gate alone a choice, not a conjunction: that clears the register, and a pixel that is compared
                # with half of its range takes no table at all
                m.d.comb += fire.eq(Mux(step, above, 0) if circuit.gates == 1 else step & above)
                fired.append(register(m, fire, f"spike_{gate + 1}"))
                seen.append(above)
            if stage < spec.latency_cycles:
                potential = register(m, potential, f"potential_at_{stage}")
            earlier = [register(m, spike, f"spike_{gate + 1}_at_{stage}") for gate, spike in enumerate(earlier)] + fired
            spikes += fired
        m.d.comb += [self.spikes.eq(Cat(spikes)), self.y.eq(decode(m, spec, earlier))]
        return m


def decode(m: Module, spec: UnitSpec, spikes: Sequence[Value], suffix: str = "") -> Value:
    """Return y = d_0 + Σ d_i·z_i: plain wires where d is a binary code, else looked up or added up.

    ``suffix`` is that of names, where one module holds many units.
    """
    circuit = spec.circuit
    if spec.has_binary_code:
        return Cat(*reversed(spikes))
    if spec.decoder is not None:
        return look_up(m, spec.decoder, spikes, f"value{suffix}")
    weighted = [Mux(spike, weight, 0) for spike, weight in zip(spikes, circuit.outputs, strict=True) if weight]
    return add_up(m, Const(circuit.offset), weighted, f"sum_y{suffix}")


def unit_layer_ports(spec: UnitLayerSpec | SharedUnitLayerSpec) -> dict[str, wiring.Member]:
    """Return the members of a layer of units, however it is built; ``AmosUnitLayer`` says what they are."""
    return {
        "in_valid": In(1),
        "potential": In(spec.port.bits),
        "out_valid": Out(1),
        "y": Out(Port.of(spec.result).bits),
        "spikes": Out(len(spec.modules) * spec.operation.gates),
    }


class AmosUnitLayer(wiring.Component):
    """One unit module per potential, all driven by one chain of steps.

    Members
    -------
    in_valid : In(1)
    potential : In(units words)
    out_valid : Out(1)
        ``in_valid``, ``spec.latency_cycles`` later.
    y : Out(units words)
        Values of one image, valid with ``out_valid``.
    spikes : Out(units·K)
        Bit n·K + i - 1 is the spike of gate i of unit n in the cycle in which it happens.

    Parameters
    ----------
    spec : UnitLayerSpec
    unit_modules : sequence of str
        Name of the module of each distinct unit.
    copies : int, 1 or 3
        Of each step; see ``ControlRegister``.
    """

    def __init__(self, spec: UnitLayerSpec, unit_modules: list[str], copies: int = 1) -> None:
        self.spec, self.unit_modules, self.copies, self.keep_registers = spec, unit_modules, copies, copies > 1
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        super().__init__(unit_layer_ports(spec))

    def elaborate(self, platform: object) -> Elaboratable:
        """Build the chain of steps and place the units."""
        m = Module()
        gates, depth = self.spec.operation.gates, self.spec.latency_cycles
        x_bits, y_bits = self.source.word_bits, self.result.word_bits
        step = Signal(depth)
        later = ControlRegister(m, depth, "step_register", copies=self.copies, reset_less=True)
        # no step during reset: the spikes then go silent with the same clock edge, without a reset of their own
        m.d.comb += step.eq(Mux(ResetSignal(), 0, Cat(self.in_valid, later.value[:-1])))
        m.d.comb += self.out_valid.eq(later.value[-1])
        m.d.sync += later.eq(step)
        for unit, module in enumerate(self.spec.modules):
            m.submodules[f"unit{unit}"] = Instance(
                self.unit_modules[module],
                i_clk=ClockSignal(),
                i_step=step,
                i_potential=self.potential[unit * x_bits : (unit + 1) * x_bits],
                o_spikes=self.spikes[unit * gates : (unit + 1) * gates],
                o_y=self.y[unit * y_bits : (unit + 1) * y_bits],
            )
        return m
