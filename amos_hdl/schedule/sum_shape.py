"""What decides the size of weighted sums, from the network alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Conv2d, Dense, Network, Tensor, width_bits
from amos_hdl.schedule import cost
from amos_hdl.schedule.folds import Fold
from amos_hdl.schedule.formulas import Estimate, lanes_size
from amos_hdl.schedule.memory import Memory, MemoryKind
from amos_hdl.schedule.readers import summed_by_pixels

Array = npt.NDArray[np.int64]

#: Of a lane: bits of its adders per bit of a code and bit of a weight, and flip-flops per such bit,
#: with a register behind each adder.
_ADDER_BITS, _ADDER_FLIP_FLOPS = 1.08, 1.8
#: Of sums with their own adders, per signed digit of a weight: LUTs and flip-flops for each bit of a code, and beside.
_DIGIT_LUTS, _DIGIT_FLIP_FLOPS = (2.95, 0.5), (1.2, 1.0)
#: LUTs of the same in carry cells.
_DIGIT_CARRIED = (1.05, 0.95)


@dataclass(frozen=True)
class SumShape:
    """What decides the size of the weighted sums of one layer.

    Parameters
    ----------
    name : str
    units, inputs, groups : int
        Sums, inputs of each, and groups of both.
    windows : int
        How often all sums are made for one image.
    code_bits, weight_bits, word_bits : int
        Of an input, a weight, and a sum.
    digits : int
        Signed digits of all weights that are not zero.
    biased : bool
    parts : int
        Windows that make one sum, of a dense layer that takes a map pixel by pixel if it is folded.
    """

    name: str
    units: int
    inputs: int
    groups: int
    windows: int
    code_bits: int
    weight_bits: int
    word_bits: int
    digits: int
    biased: bool
    parts: int = 1

    @classmethod
    def of(cls, operation: Dense | Conv2d, source: Tensor, result: Tensor, parts: int = 1) -> SumShape:
        """Return the shape of the sums of ``operation``."""
        weights = operation.weights
        groups = operation.groups if isinstance(operation, Conv2d) else 1
        # where a number and three times it differ are its signed digits, one place higher
        digits = int(np.bitwise_count(np.abs(weights) ^ 3 * np.abs(weights)).sum())
        return cls(
            operation.name,
            len(weights),
            weights[0].size // parts,
            groups,
            result.units // result.channels * parts,
            source.bits,
            width_bits(min(0, int(weights.min())), max(0, int(weights.max())))[0],
            result.bits,
            digits,
            bool(operation.biases.any()),
            parts,
        )

    @cached_property
    def folds(self) -> tuple[Array, Array]:
        """All folds that a layer can have: sums at once, and inputs at once of each, two arrays of one length."""
        per_group = self.units // self.groups
        lanes = [
            count
            for count in divisors(self.units)
            if self.groups == 1 or per_group == 1 or per_group % (self.units // count) == 0
        ]
        pairs = np.array([(count, taken) for count in lanes for taken in divisors(self.inputs)], np.int64)
        return pairs[:, 0], pairs[:, 1]

    @property
    def most_cycles(self) -> int:
        """Clock cycles for one image with the fewest lanes of one input."""
        lanes, inputs = self.folds
        return int((self.units * self.inputs // (lanes * inputs)).max()) * self.windows

    def unfolded(self, *, carries: bool = False) -> Estimate:
        """Return the size of sums with an adder for every digit, a register behind each; ``carries``: in carry cells.

        Source: the layers of ``cost.additions_luts`` and ``cost.carried_luts``, within 15 % of Yosys; flip-flops within
        33 %.
        """
        digits = _DIGIT_CARRIED if carries else _DIGIT_LUTS
        luts, flip_flops = (bit * self.code_bits + rest for bit, rest in (digits, _DIGIT_FLIP_FLOPS))
        if not carries:
            luts *= cost.beside(self.units)
        return Estimate(round(luts * self.digits), round(flip_flops * self.digits))

    def slices(self, fold: Fold) -> int:
        """Return the clock cycles for one sum."""
        return self.inputs // (fold.inputs or 1)

    def folded(self, fold: Fold, memories: MemoryKind, adders_per_stage: int = 1, *, in_turn: bool = False) -> Estimate:
        """Return the size of sums that share lanes."""
        lanes, inputs = fold.lanes or 1, fold.inputs or 1
        bits = self.code_bits * self.weight_bits * inputs * _ADDER_BITS
        steps = self.units * self.inputs // (lanes * inputs)
        several = self.inputs > inputs
        return lanes_size(
            held_bits=self.groups * self.inputs * self.code_bits,
            lanes=lanes,
            adder_bits=bits,
            registers=_ADDER_FLIP_FLOPS * bits / adders_per_stage,
            word_bits=self.word_bits,
            kept=1 if in_turn else self.units // lanes,
            accumulates=several,
            goes_on=several and (self.biased or self.parts > 1),
            biased=self.biased and self.units > 2 * lanes,
            in_parts=self.parts > 1,
            weights=Memory(steps * self.parts, lanes * inputs * self.weight_bits),
            memories=memories,
        )


def divisors(number: int) -> list[int]:
    """Return all numbers that divide ``number``."""
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def sum_shapes(network: Network) -> dict[str, SumShape]:
    """Return the shapes of all weighted sums, by the name of their layer."""
    tensors, parts = network.tensors, {}
    for operation in network.operations:
        reader = summed_by_pixels(network, operation.name)
        if reader is not None:
            map_ = tensors[operation.reads[0]]
            parts[reader] = map_.units // map_.channels
    return {
        operation.name: SumShape.of(
            operation, tensors[operation.source], tensors[operation.name], parts.get(operation.name, 1)
        )
        for operation in network.operations
        if isinstance(operation, Dense | Conv2d)
    }
