import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import ThresholdCircuit, relu
from amos_hdl.errors import CircuitError
from tests.circuit.naive import fire
from tests.circuit.strategies import circuits, linear_circuits, table_circuits

X = np.arange(-70, 71)


@given(circuits)
def test_spikes_and_value_are_those_of_the_definition(circuit):
    spikes, values = circuit.spikes(X), circuit.value(X)
    for x in (-70, -20, -1, 0, 1, 7, 33, 70):
        expected_spikes, expected_value, _ = fire(circuit, x)
        assert spikes[x + 70].astype(int).tolist() == expected_spikes
        assert values[x + 70] == expected_value


@given(circuits, st.integers(-70, 70))
def test_each_gate_spikes_at_most_once_and_only_at_its_level(circuit, x):
    spikes, _, history = fire(circuit, x)
    fired = [gate for step in history for gate in step]
    assert len(fired) == len(set(fired)) == sum(spikes)
    assert all(circuit.level_of(gate) == step for step, gates in enumerate(history, start=1) for gate in gates)
    assert circuit.spikes(x).dtype == np.bool_


@given(circuits, st.integers(-70, 70))
def test_a_gate_does_not_see_its_own_or_later_levels(circuit, x):
    """Changing everything about the gates of the last level leaves the spikes of all others as they were."""
    last = [gate for gate in range(circuit.gates) if circuit.level_of(gate) == circuit.depth]
    gains = tuple(-gain if gate in last else gain for gate, gain in enumerate(circuit.gains))
    changed = dataclasses.replace(circuit, gains=gains)
    kept = [gate for gate in range(circuit.gates) if gate not in last]
    assert (changed.spikes(x)[kept] == circuit.spikes(x)[kept]).all()


@given(linear_circuits())
def test_table_form_is_the_same_circuit(circuit):
    table = circuit.to_table()
    assert table.is_table
    assert (table.spikes(X) == circuit.spikes(X)).all()
    linear = table.to_linear()
    assert linear.to_table() == table


@given(table_circuits())
def test_linear_form_exists_only_where_tables_are_sums(circuit):
    try:
        linear = circuit.to_linear()
    except CircuitError:
        # at least one table of two or more earlier spikes, else a sum always exists
        assert any(len(table) >= 4 for table in circuit.tables)
    else:
        assert (linear.spikes(X) == circuit.spikes(X)).all()


@given(circuits, st.integers(-9, 9))
def test_shifted_input(circuit, shift):
    assert (circuit.shift_input(shift).spikes(X) == circuit.spikes(X + shift)).all()


@given(circuits, st.integers(-70, 70), st.integers(0, 100))
def test_value_interval_is_exact(circuit, low, length):
    values = circuit.value(np.arange(low, low + length + 1))
    assert circuit.value_interval(low, low + length) == (values.min(), values.max())


@given(table_circuits())
def test_value_interval_of_a_wide_potential_is_exact_for_tables(circuit):
    low, high = -(1 << 40), 1 << 40
    values = circuit.value(np.concatenate([[low, high], X]))
    assert circuit.value_interval(low, high) == (values.min(), values.max())


@given(st.lists(circuits, min_size=2, max_size=4))
def test_equality_and_hash(several):
    for a in several:
        assert a == dataclasses.replace(a)
        assert hash(a) == hash(dataclasses.replace(a))
        assert a != dataclasses.replace(a, offset=a.offset + 1)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_any_shape(shape):
    circuit = relu(3)
    x = np.full(shape, 5)
    assert circuit.spikes(x).shape == (*shape, 3)
    assert circuit.value(x).shape == shape
    assert (circuit.value(x) == 5).all()


def test_equality_with_a_threshold_spikes():
    circuit = ThresholdCircuit((1,), (1,), (1,), thresholds=(5,), lateral=((0,),))
    assert circuit.value([4, 5, 6]).tolist() == [0, 1, 1]


GOOD = dict(gains=(1, 1), outputs=(2, 1), levels=(1, 2), thresholds=(2, 1), lateral=((0, 0), (2, 0)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(gains=()), "number of gates: expected 1 to 255, got 0"),
        (dict(outputs=(1,)), "length of outputs: expected 2, one per gate, got 1"),
        (dict(levels=(1,)), "length of levels: expected 2, one per gate, got 1"),
        (dict(levels=(2, 3)), "levels: expected 1 first, never falling, none left out, got (2, 3)"),
        (dict(levels=(1, 3)), "levels: expected 1 first, never falling, none left out, got (1, 3)"),
        (dict(tables=((1,), (1, 2))), "form of a circuit: expected thresholds and lateral, or tables, not both"),
        (dict(thresholds=(1,)), "length of thresholds: expected 2, one per gate, got 1"),
        (dict(lateral=((0, 0),)), "shape of lateral: expected 2 rows of 2"),
        (
            dict(lateral=((0, 1), (2, 0))),
            "lateral weight of gate 1 (level 1): expected non-zero only from gates of earlier levels, "
            "got gate 2 (level 2)",
        ),
        (dict(levels=(1, 1)), "lateral weight of gate 2 (level 1): expected non-zero only from gates of earlier"),
        (dict(outputs=(2, 1.5)), "parameter: expected an int of magnitude below 141289400074368, got 1.5"),
        (dict(outputs=(2, 1 << 60)), "parameter: expected an int of magnitude below"),
        (dict(outputs=(2, True)), "parameter: expected an int of magnitude below 141289400074368, got True"),
    ],
)
def test_malformed_circuits_are_refused(change, message):
    with pytest.raises(CircuitError, match=f"^{re.escape(message)}"):
        ThresholdCircuit(**{**GOOD, **change})


def test_malformed_tables_are_refused():
    with pytest.raises(CircuitError, match=r"^table of gate 2: expected 2 entries, got 3$"):
        ThresholdCircuit((1, 1), (2, 1), (1, 2), tables=((1,), (1, 2, 3)))
    with pytest.raises(CircuitError, match=r"^length of tables: expected 2, one per gate, got 1$"):
        ThresholdCircuit((1, 1), (2, 1), (1, 2), tables=((1,),))


def test_potentials_that_are_no_integers_or_could_wrap_are_refused():
    with pytest.raises(CircuitError, match=r"^potential: expected integers, got float64$"):
        relu(2).spikes([0.5])
    with pytest.raises(CircuitError, match=r"^potential: expected c·x below"):
        relu(2).spikes([1 << 60])
