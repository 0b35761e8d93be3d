"""Weighted sums over sliding windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
from amos_hdl.network.operations.window import Window
from amos_hdl.network.tensor import CHANNEL_LIMIT, Tensor


@dataclass(frozen=True, eq=False)
class Conv2d(OneSource):
    """Weighted sums over windows of a map (a cross-correlation, dilation 1)::

        x[n, o, p] = bias[n] + Σ_m,k,l weights[n, m, k, l]·y[g·M + m, o·stride + k - top, p·stride + l - left]

    with y = 0 outside the map, M the inputs of one group, and g the group of channel n, ``n // (channels / groups)``.

    Parameters
    ----------
    name, source : str
    weights : integers, shape (channel, input channel of the group, row, column)
        Two's complement of ``weight_bits`` bits.
    weight_bits : int, 1 to 16
    bias : integers, shape (channel,), optional
    stride : int or (rows, columns)
    padding : int, (rows, columns) or (top, bottom, left, right)
        Zeros around the map.
    groups : int
        Channels are divided into so many groups, each sees its own share of the source's; as many as the source has
        channels: depthwise.
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
    stride: int | Sequence[int] = 1
    padding: int | Sequence[int] = 0
    groups: int = 1
    potential_bits: int | None = None

    kind: ClassVar[str] = "conv2d"

    def __post_init__(self) -> None:
        super().__post_init__()
        shape = np.shape(self.weights)
        if len(shape) != 4 or not all(1 <= size <= CHANNEL_LIMIT for size in shape):
            raise self.refuse("shape of weights", "(channel, input, row, column)", repr(shape))
        object.__setattr__(self, "weights", constant(self.weights, shape, f"weights of {self.name}"))
        object.__setattr__(self, "bias", constant(self.biases, shape[:1], f"bias of {self.name}"))
        check_weights(self.weights, self.weight_bits, self.biases, ("channel", "input", "row", "column"), self.name)
        if type(self.groups) is not int or self.groups < 1 or shape[0] % self.groups:
            raise self.refuse("groups", f"a divisor of {shape[0]} channels", repr(self.groups))
        _ = self.window  # made, and so checked, on construction

    @property
    def biases(self) -> Array:
        """Bias of every channel, shape (channel,)."""
        return np.zeros(len(self.weights), np.int64) if self.bias is None else self.bias

    @cached_property
    def window(self) -> Window:
        """The windows."""
        return Window.of(self.weights.shape[2:], self.stride, self.padding, self.name)

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of potentials: the exact interval of each channel, its inputs taken as independent.

        It is the union over all windows, those at the border having fewer taps.  Raises NetworkError if a potential
        could overflow its width.
        """
        (source,) = read
        self.check_map(source)
        count, inputs = self.weights.shape[:2]
        if inputs * self.groups != source.channels:
            expected = f"{source.channels} of {self.source}"
            raise self.refuse("input channels", expected, f"{inputs} in {self.groups} groups")
        space = self.window.over(source.space, self.name)
        check_magnitude(int(np.abs(self.weights).sum(axis=(1, 2, 3)).max()) * max(source.magnitude, 1), self.name)
        # (group, channel, tap, input): what each tap can contribute is summed over its inputs first
        taps = self.weights.reshape(self.groups, count // self.groups, inputs, -1).swapaxes(2, 3)
        positive, negative = taps.clip(min=0), taps.clip(max=0)
        low, high = (side.reshape(self.groups, 1, inputs, 1) for side in (source.low, source.high))
        least = (positive @ low + negative @ high).reshape(count, *self.window.kernel)
        greatest = (positive @ high + negative @ low).reshape(count, *self.window.kernel)
        rows, columns = self.window.parts(source.space)
        lows = [least[:, a:b, c:d].sum(axis=(1, 2)) for a, b in rows for c, d in columns]
        highs = [greatest[:, a:b, c:d].sum(axis=(1, 2)) for a, b in rows for c, d in columns]
        tensor = Tensor(self.biases + np.min(lows, axis=0), self.biases + np.max(highs, axis=0), space)
        check_potential_bits(tensor, self.potential_bits, self.name)
        return tensor

    def magnitude(self, *read: Tensor) -> int:
        """Return the greatest ``|bias| + Σ |w|·|y|``."""
        (source,) = read
        count, inputs = self.weights.shape[:2]
        weights = np.abs(self.weights).sum(axis=(2, 3)).reshape(self.groups, count // self.groups, inputs)
        sums = weights @ np.maximum(-source.low, source.high).reshape(self.groups, inputs, 1)
        return int((sums.ravel() + np.abs(self.biases)).max())

    def attributes(self) -> dict[str, Any]:
        """Return width of weights, window and groups."""
        window = self.window
        return {
            "weight_bits": self.weight_bits,
            "stride": list(window.stride),
            "padding": list(window.padding),
            "groups": self.groups,
        }

    def arrays(self) -> dict[str, Array]:
        """Return ``weights`` and ``bias``."""
        return {"weights": self.weights, "bias": self.biases}
