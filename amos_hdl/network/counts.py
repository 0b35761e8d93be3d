"""How large a network is, without running it: units, gates, weights, products; nothing here grows with a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from amos_hdl.network.graph import Network
from amos_hdl.network.operations import Conv2d, Dense, Unit


@dataclass(frozen=True)
class Counts:
    """The size of an operation, or of several added up.

    Members
    -------
    units : int
        AMOS units, which stand for gates of the original network.
    gates : int
        Threshold gates, which are spiking neurons.
    weights, nonzero_weights : int
        Of dense and conv2d.
    products : int
        Non-zero weights times the windows in which each is used: multiply-adds for one image, the border included.
    """

    units: int = 0
    gates: int = 0
    weights: int = 0
    nonzero_weights: int = 0
    products: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def count(network: Network) -> Mapping[str, Counts]:
    """Return the size of every operation, in order."""
    sizes = {}
    for operation in network.operations:
        tensor = network.tensors[operation.name]
        size = Counts()
        if isinstance(operation, Unit):
            size = Counts(units=tensor.units, gates=tensor.units * operation.gates)
        elif isinstance(operation, Dense | Conv2d):
            nonzero = int(np.count_nonzero(operation.weights))
            windows = tensor.units // tensor.channels
            size = Counts(weights=operation.weights.size, nonzero_weights=nonzero, products=nonzero * windows)
        sizes[operation.name] = size
    return sizes
