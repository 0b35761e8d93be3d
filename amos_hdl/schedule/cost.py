"""How many LUTs of 4 inputs the parts of a unit take, so that each is built in the way that takes fewer."""

from __future__ import annotations

from collections.abc import Sequence

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.network import width_bits
from amos_hdl.schedule.lookup import Choice, Lookup, leaves


def lookup_luts(tree: Lookup, bits: int) -> float:
    """Return the LUTs of a constant of ``bits`` bits that spikes choose."""
    return sum(_bit_luts(tree, bit) for bit in range(bits))


def _bit_luts(tree: Lookup, bit: int) -> float:
    """Return the LUTs of one bit of a lookup: by the nodes and the support of its decision diagram."""
    known: dict[object, int] = {}
    support: set[int] = set()

    def reduce(node: Lookup) -> int:
        if not isinstance(node, Choice):
            return node >> bit & 1
        silent, fired = reduce(node.silent), reduce(node.fired)
        if silent == fired:
            return silent
        support.add(node.bit)
        return known.setdefault((node.bit, silent, fired), len(known) + 2)

    reduce(tree)
    if len(support) <= 1:
        return 0.0  # a constant or a spike itself
    if len(support) <= 4:
        return 1.0
    return min(0.55 * len(known), 1.0 * (1 << len(support) - 4))


def gate_luts(tree: Lookup | None, linear: ThresholdCircuit | None, gate: int, bits: int) -> float:
    """Return the LUTs of ``gate`` (0-based): by its lookup, or without one by its lateral weights."""
    if tree is not None:
        return table_luts(tree, bits)
    assert linear is not None  # noqa: S101 - a gate without a lookup has lateral weights
    return lateral_luts(linear, gate, bits)


def table_luts(tree: Lookup, bits: int) -> float:
    """Return the LUTs of ``x >= t`` for a potential of ``bits`` bits and a threshold that is looked up."""
    constant = len(set(leaves(tree))) == 1
    return lookup_luts(tree, bits) + compare_luts(bits, constant=constant)


def compare_luts(bits: int, *, constant: bool) -> float:
    """Return the LUTs of a comparison of two words, or of one with a constant."""
    return bits / 3 if constant else 1.5 * bits


def sum_luts(weights: Sequence[int], offset: int) -> float:
    """Return the LUTs of ``offset + Σ weight·spike``, added in a chain."""
    low = high = offset
    luts = 0.0
    for number, weight in enumerate(weight for weight in weights if weight):
        low, high = low + min(weight, 0), high + max(weight, 0)
        if number or offset:
            luts += 1.5 * width_bits(low, high)[0]
    return luts


def lateral_luts(circuit: ThresholdCircuit, gate: int, bits: int) -> float:
    """Return the LUTs of ``c·x >= T_i + Σ H_ij·z_j`` for a potential of ``bits`` bits."""
    weights = circuit.lateral[gate][: circuit.earlier(gate)]
    gain = circuit.gains[gate]
    gained = bits + abs(gain).bit_length() - 1
    multiply = 0.0 if abs(gain) in (0, *(1 << n for n in range(56))) else 1.5 * gained
    return sum_luts(weights, circuit.thresholds[gate]) + compare_luts(gained, constant=not any(weights)) + multiply


def folded_lateral_luts(circuit: ThresholdCircuit, bits: int) -> float:
    """Return the LUTs of the comparator of a folded unit that adds lateral weights."""
    gates = circuit.gates
    choose = gates * gates * bits / 3  # a weight per spike and per step
    return choose + 1.5 * bits * gates + compare_luts(bits, constant=False)


def folded_luts(rom: Lookup | None, linear: ThresholdCircuit | None, bits: int) -> float:
    """Return the LUTs of the one comparator of a folded unit, with what holds its potential and its node."""
    if rom is not None:
        return table_luts(rom, bits) + bits
    assert linear is not None  # noqa: S101 - a unit without a table has lateral weights
    return folded_lateral_luts(linear, bits) + bits
