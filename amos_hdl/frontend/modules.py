"""PyTorch modules that compute on integers: quantized pruned weighted sums, and the network of them and AMOS units.

Numbers are floats that hold integers, exact below 2**24; in evaluation mode every module gives what the golden model
gives.  Training moves *latent* real parameters, in units of one integer step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from amos_hdl.frontend.activation import AmosActivation, InputUnits, Noise, straight_through
from amos_hdl.frontend.prototype import Prototype

#: Span of y up to which a step of a logit counts for as much in the beginning; of wider y, less.
USUAL_SPAN = 15


class PrunedLinear(nn.Module):
    """Weighted sums with few integer weights: ``x[n] = Σ_m w[n, m]·y[m]``.

    A weight is the latent value rounded to the nearest allowed one (``±magnitudes``), or 0 where pruned.  In training
    real weights are rounded for good a few at a time (``fix``), those next to an integer first; the others learn to
    make up for it.

    Parameters
    ----------
    inputs, units : int
    magnitudes : sequence of int
        Rising from 0.
    generator : torch.Generator
        Draws the latent weights from a normal distribution.

    Shapes: y ``(batch, input)``; x ``(batch, unit)``; latent ``(unit, input)``.

    Source: A. Zhou et al., "Incremental network quantization", arXiv:1702.03044, section 2; the order is ours.
    """

    mask: Tensor
    fixed: Tensor
    held: Tensor
    levels: Tensor

    def __init__(self, inputs: int, units: int, magnitudes: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        levels = sorted({sign * magnitude for magnitude in magnitudes for sign in (1, -1)})
        self.latent = nn.Parameter(0.8 * torch.randn(units, inputs, generator=generator))
        self.register_buffer("mask", torch.ones(units, inputs))
        self.register_buffer("fixed", torch.zeros(units, inputs, dtype=torch.bool))
        self.register_buffer("held", torch.zeros(units, inputs))
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.float32))

    def _rounded(self) -> Tensor:
        borders = (self.levels[1:] + self.levels[:-1]) / 2
        return torch.where(self.fixed, self.held, self.levels[torch.bucketize(self.latent.detach(), borders)])

    @torch.no_grad()
    def integers(self) -> Tensor:
        """Return the integer weights ``(unit, input)``."""
        return self._rounded() * self.mask

    def forward(self, y: Tensor) -> Tensor:
        """Return sums ``(batch, unit)``; of integer weights in evaluation mode."""
        if not self.training:
            return y @ self.integers().T
        return y @ (torch.where(self.fixed, self.held, self.latent) * self.mask).T

    @torch.no_grad()
    def fix(self, share: float) -> None:
        """Round ``share`` (0 to 1) of the weights that are not pruned, those fixed before among them, for good."""
        count = round(share * float(self.mask.sum()))
        rounded = self._rounded()
        # fixed weights come first, pruned ones last; of equal distances the first in the matrix
        distance = torch.where(self.fixed, -1.0, (self.latent - rounded).abs() + 1e9 * (1 - self.mask))
        first = distance.flatten().argsort(stable=True)[:count]
        self.held.view(-1)[first] = rounded.flatten()[first]
        self.fixed.view(-1)[first] = True

    @torch.no_grad()
    def prune(self, keep: int) -> None:
        """Keep the ``keep`` latent weights of greatest magnitude; the others count as 0 until the next call."""
        size = self.latent.numel()
        if keep >= size:
            self.mask.fill_(1.0)
            return
        # a stable order: of equal magnitudes the first are kept, so exactly `keep` are
        order = self.latent.abs().flatten().argsort(descending=True, stable=True)
        self.mask.zero_().view(-1)[order[:keep]] = 1.0

    @torch.no_grad()
    def disconnect(self, inputs: Tensor) -> None:
        """Make the weights of ``inputs`` (bool, shape (input,)) 0 for good."""
        self.mask[:, inputs] = 0.0

    @torch.no_grad()
    def confine(self) -> None:
        """Keep latent weights near the allowed ones, so that any of them can still change sides."""
        greatest = float(self.levels[-1]) + 0.4
        self.latent.clamp_(-greatest, greatest)


class SpikingNetwork(nn.Module):
    """Input units, then weighted sums and AMOS units by turns, then weighted sums with a bias: the logits.

    Parameters
    ----------
    pixels, classes : int
    inputs : Prototype
        Of the input units.
    hidden : sequence of int
        Units of each hidden layer.
    prototypes : sequence of Prototype
        Of each hidden layer.
    magnitudes : sequence of sequences of int
        Of each dense layer.
    generator : torch.Generator
    noise : Noise, optional
        How gates err in training mode; in evaluation mode none does.
    keep : sequence of int, optional
        Weights that each dense layer keeps; default all.

    Shapes: pixels ``(batch, pixel)``, integers as floats; logits ``(batch, class)``, integers in evaluation mode.
    """

    def __init__(
        self,
        pixels: int,
        classes: int,
        inputs: Prototype,
        hidden: Sequence[int],
        prototypes: Sequence[Prototype],
        magnitudes: Sequence[Sequence[int]],
        generator: torch.Generator,
        noise: Noise | None = None,
        keep: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.noise, self.input_units = noise, InputUnits(inputs)
        sizes = [pixels, *hidden, classes]
        self.sums = nn.ModuleList(
            PrunedLinear(number, units, values, generator)
            for number, units, values in zip(sizes[:-1], sizes[1:], magnitudes, strict=True)
        )
        self.units = nn.ModuleList(
            AmosActivation(n, prototype) for n, prototype in zip(hidden, prototypes, strict=True)
        )
        self.keep = list(keep) if keep is not None else [linear.latent.numel() for linear in self.linears]
        self.bias = nn.Parameter(torch.zeros(classes))
        # logarithm of what one step of a logit counts for in the loss; no part of the exported network
        self.log_scale = nn.Parameter(torch.tensor(0.1 * min(1.0, USUAL_SPAN / np.ptp(prototypes[-1].values))).log())

    @property
    def linears(self) -> list[PrunedLinear]:
        """The weighted sums in order."""
        return cast("list[PrunedLinear]", list(self.sums))  # a ModuleList is of any modules

    @property
    def activations(self) -> list[AmosActivation]:
        """The layers of trained units in order."""
        return cast("list[AmosActivation]", list(self.units))

    def logits(self, y: Tensor) -> Tensor:
        """Return logits ``(batch, class)`` of the input units' values y ``(batch, pixel)``."""
        for linear, units in zip(self.linears, self.activations, strict=False):
            y = units(linear(y), self._noise)
        sums: Tensor = self.linears[-1](y)
        return sums + straight_through(self.bias.detach().round(), self.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(batch, class)`` of pixels ``(batch, pixel)``."""
        return self.logits(self.input_units(pixels, self._noise))

    @property
    def _noise(self) -> Noise | None:
        return self.noise if self.training else None

    @torch.no_grad()
    def calibrate(self, y: Tensor) -> None:
        """Fit steps and biases of all units to the input units' values y ``(batch, pixel)`` of some images."""
        for linear, units in zip(self.linears, self.activations, strict=False):
            x = linear(y)
            units.calibrate(x)
            y = units(x)

    @torch.no_grad()
    def anneal(self, pruned: float, rounded: float) -> None:
        """Prune, and later round, as far as it is time for: shares from 0 to 1.

        The number of weights falls from all to ``keep`` as (1 - share)**3: fast while many do not matter.
        """
        for linear, keep in zip(self.linears, self.keep, strict=True):
            if not bool(linear.fixed.any()):
                share_left = 0.0 if rounded else (1 - pruned) ** 3
                linear.prune(round(keep + (linear.latent.numel() - keep) * share_left))
            linear.fix(rounded)

    @torch.no_grad()
    def confine(self) -> None:
        """Keep latent values where the next steps can still change their integers."""
        for linear in self.linears:
            linear.confine()
        for units in self.activations:
            units.step.clamp_(min=0.6)

    @torch.no_grad()
    def finish(self, y: Tensor) -> None:
        """Disconnect pixels that are 0 in all input values y ``(batch, pixel)``.

        They learnt nothing; their weights would only cost adders.
        """
        self.linears[0].disconnect(y.amax(0) == 0)
