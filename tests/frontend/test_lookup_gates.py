"""Gates that learn what they see: gradients, tables as weighted sums, training, the integers."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_recipes import GATES, SHORT, small
from recipes import changed, written

from amos_hdl.errors import RecipeError
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.frontend.tables import table_of
from amos_hdl.frontend.train import train
from amos_hdl.network import Dense, Unit, golden
from amos_hdl.schedule import GateLayerSpec, HardwareOptions, Schedule, estimate

torch = pytest.importorskip("torch")


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_table_is_what_its_sum_and_answers_say(sources: list[int], random: Any) -> None:
    answers = [random.randint(0, 1) for _ in range(1 << len(sources))]
    table = table_of(sources, answers)
    assert set(table.sources) <= set(sources) and list(table.sources) == sorted(set(table.sources))
    assert sorted(table.weights) == [1 << digit for digit in range(len(table.sources))]
    for spikes in product((0, 1), repeat=8):
        entry = sum(spikes[source] << digit for digit, source in enumerate(sources))
        x = sum(weight * spikes[source] for weight, source in zip(table.weights, table.sources, strict=True))
        assert table.answers[x] == answers[entry]
    for place in range(len(table.sources)):
        # no source is there for nothing
        pairs = {
            tuple(table.answers[x | side] for side in (0, table.weights[place]))
            for x in range(len(table.answers))
            if not x & table.weights[place]
        }
        assert pairs & {(0, 1), (1, 0)}


def test_the_order_has_the_fewest_falls() -> None:
    # 9 without 3, and 3 without 9 or neither: in the other order the second answers 1 1 0 1
    assert table_of([3, 9], [0, 0, 1, 0]).answers.count(1) == 1
    assert table_of([3, 9], [1, 0, 1, 0]).sources == (3,)
    assert table_of([0, 1, 2], [0, 1, 0, 1, 0, 1, 1, 1]).answers == (0, 0, 0, 1, 1, 1, 1, 1)
    odd = table_of(range(6), [entry & 1 for entry in range(64)])
    assert odd.sources == (0,) and odd.weights == (1,) and odd.answers == (0, 1)
    assert table_of([4, 4], [1, 0, 0, 1]).answers == (1,)
    majority = table_of(range(3), [0, 0, 0, 1, 0, 1, 1, 1])
    assert majority.answers == (0, 0, 0, 1, 0, 1, 1, 1)


def test_gradients_are_extended_finite_differences() -> None:
    from amos_hdl.frontend.layers import GatesLayer
    from amos_hdl.frontend.lookup_gates import LookupGates

    generator = torch.Generator().manual_seed(1)
    gates = LookupGates(GatesLayer(kind="gates", units=5, inputs=3), 7, generator)
    y = torch.randint(0, 2, (40, 7), generator=generator).float().requires_grad_()
    weights = torch.randint(-3, 4, (40, 5), generator=generator).float()
    z = gates(y)
    (z * weights).sum().backward()
    sources, answers = (part.tolist() for part in gates.functions())
    tables = gates.tables.detach()
    of_tables, of_scores, of_y = torch.zeros(5, 8), torch.zeros(5, 3, 7), torch.zeros(40, 7)
    for image, unit in product(range(40), range(5)):
        spikes = [int(y[image, source]) for source in sources[unit]]
        entry = sum(spike << digit for digit, spike in enumerate(spikes))
        assert z[image, unit] == answers[unit][entry]
        of_tables[unit, entry] += weights[image, unit]
        for place in range(3):
            change = 0.0
            for other in range(8):
                digits = [other >> digit & 1 for digit in range(3)]
                distance = sum(digits[digit] != spikes[digit] for digit in range(3) if digit != place)
                change += (2 * digits[place] - 1) * float(tables[unit, other]) / (distance + 1)
            of_y[image, sources[unit][place]] += change * weights[image, unit]
            of_scores[unit, place] += change * weights[image, unit] * (2 * y.detach()[image] - 1)
    assert torch.equal(gates.tables.grad, of_tables)
    assert torch.allclose(y.grad, of_y, atol=1e-4)
    # directions of 16 bits
    assert torch.allclose(gates.scores.grad, of_scores, rtol=0.02, atol=0.2)
    assert of_scores.abs().max() > 10


def test_products_of_short_numbers_are_the_same_on_every_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for sums next to the border of two short numbers: those are rounded by the order of their terms."""
    from amos_hdl.frontend import lookup_gates

    generator = torch.Generator().manual_seed(4)
    left, right = (
        torch.randn(60, 100, generator=generator),
        torch.randint(0, 2, (100, 50), generator=generator) * 2.0 - 1,
    )
    products = []
    for names in ((), (torch.backends.cpu.get_cpu_capability(),)):
        monkeypatch.setattr(lookup_gates, "WITHOUT_SHORT_PRODUCTS", names)
        products.append(lookup_gates._short_product(left, right))
    with_short, without = products
    assert torch.equal(without, without.to(torch.bfloat16).float())
    assert (with_short != without).float().mean() < 0.001
    assert torch.allclose(with_short, without, rtol=2**-7, atol=1e-4)
    # the rounding of terms shows: it is not a product of 32 bits
    assert (without != (left @ right).to(torch.bfloat16).float()).float().mean() > 0.05


