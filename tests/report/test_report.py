"""``amos-hdl report`` as a user calls it."""

import json
import shutil

import numpy as np
import pytest

from tests.cli.test_cli import amos, refused


@pytest.fixture
def folder(tmp_path, small_folder):
    """Return a folder with the small network, its Verilog, and images of a class each."""
    shutil.copytree(small_folder, tmp_path, dirs_exist_ok=True)
    random = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", images=random.integers(0, 17, (40, 9)), labels=random.integers(0, 5, 40))
    return tmp_path


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_digits(digits_report):
    """Every figure of the page is one of the results."""
    page, data = digits_report
    text = page.read_text(encoding="utf-8")
    assert data["passed"] and data["test_images"] == 450 and data["bytes"] == page.stat().st_size < 1_200_000
    checks = {check["name"]: check for check in data["checks"]}
    assert all(check["outcome"] == "passed" for check in checks.values())
    assert checks["cocotb, back to back, seed 1"]["counts"]["images"] == 1797
    whole = checks["test images back to back, compiled"]["counts"]
    assert whole["images"] == whole["results"] == 450
    assert whole["spikes"] == round(450 * data["spikes_per_image"]) == round(450 * data["activity"]["spikes_per_image"])
    assert f"{whole['compared']:,}" in text
    activity = data["activity"]
    assert 0 < activity["toggles_per_image"] <= 2 * activity["spikes_per_image"]
    assert f"{activity['synaptic_operations_per_image']:,.1f}" in text
    assert activity["energy"]["is"] == "estimate" and f"<strong>{activity['energy']['ratio']:.2f} times" in text
    assert f"{100 * data['accuracy']:.2f} %" in text and f"{data['latency_cycles']} cycles" in text
    assert sum(map(sum, data["confusion"])) == 450
    assert "amos-hdl report models/digits" in data["commands"]


def test_without_tools(folder):
    """Neither simulated nor synthesized, which the page says; the same bytes twice; the original's answers."""
    with np.load(folder / "mine.npz") as mine:
        original = mine["labels"].copy()
    original[:10] = (original[:10] + 1) % 5
    np.savez(folder / "original.npz", predictions=original)
    command = ["report", "small", "--images", "mine.npz", "--no-simulate", "--no-synth", "--reference", "original.npz"]
    code, out, err = amos(*command, "--json", cwd=folder)
    assert code == 0, err
    data = json.loads(out)
    page = folder / "build" / "small" / "report.html"
    text = page.read_text(encoding="utf-8")
    assert data["activity"] is None and data["synthesis"] == [] and data["ann_accuracy"] == 0.75
    assert "Synthesis was not run." in text and "Nothing was simulated" in text and "75.00 %" in text
    assert {check["outcome"] for check in data["checks"]} == {"passed", "not run"}
    assert amos(*command, "--out", "again.html", cwd=folder)[0] == 0
    assert (folder / "again.html").read_bytes() == page.read_bytes()
    code, out, _ = amos(*command, cwd=folder)
    assert code == 0 and "report.html" in out


def test_stored_results_of_the_same_verilog_are_shown(folder):
    command = ["synth", "small", "--target", "ice40-hx8k", "--no-pnr"]
    assert amos(*command, cwd=folder)[0] == 0
    report = ["report", "small", "--images", "mine.npz", "--no-simulate", "--no-synth", "--json"]
    code, out, err = amos(*report, cwd=folder)
    assert code == 0, err
    data = json.loads(out)
    (result,) = data["synthesis"]
    text = (folder / "build" / "small" / "report.html").read_text(encoding="utf-8")
    assert result["target"] == "ice40-hx8k" and f"{result['luts']:,} <span" in text
    assert "amos-hdl synth models/small --target ice40-hx8k --no-pnr" in data["commands"]
    # Verilog with other options is other Verilog
    assert amos("generate", "small", "--adders-per-stage", 3, cwd=folder)[0] == 0
    data = json.loads(amos(*report, cwd=folder)[1])
    assert data["synthesis"] == [] and "made of other Verilog" in data["remarks"][0]


def test_bad_input_leaves_nothing(folder):
    before = files(folder)
    quick = ["--no-simulate", "--no-synth"]
    refused(amos("report", "nothing", cwd=folder), "no such network", "'nothing'")
    refused(amos("report", "small", *quick, cwd=folder), "no images", "--images")
    refused(amos("report", "small", "--images", "absent.npz", *quick, cwd=folder), "absent.npz")
    images = ["--images", "mine.npz"]
    refused(amos("report", "small", *images, "--reference", "mine.npz", *quick, cwd=folder), "neither scores nor")
    refused(amos("report", "small", *images, "--out", "models", *quick, cwd=folder), "models", "got a folder")
    refused(amos("report", "small", *images, "--out", "mine.npz/x", *quick, cwd=folder), "mine.npz", "not a folder")
    assert files(folder) == before
    np.savez(folder / "other.npz", images=np.zeros((3, 8), int), labels=np.zeros(3, int))
    refused(amos("report", "small", "--images", "other.npz", *quick, cwd=folder), "shape", "(images, 9)")
    manifest = folder / "rtl_out" / "small" / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("network_sha256: ", "network_sha256: 0"))
    refused(amos("report", "small", *images, *quick, cwd=folder), "Verilog of another network", "generate it again")
    assert not (folder / "build").exists()
