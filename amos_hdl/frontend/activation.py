"""AMOS units in the training loop: the exact integer circuit forwards, a smooth stand-in backwards, noise if asked."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from amos_hdl.circuit import Disturbance, ThresholdCircuit, steps
from amos_hdl.frontend.prototype import Prototype


def straight_through(exact: Tensor, smooth: Tensor) -> Tensor:
    """Return ``exact``, with the gradient of ``smooth``."""
    return smooth + (exact - smooth).detach()


class Noise:
    """Gates that err in training as they will when run.

    Parameters
    ----------
    disturbance : Disturbance
        Levels; threshold errors are those of another device in each batch.
    generator : torch.Generator
    """

    def __init__(self, disturbance: Disturbance, generator: torch.Generator) -> None:
        self.disturbance, self.generator = disturbance, generator

    def shift(self, potential: Tensor, spread: Tensor) -> Tensor:
        """Return what is added to potentials ``(batch, unit, gate)`` before they are compared."""
        shift = self.disturbance.potential * torch.randn(potential.shape, generator=self.generator)
        if self.disturbance.threshold:
            shift = shift + self.disturbance.threshold * torch.randn(potential.shape[1:], generator=self.generator)
        return shift * spread

    def flip(self, spikes: Tensor) -> Tensor:
        """Return ``spikes`` (bool) with some dropped and some inserted."""
        chance = torch.rand(spikes.shape, generator=self.generator)
        return torch.where(spikes, chance >= self.disturbance.drop, chance < self.disturbance.insert)


class Gates(nn.Module):
    """The gates of copies of one prototype, evaluated level by level; no parameters of its own.

    Shapes: u = x + bias ``(batch, unit)``, step ``(unit,)``; spikes ``(batch, unit, gate)``, bool.
    """

    gains: Tensor
    outputs: Tensor

    def __init__(self, prototype: Prototype) -> None:
        super().__init__()
        circuit: ThresholdCircuit = prototype.circuit
        self.offset, self.ends = circuit.offset, np.cumsum(np.bincount(circuit.levels)[1:]).tolist()
        # float64 holds every product of a comparison exactly as the export computes it
        self.register_buffer("gains", torch.tensor(circuit.gains, dtype=torch.float64))
        self.register_buffer("outputs", torch.tensor(circuit.outputs, dtype=torch.float64))
        for level, (begin, end) in enumerate(zip([0, *self.ends[:-1]], self.ends, strict=True)):
            table = np.stack(prototype.thresholds[begin:end], axis=1)  # (entry, gate of this level)
            self.register_buffer(f"table_{level}", torch.from_numpy(table))

    def forward(self, u: Tensor, step: Tensor, noise: Noise | None = None) -> Tensor:
        """Return the spikes of u = x + bias; with ``noise`` later levels see what the earlier ones really did."""
        u, step = u.to(torch.float64), step.to(torch.float64)[:, None]
        spread = u.std() if noise else None
        entry = torch.zeros(u.shape, dtype=torch.long)
        spikes, begin = [], 0
        for level, end in enumerate(self.ends):
            gains = self.gains[begin:end]
            potential = u[..., None] * gains
            if noise is not None and spread is not None:
                potential = potential + gains.abs() * noise.shift(potential, spread)
            fired = potential >= getattr(self, f"table_{level}")[entry] * step
            if noise is not None:
                fired = noise.flip(fired)
            spikes.append(fired)
            if end < self.ends[-1]:
                for gate in range(end - begin):
                    entry = 2 * entry + fired[..., gate]
            begin = end
        return torch.cat(spikes, dim=-1)

    def values(self, spikes: Tensor) -> Tensor:
        """Return y ``(batch, unit)`` that spikes stand for."""
        return spikes.to(torch.float64) @ self.outputs + self.offset


class AmosActivation(nn.Module):
    """AMOS units that are copies of one prototype, each with its own integer step and bias.

    Forwards the exact circuit of v = (x + bias)/step; backwards the prototype's curve.

    Parameters
    ----------
    units : int
    prototype : Prototype

    Shapes: x ``(batch, unit)``; spikes ``(batch, unit, gate)``; y ``(batch, unit)``.

    Source: arXiv:2001.01682, section 2 (units); the backward curve is derived.
    """

    slopes: Tensor
    heights: Tensor
    borders: Tensor

    def __init__(self, units: int, prototype: Prototype) -> None:
        super().__init__()
        self.prototype, self.gates = prototype, Gates(prototype)
        self.step = nn.Parameter(torch.full((units,), 4.0))
        self.bias = nn.Parameter(torch.zeros(units))
        v, y = prototype.nodes
        # smooth = slope·v + height, by the piece in which v is; flat outside, the ends themselves inside
        slopes = np.concatenate([[0.0], np.diff(y) / np.diff(v), [0.0]])
        heights = np.concatenate([y[:1], y[:-1] - slopes[1:-1] * v[:-1], y[-1:]])
        self.register_buffer("slopes", torch.from_numpy(slopes).float())
        self.register_buffer("heights", torch.from_numpy(heights).float())
        borders = torch.from_numpy(v).float()
        borders[-1] = torch.nextafter(borders[-1], torch.tensor(torch.inf))
        self.register_buffer("borders", borders)

    def integers(self) -> tuple[Tensor, Tensor]:
        """Return step (>= 1) and bias of every unit, shape (unit,), as they are computed with."""
        return self.step.detach().round().clamp(min=1), self.bias.detach().round()

    @torch.no_grad()
    def spikes(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """Return the spikes, bool, ``(batch, unit, gate)`` of potentials ``(batch, unit)``."""
        step, bias = self.integers()
        spikes: Tensor = self.gates(x + bias, step, noise)
        return spikes

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """Return y ``(batch, unit)`` of potentials x ``(batch, unit)``."""
        exact = self.gates.values(self.spikes(x, noise)).to(x.dtype)
        if not torch.is_grad_enabled():
            return exact
        step, bias = self.integers()
        v = (x + straight_through(bias, self.bias)) / straight_through(step, self.step)
        return straight_through(exact, self._smooth(v))

    def _smooth(self, v: Tensor) -> Tensor:
        if len(self.borders) == 1:
            below, above = (float(value) for value in self.prototype.values)
            return below + (above - below) * (1 + torch.tanh(v - float(self.prototype.nodes[0][0]))) / 2
        piece = torch.bucketize(v.detach(), self.borders, right=True)
        return self.slopes[piece] * v + self.heights[piece]

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Set step and bias so that potentials like x ``(batch, unit)`` spread over the staircase."""
        mean, spread = x.mean(0), x.std(0)
        self.bias.copy_(self.prototype.centre * spread - mean)
        deviation = self.prototype.deviation
        self.step.copy_((spread / deviation).clamp(min=1) if deviation else self.step * 0 + 1)


class InputUnits(nn.Module):
    """Untrained AMOS units on the pixels.

    Shapes: pixels and y ``(batch, pixel)``.
    """

    starts: Tensor

    def __init__(self, prototype: Prototype) -> None:
        super().__init__()
        self.prototype, self.gates = prototype, Gates(prototype)
        starts = torch.from_numpy(steps(prototype.circuit).starts)
        self.register_buffer("starts", starts.to(torch.float32))

    @torch.no_grad()
    def forward(self, pixels: Tensor, noise: Noise | None = None) -> Tensor:
        """Return y of pixels; both of any leading shape."""
        if noise is None:
            # y is the number of thresholds <= pixel
            return torch.bucketize(pixels, self.starts, right=True).to(pixels.dtype)
        flat = pixels.reshape(-1, pixels.shape[-1])
        spikes = self.gates(flat, torch.ones(flat.shape[1]), noise)
        values: Tensor = self.gates.values(spikes).to(pixels.dtype)
        return values.reshape(pixels.shape)
