"""The command line as a user calls it, in a process of its own."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from amos_hdl.network import store
from tests.conftest import ROOT, small_network


def amos(*arguments, cwd, env=None):
    """Run amos-hdl and return (exit code, standard output, standard error)."""
    command = [sys.executable, "-c", "from amos_hdl.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def refused(result, *words):
    """Check that a call failed as bad input does: exit code 2, one line, no traceback."""
    code, out, err = result
    assert code == 2, (out, err)
    assert err.startswith("error: ") and err.count("\n") == 1, err
    assert "Traceback" not in err
    for word in words:
        assert word in err, err


@pytest.fixture
def folder(tmp_path, small_folder):
    shutil.copytree(small_folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_import_is_quick_and_loads_nothing_heavy():
    script = (
        "import sys, time; t = time.perf_counter(); import amos_hdl; d = time.perf_counter() - t; "
        "print(d); import amos_hdl.cli; "
        "assert not {'torch', 'sklearn', 'amaranth', 'cocotb'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.3


def test_info(folder):
    code, out, _ = amos("info", "small", "--json", cwd=folder)
    data = json.loads(out)
    assert code == 0 and data["gates"] == 9 * 2 + 6 * 3
    assert [layer["name"] for layer in data["layers"]] == ["encoder", "sums", "hidden", "logits", "winner"]
    code, out, _ = amos("info", "small", cwd=folder)
    assert code == 0 and "latency" in out and "hidden" in out


def test_names_folders_and_recipes_mean_the_same():
    digests = {json.loads(amos("info", name, "--json", cwd=ROOT)[1])["sha256"]
               for name in ("digits", "models/digits", "models/digits.yaml")}  # fmt: skip
    assert len(digests) == 1


def test_evaluate_digits():
    code, out, _ = amos("evaluate", "digits", "--json", cwd=ROOT)
    data = json.loads(out)
    assert code == 0 and data["images"] == 1797 and data["test_images"] == 450
    assert data["accuracy"]["test"] >= 0.97


def test_generate_writes_what_is_committed(tmp_path):
    code, out, _ = amos("generate", "digits", "--rtl", tmp_path / "digits", "--json", cwd=ROOT)
    assert code == 0 and json.loads(out)["modules"] > 0
    for path in (ROOT / "rtl_out" / "digits").rglob("*"):
        if path.is_file():
            assert (
                path.read_bytes() == (tmp_path / "digits" / path.relative_to(ROOT / "rtl_out" / "digits")).read_bytes()
            )


def test_simulate_a_network_without_data(folder):
    """Random images are used, and a wrong hash, a wrong list and a failing run are told apart."""
    (folder / "few.yaml").write_text(
        "version: 1\nentries:\n- {name: few, toplevel: network, test_module: test_network, samples: 60}\n"
    )
    code, out, err = amos("simulate", "small", "--list", "few.yaml", "--layers", "--json", cwd=folder)
    data = json.loads(out)
    assert code == 0, err
    assert data["passed"] and data["runs"][0]["figures"]["back_to_back.images"] == 60
    assert [run["entry"] for run in data["runs"]] == ["few", "encoder", "sums", "hidden", "logits", "winner"]
    refused(amos("simulate", "small", "--list", "none.yaml", cwd=folder), "none.yaml", "cannot be read")
    (folder / "few.yaml").write_text("version: 1\nentries: []\nother: 1\n")
    refused(amos("simulate", "small", "--list", "few.yaml", cwd=folder), "few.yaml")
    store.save(small_network(3), folder / "models" / "small")
    refused(amos("simulate", "small", cwd=folder), "Verilog of another network", "generate it again")
    refused(amos("synth", "small", cwd=folder), "Verilog of another network")


def test_the_folder_at_hand_is_a_network_too(folder):
    code, out, _ = amos("info", ".", "--json", cwd=folder / "models" / "small")
    assert code == 0 and json.loads(out)["network"] == "small"
    refused(amos("info", ".", cwd=folder), "no such network")
    refused(amos("info", "/", cwd=folder), "no such network")
    refused(amos("info", "", cwd=folder), "no such network")


def test_bad_arguments(folder):
    refused(amos("info", "nothing", cwd=folder), "no such network", "'nothing'")
    refused(amos("info", cwd=folder), "Missing argument 'NETWORK'")
    refused(amos("nonsense", cwd=folder), "No such command 'nonsense'")
    refused(amos("info", "small", "--adders-per-stage", "0", cwd=folder), "--adders-per-stage", "1<=x<=64")
    refused(amos("synth", "small", "--target", "virtex2", cwd=folder), "unknown target", "ecp5-25k", "'virtex2'")
    refused(amos("simulate", "small", "--waves", "vcd", cwd=folder), "--waves", "fst")
    refused(amos("train", "small", cwd=folder), "no recipe", "models/small.yaml")
    refused(amos("evaluate", "small", cwd=folder), "no images", "--images")
    refused(
        amos("synth", "small", "--rtl", "nowhere", cwd=folder),
        "nowhere/manifest.yaml",
        "cannot be read",
        "amos-hdl generate",
    )


def test_errors_are_json_too(folder):
    code, out, err = amos("info", "nothing", "--json", cwd=folder)
    assert code == 2 and json.loads(out) == {"error": err.removeprefix("error: ").strip(), "exit_code": 2}


def test_images_from_a_file(folder):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 17, (20, 9)), random.integers(0, 5, 20)
    np.savez(folder / "mine.npz", images=images, labels=labels)
    code, out, _ = amos("evaluate", "small", "--images", "mine.npz", "--json", cwd=folder)
    assert code == 0 and json.loads(out)["images"] == 20
    np.savez(folder / "mine.npz", images=images + 1, labels=labels)
    refused(amos("evaluate", "small", "--images", "mine.npz", cwd=folder), "value outside the input code", "got 17")
    np.savez(folder / "mine.npz", images=images.astype(object), labels=labels)
    refused(amos("evaluate", "small", "--images", "mine.npz", cwd=folder), "mine.npz")
    refused(amos("evaluate", "small", "--images", "absent.npz", cwd=folder), "absent.npz")


def test_damaged_store(folder):
    path = folder / "models" / "small" / "weights.npz"
    path.write_bytes(path.read_bytes()[:200])
    for verb in ("info", "generate", "simulate", "synth"):
        refused(amos(verb, "small", cwd=folder), "weights.npz", "truncated or not an npz archive")


def test_unwritable_output_leaves_earlier_results(folder):
    before = {path: path.read_bytes() for path in (folder / "rtl_out").rglob("*") if path.is_file()}
    (folder / "blocked").write_text("")
    refused(amos("generate", "small", "--rtl", "blocked/rtl", cwd=folder), "blocked/rtl", "cannot be written")
    assert {path: path.read_bytes() for path in (folder / "rtl_out").rglob("*") if path.is_file()} == before


def test_a_missing_tool_is_named(folder):
    """Without a C++ compiler nothing can be simulated: the message says what to install."""
    refused(amos("simulate", "small", cwd=folder, env={"PATH": ""}), "c++")


def test_fit(tmp_path):
    options = "--gates 5 --architecture flash --range -8 12 --plot u.svg --out u.yaml --json"
    code, out, err = amos("fit", "swish", *options.split(), cwd=tmp_path)
    data = json.loads(out)
    assert code == 0, err
    assert data["gates"] == 31 and data["mean_squared_error"] < 0.01
    assert (tmp_path / "u.svg").read_text().count("<svg") == 1
    assert (tmp_path / "u.yaml").read_text().startswith("format: amos-circuit\n")
    (tmp_path / "f.csv").write_text("x,y\n" + "".join(f"{x},{x * x}\n" for x in range(6)))
    code, out, _ = amos("fit", "--table", "f.csv", "--gates", 3, "--json", cwd=tmp_path)
    assert code == 0 and json.loads(out)["high"] == 5
    (tmp_path / "h.csv").write_text("edge,count\n-3,1\n0,5\n2,0\n")
    code, out, _ = amos("fit", "swish", "--histogram", "h.csv", "--architecture", "flash", cwd=tmp_path)
    assert code == 0 and "-3 to 2" in out and "as in h.csv" in out and "in 1 level " in out
    before = sorted(tmp_path.iterdir())
    refused(amos("fit", "swish", "--table", "f.csv", cwd=tmp_path), "expected a name, or --table FILE, got both")
    refused(amos("fit", "foo", "--out", "v.yaml", cwd=tmp_path), "unknown activation", "swish")
    refused(amos("fit", "relu", "--range", 3, 1, "--out", "v.yaml", cwd=tmp_path), "range", "low < high")
    refused(amos("fit", cwd=tmp_path), "expected a name, or --table FILE")
    # before any work, and before the other file is written
    refused(amos("fit", "relu", "--plot", "v.svg", "--out", "/dev/null/v", cwd=tmp_path), "cannot be written")
    refused(amos("fit", "relu", "--plot", "v.svg", "--out", "v.svg", cwd=tmp_path), "two files")
    refused(amos("fit", "relu", "--out", ".", cwd=tmp_path), "expected a file, got a folder")
    assert not list(tmp_path.glob("v*")) and not list(tmp_path.glob(".*"))
    refused(amos("fit", "relu", "--plot", "v.bmp", cwd=tmp_path), ".svg, .png or .pdf", "'.bmp'")
    (tmp_path / "f.csv").write_text("1,1\n0,0\n")
    refused(amos("fit", "--table", "f.csv", cwd=tmp_path), "f.csv", "each greater than the one before")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        (("board", "small", "--board", "icebreaker", "--clock", "nan"), ["--clock", "nan is not in the range"]),
        (("synth", "small", "--frequency", "nan"), ["--frequency", "nan is not in the range"]),
        (("simulate", "small", "--simulator", "icarus", "--waves", "fst"), ["--waves", "--simulator verilator"]),
        (("simulate", "small", "--simulator", "icarus", "--coverage", "line"), ["--coverage", "--simulator verilator"]),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_runs(folder, verb, words):
    refused(amos(*verb, cwd=folder), *words)
    assert not (folder / "build").exists()
