"""Training: what the module computes is what the golden model computes, and the same seed gives the same integers."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from recipes import TINY, changed, written

from amos_hdl.circuit import relu
from amos_hdl.errors import RecipeError
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.prototype import relu_prototype
from amos_hdl.frontend.recipe import Recipe, load_recipe
from amos_hdl.frontend.train import Progress, TrainingResult, accuracy, train
from amos_hdl.network import Dense, Unit, golden, store

MODELS = Path(__file__).parents[2] / "models"
with_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return load_recipe(written(tmp_path_factory.mktemp("recipe"), TINY))


@pytest.fixture(scope="module")
def trained(recipe: Recipe) -> tuple[TrainingResult, list[Progress]]:
    reports: list[Progress] = []
    return train(recipe, progress=reports.append), reports


@with_torch
def test_progress_is_reported_after_every_epoch(trained: tuple[TrainingResult, list[Progress]]) -> None:
    _, reports = trained
    assert [(report.epoch, report.epochs) for report in reports] == [(1, 4), (2, 4), (3, 4), (4, 4)]


@with_torch
def test_the_same_seed_gives_the_same_integers(recipe: Recipe, trained: tuple[TrainingResult, list[Progress]]) -> None:
    result, _ = trained
    assert train(recipe).network.digest == result.network.digest
    other = recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": 6})})
    assert train(other).network.digest != result.network.digest


@with_torch
def test_the_network_keeps_to_the_recipe(trained: tuple[TrainingResult, list[Progress]]) -> None:
    result, _ = trained
    network = result.network
    assert set(result.accuracies) == {"train", "validation", "test"}
    layers = [operation for operation in network.operations if isinstance(operation, Dense)]
    for layer, most, allowed in zip(layers, [90, 24, 30], TINY["quantization"]["magnitudes"], strict=True):
        assert 0 < result.nonzero_weights[layer.name] <= most
        assert set(np.abs(layer.weights).ravel().tolist()) <= set(allowed)
    assert [layer.gates for layer in network.unit_layers] == [2, 3, 1]


@with_torch
def test_module_and_golden_model_agree_on_every_potential_spike_and_logit(recipe: Recipe) -> None:
    import torch

    from amos_hdl.frontend.export import to_network
    from amos_hdl.frontend.loop import train_module

    dataset = load_dataset(recipe.data)
    module = train_module(recipe, dataset)
    network = to_network(module, "tiny", pixels=64, low=0, high=16, weight_bits=4)
    # images of the set, the corners, and noise: not only what training saw
    noise = np.random.default_rng(1).integers(0, 17, (500, 64))
    images = np.concatenate([dataset.images, noise, np.zeros((1, 64), np.int64), np.full((1, 64), 16)])
    trace = golden.run(network, images)
    with torch.no_grad():
        y = module.input_units(torch.from_numpy(images).float())
        assert np.array_equal(y.numpy(), trace.values["encoder"])
        for number, (linear, units) in enumerate(zip(module.linears, module.activations, strict=False), start=1):
            x = linear(y)
            assert np.array_equal(x.numpy(), trace.values[f"hidden{number}_sums"])
            assert np.array_equal(units.spikes(x).numpy(), trace.spikes[f"hidden{number}"])
            y = units(x)
            assert np.array_equal(y.numpy(), trace.values[f"hidden{number}"])
        logits = module(torch.from_numpy(images).float())
    assert np.array_equal(logits.numpy(), trace.values["logits"])
    assert np.array_equal(logits.argmax(1).numpy(), trace.values["winner"][:, 0])


@with_torch
@pytest.mark.parametrize("gates", [1, 2, 3, 4])
@pytest.mark.parametrize("step", [1, 3, 8])
def test_the_activation_is_the_relu_circuit_at_every_potential(gates: int, step: int) -> None:
    import torch

    from amos_hdl.frontend.activation import AmosActivation

    x = np.arange(-40, 160)[:, None]
    units = AmosActivation(2, relu_prototype(gates))
    with torch.no_grad():
        units.step.fill_(step)
        units.bias.copy_(torch.tensor([-5.0, 9.0]))
        y = units(torch.from_numpy(np.repeat(x, 2, axis=1)).float())
    for unit, bias in enumerate((-5, 9)):
        assert np.array_equal(y[:, unit].numpy(), relu(gates, step=step, bias=bias).value(x[:, 0]))


@with_torch
def test_gradients_pass_the_spikes_within_the_code_and_stop_outside() -> None:
    import torch

    from amos_hdl.frontend.activation import AmosActivation

    units = AmosActivation(3, relu_prototype(2))
    x = torch.tensor([[-40.0, 6.0, 40.0]], requires_grad=True)
    units(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 0.25, 0.0]]


@with_torch
def test_augmentation_needs_pictures(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=np.arange(240).reshape(40, 6) % 16, labels=np.arange(40) % 2)
    section = {"source": "npz", "file": "own.npz", "low": 0, "high": 15, "test_images": 8, "split_seed": 1}
    own = load_recipe(written(tmp_path, changed("data", section)))
    with pytest.raises(RecipeError, match=r"^training\.augmentation\.copies: expected 0, .*got 2$"):
        train(own, folder=tmp_path)


@with_torch
def test_more_weights_than_there_are_is_refused(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, changed("topology.nonzero_weights", [90, 24, 61])))
    with pytest.raises(RecipeError, match=r"nonzero_weights\.2: weights to keep: expected at most 60, got 61$"):
        train(recipe)


def test_the_stored_digits_network_is_accurate_and_small() -> None:
    pytest.importorskip("sklearn")
    recipe = load_recipe(MODELS / "digits.yaml")
    network = store.load(MODELS / "digits")
    dataset = load_dataset(recipe.data)
    assert len(dataset.test) == 450
    assert accuracy(network, dataset, "test") >= 0.97
    layers = [operation for operation in network.operations if isinstance(operation, Dense)]
    assert all(layer.weight_bits <= 4 and np.abs(layer.weights).max() <= 7 for layer in layers)
    assert all(layer.gates <= 4 for layer in network.operations if isinstance(layer, Unit))
    kept = [int(np.count_nonzero(layer.weights)) for layer in layers]
    assert all(count <= most for count, most in zip(kept, recipe.topology.nonzero_weights, strict=True))
