"""Spikes, toggles and synaptic operations against counts by hand; the estimate against its formula."""

from dataclasses import replace

import numpy as np
import pytest

from amos_hdl.circuit import relu
from amos_hdl.errors import CheckFailed
from amos_hdl.network import Argmax, Dense, Flatten, Input, MaxPool, Network, Unit, golden
from amos_hdl.report.activity import Energy, estimate_energy, measure, planes, targets
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


def test_what_is_not_known_is_not_estimated():
    """Behind a maximum nothing is counted; a flattened map is; a layer that nothing reads costs nothing."""
    mapped = Network(
        "mapped",
        (
            Input("pixels", (1, 2, 2), 0, 15),
            Unit("code", "pixels", (relu(2, step=4),), np.zeros(1, int)),
            Flatten("flat", "code"),
            Dense("sums", "flat", np.array([[1, 0, 2, 1], [1, 0, 0, -1]]), 4),
            Argmax("winner", "sums"),
        ),
        ("winner",),
    )
    assert [fan_out.tolist() for _, fan_out in targets(mapped, "code")] == [[2, 0, 1, 2]]
    trace = golden.run(mapped, np.full((3, 4), 15))
    assert planes(trace)["code"].shape == (3, 4, 2)
    assert estimate_energy(mapped, trace).multiplications == 5
    pooled = Network(
        "pooled",
        (*mapped.operations[:2], MaxPool("most", "code", 2)),
        ("most",),
    )
    assert targets(pooled, "code") is None
    assert estimate_energy(pooled, golden.run(pooled, np.full((1, 4), 15))) is None
    assert targets(tiny(), "code") == [] and estimate_energy(tiny(), golden.run(tiny(), [[1, 2]])) is None
    assert Energy(1.0, 4.0, 1).ratio == 0.25
