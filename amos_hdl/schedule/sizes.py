"""How large layers would be, by formula from the network alone: nothing is built, so any network has an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.network import (
    Add,
    Argmax,
    Conv2d,
    Dense,
    Flatten,
    MaxPool,
    Multiply,
    Network,
    SumPool,
    Tensor,
    Unit,
    width_bits,
)
from amos_hdl.network.operations.window import Window
from amos_hdl.schedule.estimate import FOLDED_SUM, Estimate, estimate, memory_estimate, shared_size, unit_estimate
from amos_hdl.schedule.folds import Fold
from amos_hdl.schedule.gates import GateLayerSpec, looked_up
from amos_hdl.schedule.memory import Memory, MemoryKind
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.schedule.place import summed_by_pixels
from amos_hdl.schedule.specs import ArgmaxSpec
from amos_hdl.schedule.unit import FoldedUnitSpec, UnitSpec

Array = npt.NDArray[np.int64]

#: Of a lane: bits of its adders per bit of a code and bit of a weight, and flip-flops per such bit.
_ADDER_BITS, _ADDER_FLIP_FLOPS = 1.08, 1.8
#: Of sums with their own adders, per signed digit of a weight: LUTs and flip-flops for each bit of a code, and beside.
_DIGIT_LUTS, _DIGIT_FLIP_FLOPS = (1.6, 1.7), (1.2, 1.0)


#: Widest potential whose units may share comparators: all of them can be tried, and so all thresholds are known.
_SHARED_BITS = 16


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
            for count in _divisors(self.units)
            if self.groups == 1 or per_group == 1 or per_group % (self.units // count) == 0
        ]
        pairs = np.array([(count, taken) for count in lanes for taken in _divisors(self.inputs)], np.int64)
        return pairs[:, 0], pairs[:, 1]

    @property
    def most_cycles(self) -> int:
        """Clock cycles for one image with the fewest lanes of one input."""
        lanes, inputs = self.folds
        return int((self.units * self.inputs // (lanes * inputs)).max()) * self.windows

    def unfolded(self) -> Estimate:
        """Return the size of sums with an adder for every digit."""
        luts, flip_flops = (bit * self.code_bits + rest for bit, rest in (_DIGIT_LUTS, _DIGIT_FLIP_FLOPS))
        return Estimate(round(luts * self.digits), round(flip_flops * self.digits))

    def folded(self, fold: Fold, memories: MemoryKind) -> Estimate:
        """Return the size of sums that share lanes."""
        lanes, inputs = fold.lanes or 1, fold.inputs or 1
        bits = self.code_bits * self.weight_bits * inputs * _ADDER_BITS
        steps = self.units * self.inputs // (lanes * inputs)
        held = self.groups * self.inputs * self.code_bits
        counters = 3 * steps.bit_length()
        several = self.inputs > inputs
        lane = FOLDED_SUM * bits + self.word_bits * (1 + (self.parts > 1 or (several and self.biased)))
        flip_flops = held + lanes * (_ADDER_FLIP_FLOPS * bits + several * self.word_bits) + self.units * self.word_bits
        size = Estimate(round(held + lanes * lane) + counters, round(flip_flops) + counters)
        return size + memory_estimate(Memory(steps * self.parts, lanes * inputs * self.weight_bits), memories)


def _divisors(number: int) -> list[int]:
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


class Sizes:
    """The size of every layer of one network, each part reckoned once.

    Parameters
    ----------
    network : Network
    options : HardwareOptions
    memories : MemoryKind
    """

    def __init__(self, network: Network, options: HardwareOptions, memories: MemoryKind) -> None:
        self.network, self.memories = network, memories
        # sums that are not made, and units that are tables instead, are no larger than anything folded
        self.tables = looked_up(network, options)
        unmade = {sums.name for sums in self.tables.values()}
        self.sums = {name: shape for name, shape in sum_shapes(network).items() if name not in unmade}
        self.units: dict[str, tuple[Estimate, Estimate | None]] = {}
        self.others: dict[str, Estimate] = {}
        self.collected: dict[str, Estimate] = {}
        self._known: dict[object, Estimate] = {}
        for operation in network.operations[1:]:
            read = [network.tensors[name] for name in operation.reads]
            result = network.tensors[operation.name]
            if isinstance(operation, Unit):
                self.units[operation.name] = self._unit(operation, read[0], result, options)
            else:
                self.others[operation.name] = self._other(operation, read, result)

    def layers(self, folds: Mapping[str, Fold]) -> dict[str, Estimate]:
        """Return the size of each layer with such folds."""
        found = dict(self.others)
        for name, shape in self.sums.items():
            fold = folds.get(name)
            found[name] += shape.unfolded() if fold is None else shape.folded(fold, self.memories)
        for name in self.units:
            fold = folds.get(name)
            if fold is not None and fold.lanes is not None:
                found[name] = self.shared(name, fold.lanes)
            else:
                unfolded, folded = self.units[name]
                found[name] = unfolded if fold is None or folded is None else folded
        for name, size in self.collected.items():
            if summed_by_pixels(self.network, name) not in folds:
                found[name] += size
        return found

    def shared(self, name: str, lanes: int) -> Estimate:
        """Return the size of units that share ``lanes`` comparators."""
        unit = self.network[name]
        assert isinstance(unit, Unit)  # noqa: S101 - ``name`` is that of a layer of units
        source, result = self.network.tensors[unit.source], self.network.tensors[name]
        memory = Memory((result.channels // lanes) << unit.gates, source.bits + 1)
        return shared_size(result.channels, lanes, source.bits, result.bits, unit.gates, memory, self.memories)

    def unit_folds(self, name: str, gap: int) -> list[Fold]:
        """Return how units can be folded with ``gap`` clock cycles from one vector of potentials to the next."""
        unit = self.network[name]
        assert isinstance(unit, Unit)  # noqa: S101 - ``name`` is that of a layer of units
        if self.units[name][1] is None or gap < unit.gates:
            return []
        found = [Fold(name)]
        source, channels = self.network.tensors[unit.source], self.network.tensors[name].channels
        alike = len({(circuit.offset, circuit.outputs) for circuit in unit.circuits}) == 1
        able = [lanes for lanes in _divisors(channels) if channels // lanes * unit.gates <= gap]
        if alike and able and source.bits <= _SHARED_BITS and channels > able[0]:
            found.append(Fold(name, able[0]))
        return found

    def total(self, folds: Mapping[str, Fold]) -> Estimate:
        """Return the size of all layers."""
        return sum(self.layers(folds).values(), Estimate(0, 0))

    def _unit(
        self, unit: Unit, source: Tensor, result: Tensor, options: HardwareOptions
    ) -> tuple[Estimate, Estimate | None]:
        """Return the size of a layer of units, as they are and, if they can be, folded."""
        if unit.name in self.tables:
            sums = self.tables[unit.name]
            seen = self.network.tensors[sums.source]
            return estimate(GateLayerSpec(unit, seen, result, sums=sums, lut_inputs=options.lut_inputs)), None
        circuit, found = unit.circuits[0], []
        for kind in (UnitSpec, FoldedUnitSpec) if circuit.depth == circuit.gates > 1 else (UnitSpec,):
            one = _unit_size(unit, source, result, self._known, kind)
            found.append(Estimate(one.luts * result.channels, one.flip_flops * result.channels + circuit.depth))
        return found[0], found[1] if len(found) > 1 else None

    def _other(self, operation: object, read: list[Tensor], result: Tensor) -> Estimate:
        """Return the size of what is neither a unit nor a weighted sum; of that, of its windows."""
        source = read[0]
        size = Estimate(0, 0)
        window = None
        if isinstance(operation, Conv2d):
            window = operation.window
        elif isinstance(operation, SumPool | MaxPool):
            window = operation.window(source)
            size = Estimate(2 * source.bits * source.channels, 2 * result.bits * result.channels)
            if window.kernel == source.space:
                window = None
        elif isinstance(operation, Argmax):
            size = estimate(ArgmaxSpec(operation, source, result))
        elif isinstance(operation, Add):
            bits = result.bits * result.channels
            # the branch that is there first waits for the other, about as long as a window takes
            wait = Memory(max(2, 2 * (source.space[1] if source.space else 1)), source.channels * source.bits, False)
            size = Estimate(2 * bits, bits) + memory_estimate(wait, self.memories)
        elif isinstance(operation, Multiply):
            factors = [tensor.bits for tensor in read]
            whole = max(read, key=lambda tensor: tensor.units)
            size = Estimate(2 * factors[0] * factors[1] * result.channels, sum(factors) * result.channels)
            if whole.units > result.channels:
                wait = Memory(whole.units // whole.channels, whole.channels * whole.bits, False)
                size += memory_estimate(wait, self.memories)
        elif isinstance(operation, Flatten) and source.space not in ((), (1, 1)):
            self.collected[operation.name] = Estimate(0, result.bits * result.units)
        if window is not None and window.kernel != (1, 1):
            size += window_size(window, source, self.memories)
        return size


def window_size(window: Window, source: Tensor, memories: MemoryKind) -> Estimate:
    """Return the size of sliding windows that keep as many rows as a window has, and one more where they overlap."""
    (height, width), bits = window.kernel, source.channels * source.bits
    kept, taps = height + (window.stride[0] == 1), height * width
    row = memory_estimate(Memory(max(2, source.space[1]), bits, False), memories)
    choices = 2 * height + (taps // 2 if any(window.padding) else 0)
    return Estimate(
        120 + choices * bits + kept * row.luts, 64 + taps * bits + kept * row.flip_flops, kept * row.block_rams
    )


def _unit_size(
    unit: Unit, source: Tensor, result: Tensor, known: dict[object, Estimate], kind: type[UnitSpec]
) -> Estimate:
    """Return the size of one unit; of units alike, with the same levels and values, one is looked at (``known``)."""
    circuit = unit.circuits[0]
    key = kind, circuit.levels, circuit.outputs, circuit.is_table
    if key not in known:
        size = unit_estimate(kind(circuit, *source.interval, *result.interval))
        known[key] = Estimate(1000 * size.luts // source.bits, 1000 * size.flip_flops // source.bits)
    return Estimate(known[key].luts * source.bits // 1000, known[key].flip_flops * source.bits // 1000)
