import numpy as np
import pytest

from amos_hdl.circuit import SERIAL
from amos_hdl.circuit.activations import ACTIVATIONS, Activation, find_activation
from amos_hdl.circuit.fitting.problem import Problem
from amos_hdl.circuit.fitting.ramps import is_symmetric, ramp_starts
from amos_hdl.circuit.fitting.starts import random_starts


def sampled(name, points=600):
    activation = name if isinstance(name, Activation) else find_activation(name)
    return Problem(activation, activation.low, activation.high).grid(points)


def solved(population, samples):
    population.solve_outputs(samples, population.spikes(samples.x))
    return population


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_chains_for_every_activation(name):
    samples = sampled(name)
    chains = ramp_starts(6, samples, 10, np.random.default_rng(0))
    assert chains.lateral.shape == (len(chains), 6, 6)
    assert (chains.lateral[:, ~np.tri(6, k=-1, dtype=bool)] == 0).all()
    assert np.isfinite(chains.thresholds).all() and np.isfinite(chains.lateral).all()


@pytest.mark.parametrize(("name", "gates"), [("swish", 16), ("sigmoid", 8), ("sigmoid", 12), ("tanh", 8)])
def test_starts_are_better_than_random_codes(name, gates):
    samples, rng = sampled(name), np.random.default_rng(0)
    ramps = solved(ramp_starts(gates, samples, 30, rng), samples)
    codes = solved(random_starts(SERIAL, gates, samples, 30, rng), samples)
    assert len(ramps) == 30 and ramps.errors.min() < 0.7 * codes.errors.min()


def test_a_straight_function_is_an_exact_code():
    """Whatever the knots: all pieces have one slope, and the best of a few draws is a code of equal steps."""
    line = Activation("line", lambda x: x, "x", 0.0, 1.0)
    samples = sampled(line, 1024)
    chains = solved(ramp_starts(4, samples, 60, np.random.default_rng(1)), samples)
    assert 2.0**-8 / 12 * 0.99 < chains.errors.min() < 2.0**-8 / 12 * 1.6


def test_symmetric_functions_have_a_sign_gate_first():
    assert is_symmetric(sampled("sigmoid")) and is_symmetric(sampled("tanh"))
    assert not is_symmetric(sampled("swish")) and not is_symmetric(sampled("abs"))
    samples = sampled("sigmoid")
    chains = solved(ramp_starts(8, samples, 12, np.random.default_rng(0)), samples)
    assert np.allclose(chains.thresholds[:, 0], 0)
    # the other gates count both halves, so the sign is worth half of the span
    assert chains.outputs[:, 0] == pytest.approx(0.5, abs=0.15)
    spikes = chains.spikes(samples.x)
    assert (spikes[:, 1:, samples.x < -0.1].max(axis=2) == 1).all(axis=1).any()


def test_the_same_seed_gives_the_same_chains():
    samples = sampled("gelu")
    first, second = (ramp_starts(7, samples, 5, np.random.default_rng(3)) for _ in range(2))
    assert (first.thresholds == second.thresholds).all() and (first.lateral == second.lateral).all()


def test_what_cannot_be_divided_has_no_start():
    flat = Activation("flat", np.zeros_like, "0", 0.0, 1.0)
    assert len(ramp_starts(4, sampled(flat), 5, np.random.default_rng(0))) == 0
    assert len(ramp_starts(1, sampled("swish"), 5, np.random.default_rng(0))) == 0
