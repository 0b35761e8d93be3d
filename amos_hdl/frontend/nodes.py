"""What the layers of a recipe become: modules that train, and compute on integers afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from amos_hdl.frontend.activation import straight_through
from amos_hdl.frontend.layers import ConvLayer, DenseLayer, LogitsLayer, PoolLayer, VotesLayer
from amos_hdl.frontend.lookup_gates import LookupGates
from amos_hdl.frontend.normalized import NormalizedUnits
from amos_hdl.frontend.quantized_sums import QuantizedConv2d, QuantizedLinear


class ConvUnits(nn.Module):
    """Sums over windows, a skip added if there is one, units.

    Parameters
    ----------
    layer : ConvLayer
    inputs : int
        Channels of the source.
    skip_inputs, skip_stride : int, optional
        Channels and stride of the weighted sums over 1x1 windows that the skip goes through; None: it is as it is.
    learns_gates : bool
        See ``NormalizedUnits``.
    """

    def __init__(
        self,
        layer: ConvLayer,
        inputs: int,
        magnitudes: Sequence[int],
        generator: torch.Generator,
        skip_inputs: int | None = None,
        skip_stride: int = 1,
        *,
        learns_gates: bool = False,
    ) -> None:
        super().__init__()
        self.layer = layer
        window = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}
        self.sums = QuantizedConv2d(inputs, layer.channels, layer.kernel, magnitudes, generator, **window)
        self.skip_sums = (
            None
            if skip_inputs is None
            else QuantizedConv2d(skip_inputs, layer.channels, 1, magnitudes, generator, stride=skip_stride)
        )
        self.units = NormalizedUnits(layer.channels, layer.gates, learns_gates=learns_gates)

    def potential(self, y: Tensor, skip: Tensor | None = None) -> Tensor:
        """Return what enters the units for values y and those of the skip, ``(batch, channel, row, column)``."""
        x: Tensor = self.sums(y)
        if skip is not None:
            x = x + self.layer.skip_multiplier * (skip if self.skip_sums is None else self.skip_sums(skip))
        return x

    def forward(self, y: Tensor, skip: Tensor | None = None) -> Tensor:
        """Return the units' values."""
        value: Tensor = self.units(self.potential(y, skip))
        return value


class Pool(nn.Module):
    """Greatest values, or sums, of windows."""

    def __init__(self, layer: PoolLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, y: Tensor) -> Tensor:
        """Return the map of windows."""
        layer = self.layer
        if layer.kernel is None:
            sums, most = y.sum((2, 3), keepdim=True), y.amax((2, 3), keepdim=True)
            return sums if layer.kind == "sum_pool" else most
        stride = layer.stride or layer.kernel
        if layer.kind == "max_pool":
            return functional.max_pool2d(y, layer.kernel, stride, layer.padding)
        # a divisor of 1 makes the average the sum
        return functional.avg_pool2d(y, layer.kernel, stride, layer.padding, divisor_override=1)


class DenseUnits(nn.Module):
    """Sums of everything, units."""

    def __init__(
        self,
        layer: DenseLayer,
        inputs: int,
        magnitudes: Sequence[int],
        generator: torch.Generator,
        *,
        learns_gates: bool = False,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.sums = QuantizedLinear((layer.units, inputs), magnitudes, generator)
        self.units = NormalizedUnits(layer.units, layer.gates, learns_gates=learns_gates)

    def forward(self, y: Tensor) -> Tensor:
        """Return the units' values ``(batch, unit)`` for y of any shape."""
        value: Tensor = self.units(self.sums(y.flatten(1)))
        return value


class Logits(nn.Module):
    """Sums of everything and an integer bias."""

    unit: Tensor

    def __init__(
        self,
        layer: LogitsLayer,
        inputs: int,
        classes: int,
        magnitudes: Sequence[int],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.sums = QuantizedLinear((classes, inputs), magnitudes, generator)
        self.bias = nn.Parameter(torch.zeros(classes))
        self.register_buffer("unit", torch.ones(()))

    def integer_bias(self) -> Tensor:
        """Return the bias as it is added."""
        return (self.bias.detach() * self.unit).round()

    def forward(self, y: Tensor) -> Tensor:
        """Return logits ``(batch, class)`` for y of any shape."""
        sums: Tensor = self.sums(y.flatten(1))
        return sums + straight_through(self.integer_bias(), self.bias * self.unit)


class Votes(nn.Module):
    """Spikes counted by class, the units divided evenly and in order; nothing to learn.

    Parameters
    ----------
    layer : VotesLayer
    units : int
        A multiple of ``classes``.
    classes : int
    """

    ballots: Tensor

    def __init__(self, layer: VotesLayer, units: int, classes: int) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("ballots", torch.eye(classes).repeat_interleave(units // classes, dim=1))

    def forward(self, y: Tensor) -> Tensor:
        """Return counts ``(batch, class)`` of spikes of any shape."""
        # no rounding: counts are exact
        return functional.linear(y.flatten(1), self.ballots)


Node = ConvUnits | Pool | DenseUnits | Logits | LookupGates | Votes
