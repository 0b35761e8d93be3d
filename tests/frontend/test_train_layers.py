"""Training of convolutions, pools, skips and dense layers: the module computes what the golden model computes."""

import copy
import re
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes import TINY, changed, written

from amos_hdl.errors import RecipeError, StoreError
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import Recipe, load_recipe
from amos_hdl.frontend.train import Checkpoint, Progress, train
from amos_hdl.network import Add, Conv2d, Dense, MaxPool, SumPool, Unit, golden, statistics, store
from tests.conftest import ROOT
from tests.frontend.shared_data import shared

torch = pytest.importorskip("torch")

#: Every kind of layer and option: strides, groups, both pools, whole maps, skips with and without weights of their own.
LAYERS: list[dict[str, Any]] = [
    {"kind": "conv", "channels": 6, "kernel": 3, "padding": 1, "gates": 3, "name": "stem"},
    {"kind": "conv", "channels": 6, "kernel": 3, "padding": 1, "gates": 2, "groups": 3, "sparsity": 0.3},
    {"kind": "conv", "channels": 6, "kernel": 3, "padding": 1, "gates": 4, "skip": "stem", "skip_multiplier": 4},
    {"kind": "max_pool", "kernel": 3, "stride": 2, "padding": 1},
    {"kind": "conv", "channels": 6, "kernel": 3, "padding": 1, "gates": 1, "groups": 6},
    {
        "kind": "conv",
        "channels": 8,
        "kernel": 3,
        "stride": 2,
        "padding": 1,
        "gates": 3,
        "skip": "max_pool1",
        "skip_multiplier": 2,
        "weight_bits": 3,
    },
    {"kind": "sum_pool", "kernel": 2, "stride": 1},
    {"kind": "dense", "units": 12, "gates": 3, "magnitudes": [0, 1, 2, 4], "sparsity": 0.5},
    {"kind": "logits", "weight_bits": 8},
]
SMALL: dict[str, Any] = {
    "format": 1,
    "name": "tiny",
    "data": {"source": "digits", "test_images": 450, "validation_images": 147, "split_seed": 3},
    "topology": {"layers": LAYERS},
    "quantization": {"weight_bits": 4},
    "units": {"input_thresholds": [4, 8, 12]},
    "training": {
        "seed": 5,
        "epochs": 4,
        "batch_images": 64,
        "learning_rate": 0.03,
        "label_smoothing": 0.05,
        "pruning": {"start": 0.1, "end": 0.4},
        "rounding": {"start": 0.4, "end": 0.7},
        "augmentation": {"copies": 1, "clean_copies": 1, "shift_pixels": 0.5, "rotation_degrees": 8.0},
    },
}
#: As little as there can be: a whole map summed.
SHORT: list[dict[str, Any]] = [
    {"kind": "conv", "channels": 4, "kernel": 3, "stride": 2, "gates": 2},
    {"kind": "sum_pool"},
    {"kind": "logits"},
]


def small(folder: Path, changes: dict[str, Any] | None = None) -> Recipe:
    recipe = copy.deepcopy(SMALL)
    for place, value in (changes or {}).items():
        recipe = changed(place, value, recipe)
    return load_recipe(written(folder, recipe))


def test_module_and_golden_model_agree_on_every_value_of_every_layer(tmp_path: Path) -> None:
    from amos_hdl.frontend.export_layers import layers_to_network
    from amos_hdl.frontend.layered import LayeredNetwork
    from amos_hdl.frontend.loop import train_module

    recipe = small(tmp_path)
    dataset = load_dataset(recipe.data)
    module = train_module(recipe, dataset)
    assert isinstance(module, LayeredNetwork)
    network = layers_to_network(module, "tiny", low=0, high=16, weight_bits=4)
    noise = np.random.default_rng(1).integers(0, 17, (300, 64))
    images = np.concatenate([dataset.images, noise, np.zeros((1, 64), np.int64), np.full((1, 64), 16)])
    trace = golden.run(network, images)
    seen: dict[str, Any] = {}
    with torch.no_grad():
        logits = module.values(module.input_units(torch.from_numpy(images).float()), seen.__setitem__)
    assert (
        list(seen)
        == module.names
        == [*("stem", "conv2", "conv3", "max_pool1", "conv4", "conv5", "sum_pool1", "dense1", "logits")]
    )
    for name, values in seen.items():
        assert np.array_equal(values.numpy(), trace.values[name]), name
        assert len(np.unique(values)) > 1, name
    assert np.array_equal(logits.argmax(1).numpy(), trace.values["winner"][:, 0])
    # each kind of operation is there, with its options
    kinds = {type(operation) for operation in network.operations}
    assert {Add, Conv2d, Dense, MaxPool, SumPool, Unit} <= kinds
    first, second = (network[f"conv{number}_total"] for number in (3, 5))
    assert isinstance(first, Add) and first.factors.tolist() == [1, 4] and first.reads == ("conv3_sums", "stem")
    assert (
        isinstance(second, Add) and second.factors.tolist() == [1, 2] and second.reads == ("conv5_sums", "conv5_skip")
    )
    assert [layer.gates for layer in network.unit_layers] == [2, 3, 2, 4, 1, 3, 3]


