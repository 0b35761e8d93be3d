"""One AMOS unit whose gates take turns."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value

from amos_hdl.gateware.gate import add_up, fires, look_up, multiples
from amos_hdl.gateware.unit import AmosUnit, decode
from amos_hdl.gateware.words import register
from amos_hdl.schedule import FoldedUnitSpec
from amos_hdl.schedule.lookup import Lookup


class FoldedUnit(AmosUnit):
    """K gates, one per level, that take turns; a new potential may enter every K clock cycles, not sooner.

    Gate 1 has a constant threshold, a few LUTs, and compares the potential as it enters; gates 2 to K share one
    comparator, which then works on the potential that is kept.  With the comparator of all K gates at the input, behind
    multiplexers, units of up to five gates were larger than unfolded ones (Yosys, ECP5).

    Members
    -------
    potential, step, spikes, y
        As of ``AmosUnit``, in the same clock cycles.  Two images nearer than ``spec.interval_cycles`` spoil each other.
    """

    spec: FoldedUnitSpec

    def elaborate(self, platform: object) -> Module:
        """Build both comparisons, and what is kept: the potential and the spikes so far."""
        m = Module()
        spec, gates, entering = self.spec, self.spec.circuit.gates, self.step[0]
        held = Signal(self.potential.shape(), name="potential_held", reset_less=True)
        with m.If(entering):
            m.d.sync += held.eq(self.potential)
        first = fires(m, spec, 0, self.potential, [])
        # a one followed by the spikes so far, the latest lowest
        code = Signal(gates, reset_less=True)
        if spec.rom is not None:
            above = self._above_by_table(m, held, code, spec.rom)
        elif spec.approximation is not None:
            above = self._above_by_trial(m, held, first)
        else:
            above = self._above_by_weights(m, held, code)
        latest = Signal()
        m.d.comb += latest.eq(Mux(entering, first, above))
        m.d.sync += code.eq(Cat(latest, Mux(entering, 1, code[:-1])))
        spikes = []
        for gate in range(gates):
            fire = Signal(name=f"fire_{gate + 1}")
            m.d.comb += fire.eq(self.step[gate] & (above if gate else first))
            spikes.append(register(m, fire, f"spike_{gate + 1}"))
        m.d.comb += [self.spikes.eq(Cat(spikes)), self.y.eq(decode(m, spec, list(reversed(code))))]
        return m

    def _above_by_table(self, m: Module, potential: Value, code: Signal, rom: Lookup) -> Value:
        """Return whether the gate at work fires, its threshold looked up by the spikes before it."""
        spec = self.spec
        threshold = look_up(m, rom, list(reversed(code)), "threshold", like=potential)
        reached = Signal()
        m.d.comb += reached.eq(potential >= threshold)
        below = [self.step[gate] for gate in range(1, len(code)) if spec.fires_below(gate)]
        if not below:
            return reached
        # gates with a negative gain fire where the potential does not reach what they are given here
        above, invert = Signal(name="above"), Signal(name="invert")
        m.d.comb += [invert.eq(Cat(below).any()), above.eq(reached ^ invert)]
        return above

    def _above_by_trial(self, m: Module, potential: Value, first: Value) -> Value:
        """Return whether the gate at work fires, its threshold the sum so far plus its own weight."""
        start, *weights = self.spec.approximation or ()
        sums = (start + sum(min(weight, 0) for weight in weights), start + sum(max(weight, 0) for weight in weights))
        total = Signal(Shape.cast(range(sums[0], sums[1] + 1)), reset_less=True)
        trial, first_total = (Signal(total.shape(), name=name) for name in ("trial", "first_total"))
        following, moves, above = Signal(total.shape(), name="following"), Signal(name="moves"), Signal(name="above")
        # the sum of two words has a bit more than the interval of this one needs
        sum_trial = total + self._by_step(m, weights, "weight")
        wide = Signal(sum_trial.shape(), name="sum_trial")
        m.d.comb += [wide.eq(sum_trial), trial.eq(wide), above.eq(potential >= trial)]
        m.d.comb += [first_total.eq(Mux(first, start + weights[0], start)), moves.eq(self.step[0] | above)]
        m.d.comb += following.eq(Mux(self.step[0], first_total, trial))
        with m.If(moves):
            m.d.sync += total.eq(following)
        return above

    def _above_by_weights(self, m: Module, potential: Value, code: Signal) -> Value:
        """Return whether the gate at work fires, its threshold made of the lateral weights of the spikes before it."""
        linear = self.spec.weighed
        # the spike of `age` steps ago has another weight at each step
        lateral = []
        for age in range(linear.gates - 1):
            weights = [row[n - 1 - age] if n > age else 0 for n, row in enumerate(linear.lateral)]
            lateral.append(Mux(code[age], self._by_step(m, weights, f"weight_{age}"), 0))
        threshold = add_up(m, self._by_step(m, linear.thresholds, "threshold_alone"), lateral, "threshold")
        products = {
            gain: add_up(m, None, multiples(potential, gain), f"gained_by_{gain}".replace("-", "minus_"))
            for gain in dict.fromkeys(linear.gains[1:])
        }
        gained = self._by_step(m, [0, *(products[gain] for gain in linear.gains[1:])], "gained")
        above = Signal()
        m.d.comb += above.eq(gained >= threshold)
        return above

    def _by_step(self, m: Module, values: Sequence[Value | int], name: str) -> Value:
        """Return the value of the step at work, the second or a later one, as the signal ``name``."""
        chosen = Value.cast(values[-1])
        for gate in range(len(values) - 2, 0, -1):
            value = Value.cast(values[gate])
            # what is equal from here on needs no choice
            if not (isinstance(value, Const) and isinstance(chosen, Const) and value.value == chosen.value):
                choice = Mux(self.step[gate], value, chosen)
                chosen = Signal(choice.shape(), name=f"{name}_{gate + 1}" if gate > 1 else name)
                m.d.comb += chosen.eq(choice)
        return chosen
