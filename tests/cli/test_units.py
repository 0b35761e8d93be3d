"""Folding and proofs from the command line."""

import json
import re
import shutil

import pytest

from tests.cli.test_cli import amos, refused
from tests.conftest import ROOT
from tests.testbenches.simulation import seal


@pytest.fixture
def folder(tmp_path, small_folder):
    shutil.copytree(small_folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_fold(folder):
    code, out, _ = amos("info", "small", "--fold", "hidden", "--fold", "encoder", "--json", cwd=folder)
    data = json.loads(out)
    assert code == 0
    assert data["interval_cycles"] == 3 and data["options"]["folded"] == ["hidden", "encoder"]
    assert [layer["interval_cycles"] for layer in data["layers"]] == [2, 1, 3, 1, 1]
    code, out, err = amos("generate", "small", "--fold", "hidden", cwd=folder)
    assert code == 0 and "a new image every 3" in err
    manifest = (folder / "rtl_out" / "small" / "manifest.yaml").read_text()
    assert "interval_cycles: 3" in manifest and "folded:\n  - hidden" in manifest
    # what is simulated and proved is what was generated, whatever the defaults are
    code, out, err = amos("prove", "small", "--json", cwd=folder)
    assert code == 0, err
    assert [unit["folded"] for unit in json.loads(out)["units"]] == [False] * 2 + [True] * 4
    code, out, _ = amos("info", "small", "--fold", "hidden", cwd=folder)
    assert "a new image every 3 clocks" in out


def test_fold_what_cannot_be(folder):
    refused(
        amos("generate", "small", "--fold", "sums", cwd=folder),
        "sample: folded layer: expected a unit layer: encoder, hidden, got 'sums'",
    )
    refused(amos("info", "small", "--fold", "hidden", "--fold", "hidden", cwd=folder), "each layer once")


def test_folding_in_a_recipe(tmp_path):
    text = (ROOT / "models" / "digits.yaml").read_text()
    (tmp_path / "digits.yaml").write_text(re.sub(r"adders_per_stage: 1", "folded: [hidden1]", text))
    shutil.copytree(ROOT / "models" / "digits", tmp_path / "digits")
    code, out, _ = amos("info", "digits.yaml", "--json", cwd=tmp_path)
    assert code == 0 and json.loads(out)["interval_cycles"] == 3
    code, out, _ = amos("info", "digits.yaml", "--fold", "encoder", "--json", cwd=tmp_path)
    assert json.loads(out)["options"]["folded"] == ["encoder"]  # a flag wins


def test_prove(folder):
    code, out, err = amos("prove", "small", cwd=folder)
    assert code == 0 and "6 units proved for every potential" in err
    assert out.count("proved") == 6
    path = folder / "rtl_out" / "small" / "units" / "sample_unit3.v"
    text, count = re.subn(r"above_1 = (.*) >= ", r"above_1 = \1 > ", path.read_text())
    assert count == 1
    path.write_text(text)
    refused(amos("prove", "small", cwd=folder), "sample_unit3.v: file differs from its manifest")
    seal(folder / "rtl_out" / "small")
    code, out, err = amos("prove", "small", cwd=folder)
    assert code == 1
    line = next(line for line in err.splitlines() if "sample_unit3" in line)
    assert re.search(r"✗ sample_unit3: x = -?\d+, gate 1, clock cycle 1: expected a spike, got no spike$", line)
    code, out, _ = amos("prove", "small", "--json", cwd=folder)
    data = json.loads(out)
    assert code == 1 and not data["passed"]
    assert (data["proved"], data["refuted"], data["timeout"]) == (5, 1, 0)
    assert data["units"][3]["verdict"] == "refuted" and data["units"][3]["counterexample"].startswith("x = ")


def test_what_shares_comparators_is_said_to_be_unproved(folder):
    assert amos("generate", "small", "--fold", "hidden=3", cwd=folder)[0] == 0
    code, out, err = amos("prove", "small", cwd=folder)
    assert code == 0, err
    assert "not proved: units that share comparators, of hidden: simulate --layers" in out
    assert amos("generate", "small", "--fold", "hidden=3", "--fold", "encoder=3", cwd=folder)[0] == 0
    refused(
        amos("prove", "small", cwd=folder), "small: no units to prove: expected units with comparators of their own"
    )


def test_prove_what_is_not_generated(folder):
    shutil.rmtree(folder / "rtl_out")
    refused(amos("prove", "small", cwd=folder), "manifest.yaml")
    assert not (folder / "build").exists()
