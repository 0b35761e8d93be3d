"""What a float network does on calibration images: samples and means of every tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.floats.graph import CHUNK_IMAGES
from amos_hdl.frontend.floats.nodes import Float, Node
from amos_hdl.frontend.quantize.options import QuantizeOptions

Real = npt.NDArray[np.float64]

#: Samples that are kept of each tensor of one chunk of images: half a megabyte.
SAMPLES = 1 << 17


@dataclass(frozen=True, eq=False)
class Observed:
    """One tensor.

    Members
    -------
    mean : float64, shape (channel,)
        Over the images on which integers are simulated too.
    low, high : float64, shape (channel,)
        Least and greatest value of all images.
    samples : float32, shape (channel, sample)
        A part of the values, evenly spaced.
    """

    mean: Real
    low: Real
    high: Real
    samples: Float


def observe(
    graph: FloatGraph, images: Float, simulated: int, progress: Callable[[int], None] | None = None
) -> dict[str, Observed]:
    """Return what every node of ``graph`` gives for ``images``, of which the first ``simulated`` give the means.

    Raises ImportedModelError, naming the node, for values that are not finite.
    """
    means: dict[str, Real] = {}
    lows: dict[str, Real] = {}
    highs: dict[str, Real] = {}
    samples: dict[str, list[Float]] = {}

    def note(node: Node, value: Float, start: int) -> None:
        flat = value.reshape(len(value), value.shape[1], -1)
        name, counted = node.name, max(0, min(simulated - start, value.shape[1]))
        share = flat[:, :counted].mean(axis=2, dtype=np.float64).sum(axis=1) / simulated
        means[name] = means.get(name, np.zeros(len(value))) + share
        rows = flat.reshape(len(value), -1)
        low, high = rows.min(axis=1).astype(float), rows.max(axis=1).astype(float)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            got = repr(float(rows[~np.isfinite(rows)][0]))
            raise ImportedModelError("value on calibration images", where=node.place, expected="finite", got=got)
        lows[name], highs[name] = np.minimum(lows.get(name, low), low), np.maximum(highs.get(name, high), high)
        step = max(1, rows.size // SAMPLES)
        samples.setdefault(name, []).append(rows[:, ::step].copy())

    for start in range(0, len(images), CHUNK_IMAGES):
        chunk = images[start : start + CHUNK_IMAGES]
        for node, value in graph.values(chunk):
            note(node, value, start)
        if progress is not None:
            progress(start + len(chunk))
    return {
        name: Observed(means[name], lows[name], highs[name], np.concatenate(parts, axis=1))
        for name, parts in samples.items()
    }


def interval(observed: Observed, options: QuantizeOptions, gates: int) -> tuple[Real, Real]:
    """Return the least and greatest value that a unit of ``gates`` gates shall give, shape (1,) or (channel,)."""
    samples = observed.samples.astype(np.float64)
    samples = samples if options.per_channel else samples.reshape(1, -1)
    low = observed.low if options.per_channel else observed.low.min(keepdims=True)
    high = observed.high if options.per_channel else observed.high.max(keepdims=True)
    if options.alpha is not None:
        high = np.full_like(high, options.alpha)
        low = np.maximum(low, -high)
    elif options.calibration == "percentile":
        low = np.maximum(low, np.percentile(samples, 100 - options.percentile, axis=1))
        high = np.minimum(high, np.percentile(samples, options.percentile, axis=1))
    elif options.calibration == "mse":
        low, high = _least_squares(samples, low, high, gates)
    # a unit that is always 0, or always negative, still has a scale; 0 is one of its values
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    return low, np.where(high - low > 1e-12, high, low + 1.0)


def _least_squares(samples: Real, low: Real, high: Real, gates: int) -> tuple[Real, Real]:
    """Return the interval, a part of ``low`` to ``high``, with the least squared error of 2**gates codes."""
    best_low, best_high = low, high
    least = np.full(len(samples), np.inf)
    for part in np.linspace(1.0, 0.15, 35):
        bottom, top = np.minimum(low * part, 0), np.maximum(high * part, 0)
        step = np.maximum((top - bottom) / ((1 << gates) - 1), 1e-12)[:, None]
        rounded = np.clip(np.round(samples / step), np.round(bottom[:, None] / step), np.round(top[:, None] / step))
        error = ((rounded * step - samples) ** 2).mean(axis=1)
        better = error < least
        least = np.where(better, error, least)
        best_low, best_high = np.where(better, low * part, best_low), np.where(better, high * part, best_high)
    return best_low, best_high
