"""Many long counters in one memory of narrow words, served in turn by one adder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from amos_hdl.gateware.counters import chosen, memory
from amos_hdl.gateware.ones import Bit, add, delayed, live_count
from amos_hdl.schedule.stream_counters import CounterSpec


class CounterBank:
    """The counters of ``spec``, each 0 after reset.

    Parameters
    ----------
    m : Module
    spec : CounterSpec
    lines : mapping of str to sequence of values
        For each counter, by name, the lines that it counts.

    Members
    -------
    word : Signal(part_bits)
        One part of one counter, the next one in each clock cycle.  All parts of a counter, from the lowest on, are what
        it was in one and the same clock cycle.
    counter, part : Signal
        Number of the counter, and of its part, that ``word`` is.
    next_counter, next_part : Signal
        The same one clock cycle before.
    """

    def __init__(self, m: Module, spec: CounterSpec, lines: Mapping[str, Sequence[Value]]) -> None:
        self.spec = spec
        self.word = Signal(spec.part_bits, name="part_value")
        self.counter = Signal(range(max(2, len(spec.lines))), name="counter_number")
        self.part = Signal(range(max(2, spec.parts)), name="part_number")
        self.next_counter = Signal.like(self.counter, name="next_counter_number")
        self.next_part = Signal.like(self.part, name="next_part_number")
        last_part, last = Signal(name="next_part_is_last"), Signal(name="next_is_last")
        m.d.comb += [
            last_part.eq(self.next_part == spec.parts - 1),
            last.eq(last_part & (self.next_counter == len(spec.lines) - 1)),
        ]
        m.d.sync += [
            self.next_part.eq(self.next_part + 1),
            self.counter.eq(self.next_counter),
            self.part.eq(self.next_part),
        ]
        with m.If(last_part):
            m.d.sync += self.next_counter.eq(Mux(last, 0, self.next_counter + 1))
        self._serve(m, lines, last)

    def _serve(self, m: Module, lines: Mapping[str, Sequence[Value]], next_is_last: Value) -> None:
        """Read a part, count, write it back."""
        bits, next_is_live, live = self.spec.part_bits, Signal(name="next_is_live"), self._live(m, lines)
        # a memory has no reset: in the first round after it everything that is kept counts as 0
        first, last = Signal(name="first_round", init=1), Signal(name="is_last")
        is_live, is_kept, up = Signal(name="is_live"), Signal(name="is_kept"), Signal(name="count_up")
        live_parts = [self.spec.live_parts(number) for number in range(len(self.spec.lines))]
        kept = memory(
            m,
            "counters",
            len(self.spec.lines) << len(self.part),
            self.word,
            write=Cat(self.part, self.counter),
            write_enable=Const(1),
            read=Cat(self.next_part, self.next_counter),
        )
        raised: list[Value] = []
        carry: Value = up
        for place in range(bits):
            one, carry = add(m, [kept[place], carry], f"raised_{place}")
            raised.append(one)
        m.d.comb += [
            next_is_live.eq(Cat(*(self.next_part < count for count in live_parts)).bit_select(self.next_counter, 1)),
            self.word.eq(live | Mux(is_kept, Cat(*raised), 0)),
        ]
        m.d.sync += [
            last.eq(next_is_last),
            is_live.eq(next_is_live),
            is_kept.eq(~next_is_live & ~(first & ~last)),
            up.eq(Mux(is_live, kept[-1] & ~live[-1] & ~first, carry)),
        ]
        with m.If(~next_is_live):
            m.d.sync += live.eq(0)
        with m.If(last):
            m.d.sync += first.eq(0)

    def _live(self, m: Module, lines: Mapping[str, Sequence[Value]]) -> Signal:
        """Return what comes next of the parts that are registers, a clock cycle later."""
        spec, value = self.spec, Signal(self.spec.part_bits, name="live_part")
        most = max(spec.live_parts(number) for number in range(len(spec.lines)))
        tables: list[list[Value]] = [[] for _ in range(1 << (most - 1).bit_length())]
        for number, (name, counted) in enumerate(lines.items()):
            parts = self._together(m, live_count(m, counted, spec.live_parts(number) * spec.part_bits, name), name)
            for place, table in enumerate(tables):
                table.append(parts[place] if place < len(parts) else Const(0, spec.part_bits))
        place = self.next_part[: (len(tables) - 1).bit_length()]
        m.d.sync += value.eq(chosen(place, [chosen(self.next_counter, table) for table in tables]))
        return value

    def _together(self, m: Module, count: Sequence[Bit], name: str) -> list[Value]:
        """Return the parts of a count, part k of any clock cycle's count k cycles after part 0."""
        bits, parts = self.spec.part_bits, []
        # (bit,): clock cycles that it comes late, beyond those in which its part may
        late = [bit.cycle - place // bits for place, bit in enumerate(count)]
        for first in range(0, len(count), bits):
            pieces, begun = [], first
            for place in range(first + 1, first + bits + 1):
                if place == first + bits or late[place] != late[begun]:
                    piece = Cat(*(bit.value for bit in count[begun:place]))
                    pieces.append(delayed(m, piece, max(late) - late[begun], f"{name}_from_{begun}"))
                    begun = place
            parts.append(Cat(*pieces))
        return parts
