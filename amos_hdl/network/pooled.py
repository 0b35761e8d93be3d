"""Spikes that max pools let through: in each window those of the greatest unit go on, to whatever reads the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from amos_hdl.network.fan_out import Reach
from amos_hdl.network.graph import Network
from amos_hdl.network.kernels import NUMPY, Numbers
from amos_hdl.network.operations import Concat, Flatten, MaxPool, Operation, Pad, Slice, Unit

#: Above any number of gates, so that a value and a number of spikes are one number.
SPIKES = 1 << 8
#: Values below it may be multiplied by ``SPIKES``.
VALUE_LIMIT = 1 << 53

Counts = npt.NDArray[np.int64]


class PooledSpikes:
    """Follows numbers of spikes from unit layers over wires and through max pools.

    In each window the unit of the greatest value is chosen, of equal ones the one with the most spikes; its spikes cost
    a synaptic operation for each weight that reads the pool's result, beside those for being compared.

    Parameters
    ----------
    network : Network
    reached : mapping of operation to Reach
        ``fan_out(network)``.

    Members
    -------
    followed : frozenset of str
        Operations whose numbers of spikes are needed: all that lead from units to a max pool.

    Source: derived; the definition of a synaptic operation in ``SPEC.md``.
    """

    def __init__(self, network: Network, reached: Mapping[str, Reach]) -> None:
        self._network, self._reached = network, reached
        self._layers = [layer.name for layer in network.unit_layers]
        self._owners: dict[str, Counts] = {}  # per channel the number of the unit layer whose spikes it carries, or -1
        for operation in network.operations:
            self._owners[operation.name] = self._owner(operation)
        followed: set[str] = set()
        for operation in reversed(network.operations):
            wire = isinstance(operation, Slice | Pad | Concat | Flatten) and operation.name in followed
            if wire or isinstance(operation, MaxPool):
                followed.update(name for name in operation.reads if (self._owners[name] >= 0).any())
                if isinstance(operation, MaxPool) and (self._owners[operation.name] >= 0).any():
                    followed.add(operation.name)
        self.followed = frozenset(followed)

    def _owner(self, operation: Operation) -> Counts:
        read = [self._owners[name] for name in operation.reads]
        match operation:
            case Unit():
                return np.full(len(operation.assignment), self._layers.index(operation.name), np.int64)
            case MaxPool():
                return read[0]
            case Slice():
                return read[0][operation.slices[0]]
            case Pad():
                return np.pad(read[0], operation.widths[0], constant_values=-1)
            case Concat():
                return np.concatenate(read)
            case Flatten():
                source = self._network.tensors[operation.source]
                return read[0].repeat(source.units // source.channels)
            case _:
                return np.full(self._network.tensors[operation.name].channels, -1, np.int64)

    def follow(self, operation: Operation, read: Sequence[Numbers], spikes: dict[str, Counts]) -> Mapping[str, int]:
        """Add the numbers of spikes behind ``operation`` to ``spikes``, ``(channel, batch, *space)`` by operation.

        ``read`` are the values that it reads.  Returns the synaptic operations behind a max pool, by unit layer.
        """
        name = operation.name
        if name not in self.followed or isinstance(operation, Unit):
            return {}
        # what carries no spikes counts none
        given = [
            spikes.get(source, np.zeros(values.shape, np.int64))
            for source, values in zip(operation.reads, read, strict=True)
        ]
        match operation:
            case Slice():
                channels, *places = operation.slices
                spikes[name] = given[0][(channels, slice(None), *places)]
            case Pad():
                first, *widths = operation.widths
                spikes[name] = np.pad(given[0], (first, (0, 0), *widths))
            case Concat():
                spikes[name] = np.concatenate(given)
            case Flatten():
                spikes[name] = np.moveaxis(given[0], 1, -1).reshape(-1, given[0].shape[1])
            case MaxPool():
                window = operation.window(self._network.tensors[operation.source])
                spikes[name] = NUMPY.max_pool(_joined(read[0], given[0]), window) % SPIKES
                return self._cost(name, spikes[name])
        return {}

    def _cost(self, name: str, passed: Counts) -> Mapping[str, int]:
        each = passed.sum(axis=1) * self._reached[name].array()
        by_channel = each.reshape(len(each), -1).sum(axis=1)
        owners = self._owners[name]
        return {self._layers[owner]: int(by_channel[owners == owner].sum()) for owner in np.unique(owners[owners >= 0])}


def _joined(values: Numbers, spikes: Counts) -> Counts:
    """Return numbers that are ordered as ``values``, and of equal ones as ``spikes``, which are the remainder."""
    whole = values.astype(np.int64)
    if whole.size and max(-int(whole.min()), int(whole.max())) >= VALUE_LIMIT:
        whole = np.unique(whole, return_inverse=True)[1].reshape(whole.shape)
    return whole * SPIKES + spikes
