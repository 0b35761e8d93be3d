import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from recipes import TINY, changed, written

from amos_hdl.errors import RecipeError
from amos_hdl.frontend.layers import ConvLayer, DenseLayer, LogitsLayer, PoolLayer
from amos_hdl.frontend.prototype import hidden_prototypes
from amos_hdl.frontend.recipe import Recipe, load_recipe

MODELS = Path(__file__).parents[2] / "models"


def test_a_recipe_is_read_with_every_knob(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, TINY))
    assert recipe.model_dump(exclude_unset=True) == TINY


def test_the_stored_recipes_are_read() -> None:
    assert [load_recipe(path).name for path in sorted(MODELS.glob("*.yaml"))]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("colour", 1, r"colour: unknown key: expected one of .*training.*"),
        ("training.momentum", 0.9, r"training\.momentum: unknown key: expected one of augmentation, batch_images.*"),
        ("training.epochs", "many", r"training\.epochs: Input should be a valid integer.*got 'many'"),
        ("training.epochs", 2.0, r"training\.epochs: Input should be a valid integer.*got 2\.0"),
        ("training.epochs", 0, r"training\.epochs: .*greater than or equal to 1.*got 0"),
        ("training.seed", True, r"training\.seed: Input should be a valid integer.*got True"),
        ("training.learning_rate", float("nan"), r"training\.learning_rate: .*got nan"),
        ("format", 2, r"format: Input should be 1.*got 2"),
        ("name", "Tiny net", r"name: .*expected a to z.*got 'Tiny net'"),
        ("topology.hidden", [100_000, 6], r"topology\.hidden\[0\]: .*less than or equal to 4096.*got 100000"),
        ("topology.nonzero_weights", [90, 24], r"topology\.nonzero_weights: length: expected 3, .*got 2"),
        ("data.test_images", 0, r"data\.test_images: .*greater than or equal to 1.*got 0"),
        ("units.input_thresholds", [4, 8, 17], r"units\.input_thresholds: threshold: expected 1 to 16: .*, got 17"),
        ("units.input_thresholds", [0, 8, 12], r"units\.input_thresholds: threshold: expected 1 to 16: .*, got 0"),
        ("units.gates", [3], r"units\.gates: length: expected 2, one per hidden layer, got 1"),
        ("units.gates", [3, 9], r"units\.gates\[1\]: .*less than or equal to 8.*got 9"),
        ("units.gates", [3, None], r"units\.gates\.1: units: expected either gates or a circuit file, got .*"),
        ("units.circuits", [None, "a.yaml"], r"units\.gates\.1: units: .* got 'gates 1, circuit a\.yaml'"),
        ("units.circuits", ["a.yaml"], r"units\.circuits: length: expected 2, one per hidden layer, got 1"),
        ("units.architectures", ["flash"], r"units\.architectures: length: expected 2, .*got 1"),
        (
            "units.architectures",
            ["flash", "tree"],
            r"units\.architectures\.1: architecture: expected serial, flash, staged\(m\).*, got 'tree'",
        ),
        (
            "units.architectures",
            ["staged(2)", None],
            r"units\.architectures\.0: architecture: expected one that makes 3 bits, got 'staged\(2\)'",
        ),
        ("units.value_bits", 0, r"units\.value_bits: .*greater than or equal to 1.*got 0"),
        ("training.noise", {"drop": 1.5}, r"training\.noise\.drop: .*less than or equal to 1.*got 1\.5"),
        ("training.noise", {"potential": -0.1}, r"training\.noise\.potential: .*greater than or equal.*got -0\.1"),
        ("training.noise", {"potential": float("nan")}, r"training\.noise\.potential: .*got nan"),
        ("training.noise", {"colour": 0.1}, r"training\.noise\.colour: unknown key: expected one of drop, insert.*"),
        ("units.input_thresholds", [4, 8], r"units\.input_thresholds: thresholds: expected 2\*\*K - 1.*got \[4, 8\]"),
        ("units.input_thresholds", [4, 8, 8], r"units\.input_thresholds: .*rising, got \[4, 8, 8\]"),
        (
            "quantization.weight_bits",
            3,
            r"quantization\.magnitudes\.1: magnitude: .* at most 3 \(3 bits\), got 4",
        ),
        ("quantization.magnitudes", [[1, 2]] * 3, r"quantization\.magnitudes\.0: magnitudes: expected 0 first.*"),
        (
            "training.pruning",
            {"start": 0.5, "end": 0.5},
            r"training\.pruning: ramp: expected start < end, got .*",
        ),
        (
            "training.rounding.start",
            0.3,
            r"training\.rounding\.start: ramp: expected at least pruning\.end, 0\.4, got 0\.3",
        ),
        ("data.source", "npz", r"data: npz source: expected file, and low < high, got .None, None to None."),
        ("data.file", "x.npz", r"data: digits source: expected neither file, low nor high, got 'x\.npz'"),
        (
            "data.source",
            "imagenet",
            r"data\.source: Input should be 'digits', 'npz', 'mnist' or 'cifar10'.*got 'imagenet'",
        ),
        ("hardware.adders_per_stage", 0, r"hardware\.adders_per_stage: .*got 0"),
        ("hardware.lut_inputs", 5, r"hardware\.lut_inputs: .*got 5"),
    ],
)
def test_a_wrong_recipe_is_one_line_that_names_file_and_key(
    tmp_path: Path, place: str, value: object, message: str
) -> None:
    path = written(tmp_path, changed(place, value))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert re.fullmatch(re.escape(f"{path}, ") + message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_folded_layers_are_folded_in_hardware(tmp_path: Path) -> None:
    others = {"lut_inputs": 4, "extra_adder_levels": 0, "folded": []}
    assert load_recipe(written(tmp_path, TINY)).hardware_options == {"adders_per_stage": 2, **others}
    folded = changed("units.architectures", [None, "folded"])
    assert load_recipe(written(tmp_path, folded)).hardware_options["folded"] == ["hidden2"]
    both = changed("hardware.folded", ["encoder", "hidden2"], folded)
    assert load_recipe(written(tmp_path, both)).hardware_options["folded"] == ["encoder", "hidden2"]


def test_the_circuit_files_of_stored_recipes_are_there() -> None:
    for path in MODELS.glob("*.yaml"):
        recipe = load_recipe(path)
        assert len(hidden_prototypes(recipe.units, path.parent)) == len(recipe.topology.hidden)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"training: Field required$"):
        load_recipe(written(tmp_path, {key: value for key, value in TINY.items() if key != "training"}))


