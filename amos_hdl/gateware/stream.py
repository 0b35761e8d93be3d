"""A network with AXI4-Streams for images and results."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Flow, In, Out

from amos_hdl.gateware.control import delayed_pulse
from amos_hdl.gateware.stream_buffer import BufferedReceiver
from amos_hdl.gateware.stream_images import ImageReceiver
from amos_hdl.gateware.stream_registers import StreamRegisters
from amos_hdl.gateware.stream_results import ResultFifo
from amos_hdl.network import Network
from amos_hdl.schedule.stream import StreamSpec
from amos_hdl.schedule.stream_registers import RegisterMap


class StreamNetwork(wiring.Component):
    """The receiver of images, the network, the FIFO of results and, if asked, the registers.

    Members
    -------
    s_axis_* : AXI4-Stream, to the receiver
        Images; see ``ImageReceiver`` and ``BufferedReceiver``.
    m_axis_* : AXI4-Stream, from the FIFO
        Results; see ``ResultFifo``.
    s_axil_* : AXI4-Lite, only with registers
        See ``StreamRegisters``.
    error : Out(1)
        High for one clock cycle per frame that was no image.

    Parameters
    ----------
    network : Network
    spec : StreamSpec
    modules : mapping of str to str
        Names of the modules ``network``, ``images``, ``results`` and, with registers, ``registers``.
    """

    def __init__(self, network: Network, spec: StreamSpec, modules: Mapping[str, str]) -> None:
        self.network, self.spec, self.modules = network, spec, modules
        self.keep_registers = spec.copies > 1
        receiver = ImageReceiver(spec) if spec.buffer is None else BufferedReceiver(spec)
        self.parts: dict[str, wiring.Component] = {"images": receiver, "results": ResultFifo(spec)}
        if spec.spikes is not None:
            self.parts["registers"] = StreamRegisters(RegisterMap(spec, network.digest))
        ports = {
            name: (In if member.flow is Flow.In else Out)(member.shape)
            for part in self.parts.values()
            for name, member in part.signature.members.items()
            if name.startswith(("s_axis_", "m_axis_", "s_axil_"))
        }
        super().__init__({**ports, "error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Place the modules and wire ports of one name together."""
        m = Module()
        ports = {name: getattr(self, name) for name in self.signature.members}
        wires: dict[str, Signal] = {}
        results = {f"out_{name}": Signal(bits, name=f"out_{name}") for name, bits in self.spec.results.items()}
        for number, component in self.parts.items():
            for name, member in component.signature.members.items():
                if name not in wires:
                    wires[name] = ports[name] if name in ports else Signal(member.shape, name=name)
            m.submodules[number] = self._instance(self.modules[number], component, wires)
        came_out = wires["result_valid"]
        if self.spec.copies > 1:
            came_out = Signal(name="unused_result_valid")
            # counted here, where a flip is outvoted, not in the network
            cycles, interval = self.spec.entry_cycles + self.spec.network_latency_cycles, self.spec.interval_cycles
            expected = delayed_pulse(m, wires["enter"], cycles, interval, "inside", self.spec.copies)
            m.d.comb += wires["result_valid"].eq(expected)
        spikes = {f"o_spikes_{layer}": wires[f"spikes_{layer}"] for layer in self.spec.spikes or {}}
        m.submodules["network"] = Instance(
            self.modules["network"],
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_in_valid=wires["image_valid"],
            o_out_valid=came_out,
            **{f"i_in_{self.network.input.name}": wires["image"]},
            **{f"o_{port}": result for port, result in results.items()},
            **spikes,
        )
        m.d.comb += wires["result"].eq(Cat(*results.values()))
        return m

    @staticmethod
    def _instance(module: str, component: wiring.Component, wires: Mapping[str, Signal]) -> Instance:
        """Return an instance of the module of ``component``, each port at the wire of its name."""
        ports = {
            f"{'i' if member.flow is Flow.In else 'o'}_{name}": wires[name]
            for name, member in component.signature.members.items()
        }
        return Instance(module, i_clk=ClockSignal(), i_rst=ResetSignal(), **ports)
