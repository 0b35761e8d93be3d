"""What may be built otherwise because of who reads it."""

from __future__ import annotations

from collections.abc import Mapping

from amos_hdl.network import Dense, Flatten, Network, Unit
from amos_hdl.schedule.folds import Fold


def summed_by_pixels(network: Network, flatten: str) -> str | None:
    """Return the dense layer that could take a flattened map pixel by pixel: the only one that reads ``flatten``."""
    operation = network[flatten]
    if not isinstance(operation, Flatten) or flatten in network.outputs:
        return None
    space = network.tensors[operation.source].space
    readers = [other for other in network.operations if flatten in other.reads]
    if space in ((), (1, 1)) or len(readers) != 1 or not isinstance(readers[0], Dense):
        return None
    return readers[0].name


def takes_in_turn(network: Network, folds: Mapping[str, Fold], sums: str, slices: int) -> bool:
    """Return whether units take each of the folded ``sums``, made in ``slices`` clock cycles, as it is made.

    They alone read them, there is a comparator for each lane, and it is done before the next sum is.
    """
    readers = [operation for operation in network.operations if sums in operation.reads]
    if len(readers) != 1 or not isinstance(readers[0], Unit) or sums in network.outputs:
        return False
    unit, lanes = readers[0], folds[sums].lanes
    fold = folds.get(unit.name)
    return fold is not None and fold.lanes is not None and fold.lanes == lanes and unit.gates < slices
