import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import SERIAL, Architecture
from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.fitting.descent import _best_steps, _gains, descend
from amos_hdl.circuit.fitting.gradient import _backward, follow_gradient
from amos_hdl.circuit.fitting.moves import perturb
from amos_hdl.circuit.fitting.population import Population, earlier_of
from amos_hdl.circuit.fitting.problem import Problem
from amos_hdl.circuit.fitting.starts import random_starts

STAGED = Architecture("staged", 2)


def start(architecture, bits, count, seed=0, name="swish"):
    activation = find_activation(name)
    samples = Problem(activation, activation.low, activation.high).grid(200)
    rng = np.random.default_rng(seed)
    return random_starts(architecture, bits, samples, count, rng), samples, rng


@given(st.integers(0, 1000))
def test_the_best_step_is_the_best_of_all(seed):
    """Compared with every step between, below and above all breakpoints."""
    rng = np.random.default_rng(seed)
    margins, gains = rng.integers(-9, 9, (1, 7)) + 0.25, rng.normal(size=(1, 7))
    rates = rng.integers(-2, 3, (1, 7)).astype(float)

    def total(step):
        return (gains * (step * rates <= margins)).sum()

    breaks = np.sort(np.append(margins[rates != 0] / rates[rates != 0], [-100.0, 100.0]))
    best = max(total(step) for step in [0.0, *((breaks[1:] + breaks[:-1]) / 2)])
    assert total(_best_steps(margins, rates, gains, 0.01, False)[0]) == pytest.approx(best)


@given(st.integers(0, 1000))
def test_whole_steps_are_whole_and_the_best(seed):
    rng = np.random.default_rng(seed)
    margins, gains = rng.integers(-9, 9, (1, 7)).astype(float), rng.normal(size=(1, 7))
    rates = rng.integers(0, 2, (1, 7)).astype(float)
    step = _best_steps(margins, rates, gains, 0.01, True)[0]
    assert step == round(step)
    totals = [(gains * (other * rates <= margins)).sum() for other in range(-12, 13)]
    assert (gains * (step * rates <= margins)).sum() == pytest.approx(max(totals))


@pytest.mark.parametrize("architecture", [SERIAL, STAGED], ids=str)
def test_gains_are_differences_of_errors(architecture):
    """The gain of a gate at a sample, against a circuit whose gate really does or does not spike there."""
    population, samples, _ = start(architecture, 4, 3)
    spikes = population.spikes(samples.x)
    population.solve_outputs(samples, spikes)
    for gate in range(population.gates):
        errors = []
        for threshold in (1e9, -1e9):
            changed = population[:]
            changed.thresholds[:, gate] = threshold
            changed.lateral[:, gate] = 0
            errors.append(np.square(changed.values(changed.spikes(samples.x)) - samples.y) * samples.weights)
        assert np.allclose(_gains(population, samples, spikes, gate), errors[0] - errors[1])


@pytest.mark.parametrize("architecture", [SERIAL, STAGED], ids=str)
def test_descent_lowers_every_error_and_keeps_levels(architecture):
    population, samples, rng = start(architecture, 6, 8)
    population.solve_outputs(samples, population.spikes(samples.x))
    before = population.errors
    descend(population, samples, rng, sweeps=5)
    assert (population.errors <= before).all() and population.errors.min() < 0.8 * before.min()
    spikes = population.spikes(samples.x)
    assert np.allclose(np.square(population.values(spikes) - samples.y) @ samples.weights, population.errors)
    hidden = np.arange(population.gates) >= np.array(population.earlier)[:, None]
    assert (population.lateral[:, hidden] == 0).all()


@pytest.mark.parametrize("architecture", [SERIAL, STAGED], ids=str)
def test_moves_keep_levels(architecture):
    population, samples, rng = start(architecture, 4, 50)
    before = population[:]
    perturb(population, samples.span, rng)
    assert (
        (population.thresholds != before.thresholds).any(axis=1) | (population.lateral != before.lateral).any((1, 2))
    ).any()
    hidden = np.arange(population.gates) >= np.array(population.earlier)[:, None]
    assert (population.lateral[:, hidden] == 0).all()


@pytest.mark.parametrize("architecture", [SERIAL, STAGED], ids=str)
def test_the_gradient_of_outputs_is_exact_and_descends(architecture):
    population, samples, _ = start(architecture, 4, 4)
    population.solve_outputs(samples, population.spikes(samples.x))
    population.outputs += 0.1
    parts = [population.thresholds, population.lateral, population.outputs, population.offsets[:, None]]
    values = [part.astype(np.float32) for part in parts]
    seen = np.arange(population.gates) < np.array(population.earlier)[:, None]
    arrays = (samples.x.astype(np.float32), samples.y.astype(np.float32), samples.weights.astype(np.float32))
    error, gradients = _backward(
        values, population.earlier, seen, *arrays, np.ones((1, population.gates, 1), np.float32)
    )
    values[2][:, 1] += 0.01
    moved, _ = _backward(values, population.earlier, seen, *arrays, np.ones((1, population.gates, 1), np.float32))
    curvature = (population.spikes(samples.x)[:, 1] ** 2 @ samples.weights) * 0.01**2
    assert np.allclose(moved - error, 0.01 * gradients[2][:, 1] + curvature, atol=1e-5)
    before = population[:]
    before.solve_outputs(samples, before.spikes(samples.x))
    follow_gradient(population, samples, 60)
    assert (population.errors <= before.errors * 1.01).all() and (population.errors < before.errors).any()


def test_outputs_are_least_squares():
    population, samples, rng = start(SERIAL, 4, 2)
    spikes = population.spikes(samples.x)
    population.solve_outputs(samples, spikes)
    best = population.errors
    for _ in range(20):
        population.outputs += 1e-3 * rng.normal(size=population.outputs.shape)
        assert (np.square(population.values(spikes) - samples.y) @ samples.weights >= best - 1e-9).all()


def test_earlier_gates():
    assert earlier_of((1, 1, 2, 3, 3)) == (0, 0, 2, 3, 3)
    assert len(Population.of((0, 1), np.zeros((3, 2)), np.zeros((3, 2, 2)))) == 3
