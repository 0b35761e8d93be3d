"""Recipes of convolutional networks that train in seconds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from recipes import changed, written

from amos_hdl.frontend.recipe import Recipe, load_recipe

#: Every kind of layer and option: strides, groups, both pools, whole maps, skips with and without weights of their own.
LAYERS: list[dict[str, Any]] = [
    {"kind": "conv", "channels": 6, "kernel": 3, "padding": 1, "gates": 3, "name": "stem"},
    {"kind": "conv", "channels": 6, "kernel": 3, "padding": 1, "gates": 2, "groups": 3, "sparsity": 0.3},
    {"kind": "conv", "channels": 6, "kernel": 3, "padding": 1, "gates": 4, "skip": "stem", "skip_multiplier": 4},
    {"kind": "max_pool", "kernel": 3, "stride": 2, "padding": 1},
    {"kind": "conv", "channels": 6, "kernel": 3, "padding": 1, "gates": 1, "groups": 6},
    {
        "kind": "conv",
        "channels": 8,
        "kernel": 3,
        "stride": 2,
        "padding": 1,
        "gates": 3,
        "skip": "max_pool1",
        "skip_multiplier": 2,
        "weight_bits": 3,
    },
    {"kind": "sum_pool", "kernel": 2, "stride": 1},
    {"kind": "dense", "units": 12, "gates": 3, "magnitudes": [0, 1, 2, 4], "sparsity": 0.5},
    {"kind": "logits", "weight_bits": 8},
]
SMALL: dict[str, Any] = {
    "format": 1,
    "name": "tiny",
    "data": {"source": "digits", "test_images": 450, "validation_images": 147, "split_seed": 3},
    "topology": {"layers": LAYERS},
    "quantization": {"weight_bits": 4},
    "units": {"input_thresholds": [4, 8, 12]},
    "training": {
        "seed": 5,
        "epochs": 4,
        "batch_images": 64,
        "learning_rate": 0.03,
        "label_smoothing": 0.05,
        "pruning": {"start": 0.1, "end": 0.4},
        "rounding": {"start": 0.4, "end": 0.7},
        "augmentation": {"copies": 1, "clean_copies": 1, "shift_pixels": 0.5, "rotation_degrees": 8.0},
    },
}
#: As little as there can be: a whole map summed.
SHORT: list[dict[str, Any]] = [
    {"kind": "conv", "channels": 4, "kernel": 3, "stride": 2, "gates": 2},
    {"kind": "sum_pool"},
    {"kind": "logits"},
]
#: What makes it a network of gates that learn which spikes they see.
GATES: dict[str, Any] = {
    "topology.layers": [
        {"kind": "gates", "units": 60, "inputs": 6},
        {"kind": "gates", "units": 50, "inputs": 4},
        {"kind": "votes"},
    ],
    "units.input_thresholds": [8],
}


def small(folder: Path, changes: dict[str, Any] | None = None) -> Recipe:
    recipe = copy.deepcopy(SMALL)
    for place, value in (changes or {}).items():
        recipe = changed(place, value, recipe)
    return load_recipe(written(folder, recipe))
