"""How many LUTs of 4 inputs the parts of a unit take, so that each is built in the way that takes fewer.

Source: the numbers are fitted to Yosys' synth_ecp5 without carry chains; ``benchmarks/unit_cost.py`` compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.network import width_bits
from amos_hdl.schedule.lookup import Choice, Lookup

#: Per bit: a comparison with a constant, with a lookup, with a sum; an addition of a weight that a spike lets through.
COMPARE_CONSTANT, COMPARE_LOOKUP, COMPARE_SUM, ADD = 0.5, 0.9, 0.4, 0.45
#: One bit of a lookup by 2 to 4 spikes, and by more: per node of its decision diagram, and per entry of 16 of a table.
FEW_SPIKES, NODE, ENTRIES = 1.5, 0.6, 1.1
#: One bit of a value by 2 to 4 spikes.
VALUE = 0.9
#: Lateral weights are added instead of looked up if that is estimated to save as many LUTs of a gate or more: of few
#: spikes Yosys makes the same logic either way, and a table is what a person can read.
SUMS_SAVE = 16.0
#: Each gate of a folded unit; per bit of its potential, the sum that is tried, and a weight among those of K steps.
FOLDED_GATE, TRIAL, WEIGHT = 6.0, 5.0, 0.65


def lookup_luts(tree: Lookup, bits: int, few: float = VALUE) -> float:
    """Return the LUTs of a constant of ``bits`` bits that spikes choose; ``few`` is a bit that 2 to 4 spikes choose."""
    return sum(_bit_luts(tree, bit, few) for bit in range(bits))


def _bit_luts(tree: Lookup, bit: int, few: float) -> float:
    """Return the LUTs of one bit of a lookup, by the support and the nodes of its decision diagram."""
    known: dict[tuple[int, int, int], int] = {}
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
        return 0.0  # a constant, or a spike itself
    if len(support) <= 4:
        return few
    return min(NODE * len(known), ENTRIES * (1 << len(support) - 4))


def table_luts(tree: Lookup, bits: int) -> float:
    """Return the LUTs of ``x >= t`` for a potential of ``bits`` bits and a threshold that is looked up."""
    if not isinstance(tree, Choice):
        return COMPARE_CONSTANT * bits
    return COMPARE_LOOKUP * bits + lookup_luts(tree, bits, FEW_SPIKES)


def alone_luts(threshold: int, bits: int) -> float:
    """Return the LUTs of ``x >= threshold`` for ``x`` of ``bits`` bits, with nothing behind it but a register.

    The zeros at the low end of the threshold need not be compared; the highest bit alone is no logic.
    """
    matter = bits - ((threshold & -threshold).bit_length() - 1 if threshold else bits)
    return 0.0 if matter <= 1 else float(-(-(matter - 1) // 3))


def constants_luts(count: int, bits: int) -> float:
    """Return the LUTs of ``count`` comparisons of one potential of ``bits`` bits with constants; many share parts."""
    return COMPARE_CONSTANT * bits * float(count**0.85)


def sum_luts(weights: Sequence[int], offset: int) -> float:
    """Return the LUTs of ``offset + Σ weight·spike``, added in a chain."""
    low = high = offset
    luts = 0.0
    for number, weight in enumerate(weight for weight in weights if weight):
        low, high = low + min(weight, 0), high + max(weight, 0)
        if number or offset:
            luts += ADD * width_bits(low, high)[0]
    return luts


def lateral_luts(circuit: ThresholdCircuit, gate: int, bits: int) -> float:
    """Return the LUTs of ``c·x >= T_i + Σ H_ij·z_j`` for a potential of ``bits`` bits."""
    weights, gain = circuit.lateral[gate][: circuit.earlier(gate)], abs(circuit.gains[gate])
    gained = bits + max(0, gain.bit_length() - 1)
    multiply = gained if gain & (gain - 1) else 0.0
    compare = COMPARE_SUM if any(weights) else COMPARE_CONSTANT
    return sum_luts(weights, circuit.thresholds[gate]) + compare * gained + multiply


def folded_lateral_luts(circuit: ThresholdCircuit, by_trial: bool, bits: int) -> float:
    """Return the LUTs of the comparator of a folded unit that adds weights: one to the sum so far, or all of them."""
    if by_trial:
        return TRIAL * bits + circuit.gates * bits / 3
    return WEIGHT * circuit.gates**2 * bits


def folded_luts(comparator: float, gates: int, bits: int) -> float:
    """Return the LUTs of a folded unit but for its y: its ``comparator``, that of the first gate, and what is kept."""
    return comparator + FOLDED_GATE * gates + COMPARE_CONSTANT * bits
