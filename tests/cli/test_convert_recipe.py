"""``amos-hdl convert RECIPE``: the same network as by options, remade to the byte; the original's answers beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from amos_hdl.cli import _main
from amos_hdl.network.store import ORIGINAL
from tests.cli.test_cli import amos, refused
from tests.conftest import ROOT
from tests.frontend.shared_data import shared

torch = pytest.importorskip("torch")

RECIPE = """
format: 1
name: mine
convert:
  file: ../net.pt2
  data: ../data.npz
quantization: {weight_bits: 7, gates: 5, calibration: max}
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "convert" / "tfc_2w2a.yaml"


def files(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


@pytest.fixture
def folder(model_folder):
    return model_folder


@pytest.fixture
def call(folder, monkeypatch, capsys):
    """Return a function that runs the command line in this process, in a folder with a recipe."""
    (folder / "models").mkdir()
    (folder / "models" / "mine.yaml").write_text(RECIPE)
    monkeypatch.chdir(folder)

    def run(*arguments):
        code = _main(list(map(str, arguments)))
        return code, *capsys.readouterr()

    return run


def test_a_recipe_makes_what_its_options_make_and_remakes_it(call, folder):
    code, _, err = call("convert", "models/mine.yaml")
    assert code == 0, err
    made = files(folder / "models" / "mine")
    assert sorted(made) == ["network.yaml", ORIGINAL, "weights.npz"]
    options = "--calibrate data.npz --weights 7 --gates 5 --calibration max --out other/mine".split()
    assert call("convert", "net.pt2", *options)[0] == 0
    assert files(folder / "other" / "mine") == made
    assert call("convert", "models/mine.yaml")[0] == 0
    assert files(folder / "models" / "mine") == made


def test_run_converts_first(tmp_path, monkeypatch, capsys):
    """A small dense network through every step: the stored network is made by the recipe, checked, and kept."""
    torch.manual_seed(0)
    made = torch.nn.Sequential(torch.nn.Linear(8, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3)).eval()
    images = np.random.default_rng(0).integers(0, 16, (60, 8))
    with torch.no_grad():
        labels = made(torch.tensor(images / 15, dtype=torch.float32)).argmax(1).numpy()
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    torch.export.save(torch.export.export(made, (torch.zeros(2, 8),)), tmp_path / "net.pt2")
    (tmp_path / "models").mkdir()
    pixels = "pixels: {high: 15, divisor: 15.0}\nquantization: {weight_bits: 4, gates: 3}\n"
    recipe = RECIPE.split("quantization")[0] + pixels
    (tmp_path / "models" / "mine.yaml").write_text(recipe)
    (tmp_path / "build").mkdir()
    (ROOT / "build" / "sim").mkdir(parents=True, exist_ok=True)
    (tmp_path / "build" / "sim").symlink_to(ROOT / "build" / "sim")  # what has been compiled before
    monkeypatch.chdir(tmp_path)

    def run():
        code = _main("run models/mine.yaml --target ice40-hx8k --no-pnr --json".split())
        return code, *capsys.readouterr()

    code, out, err = run()
    assert code == 0, err
    data, stored = json.loads(out), files(tmp_path / "models" / "mine")
    assert data["network"] == "mine" and data["evaluate"]["accuracy"]["test"] >= 0.9
    assert data["simulate"]["passed"] and data["synth"]["target"] == "ice40-hx8k"
    assert sorted(stored) == ["network.yaml", ORIGINAL, "weights.npz"]


def test_evaluate_knows_the_original_and_the_recipes_images(call, folder):
    # the same images to judge by: else those that calibrate would not be
    (folder / "models" / "mine.yaml").write_text(RECIPE.replace("data.npz", "data.npz\n  test: ../data.npz"))
    assert call("convert", "models/mine.yaml")[0] == 0
    code, out, _ = call("evaluate", "mine", "--json")
    data = json.loads(out)
    assert code == 0 and data["reference"]["images"] == {"test": 40}
    # the images are labelled by the original
    assert data["reference"]["accuracy"] == {"test": 1.0}
    assert data["reference"]["agreement"] == data["accuracy"] == data["reference"]["network_accuracy"]
    code, out, _ = call("evaluate", "mine")
    assert code == 0 and "original" in out and "100.00 %" in out and "spikes per gate" in out
    # some of the images are new: both are compared over those that are known
    with np.load(folder / "data.npz") as file:
        images, labels = file["images"].copy(), file["labels"]
    images[10:, 0, 0, 0] = (images[10:, 0, 0, 0] + 1) % 256
    np.savez(folder / "new.npz", images=images, labels=labels)
    code, out, _ = call("evaluate", "mine", "--images", "new.npz", "--json")
    assert json.loads(out)["reference"]["images"] == {"test": 10}
    assert "10 images it saw" in call("evaluate", "mine", "--images", "new.npz")[1]
    np.savez(folder / "new.npz", images=images[10:], labels=labels[10:])
    assert "reference" not in json.loads(call("evaluate", "mine", "--images", "new.npz", "--json")[1])


def test_damaged_answers_are_refused(call, folder):
    assert call("convert", "models/mine.yaml")[0] == 0
    path = folder / "models" / "mine" / ORIGINAL
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    refused(call("evaluate", "mine"), ORIGINAL, "truncated or not an npz archive")
    path.write_bytes((folder / "models" / "mine" / "weights.npz").read_bytes())
    refused(call("evaluate", "mine"), ORIGINAL, "expected digests and ranking")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("file: ../net.pt2", "file: ../none.pt2", ["none.pt2", "cannot be read"]),
        ("  file: ../net.pt2\n", "", ["mine.yaml, convert.file", "Field required"]),
        ("gates: 5", "gates: 13", ["gates", "expected 1 to 12", "got 13"]),
        ("gates: 5", "gates: five", ["mine.yaml, quantization.gates"]),
        ("gates: 5", "gate: 5", ["unknown key", "quantization.gate"]),
        ("calibration: max", "calibration: best", ["quantization.calibration"]),
        ("calibration: max", "circuits: [none.yaml]", ["none.yaml", "cannot be read"]),
        ("name: mine", "name: Mine", ["mine.yaml, name", "'Mine'"]),
        ("data: ../data.npz", "data: ../none.npz", ["none.npz", "cannot be read"]),
        ("convert:", "convert: 3\nx:", ["mine.yaml"]),
        ("format: 1", "format: 2", ["mine.yaml, format"]),
    ],
)
def test_bad_recipes_are_one_line_and_leave_nothing(call, folder, old, new, words):
    assert old in RECIPE
    (folder / "models" / "mine.yaml").write_text(RECIPE.replace(old, new))
    refused(call("convert", "models/mine.yaml"), *words)
    assert [path.name for path in (folder / "models").iterdir()] == ["mine.yaml"]


