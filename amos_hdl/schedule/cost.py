"""How many LUTs of 4 inputs the parts of a unit take, so that each is built in the way that takes fewer.

Source: the numbers are fitted to Yosys' synth_ecp5 without carry chains, which makes the slowest path of a design fast
at any price and all else small.  Sums are where the slowest path is; units are not, and are as small as Yosys makes
them if they may take long.  ``benchmarks/unit_cost.py`` compares units, ``benchmarks/estimates.py`` whole networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log2, sqrt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.network import width_bits
from amos_hdl.schedule.adders import AdderGraph
from amos_hdl.schedule.lookup import Choice, Lookup

#: Comparisons take more LUTs than the fewest that their inputs fit in: of the first gate, and of others.
FIRST, CHAIN = 1.7, 1.31
#: Per bit: one of many comparisons with constants, one with a sum; an addition of a weight that a spike lets through.
COMPARE_CONSTANT, COMPARE_SUM, ADD = 0.4, 0.4, 0.4
#: One bit by 2 to 4 spikes, of a threshold and of a value; by more spikes as many times that as it has nodes in its
#: decision diagram times ``NODE``, or as a table has entries of 16 times ``ENTRIES``.
FEW_SPIKES, VALUE, NODE, ENTRIES = 1.0, 1.1, 0.5, 0.9
#: What many sums are smaller than one alone: of many paths few are near the slowest, and the others are made small.
SUM_SLACK = 0.33
#: What sums are larger with several additions in a stage, of which the longest path then is.
SEVERAL_ADDERS = 1.17
#: Lateral weights are added instead of looked up if that is estimated to save as many LUTs of a gate or more: of few
#: spikes Yosys makes the same logic either way, and a table is what a person can read.
SUMS_SAVE = 16.0
#: Each gate of a folded unit; per bit of its potential, the sum that is tried, and a weight among those of K steps.
FOLDED_GATE, TRIAL, WEIGHT = 1.0, 1.5, 0.4


def beside(sums: int) -> float:
    """Return what ``sums`` beside each other take of what they take alone: 1 - SUM_SLACK·(1 - 1/sqrt(sums))."""
    return 1 - SUM_SLACK * (1 - 1 / sqrt(sums))


def additions_luts(bits: Iterable[int], sums: int, adders_per_stage: int) -> float:
    """Return the LUTs of additions, each of so many ``bits``, that make ``sums`` sums side by side: Σ b·log2(b).

    Without carry chains Yosys makes additions fast, with carries looked ahead, whatever the counters in front.

    Source: 16 layers of 4 to 32 sums of 8 to 64 codes of 1 to 8 bits, weights of 2 to 5 bits, also pruned or single
    shifts, 1 to 3 adders per stage: each within 12 % of Yosys.
    """
    more = SEVERAL_ADDERS if adders_per_stage > 1 else 1.0
    return more * beside(sums) * sum(count * log2(count) for count in bits)


def carried_luts(graph: AdderGraph) -> int:
    """Return the LUT sites of additions in carry cells: one for each bit of a sum, and a LUT for each bit of a count.

    Additions of two bits take one more each, where the chain begins; inverters in front are part of it.

    Source: 10 layers of 4 to 32 sums of 8 to 64 codes of 1 to 8 bits, weights of 3 to 6 bits, also pruned, 1 to 3
    adders per stage: within 7 % of what ``synth`` makes for ECP5; three of additions of two bits within 3 %.
    """
    if not graph.counts:
        return sum(adder.bits + 1 for adder in graph.adders)
    counts = (counter for adder in graph.adders for counter in adder.counters if not counter.is_wire)
    return sum(adder.bits for adder in graph.adders) + sum(counter.outputs for counter in counts)


@dataclass(frozen=True)
class _Bits:
    """The bits of a lookup as functions of spikes: two that are the same function have the same number.

    Members
    -------
    numbers : tuple of int
        The function of each bit, lowest first: 0 or 1, or a node of a decision diagram.
    nodes : tuple of (spike, silent, fired)
        Node n is ``nodes[n - 2]``; what it leads to has lower numbers.
    """

    numbers: tuple[int, ...]
    nodes: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, tree: Lookup, bits: int) -> _Bits:
        """Return the lowest ``bits`` bits of ``tree``."""
        unique: dict[tuple[int, int, int], int] = {}

        def function(node: Lookup, bit: int) -> int:
            if not isinstance(node, Choice):
                return node >> bit & 1
            silent, fired = function(node.silent, bit), function(node.fired, bit)
            return silent if silent == fired else unique.setdefault((node.bit, silent, fired), len(unique) + 2)

        return cls(tuple(function(tree, bit) for bit in range(bits)), tuple(unique))

    def reached(self, number: int) -> set[int]:
        """Return the nodes of a function."""
        found = {number} - {0, 1}
        for node in range(number, 1, -1):
            if node in found:
                found.update(after for after in self.nodes[node - 2][1:] if after > 1)
        return found

    def support(self, number: int) -> set[int]:
        """Return the spikes that a function depends on."""
        return {self.nodes[node - 2][0] for node in self.reached(number)}

    def luts(self, number: int, few: float) -> float:
        """Return the LUTs of a function; a constant, and a spike itself, are none."""
        count = len(self.support(number))
        if count <= 1:
            return 0.0
        if count <= 4:
            return few
        return few * min(NODE * len(self.reached(number)), ENTRIES * (1 << count - 4))


def lookup_luts(tree: Lookup, bits: int) -> float:
    """Return the LUTs of a value of ``bits`` bits that spikes choose; bits that are the same function are one."""
    found = _Bits.of(tree, bits)
    return sum(found.luts(number, VALUE) for number in sorted(set(found.numbers)))


def table_luts(tree: Lookup, bits: int) -> float:
    """Return the LUTs of ``x >= t`` for a potential of ``bits`` bits and a threshold that is looked up.

    From the lowest bit on, a LUT takes what the bits below decide and as many more bits of x, and the spikes that
    choose those of t, as its four inputs hold; a bit of t that more than two spikes choose is made by LUTs of its own
    first, once where several bits of t are the same function, as those of a sign are.  Low bits that are zero in every
    threshold are not compared.  Yosys takes ``CHAIN`` times that.

    Source: 16 layers of 8 to 64 units of 2 to 6 gates, serial, staged and flash, potentials of 5 to 12 bits, that may
    take as long as they want: within 7 % of Yosys.
    """
    if not isinstance(tree, Choice):
        return FIRST * max(1.0, alone_luts(tree, bits))
    found = _Bits.of(tree, bits)
    luts, made = 0.0, set[int]()
    inputs = set[tuple[str, int]]()
    for bit, number in enumerate(found.numbers):
        if number == 0 and not inputs:
            continue
        support = found.support(number)
        if len(support) > 2:
            luts += 0.0 if number in made else found.luts(number, FEW_SPIKES)
            made.add(number)
            takes = {("x", bit), ("t", number)}
        else:
            takes = {("x", bit)} | {("spike", spike) for spike in support}
        if len(inputs | takes) > 4:
            luts, inputs = luts + 1, {("below", bit)}
        inputs |= takes
    return CHAIN * (luts + (len(inputs) > 1))


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
        return TRIAL * bits + circuit.gates * bits / 2
    return WEIGHT * circuit.gates**2 * bits


def folded_luts(comparator: float, gates: int, bits: int) -> float:
    """Return the LUTs of a folded unit but for its y: its ``comparator``, that of the first gate, and what is kept."""
    return comparator + FOLDED_GATE * gates + COMPARE_CONSTANT * bits
