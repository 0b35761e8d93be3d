import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import (
    FLASH,
    FOLDED,
    SERIAL,
    Architecture,
    CircuitBank,
    evenly_spaced,
    quantizer,
    relu,
)
from amos_hdl.errors import CircuitError

X = np.arange(-300, 301)


@given(st.integers(1, 8), st.integers(1, 20), st.integers(-40, 40))
def test_relu_is_floor_and_clip(gates, step, bias):
    circuit = relu(gates, step=step, bias=bias)
    assert (circuit.value(X) == np.clip((X + bias) // step, 0, 2**gates - 1)).all()


def test_relu_is_the_binary_code():
    spikes = relu(4).spikes(np.arange(16))
    assert (spikes @ [8, 4, 2, 1] == np.arange(16)).all()


def test_relu_with_biases_above_all_thresholds():
    assert relu(3, step=5, bias=1000).value(X).tolist() == [7] * len(X)


@given(st.integers(1, 5).flatmap(lambda k: st.lists(st.integers(-50, 50), min_size=2**k - 1, max_size=2**k - 1)))
def test_quantizer_counts_thresholds(thresholds):
    thresholds.sort()
    circuit = quantizer(thresholds)
    assert (circuit.value(X) == (np.array(thresholds)[:, None] <= X).sum(axis=0)).all()


ALL = [SERIAL, FLASH, FOLDED, Architecture("staged", 2), Architecture("staged", 3)]


@pytest.mark.parametrize("architecture", ALL, ids=str)
@given(st.data())
def test_every_architecture_counts_thresholds(architecture, data):
    bits = 6
    thresholds = sorted(data.draw(st.lists(st.integers(-250, 250), min_size=63, max_size=63)))
    circuit = quantizer(thresholds, architecture)
    assert (circuit.value(X) == (np.array(thresholds)[:, None] <= X).sum(axis=0)).all()
    assert (circuit.gates, circuit.levels) == (architecture.gates(bits), architecture.levels(bits))


@pytest.mark.parametrize("architecture", ALL, ids=str)
@given(st.integers(1, 9), st.integers(-200, 60))
def test_the_linear_form_is_the_table_form_of_equal_steps(architecture, step, first):
    thresholds = range(first, first + 63 * step, step)
    assert evenly_spaced(thresholds)
    linear, table = quantizer(thresholds, architecture, form="linear"), quantizer(thresholds, architecture)
    assert not linear.is_table and table.is_table
    assert (linear.spikes(X) == table.spikes(X)).all()
    assert linear.to_table() == table


def test_a_stage_fires_as_a_thermometer():
    spikes = quantizer(range(15), Architecture("staged", 2)).spikes(np.arange(-1, 15))
    digits = spikes.reshape(16, 2, 3)
    assert (digits[..., :-1] >= digits[..., 1:]).all()
    assert (digits.sum(axis=2) @ [4, 1] == np.arange(16)).all()


def test_serial_and_folded_are_one_circuit():
    assert quantizer([1, 2, 7], FOLDED) == quantizer([1, 2, 7], SERIAL)


def test_evenly_spaced():
    assert evenly_spaced([5]) and evenly_spaced([1, 3, 5])
    assert not evenly_spaced([1, 3, 6]) and not evenly_spaced([2, 2, 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: relu(0), "gates of a ReLU: expected 1 to 40, got 0"),
        (lambda: relu(41), "gates of a ReLU: expected 1 to 40, got 41"),
        (lambda: relu(2, step=0), "step of a ReLU: expected >= 1, got 0"),
        (lambda: quantizer([]), "thresholds of a quantizer: expected 2**K - 1 with K from 1 to 16, got 0"),
        (lambda: quantizer([1, 2]), "thresholds of a quantizer: expected 2**K - 1 with K from 1 to 16, got 2"),
        (lambda: quantizer(range(1023), FLASH), "flash, 10 bits: gates: expected at most 255, got 1023"),
        (
            lambda: quantizer(range(4095), Architecture("staged", 4)),
            "staged(4): table of gate 31: expected at most 65536 entries; use more bits per level",
        ),
        (
            lambda: quantizer([1, 2, 4], form="linear"),
            "linear form of a quantizer: expected thresholds with one distance > 0; use the table form",
        ),
        (
            lambda: quantizer(range(7), Architecture("staged", 2)),
            "staged(2): bits of a unit: expected a multiple of 2, got 3",
        ),
        (lambda: quantizer([3, 2, 1]), "thresholds of a quantizer: expected none smaller than the one before"),
    ],
)
def test_out_of_range(make, message):
    with pytest.raises(CircuitError, match=f"^{re.escape(message)}$"):
        make()


def test_a_bank_is_its_circuits_side_by_side():
    circuits = [quantizer([1, 5, 9]), quantizer([-4, -4, 30]), quantizer([0, 0, 0])]
    assignment = np.array([2, 0, 1, 1])
    bank = CircuitBank(circuits, assignment)
    x = np.stack([X, X[::-1], X * 2, -X], axis=1)
    spikes = bank.spikes(x)
    assert spikes.shape == (len(X), 4, 2)
    for unit, number in enumerate(assignment):
        assert (spikes[:, unit] == circuits[number].spikes(x[:, unit])).all()
        assert (bank.values(spikes)[:, unit] == circuits[number].value(x[:, unit])).all()


@pytest.mark.parametrize(
    ("circuits", "assignment", "message"),
    [
        ((), [0], "circuits of a layer: expected at least one, got none"),
        ((relu(2), relu(3)), [0], "circuit 1 of a layer: expected levels (1, 2) and the form of circuit 0"),
        ((relu(2), relu(2).to_table()), [0], "circuit 1 of a layer: expected levels (1, 2) and the form of circuit 0"),
        ((relu(2),), [], "assignment: expected one circuit number per unit, got (0,)"),
        ((relu(2),), [0, 1], "assignment: expected circuit numbers 0 to 0, got 0 to 1"),
        ((relu(2),), [-1], "assignment: expected circuit numbers 0 to 0, got -1 to -1"),
    ],
)
def test_banks_that_do_not_fit_are_refused(circuits, assignment, message):
    with pytest.raises(CircuitError, match=f"^{re.escape(message)}"):
        CircuitBank(circuits, np.array(assignment, np.int64))
