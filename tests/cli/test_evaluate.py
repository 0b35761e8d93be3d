"""``amos-hdl evaluate`` and ``info`` of a network with maps, as a user calls them."""

import json

import numpy as np
import pytest

from amos_hdl.circuit import relu
from amos_hdl.network import Add, Argmax, Conv2d, Dense, Flatten, Input, Network, SumPool, Unit, golden, store
from amos_hdl.network.fan_out import fan_out
from tests.cli.test_cli import amos, refused


def conv_network():
    random = np.random.default_rng(3)
    return Network(
        "maps",
        (
            Input("x", (2, 6, 5), 0, 15),
            Conv2d("c", "x", random.integers(-8, 8, (3, 2, 3, 3)), 4, padding=1),
            Unit("u", "c", (relu(4, step=20), relu(4, step=9)), np.array([0, 1, 0])),
            SumPool("p", "u", (3, 2)),
            Flatten("f", "p"),
            Dense("d", "f", random.integers(-8, 8, (7, 12)), 4),
            Argmax("w", "d"),
        ),
        ("w",),
    )


@pytest.fixture
def folder(tmp_path):
    network = conv_network()
    store.save(network, tmp_path / "models" / "maps")
    random = np.random.default_rng(4)
    images, labels = random.integers(0, 16, (30, 2, 6, 5), dtype=np.uint8), random.integers(0, 7, 30)
    np.savez(tmp_path / "images.npz", images=images, labels=labels)
    return tmp_path


def test_everything_that_is_counted(folder):
    network = conv_network()
    with np.load(folder / "images.npz") as file:
        images, labels = file["images"], file["labels"]
    trace = golden.run(network, images)
    spikes, scores = trace.spikes["u"], trace.values["d"]
    np.savez(folder / "reference.npz", scores=scores[:, ::-1] / 3)
    code, out, err = amos(
        "evaluate", "maps", "--images", "images.npz", "--reference", "reference.npz", "--json", cwd=folder
    )
    assert code == 0, err
    data = json.loads(out)
    ranking = np.argsort(-scores, axis=1, kind="stable")
    original = np.argsort(-scores[:, ::-1], axis=1, kind="stable")
    assert data["accuracy"] == {"test": (ranking[:, 0] == labels).mean()}
    assert data["top5_accuracy"] == {"test": (ranking[:, :5] == labels[:, None]).any(axis=1).mean()}
    assert data["reference"] == {
        "images": {"test": 30},
        "network_accuracy": data["accuracy"],
        "network_top5_accuracy": data["top5_accuracy"],
        "accuracy": {"test": (original[:, 0] == labels).mean()},
        "top5_accuracy": {"test": (original[:, :5] == labels[:, None]).any(axis=1).mean()},
        "agreement": {"test": (original[:, 0] == ranking[:, 0]).mean()},
    }
    assert data["units"] == 90 and data["gates"] == 360
    assert data["spikes_per_image"] == spikes.sum() / 30
    assert data["spikes_per_unit"] == pytest.approx(spikes.sum() / 30 / 90)
    assert data["spikes_per_gate"] == pytest.approx(spikes.mean())
    assert data["firing_rate_per_plane"]["u"] == pytest.approx(spikes.mean(axis=(0, 1, 2, 3)).tolist())
    reached = (spikes.sum(axis=(0, -1)) * fan_out(network)["u"].array()).sum()
    assert data["synaptic_operations_per_image"] == reached / 30
    assert data["synaptic_operations_per_image_by_layer"] == {"u": reached / 30}
    code, out, _ = amos("evaluate", "maps", "--images", "images.npz", "--reference", "reference.npz", cwd=folder)
    assert code == 0 and "agreement, test" in out and "original" in out
    call = ("evaluate", "maps", "--images", "images.npz", "--reference", "reference.npz", "--json")
    for library in ("numpy", "torch"):
        code, out, err = amos(*call, "--kernels", library, cwd=folder)
        assert code == 0, err
        again = json.loads(out)
        assert {**again, "images_per_second": None} == {**data, "images_per_second": None}


