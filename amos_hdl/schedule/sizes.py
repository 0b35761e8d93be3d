"""How large layers would be, by formula from the network alone: nothing is built, so any network has an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from amos_hdl.network import (
    Add,
    Argmax,
    Conv2d,
    Flatten,
    MaxPool,
    Multiply,
    Network,
    SumPool,
    Tensor,
    Unit,
)
from amos_hdl.network.operations.window import Window
from amos_hdl.schedule.estimate import estimate, unit_estimate
from amos_hdl.schedule.folds import Fold
from amos_hdl.schedule.formulas import Estimate, memory_estimate, shared_size, windows_size
from amos_hdl.schedule.gates import GateLayerSpec, looked_up
from amos_hdl.schedule.memory import Memory, MemoryKind
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.schedule.place import argmax_spec, pixel
from amos_hdl.schedule.pool import PoolSpec, side_by_side
from amos_hdl.schedule.readers import summed_by_pixels, takes_in_turn
from amos_hdl.schedule.sum_shape import SumShape, divisors, sum_shapes
from amos_hdl.schedule.timing import MapTiming
from amos_hdl.schedule.unit import FoldedUnitSpec, UnitSpec

Array = npt.NDArray[np.int64]

#: Widest potential whose units may share comparators: all of them can be tried, and so all thresholds are known.
_SHARED_BITS = 16


class _UnitSize(NamedTuple):
    """A layer of units and its size, as they are and, if they can be, with one comparator each."""

    operation: Unit
    unfolded: Estimate
    folded: Estimate | None


class Sizes:
    """The size of every layer of one network, each part reckoned once.

    Parameters
    ----------
    network : Network
    options : HardwareOptions
        Their adders per stage are those of lanes; what is not folded is reckoned with a register behind each.
    memories : MemoryKind
    """

    def __init__(self, network: Network, options: HardwareOptions, memories: MemoryKind) -> None:
        self.network, self.options, self.memories = network, options, memories
        # sums that are not made, and units that are tables instead, are no larger than anything folded
        self.tables = looked_up(network, options)
        unmade = {sums.name for sums in self.tables.values()}
        self.sums = {name: shape for name, shape in sum_shapes(network).items() if name not in unmade}
        self.units: dict[str, _UnitSize] = {}
        self.others: dict[str, Estimate] = {}
        #: Of those of others that comparisons make: in carry cells.
        self.carried: dict[str, Estimate] = {}
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
        return {name: self.layer(name, folds) for name in [*self.others, *self.units]}

    def layer(self, name: str, folds: Mapping[str, Fold]) -> Estimate:
        """Return the size of one layer with such folds of all."""
        fold = folds.get(name)
        if name in self.units:
            units = self.units[name]
            if fold is not None and fold.lanes is not None:
                return self._shared(name, fold.lanes, folds)
            return units.unfolded if fold is None or units.folded is None else units.folded
        carries = any(fold.inputs is not None for fold in folds.values())
        size = self.carried[name] if carries and name in self.carried else self.others[name]
        if name in self.sums:
            shape, steps = self.sums[name], 1
            if fold is None:
                size += shape.unfolded(carries=carries)
            else:
                size += self.folded(shape, fold, self._in_turn(name, folds))
                steps = shape.units * shape.inputs // ((fold.lanes or 1) * (fold.inputs or 1))
            operation, source = self.network[name], self.network.tensors[self.network[name].reads[0]]
            if isinstance(operation, Conv2d) and operation.window.kernel != (1, 1):
                size += window_size(operation.window, source, self.memories, steps)
        if name in self.collected and summed_by_pixels(self.network, name) not in folds:
            size += self.collected[name]
        return size

    def folded(self, shape: SumShape, fold: Fold, in_turn: bool = False) -> Estimate:
        """Return the size of folded sums."""
        return shape.folded(fold, self.memories, self.options.adders_per_stage, in_turn=in_turn)

    def _in_turn(self, sums: str, folds: Mapping[str, Fold]) -> bool:
        """Return whether folded sums leave in turn."""
        shape = self.sums[sums]
        return shape.parts == 1 and takes_in_turn(self.network, folds, sums, shape.slices(folds[sums]))

    def _shared(self, name: str, lanes: int, folds: Mapping[str, Fold]) -> Estimate:
        """Return the size of units that share ``lanes`` comparators."""
        unit = self.units[name].operation
        source, result = self.network.tensors[unit.source], self.network.tensors[name]
        memory = Memory((result.channels // lanes) << unit.gates, source.bits + 1)
        in_turn = unit.source in self.sums and unit.source in folds and self._in_turn(unit.source, folds)
        return shared_size(
            result.channels, lanes, source.bits, result.bits, unit.gates, memory, self.memories, waits=not in_turn
        )

    def unit_folds(self, name: str, gap: int, folds: Mapping[str, Fold]) -> list[Fold]:
        """Return how units can be folded with ``gap`` clock cycles from one vector of potentials to the next.

        Beside the fewest comparators these are as many as the sums before them, of ``folds``, have lanes.
        """
        unit = self.units[name].operation
        if self.units[name].folded is None or gap < unit.gates:
            return []
        found = [Fold(name)]
        source, channels = self.network.tensors[unit.source], self.network.tensors[name].channels
        alike = len({(circuit.offset, circuit.outputs) for circuit in unit.circuits}) == 1
        able = [lanes for lanes in divisors(channels) if channels // lanes * unit.gates <= gap]
        if alike and able and source.bits <= _SHARED_BITS and channels > able[0]:
            lanes = folds[unit.source].lanes if unit.source in folds else None
            found += [Fold(name, count) for count in able if count in (able[0], lanes)]
        return found

    def total(self, folds: Mapping[str, Fold]) -> Estimate:
        """Return the size of all layers."""
        return sum(self.layers(folds).values(), Estimate(0, 0))

    def _unit(self, unit: Unit, source: Tensor, result: Tensor, options: HardwareOptions) -> _UnitSize:
        """Return the size of a layer of units, as they are and, if they can be, folded."""
        if unit.name in self.tables:
            sums = self.tables[unit.name]
            seen = self.network.tensors[sums.source]
            tables = GateLayerSpec(unit, seen, result, sums=sums, lut_inputs=options.lut_inputs)
            return _UnitSize(unit, estimate(tables), None)
        circuit, found = unit.circuits[0], []
        for kind in (UnitSpec, FoldedUnitSpec) if circuit.depth == circuit.gates > 1 else (UnitSpec,):
            one = _unit_size(unit, source, result, self._known, kind)
            steps = Estimate(circuit.depth if circuit.gates > 1 else 0, circuit.depth)
            found.append(Estimate(one.luts * result.channels, one.flip_flops * result.channels) + steps)
        return _UnitSize(unit, found[0], found[1] if len(found) > 1 else None)

    def _other(self, operation: object, read: list[Tensor], result: Tensor) -> Estimate:
        """Return the size of what is neither a unit nor a weighted sum."""
        source = read[0]
        size = Estimate(0, 0)
        window = None
        if isinstance(operation, SumPool | MaxPool):
            window = operation.window(source)
            if side_by_side(window):
                takes: Literal["sum", "max"] = "sum" if isinstance(operation, SumPool) else "max"
                rows, columns = source.space
                timing = MapTiming(rows, columns, 0, columns, 1)
                pool = PoolSpec(operation, pixel(source), pixel(result), window.kernel, timing, takes)
                return estimate(pool, self.memories)
            size = Estimate(2 * source.bits * source.channels, 2 * result.bits * result.channels)
        elif isinstance(operation, Argmax):
            spec = argmax_spec(operation, source, result, self.options)
            size, self.carried[operation.name] = estimate(spec), estimate(spec, carries=True)
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


def window_size(window: Window, source: Tensor, memories: MemoryKind, gap: int = 1) -> Estimate:
    """Return the size of windows ``gap`` clock cycles apart, 1 unless they are of folded sums.

    They keep as many rows as a window has, and one more where they overlap.
    """
    height, width = window.kernel
    return windows_size(
        bits=source.channels * source.bits,
        kernel=window.kernel,
        padded_taps=height * width - 1 if any(window.padding) and gap == 1 else 0,
        columns=source.space[1],
        kept=height + (window.stride[0] == 1),
        in_steps=gap > height * window.stride[1],
        memories=memories,
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
