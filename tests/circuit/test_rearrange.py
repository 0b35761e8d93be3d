"""The same function in every architecture, for every potential."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import Architecture, ThresholdCircuit, quantizer, rearranged, relu, steps
from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.architecture import FLASH, FOLDED, SERIAL
from amos_hdl.circuit.fitting import fit
from amos_hdl.errors import CircuitError
from tests.circuit.strategies import circuits

X = np.arange(-300, 300)
ALL = [SERIAL, FLASH, FOLDED, Architecture("staged", 2), Architecture("staged", 4)]


@given(circuits)
def test_steps_are_the_whole_function(circuit: ThresholdCircuit) -> None:
    found = steps(circuit)
    assert np.array_equal(found.values[np.searchsorted(found.starts, X, side="right")], circuit.value(X))
    assert np.diff(found.values).all()


@given(circuits)
def test_every_function_has_a_flash_circuit(circuit: ThresholdCircuit) -> None:
    (made,) = rearranged((circuit,), FLASH)
    assert made.depth == 1
    assert np.array_equal(made.value(X), circuit.value(X))


@pytest.mark.parametrize("to", ALL, ids=str)
@pytest.mark.parametrize("of", ALL, ids=str)
def test_a_relu_becomes_the_relu_of_any_architecture(of: Architecture, to: Architecture) -> None:
    layer = [relu(4, step=step, bias=bias, architecture=of) for step, bias in ((3, 5), (1, -7), (20, 0))]
    made = rearranged(layer, to)
    wanted = tuple(relu(4, step=step, bias=bias, architecture=to) for step, bias in ((3, 5), (1, -7), (20, 0)))
    assert made == wanted


@given(st.lists(st.integers(-90, 90), min_size=15, max_size=15), st.integers(-9, 9), st.sampled_from([1, 3, -2]))
def test_a_quantizer_keeps_offset_and_worth(thresholds: list[int], offset: int, worth: int) -> None:
    circuit = quantizer(sorted(thresholds))
    circuit = replace(circuit, offset=offset, outputs=tuple(abs(worth) * output for output in circuit.outputs))
    for architecture in ALL:
        (made,) = rearranged((circuit,), architecture)
        assert made.levels == architecture.levels(4)
        assert np.array_equal(made.value(X), circuit.value(X))


@given(st.lists(circuits, min_size=1, max_size=3).filter(lambda made: len({c.levels for c in made}) == 1))
def test_the_circuits_of_a_layer_keep_one_shape(layer: list[ThresholdCircuit]) -> None:
    made = rearranged(layer, FLASH)
    assert len({circuit.levels for circuit in made}) == 1
    for old, new in zip(layer, made, strict=True):
        assert np.array_equal(new.value(X), old.value(X))


def test_what_falls_is_flash_alone() -> None:
    swish = fit(find_activation("swish"), 3, FLASH, potential_bits=8).circuit
    assert rearranged((swish,), FLASH) == (swish,)
    with pytest.raises(CircuitError, match=r"^staged\(2\) circuit: expected 2\*\*K - 1 equal steps .*flash circuit$"):
        rearranged((swish,), Architecture("staged", 2))


def test_steps_of_unlike_height_are_flash_gates_of_unlike_worth() -> None:
    # y goes from 0 to 15 in three steps, as that of a quantizer of 4 bits does in fifteen
    circuit = ThresholdCircuit(gains=(1, 1), outputs=(11, 4), levels=(1, 2), offset=0, tables=((20,), (10, 30)))
    (made,) = rearranged((circuit,), FLASH)
    assert made.outputs == (4, 7, 4)
    assert np.array_equal(made.value(X), circuit.value(X))


def test_m_must_divide_k() -> None:
    with pytest.raises(CircuitError, match=r"^staged\(2\): bits of a unit: expected a multiple of 2, got 3$"):
        rearranged((relu(3),), Architecture("staged", 2))
