import itertools
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import FLASH, FOLDED, SERIAL, Architecture
from amos_hdl.circuit.activations import ACTIVATIONS, Activation, find_activation
from amos_hdl.circuit.distribution import Histogram, Normal, read_columns
from amos_hdl.circuit.fitting import Effort, fit, stored
from amos_hdl.circuit.fitting.problem import Problem
from amos_hdl.circuit.fitting.search import search
from amos_hdl.circuit.staircase import best_staircase
from amos_hdl.errors import CircuitError

STAGED = Architecture("staged", 2)
#: A search of a second or so.
SHORT = Effort(rounds=1, chains=1, starts=8)
#: What a short search reaches at 4 bits: this many times the error of the best staircase of 16 levels.
FACTOR = {"abs": 6, "square": 6}

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
    few, many = fit(activation, 3, FLASH), fit(activation, 6, FLASH)
    assert few.circuit.depth == many.circuit.depth == 1
    assert few.circuit.gates <= 7 and many.circuit.gates <= 63
    assert many.mean_squared_error <= few.mean_squared_error
    span = np.ptp(activation(np.linspace(activation.low, activation.high, 1000)))
    assert many.mean_squared_error < (span / 40) ** 2


@pytest.mark.parametrize("name", NEVER_FALLING)
def test_serial_is_no_worse_than_equal_steps_and_no_better_than_flash(name):
    activation, gates = find_activation(name), 6
    serial, flash = fit(activation, gates, SERIAL, form="table"), fit(activation, gates, FLASH)
    assert serial.circuit.gates == serial.circuit.depth == gates
    x = np.linspace(activation.low, activation.high, 100_000)
    y = activation(x)
    step = np.ptp(y) / (2**gates - 1)
    equal = ((np.floor((y - y.min()) / step + 0.5) * step + y.min() - y) ** 2).mean()
    assert serial.mean_squared_error <= 1.02 * equal + 1e-9
    assert flash.mean_squared_error <= 1.02 * serial.mean_squared_error + 1e-9
    assert serial.spikes <= gates


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("architecture", [SERIAL, STAGED], ids=str)
def test_every_activation_in_linear_form(name, architecture):
    activation, bits = find_activation(name), 4
    unit = fit(activation, bits, architecture, effort=SHORT)
    assert unit.form == "linear"
    assert unit.circuit.levels == architecture.levels(bits)
    best = fit(activation, bits, FLASH).mean_squared_error
    assert unit.mean_squared_error <= FACTOR.get(name, 2) * best + 1e-9
    assert abs(unit.mean_squared_error - unit.unrounded_error) < 1e-2 * best + 2e-4


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_in_table_form(name):
    activation, bits = find_activation(name), 4
    unit = fit(activation, bits, FOLDED, form="table", effort=SHORT)
    assert unit.form == "table" and unit.circuit.gates == bits
    best = fit(activation, bits, FLASH).mean_squared_error
    assert unit.mean_squared_error <= FACTOR.get(name, 1.2) * best + 1e-9
    if name in NEVER_FALLING:
        staged = fit(activation, bits, STAGED, form="table")
        assert staged([-8, 0, 0.3, 7]).tolist() == unit([-8, 0, 0.3, 7]).tolist()
        assert staged.mean_squared_error == unit.mean_squared_error


def test_a_falling_function_is_the_rising_one_upside_down():
    falling = Activation("fall", lambda x: -np.tanh(x), "-tanh(x)", -5, 5)
    rising = fit(find_activation("tanh"), 6, SERIAL, form="table")
    unit = fit(falling, 6, SERIAL, form="table")
    assert unit.mean_squared_error == pytest.approx(rising.mean_squared_error, rel=1e-3)
    assert fit(falling, 3, SERIAL, effort=SHORT).mean_squared_error < 6e-3


def test_a_function_of_several_turns_is_for_flash_or_the_linear_form():
    wave = Activation("wave", np.sin, "sin(x)", -6, 6)
    with pytest.raises(
        CircuitError, match=r"^wave: table form: expected a function with at most one turn, got 4 turns"
    ):
        fit(wave, 4, SERIAL, form="table")
    assert fit(wave, 4, FLASH).mean_squared_error < 2e-2
    assert fit(wave, 4, SERIAL, effort=SHORT).mean_squared_error < 0.2


def test_closed_forms_are_those_of_the_code():
    """ReLU: thresholds, lateral weights and outputs halve from gate to gate (arXiv:2001.01682)."""
    unit = fit(find_activation("relu"), 5, SERIAL)
    circuit = unit.circuit
    assert unit.method == "closed form"
    assert [a / b for a, b in itertools.pairwise(circuit.outputs)] == [2] * 4
    lateral = np.array(circuit.lateral, float)
    for i, j in itertools.combinations(range(5), 2):
        assert lateral[j, i] == pytest.approx(lateral[4, 3] * 2 ** (3 - i), rel=0.01)
    for name in ("identity", "sign", "relu6", "hard_sigmoid"):
        assert fit(find_activation(name), 5, SERIAL).method == "closed form"


