"""Answers to a host: results, the identity, faults, as frames."""

from __future__ import annotations

from amaranth.hdl import Const, MemoryData, MemoryInstance, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.fcs import fcs_step
from amos_hdl.schedule.link import ESCAPE, FAULT_BYTES, FCS_INIT, FLAG, FLIP, IDENTITY_BYTES, Kind, LinkSpec


class LinkAnswers(wiring.Component):
    """Sends one frame per request, one after another.

    Members
    -------
    request, identify : In(1), fault : In(3), number : In(8), faults : In(8), take : Out(1)
        See ``LinkRequests``.
    result_tdata : In(result bytes), result_tvalid : In(1), result_tready : Out(1)
        From the FIFO of results; taken when it has been sent.
    data : Out(8), valid : Out(1), ready : In(1)
        To the UART, which takes a byte in several clock cycles.
    """

    def __init__(self, spec: LinkSpec) -> None:
        self.spec = spec
        super().__init__(
            {
                "request": In(1),
                "identify": In(1),
                "fault": In(3),
                "number": In(8),
                "faults": In(8),
                "take": Out(1),
                "result_tdata": In(8 * spec.result_bytes),
                "result_tvalid": In(1),
                "result_tready": Out(1),
                "data": Out(8),
                "valid": Out(1),
                "ready": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the frame, byte by byte, its check, and the escapes."""
        m = Module()
        identify, fault, number = Signal(name="as_identity"), Signal(3, name="why"), Signal(8, name="answer_number")
        refused = Signal(name="refused")
        m.d.comb += refused.eq(fault != 0)

        def choose(of_fault: int, of_identity: int, of_result: int) -> Value:
            return Mux(refused, of_fault, Mux(identify, of_identity, of_result))

        sizes = (FAULT_BYTES, IDENTITY_BYTES, self.spec.result_bytes)
        length, index = Signal(16, name="length"), Signal(range(max(sizes)), name="index")
        m.d.comb += length.eq(choose(*sizes))
        raw, quoted, sent = Signal(8, name="raw"), Signal(name="quoted"), Signal(name="sent")
        check, escaped = Signal(16, name="check"), Signal(name="escaped")
        escape = Signal(name="escape")
        m.d.comb += [
            escape.eq(quoted & ~escaped & ((raw == FLAG) | (raw == ESCAPE))),
            self.data.eq(Mux(escape, ESCAPE, Mux(escaped, raw ^ FLIP, raw))),
            sent.eq(self.valid & self.ready & ~escape),
        ]
        with m.If(self.valid & self.ready):
            m.d.sync += escaped.eq(escape)
        counted = Signal(name="counted")
        with m.If(sent & counted):
            m.d.sync += check.eq(fcs_step(check, raw))
        payload = self._payload(m, index, identify, fault)

        def state(name: str, byte: Value | int, following: str, *, check: bool = True, flag: bool = False) -> None:
            with m.State(name):
                m.d.comb += [self.valid.eq(1), raw.eq(byte), quoted.eq(int(not flag)), counted.eq(int(check))]
                with m.If(sent):
                    m.next = following

        with m.FSM(name="state"):
            with m.State("IDLE"):
                m.d.comb += self.take.eq(self.request)
                m.d.sync += [identify.eq(self.identify), fault.eq(self.fault), number.eq(self.number)]
                m.d.sync += [check.eq(FCS_INIT), index.eq(0)]
                with m.If(self.request):
                    m.next = "WAIT"
            with m.State("WAIT"):
                with m.If(refused | identify | self.result_tvalid):
                    m.next = "OPEN"
            state("OPEN", FLAG, "KIND", check=False, flag=True)
            state("KIND", choose(Kind.FAULT, Kind.IDENTITY, Kind.RESULT), "SEQUENCE")
            state("SEQUENCE", number, "LENGTH_LOW")
            state("LENGTH_LOW", length[:8], "LENGTH_HIGH")
            state("LENGTH_HIGH", length[8:], "PAYLOAD")
            with m.State("PAYLOAD"):
                m.d.comb += [self.valid.eq(1), raw.eq(payload), quoted.eq(1), counted.eq(1)]
                with m.If(sent):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == choose(*(size - 1 for size in sizes))):
                        m.next = "CHECK_LOW"
            state("CHECK_LOW", ~check[:8], "CHECK_HIGH", check=False)
            state("CHECK_HIGH", ~check[8:], "CLOSE", check=False)
            with m.State("CLOSE"):
                m.d.comb += [self.valid.eq(1), raw.eq(FLAG)]
                with m.If(sent):
                    m.d.comb += self.result_tready.eq(~refused & ~identify)
                    m.next = "IDLE"
        return m

    def _payload(self, m: Module, index: Signal, identify: Value, fault: Value) -> Value:
        """Return byte ``index`` of the payload."""
        # in a memory: a block RAM, where the tools find that smaller; the byte is there a clock cycle after its index
        text = [*self.spec.identity.encode(), 0]
        memory = MemoryInstance(data=MemoryData(shape=8, depth=len(text), init=text))
        constant = Signal(8, name="constant")
        memory.read_port(
            domain="sync", addr=index[: (len(text) - 1).bit_length()], data=constant, en=Const(1), transparent_for=()
        )
        m.submodules["identity"] = memory
        of_fault = Mux(index[0], self.faults, fault)
        of_identity = Mux(index == IDENTITY_BYTES - 1, self.faults, constant)
        of_result = self.result_tdata.word_select(index, 8)
        return Mux(fault != 0, of_fault, Mux(identify, of_identity, of_result))
