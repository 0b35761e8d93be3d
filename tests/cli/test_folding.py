"""Folds and goals from the command line: what is made, and what is refused before any file is written."""

import json
import shutil

import pytest

from tests.cli.test_cli import amos, refused


@pytest.fixture
def folder(tmp_path, small_folder):
    shutil.copytree(small_folder, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "rtl_out")
    return tmp_path


def test_an_interval_folds_all_layers(folder):
    code, out, err = amos("info", "small", "--interval", "18", "--fold", "logits=1x6", "--json", cwd=folder)
    data = json.loads(out)
    assert code == 0, err
    assert data["interval_cycles"] == 18 and data["devices"] == 1
    assert all(layer["interval_cycles"] <= 18 for layer in data["layers"])
    assert {layer["name"]: layer["fold"] for layer in data["layers"]}["logits"] == "1x6"
    code, _, err = amos("generate", "small", "--interval", "18", cwd=folder)
    assert code == 0 and "a new image every 18" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fold", "sums=4x3"), "sums: sums at once: expected a divisor of 6, the sums, got 4"),
        (("--fold", "sums=2x2"), "sums: inputs at once: expected a divisor of 9, the inputs of a sum, got 2"),
        (("--fold", "hidden=4"), "hidden: units at once: expected a divisor of 6, the units, got 4"),
        (("--fold", "sums=1x1", "--interval", "20"), "expected 54 clock cycles from one pixel to the next, got 20"),
        (("--luts", "10"), "which sample takes however far it is folded, got 10"),
        (("--device", "zx81"), "unknown target: expected one of ice40-up5k"),
        (("--device", "xilinx"), "device: expected one with known capacity: ice40-up5k, "),
        (("--fold", "sums=2x"), "fold: expected LAYER or LAYER=UNITS of units, or LAYER=SUMSxINPUTS"),
    ],
)
def test_what_cannot_be_is_refused_before_any_file_is_written(folder, options, message):
    for verb in ("generate", "info"):
        refused(amos(verb, "small", *options, cwd=folder), message)
    assert not (folder / "rtl_out").exists()