def test_rounding_to_few_bits_costs_more():
    units = [fit(find_activation("sigmoid"), 4, SERIAL, potential_bits=bits, effort=SHORT) for bits in (5, 12)]
    loss = [unit.mean_squared_error - unit.unrounded_error for unit in units]
    assert loss[0] > abs(loss[1])
    assert units[0].potential_step == Fraction(20, 32)
    assert units[0].mean_squared_error < 4e-3


def test_a_table_of_points_and_a_callable_are_functions_like_others():
    x = np.array([0.0, 1, 2, 5])
    points = Activation("points", lambda at: np.interp(at, x, x**2), "4 points", 0, 5)
    assert fit(points, 3, SERIAL, form="table").mean_squared_error < 1.2


def test_a_search_is_the_same_on_one_process_and_on_two():
    units = [
        fit(find_activation("tanh"), 3, SERIAL, effort=Effort(1, processes, seed=3, chains=2, starts=4))
        for processes in (1, 2)
    ]
    assert units[0] == units[1]


def test_progress_ends_at_all():
    told = []
    effort = Effort(11, chains=2, starts=4)
    fit(find_activation("tanh"), 3, SERIAL, effort=effort, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(1, 7)]


def test_stored_coefficients_are_a_start(tmp_path, monkeypatch):
    """They are kept and read back, and a search without luck still ends no worse than where it begins."""
    monkeypatch.setattr(stored, "FOLDER", tmp_path)
    assert stored.stored_starts("sigmoid", SERIAL, 3) is None
    problem = Problem(find_activation("sigmoid"), -10, 10)
    best = search(SERIAL, 3, problem.grid(300), Effort(20, chains=1, starts=30))
    stored.store_start("sigmoid", SERIAL, 3, best)
    again = stored.stored_starts("sigmoid", FOLDED, 3)
    assert again.thresholds == pytest.approx(best.thresholds[:1], abs=1e-6)
    assert again.lateral == pytest.approx(best.lateral[:1], abs=1e-6)
    unit = fit(find_activation("sigmoid"), 3, FOLDED, effort=Effort(1, chains=1, starts=1))
    assert unit.mean_squared_error <= best.errors[0] * 1.02
    assert stored.stored_starts("sigmoid", STAGED, 4) is None


def test_the_stored_coefficients_have_the_error_that_they_say():
    files = sorted(stored.FOLDER.glob("*.yaml"))
    assert files
    for path in files:
        name, architecture, bits = path.stem.rsplit("-", 2)
        kept = stored.stored_starts(name, Architecture.parse(architecture), int(bits))
        activation = find_activation(name)
        samples = Problem(activation, activation.low, activation.high).grid(20_000)
        kept.solve_outputs(samples, kept.spikes(samples.x))
        said = float(re.search("mean_squared_error: (.*)", path.read_text())[1])
        assert kept.errors[0] == pytest.approx(said, rel=0.02)


@pytest.mark.parametrize("name", ["rounds", "processes", "chains", "starts"])
def test_efforts_out_of_range(name):
    with pytest.raises(CircuitError, match=f"^{name} of a search: expected >= 1, got 0$"):
        Effort(**{"rounds": 1, name: 0})


def test_sign_needs_one_gate():
    unit = fit(find_activation("sign"), 1, SERIAL, form="table")
    assert unit([-8, -0.01, 0, 8]).tolist() == pytest.approx([-1, -1, 1, 1])


def test_errors_are_those_of_the_circuit():
    unit = fit(find_activation("tanh"), 4, SERIAL, form="table", distribution=Normal(0, 1))
    x = np.linspace(unit.low, unit.high, 100_000)
    error, weights = unit(x) - np.tanh(x), np.exp(-0.5 * x**2)
    assert unit.mean_squared_error == pytest.approx(np.average(error**2, weights=weights))
    assert unit.worst_error == pytest.approx(np.abs(error).max())


def test_the_distribution_draws_the_levels():
    activation = find_activation("swish")
    uniform, normal = fit(activation, 4, FLASH), fit(activation, 4, FLASH, distribution=Normal())
    x = np.random.default_rng(0).normal(-0.06, 1.56, 20_000).clip(-8, 12)
    errors = [((unit(x) - activation(x)) ** 2).mean() for unit in (uniform, normal)]
    assert errors[1] < errors[0] / 3
    histogram = fit(activation, 4, FLASH, distribution=Histogram((-8, -2, 2, 12), (0, 1, 0)))
    assert ((histogram(x) - activation(x))[np.abs(x) < 2] ** 2).mean() < errors[1]


