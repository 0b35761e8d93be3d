"""One operation after the other on many images at once: everything but the units, which spike."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import NetworkError
from amos_hdl.network.graph import Network
from amos_hdl.network.kernels import NUMPY, Kernels, Numbers, exact_type
from amos_hdl.network.operations import (
    Add,
    Argmax,
    Concat,
    Conv2d,
    Dense,
    Flatten,
    MaxPool,
    Multiply,
    Operation,
    Pad,
    Slice,
    SumPool,
)


class Forward:
    """The operations of a network, their integers as arrays of the type in which each is exact.

    Parameters
    ----------
    network : Network
    kernels : Kernels
        Who does the large sums.  All kernels give the same integers.
    wide : bool
        Everything in int64, for values beyond the network's value intervals.
    """

    def __init__(self, network: Network, kernels: Kernels = NUMPY, *, wide: bool = False) -> None:
        self._kernels = kernels
        self._tensors = network.tensors
        self._types: dict[str, np.dtype[Any]] = {}
        self._weights: dict[str, tuple[Numbers, Numbers]] = {}
        for operation in network.operations:
            read = [network.tensors[name] for name in operation.reads]
            greatest = max(operation.magnitude(*read), network.tensors[operation.name].magnitude)
            kind = np.dtype(np.int64) if wide else exact_type(greatest)
            self._types[operation.name] = kind
            if isinstance(operation, Dense | Conv2d):
                biases = operation.biases.reshape(-1, *[1] * len(network.tensors[operation.name].shape))
                self._weights[operation.name] = (operation.weights.astype(kind), biases.astype(kind))

    def kind(self, name: str) -> np.dtype[Any]:
        """Return the type of the integers that operation ``name`` gives."""
        return self._types[name]

    def load(self, images: npt.NDArray[np.integer], name: str) -> Numbers:
        """Return images ``(batch, *shape)`` as the result of the input ``name``."""
        return np.ascontiguousarray(np.moveaxis(images, 0, 1), self._types[name])

    def __call__(self, operation: Operation, *read: Numbers) -> Numbers:
        """Return the result of ``operation`` for the results that it reads: ``(channel, batch, row, column)``."""
        kind, kernels = self._types[operation.name], self._kernels
        x, *others = (array.astype(kind, copy=False) for array in read)
        match operation:
            case Dense():
                weights, biases = self._weights[operation.name]
                sums = kernels.dense(x, weights)
                return np.add(sums, biases, out=sums)
            case Conv2d():
                weights, biases = self._weights[operation.name]
                sums = kernels.conv2d(x, weights, operation.window, operation.groups)
                return np.add(sums, biases, out=sums)
            case SumPool():
                return kernels.sum_pool(x, operation.window(self._tensors[operation.source]))
            case MaxPool():
                return kernels.max_pool(x, operation.window(self._tensors[operation.source]))
            case Add():
                return _weighted(operation, [x, *others])
            case Multiply():
                product: Numbers = x * others[0]
                return product
            case Concat():
                return np.concatenate([x, *others])
            case Flatten():
                # the batch, second until now, goes behind the places of the map
                return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
            case Slice():
                channels, *places = operation.slices
                return x[(channels, slice(None), *places)]
            case Pad():
                widths = np.array([*operation.widths[:1], (0, 0), *operation.widths[1:]])
                return np.pad(x, widths, constant_values=operation.value)
            case Argmax():
                # numpy's argmax gives the first of equal values, which is what the specification asks for
                winner: Numbers = x.argmax(axis=0)[None].astype(kind)
                return winner
            case _:
                raise NetworkError("operation without arithmetic", where=operation.name, got=operation.kind)


def _weighted(operation: Add, read: list[Numbers]) -> Numbers:
    """Return the sum of all sources, each times its multiplier."""
    terms = (
        y if (factor == 1).all() else y * factor.reshape(-1, *[1] * (y.ndim - 1)).astype(y.dtype)
        for factor, y in zip(operation.factors, read, strict=True)
    )
    return functools.reduce(operator.add, terms)
