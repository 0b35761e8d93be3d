from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from amos_hdl.schedule.adders import adder_graph, signed_digits

WEIGHTS = hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-40, 40))


@given(st.integers(-100_000, 100_000))
def test_signed_digits(weight):
    digits = signed_digits(weight)
    assert sum(sign << shift for sign, shift in digits) == weight
    shifts = [shift for _, shift in digits]
    assert all(later - earlier >= 2 for earlier, later in pairwise(shifts))


@given(WEIGHTS, st.data())
def test_graph_is_the_product_and_intervals_are_exact(weights, data):
    units, inputs = weights.shape
    bias = data.draw(hnp.arrays(np.int64, units, elements=st.integers(-30, 30)))
    low = data.draw(hnp.arrays(np.int64, inputs, elements=st.integers(-9, 5)))
    high = low + data.draw(hnp.arrays(np.int64, inputs, elements=st.integers(0, 9)))
    graph = adder_graph(weights, bias, low, high)
    random = np.random.default_rng(0)
    x = np.concatenate([random.integers(low, high, (30, inputs), endpoint=True), low[None], high[None]])
    assert (graph.evaluate(x) == x @ weights.T + bias).all()

    # every adder's interval holds, is reached at both ends, and its operands are of earlier levels
    first = inputs + len(graph.constants)
    values = [x[:, n] for n in range(inputs)] + [np.full(len(x), c) for c in graph.constants]
    levels = [0] * first
    for adder in graph.adders:
        right = values[adder.right] << adder.right_shift
        values.append((values[adder.left] << adder.left_shift) + (-right if adder.subtract else right))
        assert values[-1].min() >= adder.low and values[-1].max() <= adder.high
        assert max(levels[adder.left], levels[adder.right]) < adder.level <= graph.depth
        levels.append(adder.level)


@pytest.mark.parametrize("terms", [1, 2, 3, 4, 5, 8, 9, 64, 65])
def test_depth_is_that_of_a_balanced_tree(terms):
    graph = adder_graph(np.ones((1, terms), np.int64), np.zeros(1, np.int64), np.zeros(terms, int), np.ones(terms, int))
    assert graph.depth == (terms - 1).bit_length()
    assert len(graph.adders) == terms - 1


def test_equal_additions_are_made_once():
    weights = np.array([[1, 2, 0, 0], [1, 2, 0, 0], [1, 2, 0, 0], [2, 4, 0, 0]])
    graph = adder_graph(weights, np.zeros(4, np.int64), np.zeros(4, int), np.ones(4, int))
    assert len(graph.adders) == 1
