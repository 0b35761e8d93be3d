import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import ThresholdCircuit, relu
from amos_hdl.circuit.segments import segments
from amos_hdl.errors import CircuitError
from tests.circuit.strategies import circuits


@given(circuits, st.integers(-80, 80), st.integers(0, 160))
def test_spikes_of_every_potential(circuit, low, length):
    x = np.arange(low, low + length + 1)
    found = segments(circuit, int(x[0]), int(x[-1]))
    number = np.searchsorted(found.starts, x, side="right") - 1
    expected = circuit.spikes(x)
    assert np.array_equal(found.spikes[number], expected)
    assert np.array_equal(found.values[number], circuit.decode(expected))
    # no more of them than the spikes change
    assert len(found.starts) == 1 + np.count_nonzero((expected[1:] != expected[:-1]).any(axis=1))


def test_a_long_chain_over_a_wide_interval():
    found = segments(relu(10, step=1000, bias=7), -(1 << 40), 1 << 40)
    assert found.starts.tolist() == [-(1 << 40), *(1000 * code - 7 for code in range(1, 1024))]
    assert found.values.tolist() == list(range(1024))


def test_too_many():
    levels = tuple(range(1, 21))
    zeros = ((0,) * 20,) * 20
    lateral = tuple(tuple(1 << (19 - j) if j < i else 0 for j in range(20)) for i in range(20))
    thresholds = tuple(1 << (19 - i) for i in range(20))
    few = ThresholdCircuit((1,) * 20, (1,) * 20, levels, thresholds=thresholds, lateral=zeros)
    assert len(segments(few, 0, 1 << 20).starts) == 21
    many = ThresholdCircuit((1,) * 20, (1,) * 20, levels, thresholds=thresholds, lateral=lateral)
    with pytest.raises(CircuitError, match=r"^segments of a circuit: expected at most 65536, got more$"):
        segments(many, 0, 1 << 20)
