"""Sums just within and just beyond what floating point holds exactly, against Python's own integers."""

import numpy as np
import pytest

from amos_hdl.network import Add, Argmax, Conv2d, Dense, Flatten, Input, Network, SumPool, golden
from amos_hdl.network.forward import Forward
from amos_hdl.network.kernels import exact_type
from tests.network import naive


@pytest.mark.parametrize(
    ("magnitude", "kind"),
    [(0, np.float32), (1 << 24, np.float32), ((1 << 24) + 1, np.float64), (1 << 53, np.float64), (1 << 54, np.int64)],
)  # fmt: skip
def test_types(magnitude, kind):
    assert exact_type(magnitude) == kind
    assert int(np.array(magnitude).astype(kind)) == magnitude
    beyond = magnitude + 1 if magnitude in (1 << 24, 1 << 53) else None
    assert beyond is None or int(np.array(beyond).astype(kind)) != beyond


def check(network, kinds):
    forward = Forward(network)
    assert [forward.kind(name) for name in kinds] == list(kinds.values())
    code = network.input
    images = np.random.default_rng(0).integers(code.low, code.high, (20, *code.shape), endpoint=True)
    images[0], images[1] = code.low, code.high
    trace = golden.run(network, images)
    for number, image in enumerate(images):
        values, _ = naive.run(network, image)
        for name in values:
            assert trace.values[name][number].tolist() == values[name], name


@pytest.mark.parametrize(("high", "kind"), [(1 << 10, np.float32), (1 << 15, np.float64), ((1 << 31) - 1, np.float64)])
def test_dense(high, kind):
    weights = np.random.default_rng(1).integers(-128, 128, (6, 90))
    weights[0] = 127  # all of one sign: the greatest sum
    network = Network("n", (Input("x", 90, -high, high), Dense("d", "x", weights, 8), Argmax("a", "d")), ("d", "a"))
    check(network, {"d": kind})


@pytest.mark.parametrize(("bits", "kind"), [(4, np.float32), (9, np.float64)])
def test_windows(bits, kind):
    random = np.random.default_rng(2)
    high = 1 << 12
    weights = random.integers(-(1 << bits - 1), 1 << bits - 1, (4, 3, 3, 3))
    weights[0] = (1 << bits - 1) - 1
    network = Network(
        "n",
        (
            Input("x", (3, 6, 5), -high, high),
            Conv2d("c", "x", weights, bits, random.integers(-9, 9, 4), padding=1),
            SumPool("p", "c", 2, 1),
            Flatten("f", "p"),
        ),
        ("f",),
    )
    check(network, {"c": kind})


def test_beyond_floating_point():
    """2**53 and more: int64; the greatest of values that differ by one is found."""
    high = (1 << 31) - 1
    weights = np.array([[32767, 32767], [32767, 32766], [-32768, 32767]])
    network = Network(
        "n",
        (
            Input("x", 2, high - 3, high),
            Dense("d", "x", weights, 16),
            Add("s", ("d", "d"), (60, 61)),
            Argmax("a", "s"),
        ),
        ("s", "a"),
    )
    assert network.tensors["s"].magnitude > 1 << 53
    check(network, {"d": np.float64, "s": np.int64, "a": np.int64})


def test_the_choice_sees_the_type_of_what_it_chooses_from():
    """Values that float32 would make equal, though the index itself is small."""
    weights = np.array([[127, 1], [127, 2]])
    network = Network("n", (Input("x", 2, 1, 1 << 25), Dense("d", "x", weights, 8), Argmax("a", "d")), ("a",))
    assert golden.run(network, np.array([[1 << 25, 1]])).values["a"].tolist() == [[1]]
    check(network, {"a": np.float64})
