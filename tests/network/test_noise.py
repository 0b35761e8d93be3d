"""Noise on a network: exact at level 0 in every architecture, seeded, spreads as defined."""

import numpy as np
import pytest

from amos_hdl.circuit import Architecture
from amos_hdl.circuit.noise import study
from amos_hdl.errors import NetworkError
from amos_hdl.network import Network, golden
from amos_hdl.network.noise import NetworkSubject, in_all_architectures, rearranged_network

IMAGES = np.random.default_rng(5).integers(0, 17, (200, 9))


@pytest.fixture
def subject(small: Network) -> NetworkSubject:
    labels = golden.run(small, IMAGES).values["winner"][:, 0]
    return NetworkSubject(in_all_architectures(small), IMAGES, labels)


def test_every_architecture_computes_the_same(small: Network) -> None:
    networks = in_all_architectures(small)
    assert list(networks) == ["serial", "folded", "flash"]
    exact = golden.run(small, IMAGES).values
    for network in networks.values():
        values = golden.run(network, IMAGES).values
        assert all(np.array_equal(exact[name], values[name]) for name in exact)
    assert [layer.gates for layer in networks["flash"].unit_layers] == [3, 7]


def test_accuracy_without_noise_is_exact_and_falls_with_noise(subject: NetworkSubject) -> None:
    result = study(subject, levels={"potential": (0, 0.5), "drop": (0, 1)}, gate_level=1.0, devices=3)
    assert result.exact == 1.0 and result.figure == "accuracy"
    for point in result.points:
        assert point.worst <= point.mean + 1e-12
        if point.level == 0:
            assert (point.mean, point.deviation) == (1.0, 0.0)
        elif not point.gate:
            assert point.mean < 1
    gates = [point.gate for point in result.points if point.kind == "drop" and point.architecture == "serial"]
    assert gates == ["", "", "encoder 1", "encoder 2", "hidden 1", "hidden 2", "hidden 3"]
    assert study(subject, levels={"potential": (0.5,)}, devices=2) == study(
        subject, levels={"potential": (0.5,)}, devices=2
    )


def test_the_spread_is_the_deviation_of_a_layer_s_potentials(subject: NetworkSubject, small: Network) -> None:
    values = golden.run(small, IMAGES).values
    assert subject.spreads == {"encoder": values["pixels"].std(), "hidden": values["sums"].std()}


def test_an_architecture_that_does_not_divide_k_names_the_layer(small: Network) -> None:
    expected = r"^sample, hidden: staged\(2\): bits of a unit: expected a multiple of 2, got 3$"
    with pytest.raises(NetworkError, match=expected):
        rearranged_network(small, Architecture("staged", 2))


def test_a_folded_unit_errs_as_one_comparator_and_else_as_the_chain(subject: NetworkSubject) -> None:
    result = study(subject, levels={"potential": (0.3,), "threshold": (0.3,)}, devices=3)
    means = {(p.architecture, p.kind): p.mean for p in result.points if not p.gate}
    assert means["serial", "potential"] == means["folded", "potential"]
    assert means["serial", "threshold"] != means["folded", "threshold"]
