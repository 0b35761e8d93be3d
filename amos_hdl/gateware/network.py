"""The whole network: layers one after another, ``valid`` beside the data, outputs aligned."""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.schedule import ArgmaxSpec, DenseSpec, FoldedSumSpec, LayerSpec, Port, Schedule, UnitLayerSpec


def layer_ports(spec: LayerSpec) -> tuple[str, str]:
    """Return the names of the data input and the data output of the component of ``spec``."""
    match spec:
        case DenseSpec() | FoldedSumSpec():
            return "x", "potential"
        case ArgmaxSpec():
            return "x", "index"
        case _:
            return "potential", "y"


class AmosNetwork(wiring.Component):
    """A stored network; a new image may enter every ``schedule.interval_cycles`` clock cycles.

    Members
    -------
    in_valid : In(1)
        An image is at the input.
    in_<name> : In(pixels)
        The image, pixel 0 in the lowest bits.
    out_valid : Out(1)
        ``in_valid``, ``schedule.latency_cycles`` later.
    out_<name> : Out(words), one per output of the network
        Results of that image.
    spikes_<layer> : Out(gates), one per layer of units, only if asked for
        Spikes, each in the clock cycle in which it happens.

    Parameters
    ----------
    schedule : Schedule
    modules : mapping of str to str
        Name of the module of each layer and, as ``delay_<output>``, of each delay line.
    spikes : bool
        Whether spikes leave the network.
    """

    def __init__(self, schedule: Schedule, modules: dict[str, str], *, spikes: bool = False) -> None:
        self.schedule, self.modules, self.spikes = schedule, modules, spikes
        tensors, code, units = schedule.network.tensors, schedule.network.input, schedule.network.unit_layers
        ports = {"in_valid": In(1), f"in_{code.name}": In(Port.of(tensors[code.name]).bits), "out_valid": Out(1)}
        ports |= {f"out_{name}": Out(Port.of(tensors[name]).bits) for name in schedule.network.outputs}
        if spikes:
            ports |= {f"spikes_{unit.name}": Out(tensors[unit.name].units * unit.gates) for unit in units}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Place the layers in order and the delay lines behind them."""
        m = Module()
        network, code = self.schedule.network, self.schedule.network.input
        data: dict[str, Value] = {code.name: getattr(self, f"in_{code.name}")}
        valid: dict[str, Value] = {code.name: self.in_valid}
        for name, spec in self.schedule.specs.items():
            source = spec.operation.source
            port_in, port_out = layer_ports(spec)
            data[name] = Signal(Port.of(network.tensors[name]).bits, name=name)
            valid[name] = Signal(name=f"{name}_valid")
            extra = {}
            if isinstance(spec, UnitLayerSpec):
                # nothing in the network reads the skewed spikes; testbenches do, in the layer
                unread = Signal(len(spec.modules) * spec.operation.gates)
                extra["o_spikes"] = getattr(self, f"spikes_{name}") if self.spikes else unread
            m.submodules[f"{name}_layer"] = Instance(
                self.modules[name],
                i_clk=ClockSignal(),
                i_rst=ResetSignal(),
                i_in_valid=valid[source],
                o_out_valid=valid[name],
                **{f"i_{port_in}": data[source], f"o_{port_out}": data[name]},
                **extra,
            )
        for name in network.outputs:
            value = data[name]
            if name in self.schedule.output_delays:
                value = Signal(len(value), name=f"{name}_delayed")
                m.submodules[f"{name}_delay"] = Instance(
                    self.modules[f"delay_{name}"], i_clk=ClockSignal(), i_x=data[name], o_delayed=value
                )
            m.d.comb += getattr(self, f"out_{name}").eq(value)
        latest = max(network.outputs, key=lambda name: self.schedule.ready[name])
        m.d.comb += self.out_valid.eq(valid[latest])
        return m
