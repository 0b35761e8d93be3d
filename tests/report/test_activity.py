"""Spikes, toggles and synaptic operations against counts by hand; the estimate against its formula."""

from dataclasses import replace

import numpy as np
import pytest

from amos_hdl.circuit import relu
from amos_hdl.errors import CheckFailed
from amos_hdl.network import (
    Add,
    Argmax,
    Conv2d,
    Dense,
    Flatten,
    Input,
    MaxPool,
    Multiply,
    Network,
    Slice,
    Unit,
    golden,
)
from amos_hdl.report.activity import Energy, carries_spikes, estimate_energy, measure
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.batch import build_batch
from amos_hdl.simulate.design import load_design
from amos_hdl.synthesize.elaborate import Elaborator
from tests.conftest import ROOT, small_network


def simulator_of(folder, work):
    design = load_design(folder / "models" / "small", folder / "rtl_out" / "small")
    return build_batch(design, Elaborator(), root=ROOT / "build" / "sim", work=work)


def test_counts_are_those_of_plain_loops(small_folder, tmp_path):
    network = small_network()
    images = np.random.default_rng(3).integers(0, 17, (40, 9))
    activity = measure(simulator_of(small_folder, tmp_path), images)
    trace = golden.run(network, images)
    weights = {"encoder": network["sums"].weights, "hidden": network["logits"].weights}
    assert [layer.name for layer in activity.layers] == ["encoder", "hidden"] and activity.images == 40
    for layer in activity.layers:
        spikes = trace.spikes[layer.name]
        count = toggles = operations = 0
        for unit in range(spikes.shape[1]):
            fan_out = sum(1 for row in weights[layer.name] if row[unit] != 0)
            for gate in range(spikes.shape[2]):
                before = False
                for now in [*spikes[:, unit, gate].tolist(), False]:
                    count += now
                    toggles += now != before
                    operations += fan_out * now
                    before = now
        assert layer.spikes == count / 40 > 0
        assert layer.toggles == toggles / 40 > 0
        assert layer.synaptic_operations == operations / 40 > 0
        assert layer.rates == tuple(spikes.mean(axis=(0, 1)))
    assert activity.spikes == trace.spike_count / 40


def test_other_spikes_than_the_golden_model_has_are_refused(small_folder, tmp_path):
    simulator = simulator_of(small_folder, tmp_path)
    other = Schedule(small_network(1), HardwareOptions())
    wrong = replace(simulator, design=replace(simulator.design, schedule=other))
    images = np.random.default_rng(0).integers(0, 17, (20, 9))
    with pytest.raises(CheckFailed, match=r"^sample, hidden: spikes of the record: expected \d+, got \d+$"):
        measure(wrong, images)


def tiny(*tail):
    """Return a network of two units of two gates, with potentials 0 to 15, and what follows them."""
    operations = (Input("pixels", 2, 0, 15), Unit("code", "pixels", (relu(2, step=4),), np.zeros(2, int)), *tail)
    return Network("tiny", operations, (operations[-1].name,))


def test_the_estimate_is_its_formula():
    network = tiny(Dense("sums", "code", np.array([[1, 0], [-2, 3], [1, 1]]), 3))
    images = np.array([[15, 4], [0, 8]])  # spikes: 2 and 1, 0 and 1; fan-out 3 and 2
    energy = estimate_energy(network, golden.run(network, images))
    bits = network.tensors["sums"].bits
    compare, add, multiply = 0.1 * 4 / 32, 0.1 * bits / 32, 3.1 * 2 * 3 / 32**2
    assert energy.multiplications == 5
    assert energy.spikes_pj == pytest.approx(4 * compare + (2 * 3 + 2 * 2) / 2 * add, rel=1e-12)
    assert energy.words_pj == pytest.approx(2 * compare + 5 * (multiply + add), rel=1e-12)
    assert energy.ratio == energy.spikes_pj / energy.words_pj


