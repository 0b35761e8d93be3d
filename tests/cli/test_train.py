"""``amos-hdl train`` as a user calls it."""

import itertools
import json

import numpy as np
import pytest

from amos_hdl import cli
from amos_hdl.files import dump_yaml
from tests.cli.test_cli import amos, refused
from tests.frontend.recipes import changed
from tests.frontend.test_data_files import idx

pytest.importorskip("torch")
RECIPE = {
    "format": 1,
    "name": "bars",
    "data": {"source": "mnist", "folder": "nowhere", "validation_images": 30, "split_seed": 1},
    "topology": {
        "layers": [
            {"kind": "conv", "channels": 4, "kernel": 3, "padding": 1, "gates": 2},
            {"kind": "sum_pool"},
            {"kind": "logits"},
        ]
    },
    "quantization": {"weight_bits": 4},
    "units": {"input_thresholds": [150]},
    "training": {
        "seed": 1,
        "epochs": 40,
        "batch_images": 16,
        "learning_rate": 0.05,
        "pruning": {"start": 0.1, "end": 0.3},
        "rounding": {"start": 0.3, "end": 0.6},
    },
}


@pytest.fixture
def folder(tmp_path):
    """Bars of 8x8 pixels, upright or lying, in MNIST's files; and a recipe that learns which."""
    random = np.random.default_rng(1)
    for prefix, count in (("train", 240), ("t10k", 60)):
        labels = np.arange(count) % 2
        pixels = random.integers(0, 100, (count, 8, 8))
        for image, label, place in zip(pixels, labels, random.integers(0, 8, count), strict=True):
            image[(slice(None), place) if label else place] = 200
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "images" / f"{prefix}-images-idx3-ubyte").write_bytes(idx(pixels))
        (tmp_path / "images" / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))
    (tmp_path / "bars.yaml").write_text(dump_yaml(RECIPE), encoding="utf-8")
    return tmp_path


def test_train_on_a_folder_and_evaluate(folder):
    refused(amos("train", "bars.yaml", cwd=folder), "nowhere", "no MNIST")
    refused(amos("train", "bars.yaml", "--data", "images", "--resume", cwd=folder), "checkpoint.pt", "cannot be read")
    (folder / "bars").mkdir()
    (folder / "bars" / "mine.txt").touch()
    refused(amos("train", "bars.yaml", "--data", "images", cwd=folder), "bars: not a folder of ours")
    (folder / "bars" / "mine.txt").unlink()
    code, out, err = amos("train", "bars.yaml", "--data", "images", "--no-test", "--json", cwd=folder)
    assert code == 0, err
    made = json.loads(out)
    assert set(made["accuracy"]) == {"train", "validation"} and made["accuracy"]["validation"] > 0.9
    assert set(made["nonzero_weights"]) == {"conv1_sums", "logits"}
    # nothing is left of a training that has ended
    assert not (folder / "build" / "bars" / "train" / "checkpoint.pt").exists()
    code, out, err = amos("evaluate", "bars", "--images", "images", "--json", cwd=folder)
    assert code == 0 and json.loads(out)["accuracy"]["test"] > 0.9, err
    code, out, err = amos("info", "bars", "--json", cwd=folder)
    assert code == 0, err


def test_only_data_in_folders_can_be_elsewhere(folder):
    section = {"source": "digits", "test_images": 450, "split_seed": 1}
    recipe = changed("units.input_thresholds", [8], changed("data", section, RECIPE))
    (folder / "digits.yaml").write_text(dump_yaml(recipe), encoding="utf-8")
    refused(amos("train", "digits.yaml", "--data", "images", cwd=folder), "a recipe whose data are a folder", "digits")


def test_interrupted_in_an_epoch_it_goes_on_after_the_last_whole_one(folder, monkeypatch, capsys):
    """15 steps make an epoch: the 40th is in the third."""
    from amos_hdl.frontend import loop

    command, steps, plain = ["train", "bars.yaml", "--data", "images"], itertools.count(1), loop._loss

    def loss(*arguments):
        if next(steps) == 40:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.chdir(folder)
    assert cli._main(command) == 0
    whole = (folder / "bars" / "weights.npz").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(loop, "_loss", loss)
        assert cli._main(command) == 130
    said = "error: interrupted; amos-hdl train bars.yaml --resume goes on after the last whole epoch\n"
    assert capsys.readouterr().err.endswith(said)
    (folder / "bars" / "weights.npz").unlink()
    assert cli._main([*command, "--resume"]) == 0
    assert (folder / "bars" / "weights.npz").read_bytes() == whole


def test_interrupted_before_the_first_epoch_there_is_nothing_to_go_on_from(folder, monkeypatch, capsys):
    from amos_hdl.frontend import loop

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.chdir(folder)
    monkeypatch.setattr(loop, "_loss", interrupted)
    assert cli._main(["train", "bars.yaml", "--data", "images"]) == 130
    assert capsys.readouterr().err.endswith("error: interrupted\n")
    assert sorted(path.name for path in folder.iterdir()) == ["bars.yaml", "images"]
