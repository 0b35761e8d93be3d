"""Weighted sums of all inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from amos_hdl.network.operations.base import (
    Array,
    OneSource,
    check_magnitude,
    check_potential_bits,
    check_weights,
    constant,
)
from amos_hdl.network.tensor import CHANNEL_LIMIT, Tensor


@dataclass(frozen=True, eq=False)
class Dense(OneSource):
    """Weighted sums: ``x[n] = bias[n] + Σ_m weights[n, m]·y[m]``.

    Parameters
    ----------
    name, source : str
        This operation, and the one whose values y it sums.
    weights : integers, shape (unit, input)
        Two's complement of ``weight_bits`` bits.
    weight_bits : int, 1 to 16
        Declared width; a weight outside it is an error.
    bias : integers, shape (unit,), optional
        Default 0.  Where units follow, biases are absorbed in their thresholds and left 0 here.
    potential_bits : int, optional
        Declared width of x; an error if x could overflow it.  Default: as wide as the value interval needs.

    Raises
    ------
    NetworkError
        If a weight does not fit, or shapes or widths do not.
    """

    weights: Array
    weight_bits: int
    bias: Array | None = None
    potential_bits: int | None = None

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        super().__post_init__()
        shape = np.shape(self.weights)
        if len(shape) != 2 or not (1 <= shape[0] <= CHANNEL_LIMIT and 1 <= shape[1] <= CHANNEL_LIMIT):
            raise self.refuse("shape of weights", "(unit, input)", repr(shape))
        object.__setattr__(self, "weights", constant(self.weights, shape, f"weights of {self.name}"))
        bias = np.zeros(shape[0], np.int64) if self.bias is None else self.bias
        object.__setattr__(self, "bias", constant(bias, shape[:1], f"bias of {self.name}"))
        check_weights(self.weights, self.weight_bits, self.biases, ("unit", "input"), self.name)

    @property
    def biases(self) -> Array:
        """Bias of every unit, shape (unit,)."""
        return np.asarray(self.bias)  # the array that construction has put there

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of potentials: the exact interval of each sum, its inputs taken as independent.

        Raises NetworkError if a potential could overflow its width.
        """
        (source,) = read
        self.check_flat(source)
        if self.weights.shape[1] != source.units:
            expected = f"{source.units}, what {self.source} gives"
            raise self.refuse("inputs of weights", expected, self.weights.shape[1])
        check_magnitude(int(np.abs(self.weights).sum(axis=1).max()) * max(source.magnitude, 1), self.name)
        positive, negative = self.weights.clip(min=0), self.weights.clip(max=0)  # (unit, input)
        low: Array = np.add(self.biases, positive @ source.low + negative @ source.high, dtype=np.int64)
        high: Array = np.add(self.biases, positive @ source.high + negative @ source.low, dtype=np.int64)
        tensor = Tensor(low, high)
        check_potential_bits(tensor, self.potential_bits, self.name)
        return tensor

    def magnitude(self, *read: Tensor) -> int:
        """Return the greatest ``|bias| + Σ |w|·|y|``."""
        (source,) = read
        inputs = np.maximum(-source.low, source.high)
        return int((np.abs(self.weights) @ inputs + np.abs(self.biases)).max())

    def attributes(self) -> dict[str, Any]:
        """Return the width of weights; that of potentials follows."""
        return {"weight_bits": self.weight_bits}

    def arrays(self) -> dict[str, Array]:
        """Return ``weights`` and ``bias``."""
        return {"weights": self.weights, "bias": self.biases}
