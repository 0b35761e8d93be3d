"""Results into an AXI4-Stream: a FIFO with credits, so that it never overflows."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, MemoryData, MemoryInstance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.schedule.stream import StreamSpec


class ResultFifo(wiring.Component):
    """Keeps results until they are taken; counts credits, of which an image takes one and its result gives it back.

    All outputs but padding are registers.  Both memories have one port that writes and one that reads with a clock, as
    block RAM of any FPGA has; an entry is read one clock after it was written, or later.

    Members
    -------
    enter : In(1)
        An image enters; only while ``room`` is high.
    after_error : In(1)
        With ``enter``: becomes ``m_axis_tuser`` of that image's result.
    room : Out(1)
        There is a credit.
    result_valid : In(1), result : In(result bits)
        From the network, in the order in which images entered.
    m_axis_tdata : Out(result bytes), m_axis_tvalid, m_axis_tlast, m_axis_tuser : Out(1), m_axis_tready : In(1)
        Results.
    take : Out(1)
        A result is taken.
    """

    def __init__(self, spec: StreamSpec) -> None:
        self.spec, self.keep_registers = spec, spec.copies > 1
        super().__init__(
            {
                "enter": In(1),
                "after_error": In(1),
                "room": Out(1),
                "result_valid": In(1),
                "result": In(spec.result_bits),
                "m_axis_tdata": Out(8 * spec.result_beat_bytes),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "m_axis_tuser": Out(1),
                "take": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build credits, pointers and memories."""
        m = Module()
        self._credits(m)
        credits, copies = self.spec.credits, self.spec.copies
        # an image has an entry from the start: its tuser is written when it enters, its result when that is there
        entries = (
            ControlRegister(m, range(credits), name, copies=copies) for name in ("entering", "writing", "reading")
        )
        entering, writing, reading = entries
        load, valid = Signal(name="load"), ControlRegister(m, 1, "valid", copies=copies)
        # at most credits - 1 entries are written and not read: the oldest result is in the output register
        m.d.comb += load.eq((writing.value != reading.value) & (~valid.value | self.m_axis_tready))
        m.d.sync += [
            valid.eq(load | (valid.value & ~self.m_axis_tready)),
            entering.eq(entering.value + self.enter),
            writing.eq(writing.value + self.result_valid),
            reading.eq(reading.value + load),
        ]
        results = self._memory(m, "stored_results", writing.value, self.result, self.result_valid, reading.value, load)
        after_error = self._memory(
            m, "stored_after_error", entering.value, self.after_error, self.enter, reading.value, load
        )
        m.d.comb += [
            self.m_axis_tvalid.eq(valid.value),
            self.m_axis_tdata.eq(self._padded(results)),
            self.m_axis_tlast.eq(1),
            self.m_axis_tuser.eq(after_error),
            self.take.eq(valid.value & self.m_axis_tready),
        ]
        return m

    def _credits(self, m: Module) -> None:
        """Count credits, and keep beside them whether there is one: ``room == (free != 0)``, without a comparison."""
        credits, copies = self.spec.credits, self.spec.copies
        free = ControlRegister(m, range(credits + 1), "free", init=credits, copies=copies)
        room = ControlRegister(m, 1, "there_is_room", init=1, copies=copies)
        m.d.comb += self.room.eq(room.value)
        with m.If(self.enter & ~self.take):
            m.d.sync += [free.eq(free.value - 1), room.eq(free.value != 1)]
        with m.Elif(self.take & ~self.enter):
            m.d.sync += [free.eq(free.value + 1), room.eq(1)]

    def _memory(
        self, m: Module, name: str, write: Signal, data: Signal, write_enable: Signal, read: Signal, load: Signal
    ) -> Signal:
        """Build a memory of one entry per credit; return the entry that was read last."""
        memory = MemoryInstance(data=MemoryData(shape=len(data), depth=self.spec.credits, init=[]))
        got = Signal(len(data), name=f"{name}_read")
        memory.write_port(domain="sync", addr=write, data=data, en=write_enable)
        memory.read_port(domain="sync", addr=read, data=got, en=load, transparent_for=())
        m.submodules[name] = memory
        return got

    def _padded(self, results: Signal) -> Cat:
        """Return all outputs, each filled up with zeros to whole bytes."""
        parts, first = [], 0
        for name, bits in self.spec.results.items():
            parts.append(results[first : first + bits])
            first += bits
            padding = 8 * self.spec.result_bytes[name][1] - bits
            parts += [Const(0, padding)] if padding else []
        return Cat(*parts)