def test_gates_find_the_spikes_and_the_function(tmp_path: Path) -> None:
    """Two of twelve spikes decide, by a function that no weighted sum has."""
    from amos_hdl.frontend.layers import GatesLayer
    from amos_hdl.frontend.lookup_gates import LookupGates

    generator = torch.Generator().manual_seed(2)
    gates = LookupGates(GatesLayer(kind="gates", units=20, inputs=4), 12, generator)
    # as in the training loop: such an optimizer changes scores without a new version of the tensor
    optimizer = torch.optim.Adam(gates.parameters(), 0.03, fused=True)
    for _ in range(400):
        y = torch.randint(0, 2, (64, 12), generator=generator).float()
        loss = ((gates(y) - ((1 - y[:, 3]) * y[:, 8])[:, None]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        gates.confine()
    sources, answers = (part.tolist() for part in gates.functions())
    found = [table_of(*function) for function in zip(sources, answers, strict=True)]
    for table in found:
        # the only 1 is where 8 spikes and 3 does not
        assert table.sources == (3, 8) and table.answers.count(1) == 1 and table.answers[table.weights[1]] == 1
    assert bool((gates.tables.abs() <= 1).all())


def test_the_integer_network_is_the_module(tmp_path: Path) -> None:
    from amos_hdl.frontend.export_layers import layers_to_network
    from amos_hdl.frontend.layered import LayeredNetwork
    from amos_hdl.frontend.loop import train_module

    recipe = small(tmp_path, GATES)
    dataset = load_dataset(recipe.data)
    module = train_module(recipe, dataset)
    assert isinstance(module, LayeredNetwork)
    network = layers_to_network(module, "tiny", low=0, high=16, weight_bits=4)
    images = np.concatenate([dataset.images, np.random.default_rng(1).integers(0, 17, (300, 64))])
    trace = golden.run(network, images)
    seen: dict[str, Any] = {}
    with torch.no_grad():
        module.values(module.input_units(torch.from_numpy(images).float()), seen.__setitem__)
    assert list(seen) == ["gates1", "gates2", "votes"]
    for name, values in seen.items():
        assert np.array_equal(values.numpy(), trace.values[name]), name
        assert len(np.unique(values)) > 1, name
    assert network.input.shape == (64,)
    first, second, votes = (network[name] for name in ("gates1", "gates2", "votes"))
    assert isinstance(first, Unit) and isinstance(second, Unit) and isinstance(votes, Dense)
    for units, inputs in ((first, 6), (second, 4)):
        assert {circuit.outputs for circuit in units.circuits} == {(0,) * (units.gates - 1) + (1,)}
        rows = network[f"{units.name}_sums"].arrays()["weights"]
        assert 1 <= (rows != 0).sum(1).max() <= inputs
        # what the sum is, is the number of a table's entry
        assert all(sorted(row[row > 0].tolist()) == [1 << k for k in range((row > 0).sum())] for row in rows)
    assert np.array_equal(votes.weights, np.repeat(np.eye(10, dtype=np.int64), 5, axis=1))


def test_trained_gates_are_better_than_chance_and_the_same_again(tmp_path: Path) -> None:
    changes = {**GATES, "training.epochs": 12}
    results = [train(small(tmp_path, changes)) for _ in range(2)]
    assert results[0].network.digest == results[1].network.digest
    assert results[0].accuracies["test"] > 0.6


def test_units_that_cannot_be_divided_among_the_classes_are_refused(tmp_path: Path) -> None:
    layers = [{"kind": "gates", "units": 55, "inputs": 6}, {"kind": "votes"}]
    recipe = small(tmp_path, {**GATES, "topology.layers": layers})
    message = r"topology\.layers\.1: votes: units before: expected a multiple of 10 classes, got 55 of gates1"
    with pytest.raises(RecipeError, match=message):
        train(recipe)


def test_fan_in_is_what_inputs_change() -> None:
    from amos_hdl.frontend.layers import GatesLayer
    from amos_hdl.frontend.lookup_gates import LookupGates

    gates = LookupGates(GatesLayer(kind="gates", units=3, inputs=2), 7, torch.Generator().manual_seed(1))
    with torch.no_grad():
        # input 0 alone; input 1 alone where 0 spikes, and half as far; nothing
        gates.tables.copy_(torch.tensor([[-1.0, 1.0, -1.0, 1.0], [0.0, -0.5, 0.0, 0.5], [0.3, 0.3, 0.3, 0.3]]))
    gates.fan_in().backward()
    # of the second gate: input 1 changes 0 and 1/2, input 0 changes -1/4 and 1/4
    assert gates.fan_in().item() == pytest.approx((1 + 0.5 / 2**0.5 + 0.25) / 3, abs=1e-5)
    slope = gates.tables.grad
    assert slope is not None and bool(torch.isfinite(slope).all()) and bool((slope[2] == 0).all())
    assert slope[0].tolist() == pytest.approx([-1 / 12, 1 / 12, -1 / 12, 1 / 12], abs=1e-5)


def test_the_cost_of_fan_in_is_paid_for_in_luts(tmp_path: Path) -> None:
    def trained(cost: float) -> tuple[int, int, float]:
        result = train(small(tmp_path, {**GATES, "training.epochs": 12, "training.fan_in_cost": cost}))
        specs = Schedule(result.network, HardwareOptions(lut_inputs=4)).specs.values()
        layers = [spec for spec in specs if isinstance(spec, GateLayerSpec)]
        inputs = [len(unit[-1].bits) for spec in layers for unit in spec.tables]
        return sum(estimate(spec).luts for spec in layers), sum(inputs), result.accuracies["test"]

    (luts, inputs, _), (cheap_luts, cheap_inputs, accuracy) = trained(0.0), trained(5.0)
    assert cheap_luts < 0.7 * luts and cheap_inputs < 0.8 * inputs
    assert accuracy > 0.6


def test_a_cost_of_fan_in_without_gates_is_refused(tmp_path: Path) -> None:
    message = r"training\.fan_in_cost: setting: expected 0 without layers of gates, got 0\.5"
    with pytest.raises(RecipeError, match=message):
        load_recipe(written(tmp_path, changed("training.fan_in_cost", 0.5)))
    with pytest.raises(RecipeError, match=message):
        small(tmp_path, {"topology.layers": SHORT, "training.fan_in_cost": 0.5})
