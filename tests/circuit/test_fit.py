import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import store
from amos_hdl.circuit.activations import ACTIVATIONS, Activation, find_activation
from amos_hdl.circuit.distribution import Histogram, Normal, read_columns
from amos_hdl.circuit.fit import fit
from amos_hdl.circuit.staircase import best_staircase
from amos_hdl.errors import CircuitError

NEVER_FALLING = [
    "relu",
    "relu6",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "hard_sigmoid",
    "softplus",
    "elu",
    "identity",
]


def error_of(starts, y, weights):
    total = 0.0
    for start, end in itertools.pairwise([*starts, len(y)]):
        mean = np.average(y[start:end], weights=weights[start:end])
        total += (weights[start:end] * (y[start:end] - mean) ** 2).sum()
    return total


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.integers(1, 4), st.data())
def test_staircase_is_the_global_optimum(values, levels, data):
    """Compared with every possible partition, whether the function rises or not."""
    y = np.array(values)
    weights = np.array(data.draw(st.lists(st.floats(0.1, 3), min_size=len(y), max_size=len(y))))
    stairs = best_staircase(y, weights, levels)
    choices = itertools.combinations(range(1, len(y)), min(levels, len(y)) - 1)
    best = min(error_of((0, *choice), y, weights) for choice in choices)
    assert error_of(stairs.starts, y, weights) <= best + 1e-9
    assert len(stairs.starts) <= levels


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "swish"])
def test_many_levels_are_within_a_hundredth_of_the_asymptotic_optimum(name):
    """Panter and Dite: error = (integral of |f'|^(2/3))^3 / (12 L^2) per unit of length."""
    activation, levels = find_activation(name), 255
    x = np.linspace(activation.low, activation.high, 50_000)
    y = activation(x)
    error = ((best_staircase(y, np.ones_like(x), levels)(len(x)) - y) ** 2).mean()
    bound = np.trapezoid(np.abs(np.gradient(y, x)) ** (2 / 3), x) ** 3 / (12 * levels**2) / (x[-1] - x[0])
    assert error <= 1.01 * bound


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_flash_fits_every_activation(name):
    activation = find_activation(name)
    few, many = fit(activation, 3, "flash"), fit(activation, 6, "flash")
    assert few.circuit.depth == many.circuit.depth == 1
    assert few.circuit.gates <= 7 and many.circuit.gates <= 63
    assert many.mean_squared_error <= few.mean_squared_error
    span = np.ptp(activation(np.linspace(activation.low, activation.high, 1000)))
    assert many.mean_squared_error < (span / 40) ** 2


@pytest.mark.parametrize("name", NEVER_FALLING)
def test_serial_is_no_worse_than_equal_steps_and_no_better_than_flash(name):
    activation, gates = find_activation(name), 6
    serial, flash = fit(activation, gates, "serial"), fit(activation, gates, "flash")
    assert serial.circuit.gates == serial.circuit.depth == gates
    x = np.linspace(activation.low, activation.high, 100_000)
    y = activation(x)
    step = np.ptp(y) / (2**gates - 1)
    equal = ((np.floor((y - y.min()) / step + 0.5) * step + y.min() - y) ** 2).mean()
    assert serial.mean_squared_error <= 1.02 * equal + 1e-9
    assert flash.mean_squared_error <= 1.02 * serial.mean_squared_error + 1e-9
    assert serial.spikes <= gates


def test_sign_needs_one_gate():
    unit = fit(find_activation("sign"), 1, "serial")
    assert unit([-8, -0.01, 0, 8]).tolist() == pytest.approx([-1, -1, 1, 1])


def test_errors_are_those_of_the_circuit():
    unit = fit(find_activation("tanh"), 4, "serial", distribution=Normal(0, 1))
    x = np.linspace(unit.low, unit.high, 100_000)
    error, weights = unit(x) - np.tanh(x), np.exp(-0.5 * x**2)
    assert unit.mean_squared_error == pytest.approx(np.average(error**2, weights=weights))
    assert unit.worst_error == pytest.approx(np.abs(error).max())


