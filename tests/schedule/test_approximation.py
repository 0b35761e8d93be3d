"""Which folded units are successive approximation, and that their sums are the circuit's thresholds."""

import numpy as np
import pytest

from amos_hdl.circuit import ThresholdCircuit, relu
from amos_hdl.schedule import FoldedUnitSpec
from tests.units import CIRCUITS


@pytest.mark.parametrize("circuit", [relu(2, step=3), relu(5, step=7, bias=-9), relu(9)])
def test_the_relu_is(circuit):
    spec = FoldedUnitSpec(circuit, -100, 100, 0, 511)
    start, *weights = spec.approximation
    for gate in range(1, circuit.gates):
        for z in np.ndindex(*(2,) * gate):
            threshold = circuit.thresholds[gate] + np.dot(circuit.lateral[gate][:gate], z)
            assert threshold == start + weights[gate] + np.dot(weights[:gate], z)


def test_others_are_not():
    mixed = FoldedUnitSpec(CIRCUITS["serial mixed gains linear"], -128, 127, -1, 16)
    assert mixed.approximation is None
    # weights that depend on the gate that sees them
    general = ThresholdCircuit((1,) * 3, (4, 2, 1), (1, 2, 3), 0, (9, 5, 3), ((0,) * 3, (7, 0, 0), (6, 4, 0)))
    assert FoldedUnitSpec(general, 0, 31, 0, 7).approximation is None
    assert FoldedUnitSpec(CIRCUITS["serial table"], -128, 127, 0, 15).approximation is None
