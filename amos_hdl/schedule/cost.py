"""How many LUTs of 4 inputs the parts of a unit take, so that each is built in the way that takes fewer.

Source: the numbers are fitted to Yosys' synth_ecp5 without carry chains, to 29 units alone and 24 layers of them;
``benchmarks/unit_cost.py`` compares units alone, ``benchmarks/estimates.py`` the layers of a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log2

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.network import width_bits
from amos_hdl.schedule.lookup import Choice, Lookup

#: Per bit: a comparison with a constant, with a lookup, with a sum; an addition of a weight that a spike lets through.
COMPARE_CONSTANT, COMPARE_LOOKUP, COMPARE_SUM, ADD = 0.53, 0.88, 0.5, 0.55
#: One bit of a threshold by 2 to 4 spikes, and of a value; by more spikes as many times that as it has nodes in its
#: decision diagram times ``NODE``, or as a table has entries of 16 times ``ENTRIES``.
FEW_SPIKES, VALUE, NODE, ENTRIES = 2.1, 0.55, 0.4, 0.7
#: What many different units, and sums, are smaller than one alone: Yosys makes the slowest path of a module fast at any
#: price, and all that is faster small; the more there are, the further most are from the slowest.
UNIT_SLACK, SUM_SLACK = 0.2, 0.3
#: What sums are larger with several additions in a stage, of which the longest path then is.
SEVERAL_ADDERS = 1.17
#: Lateral weights are added instead of looked up if that is estimated to save as many LUTs of a gate or more: of few
#: spikes Yosys makes the same logic either way, and a table is what a person can read.
SUMS_SAVE = 16.0
#: Each gate of a folded unit; per bit of its potential, the sum that is tried, and a weight among those of K steps.
FOLDED_GATE, TRIAL, WEIGHT = 6.0, 5.0, 0.65


def beside(different: int, slack: float) -> float:
    """Return what ``different`` parts beside each other take of what they take alone: 1 - slack·(1 - 1/sqrt(different))."""
    return 1 - slack * (1 - float(different) ** -0.5)


def beside_luts(luts: float, different: int) -> float:
    """Return the LUTs of units beside each other that take ``luts`` alone, ``different`` of them not alike.

    Source: 24 layers of 1 to 32 units of 2 to 6 gates, serial, staged and flash, potentials of 8 to 12 bits: within 15 %
    of Yosys but for one unit alone.
    """
    return luts * beside(different, UNIT_SLACK)


def additions_luts(bits: Iterable[int], sums: int, adders_per_stage: int) -> float:
    """Return the LUTs of additions, each of so many ``bits``, that make ``sums`` sums side by side: Σ b·log2(b).

    Without carry chains Yosys makes additions fast, with carries looked ahead, whatever the counters in front.

    Source: 16 layers of 4 to 32 sums of 8 to 64 codes of 1 to 8 bits, weights of 2 to 5 bits, also pruned or single
    shifts, 1 to 3 adders per stage: each within 9 % of Yosys.
    """
    more = SEVERAL_ADDERS if adders_per_stage > 1 else 1.0
    return more * beside(sums, SUM_SLACK) * sum(count * log2(count) for count in bits)


def lookup_luts(tree: Lookup, bits: int, few: float = VALUE) -> float:
    """Return the LUTs of a constant of ``bits`` bits that spikes choose; ``few`` is a bit that 2 to 4 spikes choose.

    Bits that are the same function of the spikes, as those of a sign, are one.  A function of one spike is that spike;
    others are reckoned by the nodes of their decision diagrams.
    """
    unique: dict[tuple[int, int, int], int] = {}

    def function(node: Lookup, bit: int) -> int:
        """Return the number of what ``bit`` of ``node`` is: 0 and 1 are constants, others places in ``unique``."""
        if not isinstance(node, Choice):
            return node >> bit & 1
        silent, fired = function(node.silent, bit), function(node.fired, bit)
        return silent if silent == fired else unique.setdefault((node.bit, silent, fired), len(unique) + 2)

    functions = {function(tree, bit) for bit in range(bits)} - {0, 1}
    return sum(_function_luts(number, list(unique), few) for number in sorted(functions))


def _function_luts(number: int, nodes: Sequence[tuple[int, int, int]], few: float) -> float:
    """Return the LUTs of one function of spikes, a decision diagram whose node n is ``nodes[n - 2]``."""
    reached = {number}
    for node in range(number, 1, -1):  # what a node leads to has been there before it
        if node in reached:
            reached.update(following for following in nodes[node - 2][1:] if following > 1)
    support = {nodes[node - 2][0] for node in reached}
    if len(support) == 1:
        return 0.0
    if len(support) <= 4:
        return few
    return few * min(NODE * len(reached), ENTRIES * (1 << len(support) - 4))


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