def test_the_network_keeps_to_the_recipe(tmp_path: Path) -> None:
    reports: list[Progress] = []
    result = train(small(tmp_path), progress=reports.append)
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert all(report.validation is not None for report in reports)
    # what is reported is what the golden model finds
    assert reports[-1].validation == result.accuracies["validation"]
    network = result.network
    for name, most, allowed in (
        ("conv2_sums", round(0.7 * 108), set(range(8))),
        ("conv5_sums", 8 * 54, set(range(4))),
        ("conv5_skip", 48, set(range(4))),
        ("dense1_sums", round(0.5 * 12 * 8), {0, 1, 2, 4}),
        ("logits", 120, set(range(128))),
    ):
        weights = network[name].arrays()["weights"]
        assert 0 < np.count_nonzero(weights) <= most, name
        assert set(np.abs(weights).ravel().tolist()) <= allowed, name
    other = small(tmp_path, {"training.seed": 6})
    assert train(other).network.digest != network.digest == train(small(tmp_path)).network.digest


def test_batch_norm_is_folded_exactly() -> None:
    """y of the thresholds is that of a·x + b in fractions, at every integer x; also where steps are below 1."""
    from amos_hdl.frontend.normalized import NormalizedUnits

    units = NormalizedUnits(5, 3)
    random = np.random.default_rng(3)
    with torch.no_grad():
        units.norm.running_mean.copy_(torch.from_numpy(random.normal(0, 20, 5)))
        units.norm.running_var.copy_(torch.tensor([0.5, 4.0, 100.0, 900.0, 1e4]))
        units.norm.weight.copy_(torch.tensor([9.0, 0.05, 3.5, 2.0, 5.0]))
        units.norm.bias.copy_(torch.from_numpy(random.normal(0, 2, 5)))
    x = np.arange(-600, 600)
    with torch.no_grad():
        y = units.eval()(torch.from_numpy(np.repeat(x[:, None], 5, axis=1)).float()).numpy()
        flat = units(torch.from_numpy(np.repeat(x[:, None, None, None], 5, axis=1)).float()).numpy()
    assert np.array_equal(y, flat[:, :, 0, 0])
    for channel, (a, b) in enumerate(zip(*units.line(), strict=True)):
        exact = [min(max(int((Fraction(a) * int(v) + Fraction(b)) // 1), 0), 7) for v in x]
        assert y[:, channel].tolist() == exact
        assert len(set(exact)) > 1


def test_thresholds_are_those_of_the_batch_norm_of_pytorch() -> None:
    from amos_hdl.frontend.normalized import NormalizedUnits

    units = NormalizedUnits(3, 4)
    data = torch.randint(-50, 90, (64, 3, 5, 5), generator=torch.Generator().manual_seed(1)).float()
    for _ in range(200):
        units.train()(data)
    with torch.no_grad():
        v = units.norm.eval()(data)
        assert torch.equal(units.eval()(data), v.floor().clamp(0, 15))


def test_settled_units_learn_from_what_will_be_computed() -> None:
    from amos_hdl.frontend.normalized import NormalizedUnits

    units = NormalizedUnits(3, 2)
    generator = torch.Generator().manual_seed(1)
    first, other = (torch.randint(low, 60, (32, 3, 4, 4), generator=generator).float() for low in (-60, 20))
    units.train()(first)
    units.settle()
    before = copy.deepcopy(units.state_dict())
    assert torch.equal(units.train()(other), units.eval()(other))
    assert all(torch.equal(value, before[name]) for name, value in units.state_dict().items())
    x = first.requires_grad_()
    units.train()(x).sum().backward()
    assert units.norm.weight.grad is not None and bool((x.grad != 0).any())


def test_pools_taken_before_units_give_the_same_values(tmp_path: Path) -> None:
    from amos_hdl.frontend.layered import LayeredNetwork
    from amos_hdl.frontend.loop import train_module

    pool = {"kind": "max_pool", "kernel": 3, "stride": 2, "padding": 1}
    changes = {"topology.layers": [LAYERS[0], pool, SHORT[0], pool, SHORT[2]]}
    module = train_module(small(tmp_path, changes), load_dataset(small(tmp_path).data))
    assert isinstance(module, LayeredNetwork) and module.pooled_first == {"stem", "conv2"}
    y = torch.randint(0, 4, (200, 64), generator=torch.Generator().manual_seed(1)).float()
    with torch.no_grad():
        # settled and with integer weights, training computes what is exported
        assert torch.equal(module.train().logits(y), module.eval().logits(y))


def test_gradients_are_straight_through_and_stop_outside_the_code() -> None:
    from amos_hdl.frontend.normalized import _Staircase
    from amos_hdl.frontend.quantized import QuantizedLinear

    v = torch.tensor([-2.0, -0.2, 3.7, 7.9, 8.5], requires_grad=True)
    y = _Staircase.apply(v, 7)
    assert y.tolist() == [0.0, 0.0, 3.0, 7.0, 7.0]
    y.sum().backward()
    assert v.grad is not None and v.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    sums = QuantizedLinear((1, 4), [0, 1, 2, 4], torch.Generator())
    with torch.no_grad():
        sums.latent.copy_(torch.tensor([[0.4, -1.6, 2.9, 3.2]]))
        sums.share.fill_(1.0)
    sums.prune(3)
    y = sums(torch.tensor([[1.0, 10.0, 100.0, 1000.0]]))
    assert y.item() == pytest.approx(4180) and sums.eval()(torch.ones(1, 4)).item() == 4
    y.backward()
    assert sums.latent.grad is not None and sums.latent.grad.tolist() == [[0.0, 10.0, 100.0, 1000.0]]


def test_digits_are_those_of_the_shortest_sum_of_powers_of_two(tmp_path: Path) -> None:
    from amos_hdl.frontend.quantized import QuantizedLinear, signed_digits

    powers = [sign << power for power in range(9) for sign in (1, -1)]
    shortest = {0: 0}
    for terms in (1, 2, 3, 4):
        for value in list(shortest):
            for power in powers:
                shortest.setdefault(value + power, terms)
    assert all(signed_digits(value) == shortest[value] for value in range(128))
    sums = QuantizedLinear((1, 6), [0, 1, 2, 3, 4, 5], torch.Generator())
    with torch.no_grad():
        sums.latent.copy_(torch.tensor([[0.0, 3.0, -4.0, 0.5, -2.25, 5.4]]))
    sums.digits().backward()
    assert sums.digits().item() == pytest.approx((0 + 2 + 1 + 0.5 + 1.25 + 2.4) / 6)
    assert sums.latent.grad is not None
    assert sums.latent.grad[0, 1:].tolist() == pytest.approx([-1 / 6, 1 / 6, 1 / 6, -1 / 6, 1 / 6])


def test_the_cost_of_digits_is_paid_for_in_digits(tmp_path: Path) -> None:
    from amos_hdl.frontend.quantized import signed_digits

    def digits(cost: float) -> int:
        changes = {"training.digit_cost": cost, "topology.layers": SHORT, "training.epochs": 12}
        network = train(small(tmp_path, changes)).network
        weights = np.concatenate(
            [np.abs(network[name].arrays()["weights"]).ravel() for name in ("conv1_sums", "logits")]
        )
        return sum(signed_digits(int(weight)) for weight in weights)

    assert digits(1.0) < 0.8 * digits(0.0)
    with pytest.raises(
        RecipeError, match=r"training\.digit_cost: setting: expected 0 without topology\.layers, got 0\.5"
    ):
        load_recipe(written(tmp_path, changed("training.digit_cost", 0.5, TINY)))


INTERRUPTED = """
import sys, time
from pathlib import Path
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.frontend.train import Checkpoint, train

def report(progress):
    print(progress.epoch, flush=True)
    if progress.epoch > 2:
        time.sleep(60)

train(load_recipe(Path(sys.argv[1])), progress=report, checkpoint=Checkpoint(Path(sys.argv[2]), every_s=0))
"""


def interrupt(path: Path, file: Path) -> None:
    """Train the recipe in another process and kill that in the middle of its third epoch or later."""
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, path, file], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    with process.stdout as lines:
        while lines.readline().strip() != b"3":
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["layers", "hidden"])
def test_killed_and_resumed_it_is_as_if_nothing_had_happened(tmp_path: Path, kind: str) -> None:
    noisy = changed("training.noise", {"potential": 0.1, "drop": 0.01})
    path, file = written(tmp_path, SMALL if kind == "layers" else noisy), tmp_path / "checkpoint.pt"
    recipe = load_recipe(path)
    interrupt(path, file)
    reports: list[Progress] = []
    resumed = train(recipe, progress=reports.append, checkpoint=Checkpoint(file, resume=True))
    # the killed process had not written the state after epoch 3
    assert [report.epoch for report in reports] == [3, 4]
    assert resumed.network.digest == train(recipe).network.digest


def test_a_wrong_checkpoint_is_refused(tmp_path: Path) -> None:
    recipe, file = small(tmp_path, {"topology.layers": SHORT, "training.epochs": 2}), tmp_path / "checkpoint.pt"

    def resumed(recipe: Recipe) -> None:
        train(recipe, checkpoint=Checkpoint(file, resume=True))

    with pytest.raises(StoreError, match=r"checkpoint\.pt: cannot be read: No such file"):
        resumed(recipe)
    train(recipe, checkpoint=Checkpoint(file, every_s=0))
    whole = file.read_bytes()
    with pytest.raises(StoreError, match=r"checkpoint\.pt: a checkpoint of another recipe or of other data; train"):
        resumed(small(tmp_path, {"topology.layers": SHORT, "training.epochs": 3}))
    for damaged in (whole[: len(whole) // 2], b"", b"no checkpoint", whole[:200] + b"\0" * 50 + whole[250:]):
        file.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"checkpoint\.pt: "):
            resumed(recipe)
    torch.save({"version": 1, "identity": print}, file)
    with pytest.raises(StoreError, match=r"checkpoint\.pt: not a checkpoint"):
        resumed(recipe)
    torch.save({"version": 2}, file)
    with pytest.raises(StoreError, match=r"version of a checkpoint: expected 1, got 2"):
        resumed(recipe)


def test_early_stopping_takes_the_best_epoch(tmp_path: Path) -> None:
    changes = {"topology.layers": SHORT, "training.epochs": 40, "training.early_stopping": {"patience": 3}}
    reports: list[Progress] = []
    result = train(small(tmp_path, changes), progress=reports.append)
    assert len(reports) < 40
    counted = [report.validation for report in reports if report.epoch >= 28]
    assert len(counted) - 1 - int(np.argmax(counted)) == 3
    assert result.accuracies["validation"] == max(counted)
    # the same recipe without it learns the same as long as it goes
    free: list[Progress] = []
    train(small(tmp_path, {"topology.layers": SHORT, "training.epochs": 40}), progress=free.append)
    assert free[: len(reports)] == reports


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([*SHORT[:2]], r"topology\.layers\.1\.kind: layer: expected logits as the last one.*got 'sum_pool'"),
        ([SHORT[2], SHORT[2]], r"topology\.layers\.0\.kind: layer: expected logits as the last one.*got 'logits'"),
        ([{**SHORT[0], "name": "winner"}, SHORT[2]], r"topology\.layers\.0\.name: name: .*got 'winner'"),
        ([{**SHORT[0], "name": "a_sums"}, SHORT[2]], r"topology\.layers\.0\.name: name: .*got 'a_sums'"),
        ([{**SHORT[0], "name": "A b"}, SHORT[2]], r"topology\.layers\.0\.name: name: .*got 'A b'"),
        ([{**SHORT[0], "groups": 3}, SHORT[2]], r"topology\.layers\.0\.groups: groups: expected a divisor of 4.*got 3"),
        ([{**SHORT[0], "skip": "conv1"}, SHORT[2]], r"topology\.layers\.0\.skip: skip: expected one of \[\].*'conv1'"),
        ([{**SHORT[0], "skip_multiplier": 2}, SHORT[2]], r"topology\.layers\.0\.skip_multiplier: .*got 2"),
        ([{"kind": "max_pool", "stride": 2}, SHORT[2]], r"topology\.layers\.0: pool of the whole map: .*"),
        (
            [{**SHORT[0], "magnitudes": [1, 2]}, SHORT[2]],
            r"topology\.layers\.0\.magnitudes: magnitudes: .*got \[1, 2\]",
        ),
        ([{**SHORT[0], "magnitudes": [0, 8]}, SHORT[2]], r"topology\.layers\.0\.magnitudes: .*at most 7.*got 8"),
        ([{**SHORT[0], "gates": 9}, SHORT[2]], r"topology\.layers\[0\]\.conv\.gates: .*got 9"),
        ([{**SHORT[0], "sparsity": 1.0}, SHORT[2]], r"topology\.layers\[0\]\.conv\.sparsity: .*got 1\.0"),
        ([{**SHORT[0], "colour": 1}, SHORT[2]], r"topology\.layers\[0\]\.conv\.colour: unknown key.*"),
    ],
)
def test_wrong_layers_are_one_line_that_names_the_place(tmp_path: Path, layers: object, message: str) -> None:
    path = written(tmp_path, changed("topology.layers", layers, SMALL))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert re.fullmatch(re.escape(f"{path}, ") + message, str(caught.value)), str(caught.value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("topology.hidden", [4], r"topology: network: expected either hidden or layers, got '1 hidden, 9 layers'"),
        ("topology.layers", [], r"topology: network: expected either hidden or layers, got '0 hidden, 0 layers'"),
        ("units.gates", [3], r"units\.gates: setting: expected none, for the network is given by .*got \[3\]"),
        ("training.noise", {"drop": 0.1}, r"training\.noise: setting: expected none, .*"),
        ("training.early_stopping", {"patience": 0}, r"training\.early_stopping\.patience: .*got 0"),
    ],
)
def test_settings_that_contradict_layers_are_refused(tmp_path: Path, place: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(written(tmp_path, changed(place, value, SMALL)))


def test_early_stopping_needs_validation_images(tmp_path: Path) -> None:
    recipe = changed("data.validation_images", 0, changed("training.early_stopping", {"patience": 2}, TINY))
    with pytest.raises(RecipeError, match=r"training\.early_stopping: validation images: expected some .*got 0$"):
        load_recipe(written(tmp_path, recipe))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [{**SHORT[0], "kernel": 9}, SHORT[2]],
            r"^topology\.layers\.0: conv1: kernel: expected at most 8 x 8, .*9 x 9",
        ),
        (
            [{"kind": "max_pool", "kernel": 4, "padding": 3}, SHORT[2]],
            r"^topology\.layers\.0: max_pool1: padding: expected at most 2, half the kernel, got 3",
        ),
        (
            [SHORT[0], {**SHORT[0], "kernel": 2, "padding": 1, "stride": 1, "skip": "conv1"}, SHORT[2]],
            r"^topology\.layers\.1: conv2: skip: expected a map that a stride makes 4 x 4, got .*of conv1",
        ),
        (
            [{"kind": "dense", "units": 4, "gates": 2}, SHORT[0], SHORT[2]],
            r"^topology\.layers\.1: conv1: source: expected a map, got 4 units of dense1",
        ),
        (
            [{**SHORT[0], "groups": 2}, SHORT[2]],
            r"^topology\.layers\.0: conv1: groups: expected a divisor of 1 channels",
        ),
    ],
)
def test_layers_that_do_not_fit_the_images_are_refused(tmp_path: Path, layers: object, message: str) -> None:
    recipe = load_recipe(written(tmp_path, changed("topology.layers", layers, SMALL)))
    with pytest.raises(RecipeError, match=message):
        train(recipe)


def test_the_stored_mnist_network_is_accurate_and_of_few_gates_and_bits() -> None:
    folder = shared("mnist")
    recipe, network = load_recipe(ROOT / "models" / "mnist_cnn.yaml"), store.load(ROOT / "models" / "mnist_cnn")
    dataset = load_dataset(recipe.with_data_folder(folder).data)
    images, labels = (part[:1000] for part in dataset.part("test"))
    assert (statistics.measure(network, images).ranking[:, 0] == labels).mean() >= 0.985
    assert all(layer.gates <= 4 for layer in network.unit_layers)
    weighted = [operation for operation in network.operations if isinstance(operation, Conv2d | Dense)]
    assert [operation.weight_bits for operation in weighted] == [4] * 4
    assert all(np.abs(operation.weights).max() <= 7 for operation in weighted)
