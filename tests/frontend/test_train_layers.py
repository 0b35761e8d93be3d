"""Training of convolutions, pools, skips and dense layers: the module computes what the golden model computes."""

import copy
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_recipes import GATES, LAYERS, SHORT, small
from recipes import TINY, changed, written

from amos_hdl.errors import RecipeError
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.frontend.train import Progress, train
from amos_hdl.network import Add, Conv2d, Dense, MaxPool, SumPool, Unit, golden, statistics, store
from tests.conftest import ROOT
from tests.frontend.shared_data import shared

torch = pytest.importorskip("torch")


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
    from amos_hdl.frontend.quantized_sums import QuantizedLinear

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
    from amos_hdl.frontend.quantized_sums import QuantizedLinear, signed_digits

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
    from amos_hdl.frontend.quantized_sums import signed_digits

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


def _with_learnt_gates(cost: float, tmp_path: Path, changes: dict[str, Any] | None = None) -> Any:
    from amos_hdl.frontend.layered import LayeredNetwork
    from amos_hdl.frontend.loop import train_module

    recipe = small(tmp_path, {"training.gate_cost": cost, "training.epochs": 6, **(changes or {})})
    module = train_module(recipe, load_dataset(recipe.data))
    assert isinstance(module, LayeredNetwork)
    return module


def test_units_that_lost_gates_are_exported_exactly(tmp_path: Path) -> None:
    """Pools, groups, skips and flattened maps behind them: logits are those of the module, values but for a factor."""
    from amos_hdl.frontend.export_layers import layers_to_network

    module = _with_learnt_gates(0.01, tmp_path)
    with torch.no_grad():
        for units in module.unit_layers:
            if units.kept is not None:
                # some of each number, none with all
                units.kept.copy_(torch.arange(len(units.kept)) % (units.gates - 1) + 1)
    network = layers_to_network(module, "tiny", low=0, high=16, weight_bits=4)
    images = np.random.default_rng(1).integers(0, 17, (300, 64))
    trace = golden.run(network, images)
    seen: dict[str, Any] = {}
    with torch.no_grad():
        module.values(module.input_units(torch.from_numpy(images).float()), seen.__setitem__)
    steps = {name: node.units.steps() for name, node in module.nodes.items() if hasattr(node, "units")}
    # what a skip adds, through a pool or not, keeps its gates; of one gate there is none to lose
    assert all(step == 1 for name in ("stem", "conv3", "conv4") for step in steps[name])
    steps["sum_pool1"], steps["max_pool1"] = steps["conv5"], steps["conv3"]
    for name, values in seen.items():
        step = np.array(steps.get(name, [1]))
        assert np.array_equal(values.numpy(), trace.values[name] * step.reshape(-1, *[1] * (values.ndim - 2))), name
    for name in ("conv2", "conv5", "dense1"):
        kept = [module.nodes[name].layer.gates - step.bit_length() + 1 for step in steps[name]]
        greatest = network.tensors[name].high.tolist()
        assert greatest == [(1 << gates) - 1 for gates in kept], name
        assert network[name].gates == max(kept)


def test_the_cost_of_gates_is_paid_for_in_gates(tmp_path: Path) -> None:
    kept = [_with_learnt_gates(cost, tmp_path, {"topology.layers": SHORT}).gates().item() for cost in (0.0, 0.01, 3.0)]
    # without a cost none is learnt, and with a great one each unit has the one that it needs to be a unit
    assert kept[0] == 0 and 2 >= kept[1] > kept[2] == 1
    for changes in ({"topology.layers": [{**SHORT[0], "gates": 1}, *SHORT[1:]]}, GATES):
        message = (
            r"training\.gate_cost: setting: expected 0 without layers conv or dense whose units have 2 or more gates"
        )
        with pytest.raises(RecipeError, match=message):
            small(tmp_path, {"training.gate_cost": 0.5, **changes})


def test_numbers_of_gates_between_two_are_values_between_two() -> None:
    from amos_hdl.frontend.normalized import NormalizedUnits

    units = NormalizedUnits(3, 3, learns_gates=True)
    units.norm.eval()
    units.settled.fill_(True)
    x = torch.arange(-8, 30).float()[:, None].repeat(1, 3)
    with torch.no_grad():
        units.norm.weight.fill_(0.45)
        units.norm.bias.fill_(0.13)
        units.norm.running_var.fill_(1 - units.norm.eps)
        assert units.kept is not None
        units.kept.copy_(torch.tensor([3.0, 2.25, 1.0]))
    y = units.train()(x)
    v = 0.45 * x[:, 0] + 0.13
    fine, middle, coarse = (step * ((v + (step - 1) / 2) / step).floor().clamp(0, 8 // step - 1) for step in (1, 2, 4))
    assert torch.equal(y[:, 0], fine) and torch.equal(y[:, 2], coarse)
    assert torch.allclose(y[:, 1], 0.75 * middle + 0.25 * fine)
    y.sum().backward()
    # what a gate more would add is what its cost is held against
    gained = torch.stack([(fine - middle).sum(), (fine - middle).sum(), (middle - coarse).sum()])
    assert units.kept.grad is not None and torch.allclose(units.kept.grad, gained)
    units.settle()
    assert units.kept.tolist() == [3, 2, 1] == [3 - step.bit_length() + 1 for step in units.steps()]
    assert torch.equal(units.train()(x), units.eval()(x)) and not units.kept.requires_grad
