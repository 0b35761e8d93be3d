"""One threshold gate: a comparison of the potential with a threshold that earlier spikes choose."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Const, Module, Mux, Shape, Signal, Value

from amos_hdl.schedule import UnitSpec


def fires(m: Module, spec: UnitSpec, gate: int, potential: Value, earlier: Sequence[Value]) -> Signal:
    """Return ``above_<i>``, the condition ``c·x >= t`` of ``gate`` (0-based) of a unit, built within module ``m``.

    ``earlier`` are the spikes of all gates of earlier levels, for the same image, the first gate first.  A gate is no
    module of its own: it is a few lines that are best read within their unit.
    """
    circuit, table, number = spec.circuit, spec.tables[gate], gate + 1
    gained: Value = potential
    if circuit.gains[gate] != 1:
        product = potential * circuit.gains[gate]
        gained = Signal(product.shape(), name=f"gained_{number}")
        m.d.comb += gained.eq(product)
    if table is not None:
        # as wide as the potential where that is enough, so that the comparison is of equal widths
        needed, shape = Shape.cast(range(min(table), max(table) + 1)), gained.shape()
        if needed.signed > shape.signed or needed.width > shape.width - (shape.signed and not needed.signed):
            shape = needed
        threshold = _look_up(m, table, earlier, shape, f"threshold_{number}")
    else:
        threshold = _add_up(m, circuit.thresholds[gate], circuit.lateral[gate], earlier, f"threshold_{number}")
    above = Signal(name=f"above_{number}")
    m.d.comb += above.eq(gained >= threshold)
    return above


def _look_up(m: Module, table: Sequence[int], spikes: Sequence[Value], shape: Shape, name: str) -> Value:
    """Return ``table[p]``, the first spike the most significant digit of p, as named multiplexers.

    ``threshold_3_1`` is the threshold of gate 3 if the first spike was there.  Plain two-way choices are what a person
    can read in the Verilog and what synthesis merges with the comparison.
    """
    if len(set(table)) == 1:
        return Const(table[0], shape)
    choices: list[Value] = [Const(value, shape) for value in table]
    for depth in range(len(spikes) - 1, -1, -1):
        spike, following = spikes[depth], []
        for prefix in range(1 << depth):
            suffix = f"_{prefix:0{depth}b}" if depth else ""
            choice = Signal(shape, name=name + suffix)
            m.d.comb += choice.eq(Mux(spike, choices[2 * prefix + 1], choices[2 * prefix]))
            following.append(choice)
        choices = following
    return choices[0]


def _add_up(m: Module, threshold: int, lateral: Sequence[int], spikes: Sequence[Value], name: str) -> Value:
    """Return T_i + Σ H_ij·z_j as a chain of sums."""
    total: Value = Const(threshold)
    for spike, weight in zip(spikes, lateral, strict=False):
        if weight:
            total = total + Mux(spike, weight, 0)
    signal = Signal(total.shape(), name=name)
    m.d.comb += signal.eq(total)
    return signal