def test_the_distribution_draws_the_levels():
    activation = find_activation("swish")
    uniform, normal = fit(activation, 4, "flash"), fit(activation, 4, "flash", distribution=Normal())
    x = np.random.default_rng(0).normal(-0.06, 1.56, 20_000).clip(-8, 12)
    errors = [((unit(x) - activation(x)) ** 2).mean() for unit in (uniform, normal)]
    assert errors[1] < errors[0] / 3
    histogram = fit(activation, 4, "flash", distribution=Histogram((-8, -2, 2, 12), (0, 1, 0)))
    assert ((histogram(x) - activation(x))[np.abs(x) < 2] ** 2).mean() < errors[1]


def test_a_constant_function():
    unit = fit(Activation("constant", lambda x: np.full_like(x, 3.0), "3"), 3, "flash")
    assert unit.circuit.gates == 1 and unit.spikes == 0
    assert unit([-8, 0, 8]).tolist() == pytest.approx([3, 3, 3])


def test_fitting_is_deterministic():
    activation = find_activation("mish")
    assert fit(activation, 5, "flash") == fit(activation, 5, "flash")


@pytest.mark.parametrize("architecture", ["flash", "serial"])
def test_circuit_files_round_trip(tmp_path, architecture):
    unit = fit(find_activation("elu"), 4, architecture)
    store.save(unit, tmp_path / "unit.yaml")
    loaded = store.load(tmp_path / "unit.yaml")
    assert loaded == unit


def test_bad_circuit_files(tmp_path):
    path = tmp_path / "unit.yaml"
    store.save(fit(find_activation("relu"), 3, "serial"), path)
    good = path.read_text()
    for old, new, message in (
        ("version: 1", "version: 2", "version"),
        ("offset: ", "other: 1\noffset: ", "unknown key"),
        ("levels:\n- 1\n- 2", "levels:\n- 2\n- 1", "levels"),
        ("potential_step: ", "potential_step: 1/0 #", "step: expected a fraction"),
    ):
        path.write_text(good.replace(old, new, 1))
        with pytest.raises(CircuitError, match=rf"unit\.yaml.*{message}") as caught:
            store.load(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("tanh", 0, "flash"), {}, "flash: gates: expected 1 to 7, got 0"),
        (("tanh", 8, "flash"), {}, "flash: gates: expected 1 to 7, got 8"),
        (("tanh", 13, "serial"), {}, "serial: gates: expected 1 to 12, got 13"),
        (("tanh", 3, "tree"), {}, "architecture: expected flash or serial, got 'tree'"),
        (("tanh", 3, "flash"), {"low": 2, "high": 1}, "range: expected finite, low < high, got 2 to 1"),
        (("tanh", 3, "flash"), {"low": 1, "high": 1}, "range: expected finite, low < high, got 1 to 1"),
        (("tanh", 3, "flash"), {"low": float("nan")}, "range: expected finite, low < high, got nan to 5"),
        (("tanh", 3, "flash"), {"bits": 3}, "bits of the potential: expected 4 to 24, got 3"),
        (("swish", 3, "serial"), {}, "swish: activation: expected one that never falls, for serial; use --arch"),
        (("square", 3, "flash"), {"low": 0, "high": 1e300}, "square: activation: expected finite values on the range"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_what_cannot_be_fitted(arguments, options, message):
    with pytest.raises(CircuitError, match=f"^{re.escape(message)}"):
        fit(find_activation(arguments[0]), *arguments[1:], **options)


def test_unknown_activations_and_bad_distributions(tmp_path):
    with pytest.raises(CircuitError, match=r"^unknown activation: expected one of abs, elu, .*, got 'foo'$"):
        find_activation("foo")
    with pytest.raises(CircuitError, match=r"^counts of a histogram: expected finite, >= 0, not all 0$"):
        Histogram((0, 1, 2), (0, 0))
    with pytest.raises(CircuitError, match=r"^edges of a histogram: expected finite and rising$"):
        Histogram((0, 2, 1), (1, 1))
    with pytest.raises(CircuitError, match=r"^normal distribution"):
        Normal(0, 0)
    path = tmp_path / "points.csv"
    path.write_text("x,y\n1,2\n2,nan\n")
    with pytest.raises(CircuitError, match=r"points\.csv, line 3: points: expected finite numbers"):
        read_columns(path, "points")
    path.write_text("x,y\n1,2\n2,two\n")
    with pytest.raises(CircuitError, match=r"points\.csv, line 3: points: expected two numbers"):
        read_columns(path, "points")
