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
    def forward(ctx: Any, v: Tensor, top: int | Tensor) -> Tensor:
        ctx.save_for_backward((v > -0.5) & (v < top + 1))
        return v.floor().clamp_(0, top) if isinstance(top, int) else v.floor().clamp_(min=0).minimum(top)

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

    With ``learns_gates`` each channel has k of the K gates, those of the highest digits, and y is rounded to what they
    can say::

        y = s·min(max(floor((v + (s - 1)/2)/s), 0), 2**k - 1),   s = 2**(K - k),   T_i = ceil((s·i - (s - 1)/2 - b)/a)

    In training k is real, k = n + t with n whole: y is then (1 - t) times that of n gates plus t times that of n + 1,
    and k is rounded as weights are.  It stays from ``settle`` on.

    Parameters
    ----------
    channels : int
    gates : int
        K.
    learns_gates : bool
        Whether k is learnt; without a cost on it, it stays K.

    Shapes: x and y ``(batch, channel)`` or ``(batch, channel, row, column)``; thresholds ``(channel, 2**k - 1)``.

    Source: S. Ioffe, C. Szegedy, arXiv:1502.03167 (batch norm); Y. Umuroglu et al., arXiv:1612.07119, section 4.2.2
    (its absorption in thresholds); the number of gates is derived.
    """

    settled: Tensor
    share: Tensor

    def __init__(self, channels: int, gates: int, *, learns_gates: bool = False) -> None:
        super().__init__()
        self.register_buffer("settled", torch.zeros((), dtype=torch.bool))
        self.gates, self.top = gates, (1 << gates) - 1
        self.kept: nn.Parameter | None = None
        if learns_gates and gates > 1:
            self.kept = nn.Parameter(torch.full((channels,), float(gates)))
            self.register_buffer("share", torch.zeros(()))
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

    def steps(self) -> list[int]:
        """Return s of each channel: what the spike of its last gate stands for."""
        if self.kept is None:
            return [1] * len(self.norm.weight)
        return [1 << self.gates - int(kept) for kept in self.kept.detach().round().tolist()]

    def thresholds(self) -> list[list[int]]:
        """Return T_1 .. of each channel, never falling."""
        return [
            [
                math.ceil((step * i - Fraction(step - 1, 2) - Fraction(b)) / Fraction(a))
                for i in range(1, (self.top + 1) // step)
            ]
            for step, a, b in zip(self.steps(), *self.line(), strict=True)
        ]

    def forward(self, x: Tensor) -> Tensor:
        """Return y of sums x."""
        flat = x.ndim == 2
        if flat:
            x = x[..., None, None]
        if self.training:
            self.norm.train(not bool(self.settled))
            v = self.norm(x)
            y = _staircase(v, self.top) if self.kept is None else self._between(v, self.kept)
        else:
            y = torch.zeros_like(x)
            limits = torch.full((len(self.norm.weight), self.top), torch.inf, dtype=torch.float64)
            for row, thresholds in zip(limits, self.thresholds(), strict=True):
                row[: len(thresholds)] = torch.tensor(thresholds, dtype=torch.float64)
            for limit in limits.T.to(x):
                y += x >= limit[:, None, None]
            if self.kept is not None:
                y *= torch.tensor(self.steps()).to(x)[:, None, None]
        return y[..., 0, 0] if flat else y

    def _between(self, v: Tensor, kept: Tensor) -> Tensor:
        """Return y of normalised sums v: between those of the two whole numbers of gates around ``kept``."""
        gates = (kept + self.share * (kept.detach().round() - kept.detach()))[:, None, None]
        fewer = gates.detach().floor().clamp(1, self.gates - 1)
        coarse, fine = self._rounded(v, fewer), self._rounded(v, fewer + 1)
        return coarse + (gates - fewer) * (fine - coarse)

    def _rounded(self, v: Tensor, gates: Tensor) -> Tensor:
        step = 2 ** (self.gates - gates)
        return step * _staircase((v + (step - 1) / 2) / step, 2**gates - 1)

    @torch.no_grad()
    def settle(self) -> None:
        """Keep mean, variance and the number of gates from now on."""
        self.settled.fill_(True)
        if self.kept is not None:
            self.kept.round_()
            self.kept.requires_grad_(False)

    @torch.no_grad()
    def confine(self) -> None:
        """Keep the factor positive, and one gate at least."""
        self.norm.weight.clamp_(min=LEAST_FACTOR)
        if self.kept is not None:
            self.kept.clamp_(1, self.gates)
