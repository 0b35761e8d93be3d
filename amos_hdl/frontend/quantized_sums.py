"""Weighted sums of few-bit integer weights: straight-through rounding, pruning, over windows or of everything."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

#: Standard deviation of new weights as a share of the greatest magnitude.
SPREAD = 0.4
#: How far beyond the greatest magnitude a latent weight may lie: far enough to come back within a few steps.
MARGIN = 0.4


def signed_digits(magnitude: int) -> int:
    """Return how many of the digits -1, 0, 1 are not 0 where ``magnitude`` is written with as few as possible.

    A product by a constant is a sum of so many shifted terms.  Source: G. W. Reitwiesner, "Binary arithmetic", 1960.
    """
    return bin(magnitude ^ 3 * magnitude).count("1")


class QuantizedSums(nn.Module):
    """Weights of the shape ``(channel, input, ...)``, latent real ones in units of one integer step.

    The step of each channel is what the batch norm behind it makes of it, so all channels have steps of their own
    although weights are integers here.  In training mode the weights that are used are::

        w = m·(latent + share·(rounded - latent))      m: 0 where pruned, else 1

    with the gradient of latent; in evaluation mode ``m·rounded``, integers.

    Parameters
    ----------
    shape : sequence of int
    magnitudes : sequence of int
        Rising from 0; both signs are allowed.
    generator : torch.Generator

    Source: Y. Bengio et al., "Estimating or propagating gradients through stochastic neurons", arXiv:1308.3432,
    section 5 (straight-through); pruning by magnitude: M. Zhu, S. Gupta, arXiv:1710.01878, section 3.
    """

    mask: Tensor
    share: Tensor
    levels: Tensor
    costs: Tensor

    def __init__(self, shape: Sequence[int], magnitudes: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        levels = sorted({sign * magnitude for magnitude in magnitudes for sign in (1, -1)})
        self.latent = nn.Parameter(SPREAD * magnitudes[-1] * torch.randn(*shape, generator=generator))
        self.register_buffer("mask", torch.ones(*shape))
        self.register_buffer("share", torch.zeros(()))
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.float32))
        costs = [signed_digits(abs(level)) for level in levels]
        self.register_buffer("costs", torch.tensor(costs, dtype=torch.float32))

    def _rounded(self) -> Tensor:
        borders = (self.levels[1:] + self.levels[:-1]) / 2
        return self.levels[torch.bucketize(self.latent.detach(), borders)]

    @torch.no_grad()
    def integers(self) -> Tensor:
        """Return the integer weights."""
        return self._rounded() * self.mask

    def weights(self) -> Tensor:
        """Return the weights that the sums are taken with."""
        if not self.training:
            return self.integers()
        return (self.latent + self.share * (self._rounded() - self.latent.detach())) * self.mask

    def digits(self) -> Tensor:
        """Return the mean number of signed digits of a weight, with lines between the allowed ones: it has a slope."""
        # the piece between two levels in which a latent weight lies; beyond the last ones their line goes on
        piece = torch.bucketize(self.latent.detach(), self.levels[1:-1], right=True)
        low, high = self.levels[piece], self.levels[piece + 1]
        part = (self.latent - low) / (high - low)
        return ((self.costs[piece] * (1 - part) + self.costs[piece + 1] * part) * self.mask).mean()

    @torch.no_grad()
    def prune(self, keep: int) -> None:
        """Keep the ``keep`` latent weights of greatest magnitude; the others count as 0 until the next call."""
        # a stable order: of equal magnitudes the first are kept, so exactly `keep` are
        order = self.latent.abs().flatten().argsort(descending=True, stable=True)
        self.mask.zero_().view(-1)[order[:keep]] = 1.0

    @torch.no_grad()
    def confine(self) -> None:
        """Keep latent weights near the allowed ones, so that any of them can still change sides."""
        greatest = float(self.levels[-1]) + MARGIN
        self.latent.clamp_(-greatest, greatest)


class QuantizedConv2d(QuantizedSums):
    """Sums over square windows, zeros around the map; see ``network.Conv2d``.

    Shapes: y ``(batch, channel, row, column)``; weights ``(channel, input of the group, row, column)``.
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        kernel: int,
        magnitudes: Sequence[int],
        generator: torch.Generator,
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
    ) -> None:
        super().__init__((channels, inputs // groups, kernel, kernel), magnitudes, generator)
        self.stride, self.padding, self.groups = stride, padding, groups

    def forward(self, y: Tensor) -> Tensor:
        """Return the sums; integers in evaluation mode."""
        sums = functional.conv2d(y, self.weights(), None, self.stride, self.padding, 1, self.groups)
        # whatever algorithm the library chose: it errs by far less than a half
        return sums if self.training else sums.round()


class QuantizedLinear(QuantizedSums):
    """Sums of everything; see ``network.Dense``.

    Shapes: y ``(batch, input)``; weights ``(unit, input)``.
    """

    def forward(self, y: Tensor) -> Tensor:
        """Return the sums; integers in evaluation mode."""
        sums = functional.linear(y, self.weights())
        return sums if self.training else sums.round()
