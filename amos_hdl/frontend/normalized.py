"""Batch norm and ReLU units in one: real in training, integer thresholds per channel afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

#: The batch norm's factor never falls below this: y rises with x, whose weights have either sign.
LEAST_FACTOR = 0.05
#: Where new units lie: the mean of v as a share of its deviation, so that a little more than half of them spike.
CENTRE = 0.3


class _Staircase(torch.autograd.Function):
    """Forwards min(max(floor(v), 0), top); backwards the identity from half a step below to a step above."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, top: int) -> Tensor:
        ctx.save_for_backward((v > -0.5) & (v < top + 1))
        return v.floor().clamp_(0, top)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None


_staircase: Callable[..., Tensor] = _Staircase.apply


class NormalizedUnits(nn.Module):
    """ReLU units of K bits on normalised sums::

        y = min(max(floor(v), 0), 2**K - 1),   v = a·x + b,   a = factor/sqrt(variance + ε),   b = shift - a·mean

    with mean and variance of the batch in training mode until ``settle`` is called.  From then on they stay what they
    have been on average: y changes by steps, so that it is learnt from what will be computed.  In evaluation mode

        y = number of i in 1 .. 2**K - 1 with x >= T_i,   T_i = ceil((i - b)/a)

    which is the same for every integer x, exactly: T_i is computed in fractions from the float64 values of a and b.

    Parameters
    ----------
    channels : int
    gates : int
        K.

    Shapes: x and y ``(batch, channel)`` or ``(batch, channel, row, column)``; thresholds ``(channel, 2**K - 1)``.

    Source: S. Ioffe, C. Szegedy, arXiv:1502.03167 (batch norm); Y. Umuroglu et al., arXiv:1612.07119, section 4.2.2
    (its absorption in thresholds).
    """

    settled: Tensor

    def __init__(self, channels: int, gates: int) -> None:
        super().__init__()
        self.register_buffer("settled", torch.zeros((), dtype=torch.bool))
        self.gates, self.top = gates, (1 << gates) - 1
        self.norm = nn.BatchNorm2d(channels)
        deviation = max(self.top / 2, 1.0)
        nn.init.constant_(self.norm.weight, deviation)
        nn.init.constant_(self.norm.bias, CENTRE * deviation + 0.5)

    @torch.no_grad()
    def line(self) -> tuple[list[float], list[float]]:
        """Return a and b of each channel."""
        mean, variance, factor, shift = (
            tensor.detach().to("cpu", torch.float64)
            for tensor in (self.norm.running_mean, self.norm.running_var, self.norm.weight, self.norm.bias)
            if tensor is not None
        )
        a = factor / (variance + self.norm.eps).sqrt()
        return a.tolist(), (shift - a * mean).tolist()

    def thresholds(self) -> list[list[int]]:
        """Return T_1 .. of each channel, never falling."""
        return [
            [math.ceil((i - Fraction(b)) / Fraction(a)) for i in range(1, self.top + 1)]
            for a, b in zip(*self.line(), strict=True)
        ]

    def forward(self, x: Tensor) -> Tensor:
        """Return y of sums x."""
        flat = x.ndim == 2
        if flat:
            x = x[..., None, None]
        if self.training:
            self.norm.train(not bool(self.settled))
            y = _staircase(self.norm(x), self.top)
        else:
            y = torch.zeros_like(x)
            limits = torch.tensor(self.thresholds(), dtype=torch.float64, device=x.device)
            for limit in limits.T.to(x.dtype):
                y += x >= limit[:, None, None]
        return y[..., 0, 0] if flat else y

    def settle(self) -> None:
        """Keep mean and variance from now on."""
        self.settled.fill_(True)

    @torch.no_grad()
    def confine(self) -> None:
        """Keep the factor positive."""
        self.norm.weight.clamp_(min=LEAST_FACTOR)
