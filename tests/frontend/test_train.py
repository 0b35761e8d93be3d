"""Training: what the module computes is what the golden model computes, and the same seed gives the same integers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes import TINY, changed, written

from amos_hdl.circuit import FLASH, SERIAL, Architecture, CircuitBank, Disturbance, DisturbedGates, relu, steps
from amos_hdl.circuit import store as circuit_store
from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.fitting import fit as fit_unit
from amos_hdl.errors import CircuitError, RecipeError
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.prototype import fitted_prototype, hidden_prototypes, relu_prototype
from amos_hdl.frontend.recipe import Recipe, load_recipe
from amos_hdl.frontend.train import Progress, TrainingResult, accuracy, train
from amos_hdl.network import Dense, Unit, golden, store

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return load_recipe(written(tmp_path_factory.mktemp("recipe"), TINY))


@pytest.fixture(scope="module")
def trained(recipe: Recipe) -> tuple[TrainingResult, list[Progress]]:
    reports: list[Progress] = []
    return train(recipe, progress=reports.append), reports


def test_progress_is_reported_after_every_epoch(trained: tuple[TrainingResult, list[Progress]]) -> None:
    _, reports = trained
    assert [(report.epoch, report.epochs) for report in reports] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_same_seed_gives_the_same_integers(recipe: Recipe, trained: tuple[TrainingResult, list[Progress]]) -> None:
    result, _ = trained
    assert train(recipe).network.digest == result.network.digest
    other = recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": 6})})
    assert train(other).network.digest != result.network.digest


def test_the_network_keeps_to_the_recipe(trained: tuple[TrainingResult, list[Progress]]) -> None:
    result, _ = trained
    network = result.network
    assert set(result.accuracies) == {"train", "validation", "test"}
    layers = [operation for operation in network.operations if isinstance(operation, Dense)]
    for layer, most, allowed in zip(layers, [90, 24, 30], TINY["quantization"]["magnitudes"], strict=True):
        assert 0 < result.nonzero_weights[layer.name] <= most
        assert set(np.abs(layer.weights).ravel().tolist()) <= set(allowed)
    assert [layer.gates for layer in network.unit_layers] == [2, 3, 1]


VARIANTS: dict[str, dict[str, Any]] = {
    "serial ReLU": {},
    "flash and folded ReLU": {"units.architectures": ["flash", "folded"]},
    "staged ReLU": {"units.gates": [4, 2], "units.architectures": ["staged(2)", None]},
    "circuit files": {"units.gates": [None, None], "units.circuits": ["swish.yaml", "sigmoid.yaml"]},
    "one of each, with noise": {
        "units.gates": [None, 2],
        "units.circuits": ["swish.yaml", None],
        "units.value_bits": 5,
        "training.noise": {"potential": 0.1, "threshold": 0.1, "drop": 0.01, "insert": 0.01},
    },
}


@pytest.fixture(scope="module")
def circuit_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("circuits")
    swish = fit_unit(find_activation("swish"), 4, FLASH, low=-4, high=4)
    sigmoid = fit_unit(find_activation("sigmoid"), 3, SERIAL, form="table")
    for unit in (swish, sigmoid):
        circuit_store.save(unit, folder / f"{unit.activation}.yaml")
    return folder


def variant(folder: Path, changes: dict[str, Any]) -> Recipe:
    recipe = TINY
    for place, value in changes.items():
        recipe = changed(place, value, recipe)
    return load_recipe(written(folder, recipe))


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_module_and_golden_model_agree_on_every_potential_spike_and_logit(
    circuit_files: Path, changes: dict[str, Any]
) -> None:
    import torch

    from amos_hdl.frontend.export import to_network
    from amos_hdl.frontend.loop import train_module

    recipe = variant(circuit_files, changes)
    dataset = load_dataset(recipe.data)
    module = train_module(recipe, dataset, folder=circuit_files)
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
            assert trace.spikes[f"hidden{number}"].any()
            y = units(x)
            assert np.array_equal(y.numpy(), trace.values[f"hidden{number}"])
        logits = module(torch.from_numpy(images).float())
    assert np.array_equal(logits.numpy(), trace.values["logits"])
    assert np.array_equal(logits.argmax(1).numpy(), trace.values["winner"][:, 0])


def test_the_architecture_does_not_change_what_is_learnt(
    circuit_files: Path, recipe: Recipe, trained: tuple[TrainingResult, list[Progress]]
) -> None:
    serial = trained[0].network
    flash = train(variant(circuit_files, {"units.architectures": ["flash", "serial"]})).network
    assert [layer.gates for layer in flash.unit_layers] == [2, 7, 1]
    assert [layer.gates for layer in serial.unit_layers] == [2, 3, 1]
    images = load_dataset(recipe.data).images
    traces = [golden.run(network, images) for network in (serial, flash)]
    assert all(np.array_equal(traces[0].values[name], traces[1].values[name]) for name in traces[0].values)


def test_noise_in_the_loop_is_drawn_from_the_seed(
    circuit_files: Path, trained: tuple[TrainingResult, list[Progress]]
) -> None:
    noisy = variant(circuit_files, {"training.noise": {"potential": 0.2}})
    assert train(noisy).network.digest == train(noisy).network.digest != trained[0].network.digest
    silent = variant(circuit_files, {"training.noise": {"potential": 0.0}})
    assert train(silent).network.digest == trained[0].network.digest


def test_noise_in_the_loop_is_that_of_the_model() -> None:
    """The same levels give the same share of wrong spikes in the module and in the golden model's bank."""
    import torch

    from amos_hdl.frontend.activation import AmosActivation, Noise

    units = AmosActivation(400, relu_prototype(3))
    x = np.random.default_rng(0).normal(12, 10, (200, 400)).round()
    circuit = relu(3, step=4)
    for levels in ({"potential": 0.3}, {"threshold": 0.3}, {"drop": 0.1}, {"insert": 0.1}):
        disturbance = Disturbance(**levels)
        noise = Noise(disturbance, torch.Generator().manual_seed(1))
        module = units.spikes(torch.from_numpy(x).float(), noise).numpy()
        random = np.random.default_rng(2)
        gates = DisturbedGates(disturbance, units=400, gates=3, spread=float(x.std()), random=random)
        bank = CircuitBank((circuit,), np.zeros(400, np.int64))
        wrong = [
            (spikes != circuit.spikes(x.astype(int))).mean(axis=(0, 1))
            for spikes in (module, bank.spikes(x.astype(int), gates))
        ]
        assert wrong[0] == pytest.approx(wrong[1], rel=0.1), levels
        assert wrong[0].min() > 0.01


