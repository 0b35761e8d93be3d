"""Value intervals are exact: over all images of a small code, every end is reached and none is passed."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amos_hdl.circuit import quantizer
from amos_hdl.errors import NetworkError
from amos_hdl.network import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    MaxPool,
    Multiply,
    Network,
    Pad,
    Slice,
    SumPool,
    Unit,
    golden,
)


def check(low, high, shape, *operations):
    network = Network("n", (Input("x", shape, low, high), *operations), (operations[-1].name,))
    every = np.array(list(product(range(low, high + 1), repeat=int(np.prod(shape)))), np.int64)
    values = golden.run(network, every.reshape(-1, *shape)).values[operations[-1].name]
    tensor = network.tensors[operations[-1].name]
    axes = (0, *range(2, values.ndim))
    assert values.min(axis=axes).tolist() == tensor.low.tolist()
    assert values.max(axis=axes).tolist() == tensor.high.tolist()
    assert values.shape[1:] == tensor.shape


@settings(max_examples=60)
@given(st.data())
def test_convolutions_at_borders(data):
    """An input code without 0 makes what the padding contributes show."""
    low = data.draw(st.integers(-3, 3))
    kernel = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = []
    for size, k in zip((2, 2), kernel, strict=True):
        before = data.draw(st.integers(0, k - 1))
        padding += [before, data.draw(st.integers(max(0, k - size - before), k - 1))]
    groups = data.draw(st.sampled_from([1, 2]))
    random = np.random.default_rng(data.draw(st.integers(0, 1 << 20)))
    weights = random.integers(-4, 4, (2, 2 // groups, *kernel))
    stride = data.draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    bias = random.integers(-5, 6, 2)
    check(low, low + 1, (2, 2, 2), Conv2d("c", "x", weights, 3, bias, stride, padding, groups))


@pytest.mark.parametrize(("low", "high"), [(-2, 1), (2, 4), (-4, -2)])
def test_pools(low, high):
    for pool in (SumPool, MaxPool):
        check(low, high, (1, 2, 3), pool("p", "x", 2, 1, (1, 0, 1, 1)))
        check(low, high, (1, 2, 3), pool("p", "x"))


@pytest.mark.parametrize(("low", "high"), [(-2, 1), (2, 4)])
def test_joins_of_independent_values(low, high):
    halves = (Slice("a", "x", ((0, 2, 1),)), Slice("b", "x", ((2, 4, 1),)))
    check(low, high, (4,), *halves, Add("s", ("a", "b"), (2, -3)))
    check(low, high, (4,), *halves, Add("s", ("a", "b"), np.array([[1, -5], [0, 2]])))
    check(low, high, (4,), *halves, Multiply("m", ("a", "b")))
    check(low, high, (4,), *halves, Concat("c", ("b", "a")))


def test_what_is_moved():
    check(-1, 1, (2, 2, 2), Pad("p", "x", ((0, 0), (0, 1), (0, 0)), 4))
    check(2, 3, (2, 2, 2), Pad("p", "x", ((1, 2), (0, 0), (0, 0)), -7))
    check(-1, 1, (2, 2, 2), Flatten("f", "x"))
    check(-1, 1, (2, 2, 2), Slice("s", "x", ((1, 2, 1), (0, 2, 2), (1, 2, 1))))


def test_units_of_a_map():
    circuits = (quantizer([-2, 0, 4]), quantizer([0, 1, 9]))
    check(-3, 5, (2, 2, 1), Unit("u", "x", circuits, np.array([1, 0])))


def test_a_wide_product_is_refused_before_it_wraps():
    high = (1 << 31) - 1
    wide = (Input("x", 1, 0, high), Multiply("m", ("x", "x")))
    with pytest.raises(NetworkError, match=r"^m: product: expected at most 56 bits, got more$"):
        Network("n", wide, ("m",))