def test_options_beside_a_recipe_are_refused(call):
    refused(call("convert", "models/mine.yaml", "--gates", "4", "--mean", "0.5"), "--gates, --mean: the recipe")


def test_a_recipe_of_training_is_no_conversion(call, folder):
    (folder / "models" / "digits.yaml").write_bytes((EXAMPLE.parents[2] / "models" / "digits.yaml").read_bytes())
    refused(call("convert", "models/digits.yaml"), "digits.yaml", "without a section convert")
    refused(call("train", "models/mine.yaml"), "mine.yaml", "recipe of a conversion", "amos-hdl convert")


def test_the_example_is_exact(tmp_path):
    source, data = shared("models/TFC_2W2A.onnx"), shared("mnist")
    text = EXAMPLE.read_text().replace("../../../shared/data/models/TFC_2W2A.onnx", str(source))
    (tmp_path / "tfc_2w2a.yaml").write_text(text.replace("../../../shared/data/mnist", str(data)))
    code, out, err = amos("convert", "tfc_2w2a.yaml", "--json", cwd=tmp_path)
    assert code == 0, err
    assert json.loads(out)["bit_exact"]
    code, out, err = amos("evaluate", "tfc_2w2a.yaml", "--json", cwd=tmp_path)
    assert code == 0, err
    assert json.loads(out)["accuracy"] == {"test": 0.966}
