"""The planner: how far each layer is folded, so that all are about equally busy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from amos_hdl.errors import ScheduleError
from amos_hdl.network import Network, Tensor
from amos_hdl.schedule.folded_sum import MOST_CODE_BITS
from amos_hdl.schedule.folds import Fold
from amos_hdl.schedule.formulas import Estimate
from amos_hdl.schedule.memory import MEMORY_KINDS, MemoryKind
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.schedule.place import PixelGapError
from amos_hdl.schedule.plan import Schedule
from amos_hdl.schedule.sizes import Sizes
from amos_hdl.schedule.sum_shape import SumShape

#: LUTs that a block RAM is worth where folds are chosen: about what a device has of both.
_BLOCK_LUTS = 200
#: Largest matrix of weights, zeros of other groups included, up to which a plan is tried out.
_TRIED_WEIGHTS = 1 << 25
#: How often a layer's fold is mended because its pixels come closer together than the interval alone says.
_MENDINGS = 200


@dataclass(frozen=True)
class Plan:
    """Folds of all layers for one interval.

    Members
    -------
    options : HardwareOptions
        With ``folded`` and ``interval``.
    layers : dict of str to Estimate
        The size of each layer, by formula.
    """

    options: HardwareOptions
    layers: dict[str, Estimate]

    @property
    def total(self) -> Estimate:
        """The size of all layers."""
        return sum(self.layers.values(), Estimate(0, 0))


class Planner:
    """Chooses folds for one network.

    Parameters
    ----------
    network : Network
    options : HardwareOptions
        Folds that it has stay as they are.
    memories : MemoryKind
        Of the device.
    """

    def __init__(self, network: Network, options: HardwareOptions, memories: MemoryKind = MEMORY_KINDS["ecp5"]) -> None:
        self.network, self.pinned, self.memories = network, options, memories
        self.sizes = Sizes(network, options, memories)

    @property
    def least_interval(self) -> int:
        """One clock cycle for each pixel of the input."""
        tensor = self.network.tensors[self.network.input.name]
        return tensor.units // tensor.channels if tensor.space else 1

    @property
    def most_interval(self) -> int:
        """The interval from which on folding further saves nothing."""
        cycles = [shape.most_cycles for shape in self.sizes.sums.values()]
        # all units of all pixels on one comparator
        gates = [unit.gates * self.network.tensors[unit.name].units for unit in self.network.unit_layers]
        return max([self.least_interval, *cycles, *gates]) * 2

    def for_interval(self, interval: int) -> Plan:
        """Return the smallest design that takes an image every ``interval`` clock cycles.

        Raises ScheduleError if a layer cannot be that fast.
        """
        if interval < self.least_interval:
            expected = f"at least {self.least_interval} clock cycles, one for each pixel"
            raise ScheduleError("interval", where=self.network.name, expected=expected, got=f"{interval}")
        folds = self._folds(interval)
        options = self._options(folds, interval)
        if self._can_be_tried:
            options = self._tried(folds, interval)
        return Plan(options, self.sizes.layers(options.folds))

    def smallest_interval(self, fits: Callable[[Estimate], bool]) -> int | None:
        """Return about the smallest interval whose design ``fits``, None if none does."""
        low, high = self.least_interval, self.most_interval
        if not fits(self.smallest(high)):
            return None
        if fits(self.smallest(low)):
            return low
        while high > low + max(1, low // 200):
            middle = round((low * high) ** 0.5) if high > 2 * low else (low + high) // 2
            if fits(self.smallest(middle)):
                high = middle
            else:
                low = middle
        return high

    def choose(self, shape: SumShape, gap: int) -> Fold | None:
        """Return the fold that takes the fewest LUTs with ``gap`` clock cycles for a window; None: not folded."""
        if shape.code_bits > MOST_CODE_BITS:
            return None
        lanes, inputs = shape.folds
        steps = shape.units * shape.inputs // (lanes * inputs)
        able = (steps <= gap) & (steps > 1)
        if not able.any():
            return None
        # of equally many products at once the fewest lanes: each has an accumulator; only the best few are looked at
        order = np.lexsort((lanes, (lanes * inputs)))
        candidates = [index for index in order.tolist() if able[index]][:12]
        found = [Fold(shape.name, int(lanes[index]), int(inputs[index])) for index in candidates]
        best = min(found, key=lambda fold: self._price(self.sizes.folded(shape, fold)))
        unfolded = shape.unfolded(carries=True)
        return best if self._price(self.sizes.folded(shape, best)) < self._price(unfolded) else None

    def choose_units(self, name: str, gap: int, folds: Mapping[str, Fold]) -> Fold | None:
        """Return the fold of units that takes the fewest LUTs with ``gap`` clock cycles per pixel; None: not folded.

        ``folds`` are those of the other layers: sums that are folded alike need not wait for their units.
        """
        (source,) = self.network[name].reads
        others = {layer: fold for layer, fold in folds.items() if layer != name}
        choices: list[Fold | None] = [None, *self.sizes.unit_folds(name, gap, others)]
        prices = []
        for fold in choices:
            chosen = others if fold is None else {**others, name: fold}
            size = self.sizes.layer(name, chosen)
            prices.append(self._price(size + self.sizes.layer(source, chosen) if source in self.sizes.sums else size))
        return choices[prices.index(min(prices))]

    def _price(self, size: Estimate) -> int:
        return max(size.luts, size.flip_flops) + _BLOCK_LUTS * size.block_rams

    def _folds(self, interval: int) -> dict[str, Fold]:
        """Return the folds for ``interval`` as if the windows of a layer were evenly spread over it."""
        folds = dict(self.pinned.folds)
        for name, shape in self.sizes.sums.items():
            fold = None if name in folds else self.choose(shape, interval // shape.windows)
            if fold is not None:
                folds[name] = fold
        for unit in self.network.unit_layers:
            tensor = self.network.tensors[unit.name]
            fold = None if unit.name in folds else self.choose_units(unit.name, interval // _pixels(tensor), folds)
            if fold is not None:
                folds[unit.name] = fold
        return folds

    def smallest(self, interval: int) -> Estimate:
        """Return the size of the smallest design for ``interval``, as if its windows were evenly spread over it."""
        return self.sizes.total(self._folds(interval))

    def _tried(self, folds: dict[str, Fold], interval: int) -> HardwareOptions:
        """Return options with which the network can be placed in time: layers whose pixels crowd are folded less."""
        for _ in range(_MENDINGS):
            options = self._options(folds, interval)
            try:
                _ = Schedule(self.network, options).layers
            except PixelGapError as error:
                name = str(error.where)
                if name in self.pinned.folds or name not in folds:
                    raise
                shape = self.sizes.sums.get(name)
                fold = self.choose_units(name, error.given, folds) if shape is None else self.choose(shape, error.given)
                folds.pop(name)
                if fold is not None:
                    folds[name] = fold
            else:
                return options
        raise ScheduleError("interval", where=self.network.name, expected="more clock cycles", got=f"{interval}")

    @property
    def _can_be_tried(self) -> bool:
        """Whether the network is small enough to be placed at once, every clock cycle of it."""
        weights = [shape.units * shape.inputs * shape.groups for shape in self.sizes.sums.values()]
        return sum(weights) <= _TRIED_WEIGHTS

    def _options(self, folds: dict[str, Fold], interval: int) -> HardwareOptions:
        ordered = [folds[operation.name] for operation in self.network.operations if operation.name in folds]
        rest = [fold for name, fold in folds.items() if name not in {one.layer for one in ordered}]
        return replace(self.pinned, folded=tuple(map(str, [*ordered, *rest])), interval=interval)


def _pixels(tensor: Tensor) -> int:
    """Return the pixels of a map; 1 of units."""
    return tensor.units // tensor.channels