def test_predictions_alone(folder):
    np.savez(folder / "reference.npz", predictions=np.arange(30) % 7)
    code, out, err = amos(
        "evaluate", "maps", "--images", "images.npz", "--reference", "reference.npz", "--json", cwd=folder
    )
    assert code == 0, err
    data = json.loads(out)
    winners = golden.run(conv_network(), np.load(folder / "images.npz")["images"]).values["w"][:, 0]
    assert data["reference"]["agreement"]["test"] == (winners == np.arange(30) % 7).mean()
    assert data["reference"]["top5_accuracy"] == {}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"scores": np.zeros((29, 7))}, ["scores", "finite numbers (30, class)", "got (29, 7)"]),
        ({"scores": np.full((30, 7), np.nan)}, ["scores", "finite"]),
        ({"predictions": np.zeros(30)}, ["predictions", "integers (30,)"]),
        ({"predictions": np.zeros(31, int)}, ["predictions", "got (31,)"]),
        ({"scores": np.array(["a"])}, ["scores", "expected numbers"]),
        ({"other": np.zeros(30)}, ["neither scores nor predictions"]),
    ],
)
def test_references_that_do_not_fit(folder, arrays, words):
    np.savez(folder / "reference.npz", **arrays)
    call = ("evaluate", "maps", "--images", "images.npz", "--reference", "reference.npz")
    refused(amos(*call, cwd=folder), "reference.npz", *words)


def test_info_of_maps(folder):
    code, out, err = amos("info", "maps", "--json", cwd=folder)
    assert code == 0, err
    data = json.loads(out)
    assert (data["units"], data["gates"], data["units_by_gates"]) == (90, 360, {"4": 90})
    weights = {name: conv_network()[name].weights for name in "cd"}
    assert data["weights"] == 54 + 84
    assert data["nonzero_weights"] == sum(np.count_nonzero(array) for array in weights.values())
    assert data["products"] == np.count_nonzero(weights["c"]) * 30 + np.count_nonzero(weights["d"])
    assert [entry["shape"] for entry in data["operations"]] == [
        [2, 6, 5], [3, 6, 5], [3, 6, 5], [3, 2, 2], [12], [7], [1],
    ]  # fmt: skip
    assert "no_hardware" not in data and data["interval_cycles"] == 30


def test_info_without_hardware(folder):
    """A factor of more bits than a weight may have: sizes are shown, and what stands in the way."""
    x = Input("x", (2, 6, 5), 0, 15)
    network = Network("wide", (x, Add("a", ("x", "x"), np.array([1 << 17, 1]))), ("a",))
    store.save(network, folder / "models" / "wide")
    code, out, err = amos("info", "wide", "--json", cwd=folder)
    assert code == 0, err
    data = json.loads(out)
    assert data["no_hardware"].startswith("a: weights: expected at most 16 bits, got 19")
    assert "latency_cycles" not in data
    code, out, _ = amos("info", "wide", cwd=folder)
    assert code == 0 and "no hardware" in out
    refused(amos("generate", "wide", cwd=folder), "a: weights: expected at most 16 bits")
    assert not (folder / "rtl_out").exists()


def test_only_the_first_test_images(folder):
    code, out, err = amos("evaluate", "maps", "--images", "images.npz", "--test-images", "12", "--json", cwd=folder)
    assert code == 0, err
    said = json.loads(out)
    assert said["images"] == said["test_images"] == 12
    with np.load(folder / "images.npz") as arrays:
        images, labels = arrays["images"][:12], arrays["labels"][:12]
    answers = golden.run(conv_network(), images.reshape(12, -1)).values["w"][:, 0]
    assert said["accuracy"]["test"] == pytest.approx((answers == labels).mean())
