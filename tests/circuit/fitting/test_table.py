import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import FLASH, SERIAL
from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.fitting import Effort, fit
from amos_hdl.circuit.fitting.problem import Samples
from amos_hdl.circuit.fitting.table import _shortest_paths, _values, quantize, turns

NEVER_FALLING = ["sigmoid", "tanh", "elu", "softplus", "relu6", "leaky_relu"]


def sampled(values):
    y = np.array(values, float)
    return Samples(np.arange(len(y), dtype=float), y, np.full(len(y), 1 / len(y)))


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=5), st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_the_shortest_path_is_the_best_of_all_rising_codes(values, parameters):
    samples, levels = sampled(values), _values(np.array([parameters]))
    assert levels[0].tolist() == pytest.approx(
        [parameters[0] + a * parameters[1] + b * parameters[2] for a in (0, 1) for b in (0, 1)]
    )
    path, levels = _shortest_paths(samples, levels)[0], levels[0]
    assert (np.diff(path) >= 0).all()
    best = min(
        np.square(levels[list(codes)] - samples.y).sum()
        for codes in itertools.combinations_with_replacement(range(4), len(values))
    )
    assert np.square(levels[path] - samples.y).sum() == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("name", NEVER_FALLING)
@pytest.mark.parametrize("bits", [3, 8])
def test_tables_are_within_a_hundredth_of_the_best_equal_steps(name, bits):
    """The best base and step, found by trying many around those of the fit, each x going to the nearest value."""
    activation = find_activation(name)
    unit = fit(activation, bits, SERIAL, form="table")
    x = np.linspace(unit.low, unit.high, 20_001)
    y, top = activation(x), (1 << bits) - 1
    wide = np.ptp(y) / top
    best = np.inf
    for step in wide * np.linspace(0.97, 1.03, 13):
        for base in y.min() + wide * np.linspace(-0.5, 0.5, 21):
            codes = np.floor((y - base) / step + 0.5).clip(0, top)
            best = min(best, float(np.square(base + step * codes - y).mean()))
    assert unit.mean_squared_error <= 1.01 * best


@pytest.mark.parametrize("name", ["swish", "square"])
def test_a_bend_is_no_worse_than_its_two_branches_apart(name):
    """At least as good as A falling gates and K - A rising ones, each branch by itself the best equal steps."""
    activation, bits = find_activation(name), 5
    unit = fit(activation, bits, SERIAL, form="table", effort=Effort(3))
    x = np.linspace(unit.low, unit.high, 20_001)
    y = activation(x)
    turn = int(y.argmin())
    choices = []
    for falling in range(bits + 1):
        error = 0.0
        for part, k in ((y[:turn], falling), (y[turn:], bits - falling)):
            step = (part.max() - part.min()) / max(1, 2**k - 1)
            codes = np.round((part - part.min()) / step) if k else np.zeros(len(part))
            error += float(np.square(part.min() + step * codes - part).sum())
        choices.append(error / len(y))
    assert unit.mean_squared_error <= 1.02 * min(choices)
    assert unit.mean_squared_error >= 0.98 * fit(activation, bits, FLASH).mean_squared_error


def test_turns():
    assert turns(sampled([1, 1, 1])) == ()
    assert turns(sampled([1, 2, 2, 3])) == (1,)
    assert turns(sampled([3, 2, 2, 4])) == (-1, 1)
    assert turns(sampled([0, 1, 0, 1])) == (1, -1, 1)
    assert turns(sampled([1, 1 + 1e-15, 1])) == ()


def test_a_quantizer_of_a_constant():
    base, step, codes = quantize(sampled([2, 2, 2]), 3)
    assert (base + step * codes).tolist() == [2, 2, 2]
