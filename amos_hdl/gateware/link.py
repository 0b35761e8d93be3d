"""A network behind two wires: a UART, frames, the network with its streams, and lamps."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Flow, In, Out

from amos_hdl.gateware.link_answers import LinkAnswers
from amos_hdl.gateware.link_requests import LinkRequests
from amos_hdl.gateware.uart import UartReceiver, UartTransmitter
from amos_hdl.schedule.link import LinkSpec


class LinkedNetwork(wiring.Component):
    """What a board holds, but for its clock and its pins.

    Members
    -------
    rx : In(1), tx : Out(1)
        The UART, seen from the board.
    leds : Out(leds)
        Lamp 0 changes with each image, lamp 1 is on after a refused frame until the next image, the others show the
        lowest bits of the last result's shown output.

    Parameters
    ----------
    spec : LinkSpec
    modules : mapping of str to str
        Names of the modules ``stream``, ``receiver``, ``transmitter``, ``requests`` and ``answers``.
    leds : int
        Lamps, at least 2.
    shown : str
        Output of the network that the lamps show.
    """

    def __init__(self, spec: LinkSpec, modules: Mapping[str, str], *, leds: int, shown: str) -> None:
        self.spec, self.modules, self.leds_count, self.shown = spec, modules, leds, shown
        self.parts: dict[str, wiring.Component] = {
            "receiver": UartReceiver(spec.bit_cycles),
            "requests": LinkRequests(spec),
            "answers": LinkAnswers(spec),
            "transmitter": UartTransmitter(spec.bit_cycles),
        }
        super().__init__({"rx": In(1), "tx": Out(1), "leds": Out(leds)})

    def elaborate(self, platform: object) -> Module:
        """Place the modules and wire them."""
        m = Module()
        wires: dict[str, dict[str, Signal]] = {}
        for part, component in self.parts.items():
            members = component.signature.members.items()
            wires[part] = {name: Signal(member.shape, name=f"{part}_{name}") for name, member in members}
            ports = {f"{'i' if member.flow is Flow.In else 'o'}_{name}": wires[part][name] for name, member in members}
            m.submodules[part] = Instance(self.modules[part], i_clk=ClockSignal(), i_rst=ResetSignal(), **ports)
        receiver, requests = wires["receiver"], wires["requests"]
        answers, transmitter = wires["answers"], wires["transmitter"]
        m.submodules["stream"] = Instance(
            self.modules["stream"],
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_s_axis_tdata=requests["image_tdata"],
            i_s_axis_tvalid=requests["image_tvalid"],
            o_s_axis_tready=requests["image_tready"],
            i_s_axis_tlast=requests["image_tlast"],
            i_s_axis_tuser=requests["image_tuser"],
            o_m_axis_tdata=answers["result_tdata"],
            o_m_axis_tvalid=answers["result_tvalid"],
            o_m_axis_tlast=Signal(name="result_tlast"),
            o_m_axis_tuser=Signal(name="result_tuser"),
            o_error=Signal(name="stream_error"),
            i_m_axis_tready=answers["result_tready"],
        )
        m.d.comb += [receiver["rx"].eq(self.rx), self.tx.eq(transmitter["tx"])]
        m.d.comb += [requests[name].eq(receiver[name]) for name in ("data", "valid", "broken")]
        m.d.comb += [answers[name].eq(requests[name]) for name in ("request", "identify", "fault", "number", "faults")]
        m.d.comb += requests["take"].eq(answers["take"])
        m.d.comb += [transmitter[name].eq(answers[name]) for name in ("data", "valid")]
        m.d.comb += answers["ready"].eq(transmitter["ready"])
        self._lamps(m, requests, answers)
        return m

    def _lamps(self, m: Module, requests: Mapping[str, Signal], answers: Mapping[str, Signal]) -> None:
        answered, refused = Signal(name="answered"), Signal(name="refused")
        first, bits = 8 * self.spec.stream.result_bytes[self.shown][0], self.spec.stream.results[self.shown]
        shown = Signal(min(bits, self.leds_count - 2), name="shown")
        with m.If(answers["result_tready"]):
            m.d.sync += [answered.eq(~answered), refused.eq(0), shown.eq(answers["result_tdata"][first:])]
        with m.Elif(requests["take"] & (requests["fault"] != 0)):
            m.d.sync += refused.eq(1)
        m.d.comb += self.leds.eq(Cat(answered, refused, shown))
