"""A recipe that trains in a second, and ways to change it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from amos_hdl.files import dump_yaml

TINY: dict[str, Any] = {
    "format": 1,
    "name": "tiny",
    "data": {"source": "digits", "test_images": 450, "validation_images": 147, "split_seed": 3},
    "topology": {"hidden": [8, 6], "nonzero_weights": [90, 24, 30]},
    "quantization": {"weight_bits": 4, "magnitudes": [[0, 1, 2], [0, 1, 2, 4], [0, 1, 2, 3, 7]]},
    "units": {"input_thresholds": [4, 8, 12], "gates": [3, 1]},
    "training": {
        "seed": 5,
        "epochs": 4,
        "batch_images": 64,
        "learning_rate": 0.05,
        "label_smoothing": 0.05,
        "pruning": {"start": 0.1, "end": 0.4},
        "rounding": {"start": 0.4, "end": 0.9},
        "augmentation": {"copies": 2, "clean_copies": 1, "shift_pixels": 0.5, "rotation_degrees": 8.0},
        "distillation": {
            "networks": 2,
            "hidden": 16,
            "epochs": 2,
            "learning_rate": 0.003,
            "temperature": 2.0,
            "weight": 0.5,
        },
    },
    "hardware": {"adders_per_stage": 2},
}


def changed(place: str, value: object, recipe: dict[str, Any] = TINY) -> dict[str, Any]:
    """Return ``recipe`` with ``value`` at ``place`` (keys joined by dots)."""
    recipe = copy.deepcopy(recipe)
    *path, last = place.split(".")
    section = recipe
    for key in path:
        section = section[key]
    section[last] = value
    return recipe


def written(folder: Path, recipe: object) -> Path:
    """Write ``recipe`` as a file in ``folder``."""
    path = folder / "tiny.yaml"
    path.write_text(dump_yaml(recipe), encoding="utf-8")
    return path
