"""PyTorch modules that compute on integers: AMOS units in the loop, and quantized pruned weighted sums.

Numbers are floats that hold integers, exact below 2**24; in evaluation mode every module gives what the golden model
gives.  Training moves *latent* real parameters, in units of one integer step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def straight_through(exact: Tensor, smooth: Tensor) -> Tensor:
    """Return ``exact``, with the gradient of ``smooth``."""
    return smooth + (exact - smooth).detach()


class AmosActivation(nn.Module):
    """Serial AMOS units of the clipped ReLU, each unit with its own integer step and bias.

    ::

        z_i = 1  if  x >= T_i + Σ_{j<i} H_ij·z_j        T_i = step·2**(K-i) - bias      H_ij = step·2**(K-j)
        y   = Σ_i 2**(K-i)·z_i = min(max(floor((x + bias)/step), 0), 2**K - 1)

    Backwards, y counts as the line v = (x + bias)/step between -1/2 and 2**K, flat outside; a single gate (K = 1) as
    the steeper logistic curve (1 + tanh(v - 1))/2.

    Parameters
    ----------
    units : int
    gates : int, >= 1
        K.

    Shapes: x ``(batch, unit)``; spikes ``(batch, unit, gate)``; y ``(batch, unit)`` from 0 to 2**K - 1.

    Source: arXiv:2001.01682, section 2 (ReLU); the backward curve is derived.
    """

    def __init__(self, units: int, gates: int) -> None:
        super().__init__()
        self.gates = gates
        self.step = nn.Parameter(torch.full((units,), 4.0))
        self.bias = nn.Parameter(torch.zeros(units))

    def integers(self) -> tuple[Tensor, Tensor]:
        """Return step (>= 1) and bias of every unit, shape (unit,), as they are computed with."""
        return self.step.detach().round().clamp(min=1), self.bias.detach().round()

    @torch.no_grad()
    def spikes(self, x: Tensor) -> Tensor:
        """Return the spikes, 0.0 or 1.0, ``(batch, unit, gate)`` of potentials ``(batch, unit)``."""
        return torch.stack(self._planes(x), dim=-1)

    def _planes(self, x: Tensor) -> list[Tensor]:
        step, bias = self.integers()
        planes: list[Tensor] = []
        threshold = -bias
        for gate in range(self.gates):
            digit = 1 << (self.gates - 1 - gate)
            plane = (x >= threshold + step * digit).to(x.dtype)
            threshold = threshold + step * digit * plane
            planes.append(plane)
        return planes

    def forward(self, x: Tensor) -> Tensor:
        """Return y ``(batch, unit)`` of potentials x ``(batch, unit)``."""
        with torch.no_grad():
            exact = torch.zeros_like(x)
            for plane in self._planes(x):
                exact = exact * 2 + plane
        step, bias = self.integers()
        v = (x + straight_through(bias, self.bias)) / straight_through(step, self.step)
        smooth = (1 + torch.tanh(v - 1)) / 2 if self.gates == 1 else v.clamp(-0.5, float(1 << self.gates))
        return straight_through(exact, smooth)

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Set step and bias so that potentials like x ``(batch, unit)`` spread over the code."""
        mean, spread = x.mean(0), x.std(0)
        self.bias.copy_(0.3 * spread - mean)
        self.step.copy_((2 * spread / ((1 << self.gates) - 1)).clamp(min=1) if self.gates > 1 else self.step * 0 + 1)


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


class InputUnits(nn.Module):
    """Untrained AMOS units on the pixels: y = number of ``thresholds`` <= pixel.

    Shapes: pixels and y ``(batch, pixel)``.
    """

    thresholds: Tensor

    def __init__(self, thresholds: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("thresholds", torch.tensor(thresholds, dtype=torch.float32))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return y ``(batch, pixel)`` from 0 to the number of thresholds."""
        y = torch.zeros_like(pixels)
        for threshold in self.thresholds:
            y = y + (pixels >= threshold)
        return y


class SpikingNetwork(nn.Module):
    """Input units, then weighted sums and AMOS units by turns, then weighted sums with a bias: the logits.

    Parameters
    ----------
    pixels, classes : int
    input_thresholds : sequence of int
    hidden, gates : sequences of int
        Units of each hidden layer, and their K.
    magnitudes : sequence of sequences of int
        Of each dense layer.
    generator : torch.Generator

    Shapes: pixels ``(batch, pixel)``, integers as floats; logits ``(batch, class)``, integers in evaluation mode.
    """

    def __init__(
        self,
        pixels: int,
        classes: int,
        input_thresholds: Sequence[int],
        hidden: Sequence[int],
        gates: Sequence[int],
        magnitudes: Sequence[Sequence[int]],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.input_units = InputUnits(input_thresholds)
        sizes = [pixels, *hidden, classes]
        self.sums = nn.ModuleList(
            PrunedLinear(inputs, units, values, generator)
            for inputs, units, values in zip(sizes[:-1], sizes[1:], magnitudes, strict=True)
        )
        self.units = nn.ModuleList(AmosActivation(n, k) for n, k in zip(hidden, gates, strict=True))
        self.bias = nn.Parameter(torch.zeros(classes))
        # logarithm of what one step of a logit counts for in the loss; no part of the exported network
        self.log_scale = nn.Parameter(torch.tensor(0.1).log())

    @property
    def linears(self) -> list[PrunedLinear]:
        """The weighted sums in order."""
        return list(self.sums)  # type: ignore[arg-type]  # nn.ModuleList forgets the type of its modules

    @property
    def activations(self) -> list[AmosActivation]:
        """The layers of trained units in order."""
        return list(self.units)  # type: ignore[arg-type]  # as above

    def logits(self, y: Tensor) -> Tensor:
        """Return logits ``(batch, class)`` of the input units' values y ``(batch, pixel)``."""
        for linear, units in zip(self.linears, self.activations, strict=False):
            y = units(linear(y))
        sums: Tensor = self.linears[-1](y)
        return sums + straight_through(self.bias.detach().round(), self.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(batch, class)`` of pixels ``(batch, pixel)``."""
        return self.logits(self.input_units(pixels))

    @torch.no_grad()
    def calibrate(self, y: Tensor) -> None:
        """Fit steps and biases of all units to the input units' values y ``(batch, pixel)`` of some images."""
        for linear, units in zip(self.linears, self.activations, strict=False):
            x = linear(y)
            units.calibrate(x)
            y = units(x)
