"""Pseudo-gradient restarts: Adam on T, H and d, many circuits at once."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.fitting.population import Population
from amos_hdl.circuit.fitting.problem import Samples

Single = npt.NDArray[np.float32]

#: First step of a parameter, as a part of the range (d: of the span of y); it falls to a hundredth.
RATE = 2e-3
#: Decay of Adam's running mean and square of the gradient.
DECAY, SQUARE_DECAY = 0.9, 0.99
#: Spans of x and y up to this, and down to its inverse, are taken as they are; others are brought to about 1.
PLAIN_SPAN = 1024.0


def follow_gradient(population: Population, samples: Samples, steps: int) -> None:
    """Take ``steps`` steps of gradient descent in place; keep the best circuit on the way of each restart.

    The step function has no gradient; ``max(0, 1 - |v|)`` stands for it, v being the distance from the threshold over
    a width that shrinks from a part of the range to that of gate i in a binary code, range·2**-i.

    Source: arXiv:2002.00860 and the authors' fitting code (pseudo-derivative, Adam, restarts); widths derived.
    """
    across, up = _scale(samples.span), _scale(float(np.ptp(samples.y)))
    span, height = samples.span / across, float(np.ptp(samples.y)) / up or 1.0
    x, y = (samples.x / across).astype(np.float32), (samples.y / up).astype(np.float32)
    weights = samples.weights.astype(np.float32)
    population.solve_outputs(samples, population.spikes(samples.x))
    parts = [population.thresholds, population.lateral, population.outputs, population.offsets[:, None]]
    units = (across, across, up, up)
    values: list[Single] = [(part / unit).astype(np.float32) for part, unit in zip(parts, units, strict=True)]
    best, least = [value.copy() for value in values], np.full(len(population), np.inf)
    means, squares = [np.zeros_like(value) for value in values], [np.zeros_like(value) for value in values]
    scales = [span, span, height, height]
    seen = np.arange(population.gates) < np.array(population.earlier)[:, None]
    finest = span * 2.0 ** -np.arange(1, population.gates + 1)
    for step in range(steps):
        left = 1 - step / steps
        widths = np.maximum(finest, span * (left**2 / 24 + 1 / 200)).astype(np.float32)[None, :, None]
        error, gradients = _backward(values, population.earlier, seen, x, y, weights, widths)
        better = error < least
        least[better] = error[better]
        for kept, value in zip(best, values, strict=True):
            kept[better] = value[better]
        rate = RATE * (left + 0.01)
        for value, gradient, mean, square, scale in zip(values, gradients, means, squares, scales, strict=True):
            mean *= DECAY
            mean += (1 - DECAY) * gradient
            square *= SQUARE_DECAY
            square += (1 - SQUARE_DECAY) * gradient**2
            root = np.sqrt(square / (1 - SQUARE_DECAY ** (step + 1))) + 1e-9
            value -= np.float32(rate * scale / (1 - DECAY ** (step + 1))) * mean / root
    population.thresholds, population.lateral = best[0] * np.float64(across), best[1] * np.float64(across)
    population.solve_outputs(samples, population.spikes(samples.x))


def _scale(span: float) -> float:
    """Return the power of two by which values of this span are divided, so that no square leaves 32-bit floats."""
    return 1.0 if span == 0 or 1 / PLAIN_SPAN <= span <= PLAIN_SPAN else 2.0 ** round(math.log2(span))


def _backward(
    values: list[Single],
    earlier: tuple[int, ...],
    seen: npt.NDArray[np.bool_],
    x: Single,
    y: Single,
    weights: Single,
    widths: Single,
) -> tuple[Single, list[Single]]:
    """Return the error of each restart and its gradient for T, H, d, d_0."""
    thresholds, lateral, outputs, offsets = values
    gates = len(earlier)
    # (restart, gate, sample)
    spikes = np.zeros((len(thresholds), gates, len(x)), np.float32)
    distances = np.empty_like(spikes)
    for gate, count in enumerate(earlier):
        distances[:, gate] = x - thresholds[:, gate, None]
        if count:
            distances[:, gate] -= np.matmul(lateral[:, gate, None, :count], spikes[:, :count])[:, 0]
        np.greater_equal(distances[:, gate], 0, out=spikes[:, gate], casting="unsafe")
    wrong = offsets + np.matmul(outputs[:, None], spikes)[:, 0] - y
    error = np.square(wrong) @ weights
    slope = 2 * wrong * weights  # of the error, by y
    surrogate = np.maximum(0, 1 - np.abs(distances / widths)) / widths
    potentials = np.zeros_like(distances)  # of the error, by x - t of each gate
    for gate in range(gates - 1, -1, -1):
        by_spike = outputs[:, gate, None] * slope
        first = next((later for later in range(gate + 1, gates) if earlier[later] > gate), gates)
        if first < gates:
            by_spike = by_spike - np.matmul(lateral[:, None, first:, gate], potentials[:, first:])[:, 0]
        potentials[:, gate] = by_spike * surrogate[:, gate]
    return error, [
        -potentials.sum(axis=2),
        -np.matmul(potentials, spikes.transpose(0, 2, 1)) * seen,
        np.matmul(spikes, slope[..., None])[..., 0],
        slope.sum(axis=1, keepdims=True),
    ]
