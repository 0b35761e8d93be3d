"""One AMOS unit whose gates take turns on one comparator."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from amos_hdl.gateware.gate import add_up, look_up, multiples
from amos_hdl.gateware.unit import AmosUnit, decode
from amos_hdl.gateware.words import register
from amos_hdl.schedule import FoldedUnitSpec


class FoldedUnit(AmosUnit):
    """K gates, one per level, on one comparator; a new potential may enter every K clock cycles, not sooner.

    Members
    -------
    potential, step, spikes, y
        As of ``AmosUnit``, in the same clock cycles.  The potential is kept within; two images nearer than
        ``spec.interval_cycles`` spoil each other.
    """

    spec: FoldedUnitSpec

    def elaborate(self, platform: object) -> Module:
        """Build the comparator, what it compares with, and the spikes so far."""
        m = Module()
        spec, gates = self.spec, self.spec.circuit.gates
        held = Signal(self.potential.shape(), name="potential_held", reset_less=True)
        potential = Signal(self.potential.shape(), name="potential_now")
        m.d.comb += potential.eq(Mux(self.step[0], self.potential, held))
        m.d.sync += held.eq(potential)
        # a one followed by the spikes so far, the latest lowest: nothing but the one when an image enters
        code = Signal(gates, reset_less=True)
        node = Signal(gates)
        m.d.comb += node.eq(Mux(self.step[0], 1, code))
        above = self._above_by_table(m, potential, node) if spec.rom is not None else self._above(m, potential, node)
        m.d.sync += code.eq(Cat(above, node))
        spikes = []
        for gate in range(gates):
            fire = Signal(name=f"fire_{gate + 1}")
            m.d.comb += fire.eq(self.step[gate] & above)
            spikes.append(register(m, fire, f"spike_{gate + 1}"))
        m.d.comb += [self.spikes.eq(Cat(spikes)), self.y.eq(decode(m, spec, list(reversed(code))))]
        return m

    def _above_by_table(self, m: Module, potential: Value, node: Signal) -> Value:
        """Return whether the gate at work fires, its threshold looked up by the spikes before it."""
        spec = self.spec
        threshold = look_up(m, spec.rom, list(reversed(node)), "threshold", like=potential)  # type: ignore[arg-type]
        reached = Signal()
        m.d.comb += reached.eq(potential >= threshold)
        below = [self.step[gate] for gate in range(len(node)) if spec.fires_below(gate)]
        if not below:
            return reached
        # gates with a negative gain fire where the potential does not reach what they are given here
        above = Signal()
        m.d.comb += above.eq(reached ^ Cat(below).any())
        return above

    def _above(self, m: Module, potential: Value, node: Signal) -> Value:
        """Return whether the gate at work fires, its threshold made of the lateral weights of the spikes before it."""
        linear = self.spec.linear
        assert linear is not None  # noqa: S101 - what has no table has lateral weights
        # the spike of `age` steps ago has another weight at each step
        lateral = []
        for age in range(linear.gates - 1):
            weights = [row[n - 1 - age] if n > age else 0 for n, row in enumerate(linear.lateral)]
            lateral.append(Mux(node[age], self._by_step(m, weights, f"weight_{age}"), 0))
        threshold = add_up(m, self._by_step(m, linear.thresholds, "threshold_alone"), lateral, "threshold")
        products = {
            gain: add_up(m, None, multiples(potential, gain), f"gained_by_{gain}".replace("-", "minus_"))
            for gain in dict.fromkeys(linear.gains)
        }
        gained = self._by_step(m, [products[gain] for gain in linear.gains], "gained")
        above = Signal()
        m.d.comb += above.eq(gained >= threshold)
        return above

    def _by_step(self, m: Module, values: Sequence[Value | int], name: str) -> Value:
        """Return the value of the step at work, as the signal ``name``; the last one's when there is none."""
        chosen = Value.cast(values[-1])
        for gate in range(len(values) - 2, -1, -1):
            value = Value.cast(values[gate])
            # what is equal from here on needs no choice
            if not (isinstance(value, Const) and isinstance(chosen, Const) and value.value == chosen.value):
                chosen = Mux(self.step[gate], value, chosen)
        signal = Signal(chosen.shape(), name=name)
        m.d.comb += signal.eq(chosen)
        return signal
