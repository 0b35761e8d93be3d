"""Weighted sums that share their adders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, ClockSignal, Const, Elaboratable, Instance, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.gateware.counters import count_up
from amos_hdl.gateware.dense import add_words
from amos_hdl.schedule import FoldedSumSpec, Port


class SumLane(wiring.Component):
    """One set of adders and the sums that it has made.

    Members
    -------
    x : In(input words), weights : In(weights)
        Of one step.
    last : In(1)
        ``spec.adders.latency_cycles`` after that step: it ends a sum.
    first : In(1), only where a sum takes several steps and goes on from something
        As ``last``: the step begins a sum.
    clear : In(1), only where a sum takes several steps and begins with zero
        As ``last``: the next step begins a sum, or there is none at work.
    start : In(word), only where sums are biased
        At a sum's first step: what it begins with.
    fresh : In(1), only where inputs come in parts
        At a sum's first step: the sum begins; else it goes on from what the part before has left.
    sums : Out(words)
        Sum n of the lane at word n, once all have ended; in turn the last that has.
    """

    def __init__(self, spec: FoldedSumSpec) -> None:
        self.spec = spec
        self.word, self.code = spec.potential.word_bits, Port.of(spec.source)
        ports = {
            "x": In(spec.inputs * self.code.word_bits),
            "weights": In(spec.weight.bits),
            "last": In(1),
            "sums": Out(spec.kept * self.word),
        }
        ports |= {"first" if spec.goes_on else "clear": In(1)} if spec.slices > 1 else {}
        ports |= {"start": In(self.word)} if spec.biased else {}
        ports |= {"fresh": In(1)} if spec.parts > 1 else {}
        super().__init__(ports)

    has_reset = False

    def elaborate(self, platform: object) -> Module:
        """Build products, adders, accumulator and the shift register of sums."""
        m = Module()
        spec = self.spec
        partial = add_words(m, spec.adders, self._products(m))
        shape = Port.of(spec.adders.result)
        partial = partial.as_signed() if shape.signed else partial
        done = Signal(spec.kept * self.word, reset_less=True)
        total, base = Signal(self.word), Signal(self.word)
        wide = Signal(Shape.cast(partial.shape()).width + self.word + 1, name="wide_total")
        m.d.comb += [wide.eq(base + partial), total.eq(wide)]
        begin: Value = self.start if spec.biased else Const(0, self.word)
        if spec.parts > 1:
            begin = Mux(self.fresh, begin, done[: self.word])
        if spec.slices == 1:
            m.d.comb += base.eq(begin)
        else:
            accumulator = Signal(self.word, reset_less=True)
            # with a synchronous reset that flip-flops have, rather than a choice in front of the adder
            m.d.sync += accumulator.eq(total if spec.goes_on else Mux(self.clear, 0, total))
            m.d.comb += base.eq(Mux(self.first, begin, accumulator) if spec.goes_on else accumulator)
        with m.If(self.last):
            m.d.sync += done.eq(Cat(done, total)[self.word :])
        m.d.comb += self.sums.eq(done)
        return m

    def _products(self, m: Module) -> list[Value]:
        """Return for each input and each bit of it its weight, or zero where the bit is zero."""
        bits, weight = self.code.word_bits, self.spec.weight
        products: list[Value] = []
        for number in range(self.spec.inputs):
            word = self.weights[number * weight.word_bits : (number + 1) * weight.word_bits]
            for bit in range(bits):
                product = Signal(weight.word_bits, name=f"product_{number}_{bit}")
                m.d.comb += product.eq(Mux(self.x[number * bits + bit], word, 0))
                products.append(product.as_signed() if weight.signed else product)
        return products


class FoldedSum(wiring.Component):
    """The sums of one layer, one image in ``spec.interval_cycles`` clock cycles.

    Members
    -------
    in_valid : In(1), x : In(input words)
        Two vectors nearer than ``spec.interval_cycles`` spoil each other.
    out_valid : Out(1)
        ``in_valid``, ``spec.latency_cycles`` later; with parts that of the last part.  In turn once for each fold.
    potential : Out(words)
        The sums, valid with ``out_valid``; in turn one of each lane.

    Parameters
    ----------
    spec : FoldedSumSpec
    modules : mapping of str to str
        Module names of ``lane`` and ``weights``.
    copies : int, 1 or 3
        Of each counter; see ``ControlRegister``.
    """

    def __init__(self, spec: FoldedSumSpec, modules: Mapping[str, str], copies: int = 1) -> None:
        self.spec, self.modules, self.copies = spec, modules, copies
        self.keep_registers = copies > 1
        self.source, self.result = Port.of(spec.source), spec.potential
        super().__init__(
            {
                "in_valid": In(1),
                "x": In(self.source.bits),
                "out_valid": Out(1),
                "potential": Out(self.result.bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the counters, the shift registers of inputs, the ROM and the lanes."""
        m = Module()
        spec = self.spec
        first, last, done = self._steps(m)
        weights = Signal(spec.rom_bits)
        m.submodules.weights_rom = self.place("weights", i_address=self.address, o_word=weights)
        banks = [self._bank(m, number, words) for number, words in enumerate(spec.banks)]
        # what a step is, is known to the lanes when its products are added up
        extra: dict[str, Value] = {}
        for cycle in range(1, spec.adders.latency_cycles + 1):
            last, done = (self._strobe(m, value, f"{name}_{cycle}") for name, value in (("last", last), ("done", done)))
            if first is not None:
                first = self._strobe(m, first, f"first_{cycle}")
        if first is not None:
            extra["i_first" if spec.goes_on else "i_clear"] = first
        m.d.comb += self.out_valid.eq(self._strobe(m, *((last, "one_done") if spec.in_turn else (done, "all_done"))))
        if spec.parts > 1:
            fresh = ControlRegister(m, 1, "fresh", init=1, copies=self.copies)
            if spec.interval_cycles == 1:
                m.d.sync += fresh.eq(Mux(last, done, fresh.value))
            else:
                fold = self._fold(m, last, "part_fold")
                with m.If(last & (fold == spec.folds - 1)):
                    m.d.sync += fresh.eq(done)
            extra["i_fresh"] = fresh.value
        fold_of_bias = self._fold(m, last, "bias_fold") if spec.biased else Const(0)
        taken, weight_bits = spec.inputs * self.source.word_bits, spec.weight.bits
        for lane in range(spec.lanes):
            share = slice(lane * spec.kept * self.result.word_bits, (lane + 1) * spec.kept * self.result.word_bits)
            if spec.biased:
                words = [
                    Const(bias & (1 << self.result.word_bits) - 1, self.result.word_bits) for bias in spec.biases[lane]
                ]
                extra["i_start"] = choose(fold_of_bias, words)
            m.submodules[f"lane{lane}"] = self.place(
                "lane",
                i_x=banks[spec.bank(lane)][:taken],
                i_weights=weights[lane * weight_bits : (lane + 1) * weight_bits],
                i_last=last,
                o_sums=self.potential[share],
                **extra,
            )
        return m

    def _steps(self, m: Module) -> tuple[Value | None, Value, Value]:
        """Count steps; return whether the one at work begins a sum (see ``SumLane``), ends one, is an image's last.

        The first is None where each step begins one.
        """
        spec = self.spec
        steps = len(spec.weights)
        address = ControlRegister(m, range(steps), "address", copies=self.copies)
        at_work = ControlRegister(m, 1, "working", copies=self.copies)
        self.address, working = address.value, at_work.value
        advance, ends = Signal(name="advance"), Signal(name="ends_part")
        m.d.comb += advance.eq(self.in_valid | (working & ~ends))
        m.d.sync += at_work.eq(advance)
        following = count_up(m, self.address, steps)
        with m.If(advance):
            m.d.sync += address.eq(following)
        first: Signal | None = None
        last, done = Signal(name="last"), Signal(name="done")
        if spec.slices > 1:
            count = ControlRegister(m, range(spec.slices), "slice", copies=self.copies)
            number = count.value
            following = count_up(m, number, spec.slices)
            with m.If(working):
                m.d.sync += count.eq(following)
            first = Signal(name="first")
            m.d.comb += last.eq(working & (number == spec.slices - 1))
            m.d.comb += first.eq(number == 0 if spec.goes_on else last | ~working)
        else:
            m.d.comb += last.eq(working)
        m.d.comb += ends.eq(last & (self._fold(m, last, "fold") == spec.folds - 1))
        # the ROM is read one step ahead, so at an image's last step the address is back at its first
        m.d.comb += done.eq(ends & (self.address == 0))
        return first, last, done

    def _fold(self, m: Module, last: Value, name: str) -> Value:
        """Return which of its sums a lane is at, as counted by ``last``."""
        folds = self.spec.folds
        if folds == 1:
            return Const(0)
        count = ControlRegister(m, range(folds), name, copies=self.copies)
        following = count_up(m, count.value, folds)
        with m.If(last):
            m.d.sync += count.eq(following)
        return count.value

    def _bank(self, m: Module, number: int, words: tuple[int, ...]) -> Signal:
        """Build a shift register of inputs that turns once for each sum, so that the next ones are always lowest."""
        bits = self.source.word_bits
        held = Signal(len(words) * bits, name=f"held_{number}", reset_less=True)
        load = Cat(self.x[word * bits : (word + 1) * bits] for word in words)
        turn = self.spec.inputs * bits
        m.d.sync += held.eq(Mux(self.in_valid, load, Cat(held[turn:], held[:turn])))
        return held

    def place(self, part: str, **ports: Value) -> Elaboratable:
        """Return an instance of the module of ``part``."""
        return Instance(self.modules[part], i_clk=ClockSignal(), **ports)

    def _strobe(self, m: Module, value: Value, name: str) -> Value:
        """Return ``value`` one clock cycle later, low after reset."""
        stored = ControlRegister(m, 1, name, copies=self.copies)
        m.d.sync += stored.eq(value)
        return stored.value


def choose(number: Value, words: Sequence[Value]) -> Value:
    """Return ``words[number]``, as a tree of two-way choices."""
    if len(words) == 1:
        return words[0]
    half = 1 << (len(words) - 1).bit_length() - 1
    return Mux(number[half.bit_length() - 1], choose(number, words[half:]), choose(number, words[:half]))
