"""Identity and counters of a wrapped network, read over AXI4-Lite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.schedule.stream_registers import COUNTER_BITS, RegisterMap

OKAY, SLVERR = 0b00, 0b10
#: Numbers that are added up between two registers, when spikes are counted.
_ADDENDS = 4
#: Bits of a counter between two registers of its carry, so that it does not set the clock rate.
_PART = 16


class StreamRegisters(wiring.Component):
    """Answers a read three clock cycles after its address, ``SLVERR`` where there is no register; refuses every write.

    Counters start at 0 with reset and wrap.  Spikes are counted a few clock cycles after they happen.

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
        spikes = map.spec.spikes or {}
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
                **{f"spikes_{layer}": In(bits) for layer, bits in spikes.items()},
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build counters, the answers to reads, and the refusal of writes."""
        m = Module()
        # these depend on what is outside the device: a register before the sums
        events = {
            "images": _register(m, self.enter, "entered"),
            "results": _register(m, self.take, "taken"),
            "errors": _register(m, self.error, "wrong"),
        }
        for layer in self.map.spec.spikes or {}:
            events[f"spikes_{layer}"] = _count_ones(m, getattr(self, f"spikes_{layer}"), f"sum_{layer}")
        counters = {name: _counter(m, amount, name) for name, amount in events.items()}
        self._reads(m, counters)
        self._writes(m)
        return m

    def _reads(self, m: Module, counters: dict[str, list[Signal]]) -> None:
        """Take an address, look it up part by part, answer.

        Part n of a counter gets its carry n clock cycles late: read n clock cycles late its parts belong together.
        """
        address = Signal(self.map.address_bits - 2, name="word_address")
        found, valid, upper = Signal(name="found"), Signal(name="answer_valid"), Signal(32, name="frozen_upper")
        data = Signal(32, name="answer")
        # (part,): the parts of the lower word are looked up one after another, and then those of the upper one
        looking = Signal(COUNTER_BITS // _PART, name="looking")
        taken = self.s_axil_arvalid & self.s_axil_arready
        words: dict[int, Value] = {}
        for entry in self.map.registers:
            word = entry.offset // 4
            if entry.value is not None:
                words[word] = Const(entry.value, 32)
            else:
                words[word], words[word + 1] = Cat(*counters[entry.name][: 32 // _PART]), upper
        m.d.comb += [
            self.s_axil_arready.eq(~looking.any() & ~valid),
            self.s_axil_rvalid.eq(valid),
            self.s_axil_rdata.eq(data),
            self.s_axil_rresp.eq(Mux(found, OKAY, SLVERR)),
        ]
        with m.If(taken):
            m.d.sync += address.eq(self.s_axil_araddr[2:])
        m.d.sync += looking.eq(Cat(taken, looking))
        with m.If(looking[0]):
            m.d.sync += found.eq(_is_one_of(address, words))
        for part in range(32 // _PART):
            bits = slice(part * _PART, (part + 1) * _PART)
            with m.If(looking[part]):
                m.d.sync += data[bits].eq(_select(address, {word: value[bits] for word, value in words.items()}))
        for part in range(32 // _PART, COUNTER_BITS // _PART):
            bits = slice(part * _PART - 32, (part + 1) * _PART - 32)
            parts = {
                entry.offset // 4: counters[entry.name][part] for entry in self.map.registers if entry.value is None
            }
            with m.If(looking[part] & _is_one_of(address, parts)):
                m.d.sync += upper[bits].eq(_select(address, parts))
        with m.If(looking[32 // _PART - 1]):
            m.d.sync += valid.eq(1)
        with m.Elif(self.s_axil_rready):
            m.d.sync += valid.eq(0)

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


def _is_one_of(address: Value, words: Iterable[int]) -> Value:
    """Return whether ``address`` is one of ``words``."""
    return Cat(*(address == word for word in words)).any()


def _select(address: Value, words: Mapping[int, Value]) -> Value:
    """Return the value at ``address``, 0 if there is none."""
    return reduce(or_, (Mux(address == word, value, 0) for word, value in words.items()))


def _counter(m: Module, amount: Value, name: str) -> list[Signal]:
    """Return a counter in parts, the lowest first; each gets the carry of the one before a clock cycle later."""
    parts: list[Signal] = []
    for number in range(COUNTER_BITS // _PART):
        part, carry = Signal(_PART, name=f"{name}_{number}"), Signal(name=f"{name}_carry_{number}")
        m.d.sync += Cat(part, carry).eq(part + amount)
        parts.append(part)
        amount = carry
    return parts


def _register(m: Module, value: Value, name: str) -> Signal:
    """Return ``value`` one clock cycle later, 0 after reset: nothing from before a reset is counted after it."""
    stored = Signal(value.shape(), name=name)
    m.d.sync += stored.eq(value)
    return stored


def _count_ones(m: Module, bits: Value, name: str) -> Value:
    """Return how many of ``bits`` are high, some clock cycles later: a tree of sums with a register behind each."""
    numbers: list[Value] = [bits[place] for place in range(len(bits))]
    level = 0
    while len(numbers) > 1 or not level:
        level += 1
        most = min(len(bits), _ADDENDS**level).bit_length()
        groups = [numbers[first : first + _ADDENDS] for first in range(0, len(numbers), _ADDENDS)]
        numbers = [
            _register(m, sum(group[1:], group[0])[:most], f"{name}_{level}_{number}")
            for number, group in enumerate(groups)
        ]
    return numbers[0]
