"""The designs of data/peers as plain arrays, and a clock; used by every builder, so it needs NumPy alone."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Layer:
    """``acc = h @ weights + bias``; then ``h' = clip(acc >> shift, 0, 15)``, or acc itself if shift is None."""

    weights: np.ndarray
    bias: np.ndarray
    shift: int | None


def read_layers(folder: Path, design: str) -> tuple[list[Layer], np.ndarray, np.ndarray]:
    """Return the layers of ``design``, inputs ``(vector, input)`` and the golden outputs ``(vector, output)``."""
    meta = json.loads((folder / "meta.json").read_text())[design]

    def array(name: str) -> np.ndarray:
        return np.load(folder / f"{design}_{name}.npy", allow_pickle=False).astype(np.int64)

    if meta["kind"] == "cmvm":
        weights = array("W")
        layers = [Layer(weights, np.zeros(weights.shape[1], np.int64), None)]
    else:
        shifts = [*meta["shifts"], None]
        layers = [Layer(array(f"W{n}"), array(f"b{n}").reshape(-1), shift) for n, shift in enumerate(shifts, start=1)]
    return layers, array("x"), array("y")


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its children that have ended: other processes do not disturb it."""
    return sum(os.times()[:4])
