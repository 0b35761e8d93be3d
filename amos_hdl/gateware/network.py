"""The whole network: layers one after another, ``valid`` beside the data, branches and outputs aligned."""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.words import shape, word
from amos_hdl.schedule import (
    ArgmaxSpec,
    BufferSpec,
    DelaySpec,
    DenseSpec,
    FoldedSumSpec,
    GateLayerSpec,
    LayerSpec,
    PlacedLayer,
    Port,
    ProductSpec,
    Schedule,
    UnitLayerSpec,
    WireSpec,
)


def layer_ports(spec: LayerSpec) -> tuple[str, str]:
    """Return the names of the data input and the data output of the component of ``spec``."""
    match spec:
        case DenseSpec() | FoldedSumSpec():
            return "x", "potential"
        case ArgmaxSpec():
            return "x", "index"
        case GateLayerSpec():
            return "x", "y"
        case UnitLayerSpec():
            return "potential", "y"
        case _:
            return "x", "y"


class Stream(NamedTuple):
    """What one operation gives: its words, and whether they are there."""

    data: Value
    valid: Value


class AmosNetwork(wiring.Component):
    """A stored network; a new image may enter every ``schedule.interval_cycles`` clock cycles.

    Members
    -------
    in_valid : In(1)
        An image, or a pixel of it, is at the input.
    in_<name> : In(words)
        The image, pixel 0 in the lowest bits; of maps one pixel, channel 0 lowest, at the cycles of
        ``schedule.input_timing``.
    out_valid : Out(1)
        ``in_valid`` of an image, or of its first pixel, ``schedule.latency_cycles`` later.
    valid_<name> : Out(1), one per output of the network, in place of ``out_valid`` where any of them is a map
        At the cycles of ``schedule.timings``.
    out_<name> : Out(words), one per output of the network
        Results of that image, or one pixel of them.
    spikes_<layer> : Out(gates), one per layer of units, only if asked for
        Spikes, each in the clock cycle in which it happens.

    Parameters
    ----------
    schedule : Schedule
    modules : mapping of str to str
        Name of the module of each layer; of what stands before it, as ``<layer>_window`` and ``<layer>_buffer<n>``;
        and, as ``delay_<output>``, of each delay line.
    spikes : bool
        Whether spikes leave the network.
    """

    def __init__(self, schedule: Schedule, modules: dict[str, str], *, spikes: bool = False) -> None:
        self.schedule, self.modules, self.spikes = schedule, modules, spikes
        tensors, code, units = schedule.network.tensors, schedule.network.input, schedule.network.unit_layers
        outputs = schedule.network.outputs
        ports = {"in_valid": In(1), f"in_{code.name}": In(Port.of(tensors[code.name]).bits)}
        ports |= {f"valid_{name}": Out(1) for name in outputs} if schedule.gives_maps else {"out_valid": Out(1)}
        ports |= {f"out_{name}": Out(Port.of(tensors[name]).bits) for name in outputs}
        if spikes:
            ports |= {f"spikes_{unit.name}": Out(tensors[unit.name].channels * unit.gates) for unit in units}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Place the layers in order and the delay lines behind them."""
        m = Module()
        network, code = self.schedule.network, self.schedule.network.input
        streams = {code.name: Stream(getattr(self, f"in_{code.name}"), self.in_valid)}
        for name, layer in self.schedule.layers.items():
            read = [
                stream if buffer is None else self._buffered(m, f"{name}_buffer{number}", buffer, stream)
                for number, (buffer, stream) in enumerate(
                    zip(layer.buffers, (streams[source] for source in layer.operation.reads), strict=True)
                )
            ]
            if layer.window is not None:
                windows = Stream(
                    Signal(Port.of(layer.window.result).bits, name=f"{name}_taps"), Signal(name=f"{name}_taps_valid")
                )
                self._place(m, f"{name}_window", read[0], windows, "x", "window")
                read = [windows]
            streams[name] = self._layer(m, name, layer, read)
        for name in network.outputs:
            stream = streams[name]
            match self.schedule.output_delays.get(name):
                case DelaySpec():
                    value = Signal(len(stream.data), name=f"{name}_delayed")
                    m.submodules[f"{name}_delay"] = Instance(
                        self.modules[f"delay_{name}"], i_clk=ClockSignal(), i_x=stream.data, o_delayed=value
                    )
                    stream = Stream(value, stream.valid)
                case BufferSpec() as buffer:
                    stream = self._buffered(m, f"delay_{name}", buffer, stream)
            m.d.comb += getattr(self, f"out_{name}").eq(stream.data)
            if self.schedule.gives_maps:
                m.d.comb += getattr(self, f"valid_{name}").eq(stream.valid)
        if not self.schedule.gives_maps:
            latest = max(network.outputs, key=lambda name: self.schedule.ready[name])
            m.d.comb += self.out_valid.eq(streams[latest].valid)
        return m

    def _layer(self, m: Module, name: str, layer: PlacedLayer, read: list[Stream]) -> Stream:
        """Place what makes the pixels of ``name`` of those, or the windows, that it reads."""
        spec = layer.spec
        result = spec.potential if isinstance(spec, FoldedSumSpec) else Port.of(spec.result)
        if isinstance(spec, WireSpec) and spec.passes_through:
            return read[0]
        stream = Stream(Signal(result.bits, name=name), Signal(name=f"{name}_valid"))
        if isinstance(spec, WireSpec):
            ports = [Port.of(source) for source in spec.sources]
            words: list[Value] = []
            for number, place in enumerate(spec.words):
                chosen = Signal(shape(result), name=f"{name}_word{number}")
                m.d.comb += chosen.eq(
                    Const(place, shape(result))
                    if isinstance(place, int)
                    else word(read[place[0]].data, ports[place[0]], place[1])
                )
                words.append(chosen)
            m.d.comb += [stream.data.eq(Cat(words)), stream.valid.eq(read[0].valid)]
            return stream
        first, extra = read[0], {}
        if isinstance(spec, ProductSpec):
            first, other = self._operands(spec, layer, read)
            extra["i_other"] = other.data
            if spec.kept:
                extra["i_other_valid"] = other.valid
        elif isinstance(spec, DenseSpec | FoldedSumSpec) and len(read) > 1:
            ports = [Port.of(self.schedule.network.tensors[source]) for source in layer.operation.reads]
            first = Stream(self._side_by_side(m, name, spec, ports, read), read[0].valid)
        if isinstance(spec, UnitLayerSpec):
            # nothing in the network reads the skewed spikes; testbenches do, in the layer
            unread = Signal(len(spec.modules) * spec.operation.gates)
            extra["o_spikes"] = getattr(self, f"spikes_{name}") if self.spikes else unread
        self._place(m, name, first, stream, *layer_ports(spec), instance=f"{name}_layer", **extra)
        return stream

    def _place(
        self,
        m: Module,
        module: str,
        source: Stream,
        result: Stream,
        port_in: str,
        port_out: str,
        *,
        instance: str | None = None,
        **extra: Value,
    ) -> None:
        """Place the module of ``module`` between two streams."""
        m.submodules[instance or module] = Instance(
            self.modules[module],
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_in_valid=source.valid,
            o_out_valid=result.valid,
            **{f"i_{port_in}": source.data, f"o_{port_out}": result.data},
            **extra,
        )

    def _buffered(self, m: Module, name: str, buffer: BufferSpec, source: Stream) -> Stream:
        """Return ``source`` behind ``buffer``."""
        later = Stream(Signal(buffer.bits, name=f"{name}_pixel"), Signal(name=f"{name}_valid"))
        self._place(m, name, source, later, "x", "delayed")
        return later

    def _operands(self, spec: ProductSpec, layer: PlacedLayer, read: list[Stream]) -> tuple[Stream, Stream]:
        """Return the pixels that are multiplied, first those that set the pace."""
        spaces = [self.schedule.timings[name].space for name in layer.operation.reads]
        first, second = read
        return (second, first) if spec.kept and spaces[0] == (1, 1) else (first, second)

    def _side_by_side(
        self, m: Module, name: str, spec: DenseSpec | FoldedSumSpec, ports: list[Port], read: list[Stream]
    ) -> Value:
        """Return the words of all branches as words of one width."""
        common, words = Port.of(spec.source), []
        for number, (port, stream) in enumerate(zip(ports, read, strict=True)):
            for place in range(port.count):
                value = Signal(shape(common), name=f"{name}_branch{number}_{place}")
                m.d.comb += value.eq(word(stream.data, port, place))
                words.append(value)
        return Cat(words)
