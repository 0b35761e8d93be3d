"""The integers of a network in the making, on a few images: for the correction of biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Network, Tensor
from amos_hdl.network.fan_out import Reach
from amos_hdl.network.forward import Forward
from amos_hdl.network.kernels import Numbers, exact_type
from amos_hdl.network.lookup import unit_counter
from amos_hdl.network.operations import Input, Operation, Unit

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Part:
    """What ``Forward`` needs of a network, for one operation."""

    operations: tuple[Operation, ...]
    tensors: dict[str, Tensor]


class Simulation:
    """Computes each operation once, when it is added, by the golden model's arithmetic."""

    def __init__(self, image: Input, images: npt.NDArray[np.integer]) -> None:
        self.tensors: dict[str, Tensor] = {image.name: image.result()}
        self._values: dict[str, Numbers] = {image.name: np.moveaxis(images.astype(np.int64), 0, 1)}

    def add(self, operation: Operation) -> None:
        """Derive the intervals of ``operation`` and compute it.  Raises NetworkError if it does not fit."""
        read = [self.tensors[name] for name in operation.reads]
        self.tensors[operation.name] = operation.result(*read)
        given = [self._values[name] for name in operation.reads]
        if isinstance(operation, Unit):
            # only the values matter here, so it matters not what reads the spikes
            unread = Reach.alike(np.zeros(read[0].channels, np.int64), read[0])
            kind = exact_type(self.tensors[operation.name].magnitude)
            result, _, _ = unit_counter(operation, read[0], kind, unread)(given[0])
        else:
            part = _Part((operation,), self.tensors)
            result = Forward(cast(Network, part))(operation, *given)
        self._values[operation.name] = result

    def drop(self, name: str) -> None:
        """Forget the integers of an operation that nothing will use."""
        self._values.pop(name, None)

    def mean(self, name: str) -> Real:
        """Return the mean of each channel over all images and places."""
        values = self._values[name]
        means: Real = values.reshape(len(values), -1).mean(axis=1, dtype=np.float64)
        return means