def test_every_key_is_in_the_documentation_and_no_other() -> None:
    """Each key of each schema stands between backticks in docs/recipes.md."""
    text = (MODELS.parent / "docs" / "recipes.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]*)`", text))))
    pending: list[type[BaseModel]] = [Recipe, ConvLayer, PoolLayer, DenseLayer, LogitsLayer]
    keys: set[str] = set()
    while pending:
        for key, field in pending.pop().model_fields.items():
            keys.add(key)
            parts = [field.annotation, *get_args(field.annotation)]
            pending += [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
    assert keys <= named, f"not in docs/recipes.md: {sorted(keys - named)}"
    # and what stands as section.key in the table is one
    sections = {name: field.annotation for name, field in Recipe.model_fields.items()}
    for section, key in re.findall(r"^\| `([a-z]+)\.([a-z_]+)`", text, re.MULTILINE):
        assert key in sections[section].model_fields, (section, key)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.yaml: cannot be read: No such file"):
        load_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["a: [1", "a: !!python/object/apply:os.getcwd []", "\x00"])
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match="not YAML"):
        load_recipe(path)


@pytest.mark.parametrize("text", ["", "3", "- a"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match="top level"):
        load_recipe(path)


def test_reading_recipes_and_data_needs_neither_torch_nor_sklearn() -> None:
    modules = "amos_hdl.frontend.recipe, amos_hdl.frontend.data, amos_hdl.frontend.train"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
