"""Where searches start: codes of x, with gates set apart to bend them."""

from __future__ import annotations

import numpy as np

from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting.population import Population, earlier_of
from amos_hdl.circuit.fitting.problem import Samples

#: Most levels, or a third of them, may be set apart from the code.
APART = 4
#: Random part of every parameter of a start, in parts of the range.
NOISE = 1e-3


def random_starts(
    architecture: Architecture, bits: int, samples: Samples, count: int, rng: np.random.Generator
) -> Population:
    """Return ``count`` circuits, each a code of x from a random place on, and some levels apart.

    The code divides the range above its beginning in equal parts, as the ReLU does.  Levels apart, at random places
    in the order, have random thresholds and either stop where the code begins to count or follow it; what they are
    worth is found by least squares.
    """
    levels = architecture.levels(bits)
    earlier, digit = earlier_of(levels), architecture.digit_bits(bits)
    gates, depth = len(levels), levels[-1]
    level_of, within = np.array(levels), np.array([gate - earlier[gate] + 1 for gate in range(gates)])
    thresholds, lateral = np.zeros((count, gates)), np.zeros((count, gates, gates))
    low, high, span = samples.x[0], samples.x[-1], samples.span
    for restart in range(count):
        apart = np.zeros(depth + 1, bool)
        most = min(APART, (depth + 1) // 3)
        apart[rng.choice(depth, int(rng.integers(most + 1)), replace=False) + 1] = True
        begin = rng.choice([low, 0.0 if low < 0 < high else low, rng.uniform(low, low + 0.6 * span)])
        # (gate,): length in x of one spike; 0 for those apart
        number = np.cumsum(~apart[1:])
        lengths = np.where(apart[level_of], 0.0, (high - begin) * 2.0 ** (-digit * number[level_of - 1].astype(float)))
        free = apart[level_of]
        thresholds[restart] = np.where(free, rng.uniform(low, low + 0.6 * span, gates), begin + within * lengths)
        follow = np.where(free, rng.choice([0.0, 1.0, 2.0], gates), 1.0)
        lateral[restart] = follow[:, None] * lengths
        lateral[restart, :, free] = rng.normal(0, 0.05 * span, (int(free.sum()), gates))
    thresholds += NOISE * span * rng.normal(size=thresholds.shape)
    lateral += NOISE * span * rng.normal(size=lateral.shape)
    lateral[:, np.arange(gates) >= np.array(earlier)[:, None]] = 0
    return Population.of(earlier, thresholds, lateral)
