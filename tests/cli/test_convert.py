"""``amos-hdl convert`` as a user calls it: what it writes, what it says, and what it leaves behind when it refuses."""

import json
import pickle

import numpy as np
import pytest

from amos_hdl.cli import _main
from tests.cli.test_cli import amos, refused
from tests.frontend.shared_data import shared

torch = pytest.importorskip("torch")
nn = torch.nn


@pytest.fixture
def folder(model_folder):
    return model_folder


def test_a_program_is_converted_judged_stored_and_built(folder):
    options = "--calibrate data.npz --weights 7 --gates 5 --out models/mine".split()
    code, out, err = amos("convert", "net.pt2", *options, "--json", cwd=folder)
    assert code == 0, err
    data = json.loads(out)
    assert data["network"] == "mine" and data["kind"] == "float"
    assert data["model_accuracy"] == 1.0 and data["network_accuracy"] == data["agreement"] >= 0.9
    assert 0 < data["relative_logit_error"] < 0.1 and data["spikes_per_unit"] <= 5
    code, out, _ = amos("evaluate", "mine", "--images", "data.npz", "--json", cwd=folder)
    assert code == 0 and json.loads(out)["accuracy"]["test"] >= 0.9
    images = np.load(folder / "data.npz")["images"]
    np.savez(folder / "last.npz", images=images.transpose(0, 2, 3, 1), labels=np.zeros(40, int))
    said = amos("evaluate", "mine", "--images", "last.npz", cwd=folder)
    refused(said, "last.npz: shape of an image: expected (1, 8, 8)", "got (8, 8, 1)", "transpose")
    code, out, _ = amos("convert", "net.pt2", *options, cwd=folder)
    assert code == 0 and "accuracy kept" in out and "points less" in out


def test_images_that_calibrate_do_not_judge(folder, converted):
    """Half of one file calibrates and the other judges; with --test all of either, and what both have is said."""
    code, out, _ = converted("net.pt2", "--calibrate", "data.npz", "--json")
    data = json.loads(out)
    assert code == 0 and data["calibrated_on"] == data["judged_by"] == "data.npz"
    assert (data["calibration_images"], data["test_images"], data["images_of_both"]) == (20, 20, 0)
    with np.load(folder / "data.npz") as file:
        images, labels = file["images"], file["labels"]
    np.savez(folder / "other.npz", images=np.concatenate([images[:3], 255 - images[3:9]]))
    code, out, _ = converted("net.pt2", "--calibrate", "data.npz", "--test", "other.npz", "--json")
    data = json.loads(out)
    assert code == 0 and (data["calibrated_on"], data["judged_by"]) == ("data.npz", "other.npz")
    assert (data["calibration_images"], data["test_images"], data["images_of_both"]) == (40, 9, 3)
    code, out, _ = converted("net.pt2", "--calibrate", "data.npz", "--test", "other.npz")
    assert "images of data.npz" in out
    assert "images of other.npz, 3 of which calibrated" in out
    np.savez(folder / "other.npz", images=images[:, :, 1:], labels=labels)
    said = converted("net.pt2", "--calibrate", "data.npz", "--test", "other.npz")
    refused(said, "other.npz: shape of an image: expected (1, 8, 8), as in data.npz, got (1, 7, 8)")
    refused(converted("net.pt2", "--test", "data.npz"), "net.pt2: no calibration images", "--calibrate")


def test_without_labels_no_accuracy_is_claimed(folder, converted):
    images = np.load(folder / "data.npz")["images"]
    np.savez(folder / "data.npz", images=images)
    code, out, _ = converted("net.pt2", "--calibrate", "data.npz", "--json")
    data = json.loads(out)
    assert code == 0 and data["network_accuracy"] is None and data["folder"] == "models/net"
    code, out, _ = converted("net.pt2", "--calibrate", "data.npz")
    assert code == 0 and "no labels" in out and "accuracy kept" not in out


def test_qonnx_needs_no_calibration(tmp_path):
    source = shared("models/TFC_1W1A.onnx")
    code, out, err = amos("convert", source, "--json", cwd=tmp_path)
    assert code == 0, err
    data = json.loads(out)
    assert data["kind"] == "QONNX" and data["bit_exact"] and data["uncertain_thresholds"] == {}
    assert (tmp_path / "models" / "tfc_1w1a" / "network.yaml").exists()