def costs(network, name):
    """Return the energy of an addition and of a multiplication by a 2-bit y at an operation."""
    operation, bits = network[name], network.tensors[name].bits
    return 0.1 * bits / 32, 3.1 * 2 * getattr(operation, "weight_bits", 0) / 32**2


def test_maps_by_plain_loops():
    """A convolution, a skip and a pool read the same units; a dense layer reads what the pool lets through."""
    random = np.random.default_rng(5)
    kernel, matrix = random.integers(-1, 2, (2, 1, 3, 3)), random.integers(-1, 2, (3, 4))
    network = Network(
        "mapped",
        (
            Input("pixels", (1, 4, 4), 0, 15),
            Unit("code", "pixels", (relu(2, step=4),), np.zeros(1, int)),
            Conv2d("sums", "code", kernel, 3, padding=1),
            Slice("first", "sums", ((0, 1, 1), (0, 4, 1), (0, 4, 1))),
            Add("skip", ("code", "first"), np.array([1, 1])),
            MaxPool("most", "code", 2),
            Flatten("flat", "most"),
            Dense("logits", "flat", matrix, 4),
        ),
        ("skip", "logits"),
    )
    images = random.integers(0, 16, (7, 16))
    trace = golden.run(network, images)
    fired = trace.spikes["code"].reshape(7, 4, 4, 2).sum(axis=-1)
    value = trace.values["code"].reshape(7, 4, 4)
    (conv_add, conv_multiply), (dense_add, dense_multiply) = costs(network, "sums"), costs(network, "logits")
    skip_add, pool_add = costs(network, "skip")[0], costs(network, "most")[0]
    spikes, words, multiplications = 7 * 32 * 0.1 * 4 / 32, 16 * 0.1 * 4 / 32, 0
    for row in range(4):
        for column in range(4):
            taps = 0
            for out, down, right in np.argwhere(kernel[:, 0]).tolist():
                taps += 0 <= row + 1 - down < 4 and 0 <= column + 1 - right < 4 and out in (0, 1)
            spikes += fired[:, row, column].sum() * (taps * conv_add + skip_add + pool_add)
            words += taps * (conv_add + conv_multiply) + skip_add + pool_add
            multiplications += taps
    for place, readers in enumerate(np.count_nonzero(matrix, axis=0).tolist()):
        rows, columns = (slice(2 * index, 2 * index + 2) for index in divmod(place, 2))
        for image in range(7):
            inside = zip(value[image, rows, columns].ravel(), fired[image, rows, columns].ravel(), strict=True)
            spikes += max(inside)[1] * readers * dense_add
        words += readers * (dense_add + dense_multiply)
        multiplications += readers
    energy = estimate_energy(network, trace)
    assert energy.multiplications == multiplications > 50
    assert energy.spikes_pj == pytest.approx(spikes / 7, rel=1e-12)
    assert energy.words_pj == pytest.approx(words, rel=1e-12)


def test_products_and_what_multiplies_nothing():
    """A product of two words is one multiplication; sums are counted where units feed them, and no further."""
    tail = (Multiply("product", ("code", "code")), Dense("sums", "product", np.ones((1, 2), int), 2))
    network = tiny(*tail)
    energy = estimate_energy(network, golden.run(network, [[15, 4]]))  # spikes: 2 and 1
    compare, add = 0.1 * 4 / 32, 0.1 * network.tensors["product"].bits / 32
    assert energy.multiplications == 2
    assert energy.spikes_pj == pytest.approx(4 * compare + 3 * 2 * add, rel=1e-12)
    assert energy.words_pj == pytest.approx(2 * compare + 2 * 3.1 * 2 * 2 / 32**2, rel=1e-12)
    for network in (tiny(), tiny(Argmax("winner", "code"))):
        assert estimate_energy(network, golden.run(network, [[1, 2]])) is None
    assert carries_spikes(tiny(*tail), "code") and not carries_spikes(tiny(*tail), "sums")
    assert Energy(1.0, 4.0, 1).ratio == 0.25
