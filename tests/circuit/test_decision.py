import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import decision, gates_of_decision
from amos_hdl.errors import CircuitError


@given(st.integers(0, 6).flatmap(lambda bits: st.lists(st.integers(0, 1), min_size=1 << bits, max_size=1 << bits)))
def test_the_last_spike_is_the_answer(answers):
    circuit = decision(answers)
    x = np.arange(len(answers))
    assert circuit.value(x).tolist() == circuit.spikes(x)[:, -1].astype(int).tolist() == answers
    assert circuit.gates == gates_of_decision(answers) and circuit.levels == tuple(range(1, circuit.gates + 1))
    # gates more than needed change nothing
    assert decision(answers, 7).value(x).tolist() == answers


@pytest.mark.parametrize(
    ("answers", "gates"),
    [([0], 1), ([1], 1), ([0, 1, 1], 1), ([1, 0], 2), ([0, 1, 0, 1], 2), ([1, 0, 1, 0], 3), ([1, 0] * 4, 4)],
)
def test_falls_cost_gates(answers, gates):
    assert gates_of_decision(answers) == gates
    if gates > 1:
        with pytest.raises(
            CircuitError, match=f"gates of a decision that falls .*expected {gates} to 16, got {gates - 1}"
        ):
            decision(answers, gates - 1)


@pytest.mark.parametrize(("answers", "got"), [([], "none"), ([0, 2, 1], "2")])
def test_answers_are_0_or_1(answers, got):
    with pytest.raises(
        CircuitError, match=re.escape(f"answers of a decision: expected 0 or 1, at least one, got {got}")
    ):
        decision(answers)
