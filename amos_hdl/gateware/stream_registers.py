"""Identity and counters of a wrapped network, read over AXI4-Lite."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.counter_bank import CounterBank
from amos_hdl.gateware.counters import chosen
from amos_hdl.gateware.ones import delayed
from amos_hdl.schedule.stream_counters import SpikeLines
from amos_hdl.schedule.stream_registers import COUNTERS_OFFSET, WORD_BITS, RegisterMap

OKAY, SLVERR = 0b00, 0b10


class StreamRegisters(wiring.Component):
    """Answers reads, ``map.read_cycles`` after the address at most, ``SLVERR`` where nothing is; refuses every write.

    Counters start at 0 with reset and wrap; what happens is counted a few clock cycles later.  Both words of a counter
    are of one clock cycle.

    Members
    -------
    s_axil_* : AXI4-Lite, 32 data bits
        Without ``awprot`` and ``arprot``, which a subordinate need not have.
    enter, take, error : In(1)
        Count an image, a result, an error.
    spikes_<layer> : In(gates)
        Spikes of one layer, each for one clock cycle.

    Source: AMBA AXI Protocol Specification, ARM IHI 0022H, sections A3.2 (handshakes) and B1 (AXI4-Lite).
    """

    def __init__(self, map: RegisterMap) -> None:
        self.map = map
        super().__init__(
            {
                "s_axil_awaddr": In(map.address_bits),
                "s_axil_awvalid": In(1),
                "s_axil_awready": Out(1),
                "s_axil_wdata": In(32),
                "s_axil_wstrb": In(4),
                "s_axil_wvalid": In(1),
                "s_axil_wready": Out(1),
                "s_axil_bresp": Out(2),
                "s_axil_bvalid": Out(1),
                "s_axil_bready": In(1),
                "s_axil_araddr": In(map.address_bits),
                "s_axil_arvalid": In(1),
                "s_axil_arready": Out(1),
                "s_axil_rdata": Out(32),
                "s_axil_rresp": Out(2),
                "s_axil_rvalid": Out(1),
                "s_axil_rready": In(1),
                "enter": In(1),
                "take": In(1),
                "error": In(1),
                **{f"spikes_{layer}": In(bits) for layer, bits in map.spec.spike_bits.items()},
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build counters, the answers to reads, and the refusal of writes."""
        m = Module()
        lines: dict[str, list[Value]] = {"images": [self.enter], "results": [self.take], "errors": [self.error]}
        for layer, shared in (self.map.spec.spikes or {}).items():
            spikes = getattr(self, f"spikes_{layer}")
            lines[f"spikes_{layer}"] = self._shared(m, spikes, shared, layer)
        self._reads(m, CounterBank(m, self.map.counters, lines))
        self._writes(m)
        return m

    def _shared(self, m: Module, spikes: Signal, shared: SpikeLines, layer: str) -> list[Value]:
        """Return lines that gates share: the last group of a line passes all others, and has its spikes added to."""
        lines: list[Value] = []
        for number, groups in enumerate(shared.groups):
            later: list[Value] = []
            for place, group in reversed(list(enumerate(groups))):
                line = Signal(name=f"line_{layer}_{number}_{place}")
                m.d.comb += line.eq(Cat(*(spikes[bit] for bit in group), *later).any())
                later = [delayed(m, line, shared.wait_cycles, f"{line.name}_later")] if place else []
            lines.append(line)
        return lines

    def _reads(self, m: Module, bank: CounterBank) -> None:
        """Take an address, await the turn of what is there, gather it part by part, answer.

        Constants and a frozen upper word take a turn with any four parts.  The lower word of a counter takes all parts
        of its counter, which pass through the upper word and stay there.
        """
        address = Signal(self.map.address_bits - 2, name="word_address")
        asked, known, moving, valid = (Signal(name=name) for name in ("asked", "known", "moving", "answer_valid"))
        begins, moves, ends = (Signal(name=name) for name in ("begins", "moves", "ends"))
        # of the address, one clock cycle after it: from when it is known
        counted, whole, found = (Signal(name=name) for name in ("is_counter", "is_lower_word", "found"))
        answer, upper = Signal(WORD_BITS, name="answer"), Signal(WORD_BITS, name="upper_word")
        first, bits = COUNTERS_OFFSET * 8 // WORD_BITS, bank.spec.part_bits
        part, next_part = (value[: (WORD_BITS // bits - 1).bit_length()] for value in (bank.part, bank.next_part))
        constant, is_constant = self._constant(m, address, next_part)
        is_counter = (address >= first) & (address < first + 2 * len(bank.spec.lines))
        m.d.comb += [
            begins.eq(Mux(whole, (bank.part == 0) & (bank.counter + first // 2 == address[1:]), part == 0)),
            moves.eq(asked & known & (begins | moving)),
            ends.eq(moves & Mux(whole, bank.part.all(), part.all())),
            self.s_axil_arready.eq(~asked & ~valid),
            self.s_axil_rvalid.eq(valid),
            self.s_axil_rdata.eq(answer),
            self.s_axil_rresp.eq(Mux(found, OKAY, SLVERR)),
        ]
        m.d.sync += [
            known.eq(asked),
            moving.eq(moves & ~ends),
            counted.eq(is_counter),
            whole.eq(is_counter & ~address[0]),
            found.eq(is_counter | is_constant),
        ]
        with m.If(self.s_axil_arvalid & self.s_axil_arready):
            m.d.sync += [address.eq(self.s_axil_araddr[2:]), asked.eq(1)]
        with m.If(moves):
            m.d.sync += answer.eq(Cat(answer[bits:], Mux(counted, upper[:bits], constant)))
        with m.If(moves & counted):
            m.d.sync += upper.eq(Cat(upper[bits:], Mux(whole, bank.word, upper[:bits])))
        with m.If(ends):
            m.d.sync += [asked.eq(0), valid.eq(1)]
        with m.Elif(self.s_axil_rready):
            m.d.sync += valid.eq(0)

    def _constant(self, m: Module, address: Value, next_part: Value) -> tuple[Signal, Value]:
        """Return the next part of the constant at ``address``, a clock cycle later, and whether there is one."""
        places = 1 << len(next_part)
        bits, value = WORD_BITS // places, Signal(WORD_BITS // places, name="constant_part")
        words = {entry.offset * 8 // WORD_BITS: entry.value for entry in self.map.registers if entry.value is not None}
        count = COUNTERS_OFFSET * 8 // WORD_BITS
        low = address[: (count - 1).bit_length()]
        table = [Const(words.get(word, 0) >> bits * place, bits) for word in range(count) for place in range(places)]
        m.d.sync += value.eq(chosen(Cat(next_part, low), table))
        return value, (address[len(low) :] == 0) & Cat(*(low == word for word in words)).any()

    def _writes(self, m: Module) -> None:
        """Answer with an error once address and data are there, in whichever order."""
        address_there, data_there = Signal(name="write_address_there"), Signal(name="write_data_there")
        m.d.comb += [
            self.s_axil_awready.eq(~address_there),
            self.s_axil_wready.eq(~data_there),
            self.s_axil_bvalid.eq(address_there & data_there),
            self.s_axil_bresp.eq(SLVERR),
        ]
        with m.If(self.s_axil_awvalid):
            m.d.sync += address_there.eq(1)
        with m.If(self.s_axil_wvalid):
            m.d.sync += data_there.eq(1)
        with m.If(self.s_axil_bvalid & self.s_axil_bready):
            m.d.sync += [address_there.eq(0), data_there.eq(0)]