@pytest.fixture
def converted(folder, monkeypatch, capsys):
    """Return a function that converts in this process, which is quicker than in one of its own."""

    def run(*arguments):
        monkeypatch.chdir(folder)
        code = _main(["convert", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def test_bad_input_is_one_line_and_leaves_nothing(folder, converted):
    """Each refusal names the file, and the node where there is one; no folder is made."""
    good, images = (folder / "net.pt2").read_bytes(), np.load(folder / "data.npz")["images"]
    with_data = ("--calibrate", "data.npz", "--out", "models/mine")

    def check(*words, source="net.pt2", options=with_data):
        refused(converted(source, *options), *words)
        assert not (folder / "models").exists()

    check("net.pt2", "no calibration images", "--calibrate", options=("--out", "models/mine"))
    check("absent.pt2", "cannot be read", source="absent.pt2")
    check("net.th", "expected .pt2 or .onnx", "torch.export.save", source="net.th")
    check("name of a network", "'Bad'", options=("--calibrate", "data.npz", "--out", "models/Bad"))
    check("weight_bits", "2 to 8", options=(*with_data, "--weights", 9))
    check("net.pt2: layer of weights: expected one of", "'nix'", options=(*with_data, "--layer-weights", "nix=3"))
    check("LAYER=BITS", options=(*with_data, "--layer-weights", "conv2d"))
    check("--calibration", options=(*with_data, "--calibration", "best"))
    check("means of the input", "expected 1 or 1", options=(*with_data, "--mean", 0.1, "--mean", 0.2))
    for content in (b"", good[:3000], pickle.dumps([1, 2]), b"\x08\x07"):
        (folder / "net.pt2").write_bytes(content)
        check("net.pt2", "truncated or not an exported program")
        (folder / "net.onnx").write_bytes(content)
        check("net.onnx", "not an ONNX model", source="net.onnx")
    (folder / "net.pt2").write_bytes(good)

    labels = np.zeros(40, int)
    (folder / "right.npz").write_bytes((folder / "data.npz").read_bytes())
    # of the 20 images that judge 8 are labelled rightly, where a third would be by chance
    shifted = (np.load(folder / "right.npz")["labels"] + 1) % 3
    judging = np.setdiff1d(np.arange(40), np.linspace(0, 39, 20).astype(int))
    nearly = shifted.copy()
    nearly[judging[:8]] = (shifted[judging[:8]] + 2) % 3
    for arrays, words in (
        ({"images": images[:0], "labels": labels[:0]}, ("data.npz: no images",)),
        ({"images": images, "labels": labels[:39]}, ("shape of labels", "(40,)", "(39,)")),
        (
            {"images": images, "labels": labels + 3},
            ("data.npz, image 0: label", "0 to 2, the model's classes", "got 3"),
        ),
        ({"images": images, "labels": labels - 1}, ("label", "got -1")),
        ({"images": np.zeros_like(images), "labels": labels}, ("calibration images: expected images", "every pixel 0")),
        (
            {"images": images, "labels": shifted},
            ("data.npz: labels: expected those of the model, whose classes count from 0 to 2, got 0.0 % right",),
        ),
        ({"images": images, "labels": nearly}, ("data.npz: labels", "got 40.0 % right, no better than chance")),
        ({"images": images[:, :, :7], "labels": labels}, ("data.npz", "64 pixels, 1 x 8 x 8", "got 56")),
        ({"images": images + 1000, "labels": labels}, ("data.npz: calibration images: expected 0 to 255",)),
        ({"images": images / 255, "labels": labels}, ("data.npz", "expected integers", "float64", "before they are")),
        ({"pictures": images}, ("data.npz", "no array images")),
        (
            {"images": images.reshape(-1, 8, 8, 1), "labels": labels},
            ("data.npz: shape of an image: expected (1, 8, 8)", "got (8, 8, 1)", "transpose"),
        ),
    ):
        np.savez(folder / "data.npz", **arrays)
        check(*words)


def test_weights_that_are_not_finite(folder, model, converted):
    broken = model
    with torch.no_grad():
        broken[0].weight[2, 0, 1, 1] = float("inf")
    torch.export.save(torch.export.export(broken, (torch.zeros(2, 1, 8, 8),)), folder / "net.pt2")
    refused(
        amos("convert", "net.pt2", "--calibrate", "data.npz", cwd=folder), "net.pt2, 0.weight", "got inf at (2, 0, 1"
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda x: torch.log(x).flatten(1)[:, :3],
            "net.pt2, log: value on calibration images: expected finite, got -inf",
        ),
        (
            lambda x: (torch.relu(x) + 1e-9 * torch.sigmoid(nn.functional.avg_pool2d(x, 3, 1, 1))).flatten(1)[:, :3],
            "net.pt2, add: scales of the branches",
        ),
    ],
)
def test_values_and_scales_that_integers_cannot_express(folder, converted, make, words):
    class Made(nn.Module):
        def forward(self, x):
            return make(x)

    torch.export.save(torch.export.export(Made(), (torch.zeros(2, 1, 8, 8),)), folder / "net.pt2")
    refused(converted("net.pt2", "--calibrate", "data.npz"), words)
    assert not (folder / "models").exists()


def test_weights_far_smaller_than_their_bias(folder, model, converted):
    small = model
    with torch.no_grad():
        small[-1].weight *= 1e-30
    torch.export.save(torch.export.export(small, (torch.zeros(2, 1, 8, 8),)), folder / "net.pt2")
    refused(converted("net.pt2", "--calibrate", "data.npz"), "net.pt2, 5 (linear): bias: expected below", "steps of")


def test_an_operation_that_integers_cannot_express(folder, converted):
    class Twisted(nn.Module):
        def forward(self, x):
            return torch.sin(200 * nn.functional.avg_pool2d(x, 4)).flatten(1)[:, :3]

    torch.export.save(torch.export.export(Twisted(), (torch.zeros(2, 1, 8, 8),)), folder / "net.pt2")
    refused(converted("net.pt2", "--calibrate", "data.npz"), "net.pt2, sin", "turns more than once")
    assert not (folder / "models").exists()