def test_a_constant_function():
    unit = fit(Activation("constant", lambda x: np.full_like(x, 3.0), "3"), 3, FLASH)
    assert unit.circuit.gates == 1 and unit.spikes == 0
    assert unit([-8, 0, 8]).tolist() == pytest.approx([3, 3, 3])


def test_fitting_is_deterministic():
    activation = find_activation("mish")
    assert fit(activation, 5, FLASH) == fit(activation, 5, FLASH)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("tanh", 0, FLASH), {}, "flash, table form: gates: expected 1 to 8, got 0"),
        (("tanh", 9, FLASH), {}, "flash, table form: gates: expected 1 to 8, got 9"),
        (("tanh", 13, SERIAL), {"form": "table"}, "serial, table form: gates: expected 1 to 12, got 13"),
        (("tanh", 21, SERIAL), {}, "serial, linear form: gates: expected 1 to 20, got 21"),
        (("tanh", 5, STAGED), {}, "staged(2): bits of a unit: expected a multiple of 2, got 5"),
        (("tanh", 12, Architecture("staged", 6)), {}, "staged(6), linear form: gates: expected (K/m)·(2**m - 1) of"),
        (
            ("tanh", 12, Architecture("staged", 4)),
            {"form": "table"},
            "staged(4), table form: gates: expected at most 16 gates before the last level",
        ),
        (("tanh", 3, FLASH), {"low": 2, "high": 1}, "range: expected finite, low < high, got 2 to 1"),
        (("tanh", 3, FLASH), {"low": 1, "high": 1}, "range: expected finite, low < high, got 1 to 1"),
        (("tanh", 3, FLASH), {"low": float("nan")}, "range: expected finite, low < high, got nan to 5"),
        (("tanh", 3, FLASH), {"low": 1e15, "high": 1e15 + 1}, "range: expected one that is wide against"),
        (("tanh", 3, FLASH), {"potential_bits": 3}, "bits of the potential: expected 4 to 24, got 3"),
        (("swish", 4, STAGED), {"form": "table"}, "swish, staged(2): table form: expected a monotone function; use"),
        (
            ("tanh", 3, SERIAL),
            {"distribution": Histogram((90, 91), (1,))},
            "distribution: expected some weight within the range, got none",
        ),
        (
            ("square", 3, FLASH),
            {"low": 0, "high": 1e300},
            "range: expected at least 1e-30 wide, within -1e+30 to 1e+30",
        ),
    ],
)
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


@pytest.mark.parametrize(
    ("values", "low", "high", "message"),
    [
        ("x", 0, 1e308, "range: expected at least 1e-30 wide, within -1e+30 to 1e+30"),
        ("x", 0, 1e-320, "range: expected at least 1e-30 wide"),
        (1e300, 0, 1, "values: expected magnitudes of at most 1e+60"),
        (1e-320, 0, 1, "values: expected ones that differ more"),
        (1e-12, 0, 1, None),
    ],
)
@pytest.mark.filterwarnings("error")
def test_sizes_that_floats_do_not_hold(values, low, high, message):
    """Neither a traceback, nor an integer that wrapped, nor a warning."""
    activation = find_activation("identity") if values == "x" else Activation("f", lambda x: values * x, "", low, high)
    for architecture, form in ((SERIAL, "linear"), (SERIAL, "table"), (FLASH, "table")):
        if message is None:
            assert fit(activation, 2, architecture, form=form).worst_error < values / 4
            continue
        with pytest.raises(CircuitError, match=re.escape(message)):
            fit(activation, 2, architecture, form=form, low=low, high=high)


def test_values_far_from_0_against_their_span():
    """Their integers would be of more than 64 bits."""
    activation = find_activation("sigmoid")
    with pytest.raises(CircuitError, match=r"^sigmoid: values: expected ones that differ more"):
        fit(activation, 2, FLASH, low=30, high=34)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("exponent", [-30, -8, 8, 30])
def test_searches_whatever_the_size(exponent):
    """The search's 32-bit floats hold no square of 1e20: it works on spans of about 1."""
    activation, effort = find_activation("square"), Effort(rounds=1, processes=1)
    scale = 10.0**exponent
    sized, plain = (fit(activation, 3, SERIAL, low=-s, high=s, effort=effort) for s in (scale, 1.0))
    assert sized.mean_squared_error < 1.3 * scale**4 * plain.mean_squared_error


@pytest.mark.filterwarnings("error")
def test_histograms_of_any_size():
    x = np.array([0.5, 1.5])
    for size in (1.0, 1e308, 1e-300):
        assert Histogram((0, 1, 2), (size, size / 2)).weights(x).tolist() == [1, 0.5]
    with pytest.raises(CircuitError, match="densities, are finite"):
        Histogram((0, 1e-320, 2), (1, 1))
