"""One threshold gate: a comparison of the potential with a threshold that earlier spikes choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amaranth.hdl import Const, Module, Mux, Shape, Signal, Value

from amos_hdl.schedule import UnitSpec
from amos_hdl.schedule.adders import signed_digits
from amos_hdl.schedule.lookup import Choice, Lookup, leaves


def fires(m: Module, spec: UnitSpec, gate: int, potential: Value, earlier: Sequence[Value]) -> Signal:
    """Return ``above_<i>``, the condition ``c·x >= t`` of ``gate`` (0-based) of a unit, built within module ``m``.

    ``earlier`` are the spikes of all gates of earlier levels, for the same image, the first gate first.  A gate is no
    module of its own: it is a few lines that are best read within their unit.
    """
    tree, number = spec.lookups[gate], gate + 1
    above = Signal(name=f"above_{number}")
    certain = spec.certain(gate)
    if certain is not None:
        m.d.comb += above.eq(certain)
        return above
    if tree is not None:
        threshold = look_up(m, tree, earlier, f"threshold_{number}", like=potential)
        m.d.comb += above.eq(potential <= threshold if spec.fires_below(gate) else potential >= threshold)
        return above
    linear = spec.weighed
    lateral = [Mux(spike, weight, 0) for spike, weight in zip(earlier, linear.lateral[gate], strict=False) if weight]
    threshold = add_up(m, Const(linear.thresholds[gate]), lateral, f"threshold_{number}")
    gained = add_up(m, None, multiples(potential, linear.gains[gate]), f"gained_{number}")
    m.d.comb += above.eq(gained >= threshold)
    return above


def look_up(m: Module, tree: Lookup, bits: Sequence[Value], name: str, like: Value | None = None) -> Value:
    """Return what ``tree`` gives for ``bits``, as named two-way choices.

    ``threshold_3_1`` is the threshold of gate 3 if the first bit that it asks for is there.  Plain two-way choices are
    what a person can read in the Verilog and what synthesis merges with the comparison.  It is as wide as ``like``
    where that is enough, so that comparisons are of equal widths.
    """
    values = set(leaves(tree))
    shape = Shape.cast(range(min(values), max(values) + 1))
    if like is not None:
        wide = like.shape()
        if not (shape.signed > wide.signed or shape.width > wide.width - (wide.signed and not shape.signed)):
            shape = wide

    def build(node: Lookup, path: str) -> Value:
        if not isinstance(node, Choice):
            return Const(node, shape)
        silent, fired = build(node.silent, path + "0"), build(node.fired, path + "1")
        choice = Signal(shape, name=f"{name}_{path}" if path else name)
        m.d.comb += choice.eq(Mux(bits[node.bit], fired, silent))
        return choice

    return build(tree, "")


def add_up(m: Module, start: Value | None, terms: Sequence[Value], name: str) -> Value:
    """Return ``start`` plus all ``terms`` as a chain of sums called ``name``; a lone term stays as it is."""
    parts = ([start] if start is not None else []) + list(terms)
    if len(parts) == 1:
        return parts[0]
    total: Value = parts[0]
    for term in parts[1:]:
        total = total + term
    signal = Signal(total.shape(), name=name)
    m.d.comb += signal.eq(total)
    return signal


def multiples(value: Value, factor: int) -> list[Value]:
    """Return terms whose sum is ``factor·value``, without a multiplier."""
    return list(_shifted(value, factor)) or [Const(0)]


def _shifted(value: Value, factor: int) -> Iterator[Value]:
    for sign, shift in signed_digits(factor):
        yield value << shift if sign > 0 else -(value << shift)
