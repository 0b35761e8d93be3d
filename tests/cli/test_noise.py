"""``amos-hdl noise`` as a user calls it."""

import json

import numpy as np
import pytest

from amos_hdl.circuit import FLASH, SERIAL, store
from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.fitting import fit
from tests.cli.test_cli import amos, refused
from tests.frontend.recipes import changed, written


@pytest.fixture
def folder(tmp_path, small_folder):
    (tmp_path / "models").symlink_to(small_folder / "models")
    random = np.random.default_rng(0)
    np.savez(tmp_path / "some.npz", images=random.integers(0, 17, (40, 9)), labels=random.integers(0, 5, 40))
    store.save(fit(find_activation("swish"), 3, FLASH), tmp_path / "swish.yaml")
    store.save(fit(find_activation("sigmoid"), 4, SERIAL, form="table"), tmp_path / "sigmoid.yaml")
    return tmp_path


def test_a_network_is_measured_and_drawn(folder):
    pytest.importorskip("matplotlib")
    call = (
        "noise",
        "small",
        "--images",
        "some.npz",
        "--devices",
        "2",
        "--kind",
        "drop",
        "--level",
        "0",
        "--level",
        0.5,
    )
    code, out, err = amos(*call, "--json", "--plot", "pictures/small.svg", cwd=folder)
    assert code == 0, err
    data = json.loads(out)
    exact = json.loads(amos("evaluate", "small", "--images", "some.npz", "--json", cwd=folder)[1])["accuracy"]["test"]
    assert data["exact"] == exact
    rows = {(p["architecture"], p["level"]): p["mean"] for p in data["points"] if not p["gate"]}
    assert list(rows) == [(name, level) for name in ("serial", "folded", "flash") for level in (0, 0.5)]
    assert rows["serial", 0] == exact
    assert data["spreads"]["encoder"] == np.load(folder / "some.npz")["images"].std()
    assert (folder / "pictures" / "small.svg").read_text().startswith("<?xml")
    assert amos(*call, "--json", cwd=folder)[1] == out.replace('"pictures/small.svg"', "null")
    code, out, _ = amos(*call, cwd=folder)
    assert code == 0 and "only one gate disturbed" in out and "hidden 7" in out


def test_a_unit_is_measured(folder):
    call = ("noise", "--circuit", "sigmoid.yaml", "--architecture", "staged(2)", "--architecture", "flash")
    code, out, err = amos(*call, "--kind", "potential", "--json", cwd=folder)
    assert code == 0, err
    data = json.loads(out)
    assert data["figure"] == "mean squared error of y" and data["exact"] == 0
    assert {p["gate"] for p in data["points"] if p["architecture"] == "staged(2)"} == {"", *"123456"}
    assert {p["gate"] for p in data["points"] if p["architecture"] == "flash"} == {"", *map(str, range(1, 16))}


def test_bad_input_is_one_line_and_writes_nothing(folder):
    before = sorted(folder.rglob("*"))
    few = ("--images", "some.npz", "--plot", "new/picture.svg")
    refused(amos("noise", cwd=folder), "NETWORK, or --circuit FILE")
    refused(amos("noise", "small", "--circuit", "swish.yaml", cwd=folder), "NETWORK, or --circuit FILE")
    refused(amos("noise", "small", cwd=folder), "no images", "--images")
    refused(amos("noise", "small", *few, "--level", "-0.1", cwd=folder), "noise level potential", ">= 0", "-0.1")
    refused(amos("noise", "small", *few, "--level", "nan", cwd=folder), "noise level potential", "got nan")
    refused(amos("noise", "small", *few, "--level", "1.5", cwd=folder), "noise level drop", "0 to 1", "got 1.5")
    refused(amos("noise", "small", *few, "--gate-level", "inf", cwd=folder), "noise level potential", "got inf")
    refused(amos("noise", "small", *few, "--devices", "0", cwd=folder), "devices", "1 to 10000")
    refused(amos("noise", "small", *few, "--kind", "dust", cwd=folder), "--kind", "potential")
    refused(amos("noise", "small", *few, "--architecture", "tree", cwd=folder), "staged(m)", "'tree'")
    wrong = amos("noise", "small", *few, "--architecture", "staged(2)", cwd=folder)
    refused(wrong, "hidden", "a multiple of 2", "got 3")
    refused(amos("noise", "small", *few[:2], "--plot", "a.bmp", cwd=folder), "a.bmp", ".svg, .png or .pdf")
    refused(amos("noise", "--circuit", "none.yaml", cwd=folder), "none.yaml", "cannot be read")
    (folder / "other.yaml").write_text("format: amos-circuit\nversion: 77\n")
    refused(amos("noise", "--circuit", "other.yaml", cwd=folder), "other.yaml", "version", "77")
    refused(amos("noise", "--circuit", "swish.yaml", "--architecture", "serial", cwd=folder), "swish.yaml", "flash")
    (folder / "other.yaml").unlink()
    assert sorted(folder.rglob("*")) == before


def test_a_recipe_with_a_wrong_circuit_file_is_refused_and_writes_nothing(folder):
    pytest.importorskip("torch")
    recipe = changed("units", {"input_thresholds": [4, 8, 12], "gates": [None, 2], "circuits": ["none.yaml", None]})
    path = written(folder, recipe)
    before = sorted(folder.rglob("*"))
    refused(amos("train", path.name, cwd=folder), "none.yaml", "cannot be read")
    (folder / "none.yaml").write_text("format: amos-circuit\nversion: 77\n")
    refused(amos("train", path.name, cwd=folder), "none.yaml", "version", "77")
    (folder / "none.yaml").unlink()
    changes = {"input_thresholds": [4, 8, 12], "gates": [3, 2], "architectures": ["staged(2)", None]}
    written(folder, changed("units", changes))
    refused(amos("train", path.name, cwd=folder), "tiny.yaml", "units.architectures.0", "one that makes 3 bits")
    assert sorted(folder.rglob("*")) == before
