"""Recipes of layers that are refused, in one line that names the place."""

import re
from pathlib import Path

import pytest
from layer_recipes import SHORT, SMALL
from recipes import TINY, changed, written

from amos_hdl.errors import RecipeError
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.frontend.train import train

torch = pytest.importorskip("torch")

VOTES = {"kind": "votes"}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([*SHORT[:2]], r"topology\.layers\.1\.kind: layer: expected logits or votes as the last one.*got 'sum_pool'"),
        (
            [SHORT[2], SHORT[2]],
            r"topology\.layers\.0\.kind: layer: expected logits or votes as the last one.*got 'logits'",
        ),
        ([{**SHORT[0], "name": "winner"}, SHORT[2]], r"topology\.layers\.0\.name: name: .*got 'winner'"),
        ([{**SHORT[0], "name": "a_sums"}, SHORT[2]], r"topology\.layers\.0\.name: name: .*got 'a_sums'"),
        ([{**SHORT[0], "name": "A b"}, SHORT[2]], r"topology\.layers\.0\.name: name: .*got 'A b'"),
        ([{**SHORT[0], "groups": 3}, SHORT[2]], r"topology\.layers\.0\.groups: groups: expected a divisor of 4.*got 3"),
        ([{**SHORT[0], "skip": "conv1"}, SHORT[2]], r"topology\.layers\.0\.skip: skip: expected one of \[\].*'conv1'"),
        ([{**SHORT[0], "skip_multiplier": 2}, SHORT[2]], r"topology\.layers\.0\.skip_multiplier: .*got 2"),
        ([{"kind": "max_pool", "stride": 2}, SHORT[2]], r"topology\.layers\.0: pool of the whole map: .*"),
        (
            [{**SHORT[0], "magnitudes": [1, 2]}, SHORT[2]],
            r"topology\.layers\.0\.magnitudes: magnitudes: .*got \[1, 2\]",
        ),
        ([{**SHORT[0], "magnitudes": [0, 8]}, SHORT[2]], r"topology\.layers\.0\.magnitudes: .*at most 7.*got 8"),
        ([{**SHORT[0], "gates": 9}, SHORT[2]], r"topology\.layers\[0\]\.conv\.gates: .*got 9"),
        ([{**SHORT[0], "sparsity": 1.0}, SHORT[2]], r"topology\.layers\[0\]\.conv\.sparsity: .*got 1\.0"),
        ([{"kind": "gates", "units": 10, "inputs": 7}, VOTES], r"topology\.layers\[0\]\.gates\.inputs: .*got 7"),
        (
            [{"kind": "gates", "units": 10, "inputs": 6}, VOTES],
            r"topology\.layers\.0: gates: expected spikes below: .*",
        ),
        ([SHORT[0], VOTES], r"topology\.layers\.1: votes: expected spikes below: .*got 'values of several bits'"),
        ([{**SHORT[0], "gates": 1}, SHORT[1], VOTES], r"topology\.layers\.2: votes: expected spikes below: .*"),
        ([{**SHORT[0], "colour": 1}, SHORT[2]], r"topology\.layers\[0\]\.conv\.colour: unknown key.*"),
    ],
)
def test_wrong_layers_are_one_line_that_names_the_place(tmp_path: Path, layers: object, message: str) -> None:
    path = written(tmp_path, changed("topology.layers", layers, SMALL))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert re.fullmatch(re.escape(f"{path}, ") + message, str(caught.value)), str(caught.value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("topology.hidden", [4], r"topology: network: expected either hidden or layers, got '1 hidden, 9 layers'"),
        ("topology.layers", [], r"topology: network: expected either hidden or layers, got '0 hidden, 0 layers'"),
        ("units.gates", [3], r"units\.gates: setting: expected none, for the network is given by .*got \[3\]"),
        ("training.noise", {"drop": 0.1}, r"training\.noise: setting: expected none, .*"),
        ("training.early_stopping", {"patience": 0}, r"training\.early_stopping\.patience: .*got 0"),
    ],
)
def test_settings_that_contradict_layers_are_refused(tmp_path: Path, place: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(written(tmp_path, changed(place, value, SMALL)))


def test_early_stopping_needs_validation_images(tmp_path: Path) -> None:
    recipe = changed("data.validation_images", 0, changed("training.early_stopping", {"patience": 2}, TINY))
    with pytest.raises(RecipeError, match=r"training\.early_stopping: validation images: expected some .*got 0$"):
        load_recipe(written(tmp_path, recipe))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [{**SHORT[0], "kernel": 9}, SHORT[2]],
            r"^topology\.layers\.0: conv1: kernel: expected at most 8 x 8, .*9 x 9",
        ),
        (
            [{"kind": "max_pool", "kernel": 4, "padding": 3}, SHORT[2]],
            r"^topology\.layers\.0: max_pool1: padding: expected at most 2, half the kernel, got 3",
        ),
        (
            [SHORT[0], {**SHORT[0], "kernel": 2, "padding": 1, "stride": 1, "skip": "conv1"}, SHORT[2]],
            r"^topology\.layers\.1: conv2: skip: expected a map that a stride makes 4 x 4, got .*of conv1",
        ),
        (
            [{"kind": "dense", "units": 4, "gates": 2}, SHORT[0], SHORT[2]],
            r"^topology\.layers\.1: conv1: source: expected a map, got 4 units of dense1",
        ),
        (
            [{**SHORT[0], "groups": 2}, SHORT[2]],
            r"^topology\.layers\.0: conv1: groups: expected a divisor of 1 channels",
        ),
    ],
)
def test_layers_that_do_not_fit_the_images_are_refused(tmp_path: Path, layers: object, message: str) -> None:
    recipe = load_recipe(written(tmp_path, changed("topology.layers", layers, SMALL)))
    with pytest.raises(RecipeError, match=message):
        train(recipe)