@pytest.mark.parametrize("architecture", ["serial", "flash", "staged(2)", "folded"])
def test_a_copy_of_the_relu_is_the_relu_circuit(architecture: str) -> None:
    arrangement = Architecture.parse(architecture)
    made = relu_prototype(4, arrangement).copy(7, -5)
    assert made == relu(4, step=7, bias=-5, architecture=arrangement)


@pytest.mark.parametrize("step", [1, 3, 50])
def test_a_unit_of_a_circuit_file_is_its_exported_circuit_at_every_potential(circuit_files: Path, step: int) -> None:
    import torch

    from amos_hdl.frontend.activation import AmosActivation

    for name, architecture in (("swish", None), ("sigmoid", None), ("sigmoid", Architecture("flash"))):
        prototype = fitted_prototype(circuit_files / f"{name}.yaml", architecture, 6)
        units = AmosActivation(1, prototype)
        x = np.arange(-12 * step - 20, 14 * step + 20)[:, None]
        with torch.no_grad():
            units.step.fill_(step)
            units.bias.fill_(-7)
            y = units(torch.from_numpy(x).float())
        circuit = prototype.copy(step, -7)
        assert np.array_equal(y.numpy()[:, 0], circuit.value(x[:, 0]))
        # and it is the circuit of the file at v = (x - 7)/step, in that circuit's own steps of v
        unit = circuit_store.load(circuit_files / f"{name}.yaml")
        own = (x[:, 0] - 7) * unit.potential_step.denominator // (step * unit.potential_step.numerator)
        if architecture is None:
            assert np.array_equal(circuit.spikes(x[:, 0]), unit.circuit.spikes(own))
        values = circuit.value(x[:, 0])
        assert np.ptp(prototype.values) == (63 if name == "swish" else 7)
        scale = np.ptp(prototype.values) / np.ptp(steps(unit.circuit).values)
        assert np.abs(values - values[0] - scale * (unit.circuit.value(own) - unit.circuit.value(own[0]))).max() <= 1


def test_gradients_of_a_circuit_file_follow_its_staircase(circuit_files: Path) -> None:
    import torch

    from amos_hdl.frontend.activation import AmosActivation

    prototype = fitted_prototype(circuit_files / "swish.yaml", None, 8)
    units = AmosActivation(4, prototype)
    with torch.no_grad():
        units.step.fill_(10)
    # far left: flat; in the dip: falling; right: rising by the scale of y; beyond the range: flat
    x = torch.tensor([[-100.0, -20.0, 25.0, 200.0]], requires_grad=True)
    units(x).sum().backward()
    assert x.grad is not None
    left, dip, right, beyond = x.grad[0].tolist()
    scale = np.ptp(prototype.values) / 4.2
    assert left == 0 and beyond == 0 and dip < 0
    assert right == pytest.approx(scale / 10, rel=0.25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"none\.yaml: cannot be read: No such file or directory$"),
        ("format: amos-circuit\nversion: 7\n", r"none\.yaml.*version.*got 7$"),
        ("- 1\n", r"none\.yaml: top level: expected a mapping, got list$"),
    ],
)
def test_a_wrong_circuit_file_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "none.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CircuitError, match=message):
        fitted_prototype(tmp_path / "none.yaml", None, 8)


def test_a_rising_staircase_is_a_chain_of_as_many_gates_as_its_values_have_bits(tmp_path: Path) -> None:
    softplus = fit_unit(find_activation("softplus"), 3, FLASH)
    circuit_store.save(softplus, tmp_path / "softplus.yaml")
    flash, serial, staged = (
        fitted_prototype(tmp_path / "softplus.yaml", architecture, 6)
        for architecture in (None, Architecture("serial"), Architecture("staged", 2))
    )
    assert [prototype.circuit.gates for prototype in (flash, serial, staged)] == [7, 6, 9]
    x = np.arange(-3000, 5000)
    for step in (1, 37):
        copies = [prototype.copy(step, 5).value(x) for prototype in (flash, serial, staged)]
        assert np.array_equal(copies[0], copies[1]) and np.array_equal(copies[0], copies[2])
        assert np.ptp(copies[0]) == 63


def test_a_circuit_file_without_such_an_architecture_is_refused(circuit_files: Path) -> None:
    with pytest.raises(CircuitError, match=r"swish\.yaml: serial circuit: expected 2\*\*K - 1 equal steps that rise"):
        fitted_prototype(circuit_files / "swish.yaml", Architecture("serial"), 8)


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


def test_gradients_pass_the_spikes_within_the_code_and_stop_outside() -> None:
    import torch

    from amos_hdl.frontend.activation import AmosActivation

    units = AmosActivation(3, relu_prototype(2))
    x = torch.tensor([[-40.0, 6.0, 40.0]], requires_grad=True)
    units(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 0.25, 0.0]]


def test_augmentation_needs_pictures(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=np.arange(240).reshape(40, 6) % 16, labels=np.arange(40) % 2)
    section = {"source": "npz", "file": "own.npz", "low": 0, "high": 15, "test_images": 8, "split_seed": 1}
    own = load_recipe(written(tmp_path, changed("data", section)))
    with pytest.raises(RecipeError, match=r"^training\.augmentation\.copies: expected 0, .*got 2$"):
        train(own, folder=tmp_path)


def test_more_weights_than_there_are_is_refused(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, changed("topology.nonzero_weights", [90, 24, 61])))
    with pytest.raises(RecipeError, match=r"nonzero_weights\.2: weights to keep: expected at most 60, got 61$"):
        train(recipe)


def test_the_stored_swish_network_is_accurate_and_of_the_circuit_file() -> None:
    recipe, network = load_recipe(MODELS / "digits_swish.yaml"), store.load(MODELS / "digits_swish")
    assert accuracy(network, load_dataset(recipe.data), "test") >= 0.97
    (prototype,) = hidden_prototypes(recipe.units, MODELS)
    hidden = network.unit_layers[1]
    assert {circuit.outputs for circuit in hidden.circuits} == {prototype.circuit.outputs}
    assert network.tensors["hidden1"].interval == (min(prototype.values), max(prototype.values))


def test_the_stored_digits_network_is_accurate_and_small() -> None:
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
