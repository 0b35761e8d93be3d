"""Gates that err: nothing changes at level 0, each kind does what its equation says, later gates see it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import CircuitBank, Disturbance, DisturbedGates, ThresholdCircuit, relu
from amos_hdl.errors import CircuitError
from tests.circuit.strategies import circuits

UNITS = 2000


def disturbed(circuit: ThresholdCircuit, x: int, seed: int = 0, **levels: float) -> np.ndarray:
    """Spikes ``(unit, gate)`` of many units of ``circuit`` at potential ``x``; the spread is 10."""
    options = {key: levels.pop(key) for key in ("only", "one_comparator") if key in levels}
    random = np.random.default_rng(seed)
    gates = DisturbedGates(
        Disturbance(**levels), units=UNITS, gates=circuit.gates, spread=10.0, random=random, **options
    )
    bank = CircuitBank((circuit,), np.zeros(UNITS, np.int64))
    return bank.spikes(np.full((1, UNITS), x), gates)[0]


@given(circuit=circuits, seed=st.integers(0, 99))
def test_all_levels_zero_is_the_exact_circuit(circuit: ThresholdCircuit, seed: int) -> None:
    x = np.arange(-30, 30)[:, None]
    gates = DisturbedGates(Disturbance(), units=1, gates=circuit.gates, spread=10.0, random=np.random.default_rng(seed))
    bank = CircuitBank((circuit,), np.zeros(1, np.int64))
    assert np.array_equal(bank.spikes(x, gates), bank.spikes(x))


def test_dropped_and_inserted_spikes_have_their_probability() -> None:
    gate = relu(1, step=5)
    assert disturbed(gate, 5, drop=0.2).mean() == pytest.approx(0.8, abs=0.03)
    assert disturbed(gate, 4, insert=0.2).mean() == pytest.approx(0.2, abs=0.03)
    assert disturbed(gate, 5, insert=1.0).all() and not disturbed(gate, 4, drop=1.0).any()


@pytest.mark.parametrize("kind", ["potential", "threshold"])
@pytest.mark.parametrize("gain", [1, -3, 7])
def test_noise_is_gaussian_and_referred_to_the_input(kind: str, gain: int) -> None:
    # a gate at t = 0 and x = -4 spikes when the noise, of standard deviation 0.5·10, is beyond 4
    gate = ThresholdCircuit((gain,), (1,), (1,), tables=((0,),))
    expected = 0.5 * math.erfc(4 / 5 / math.sqrt(2))
    share = disturbed(gate, -4 if gain > 0 else 4, **{kind: 0.5}).mean()
    assert share == pytest.approx(expected, abs=0.03)


def test_thresholds_are_a_device_s_own_and_potentials_are_not() -> None:
    circuit, x = relu(3, step=4), np.full((50, 1), 16)
    bank = CircuitBank((circuit,), np.zeros(1, np.int64))

    def rows(disturbance: Disturbance) -> int:
        random = np.random.default_rng(2)
        gates = DisturbedGates(disturbance, units=1, gates=3, spread=10.0, random=random)
        return len(np.unique(bank.spikes(x, gates), axis=0))

    assert rows(Disturbance(threshold=1.0)) == 1
    assert rows(Disturbance(potential=1.0)) > 1


def test_later_gates_see_the_disturbed_spikes() -> None:
    circuit = relu(3)
    # 5 = 101; without the first spike the others do what they can: 011
    assert np.array_equal(np.unique(disturbed(circuit, 5, drop=1.0, only=0), axis=0), [[False, True, True]])
    assert np.array_equal(np.unique(disturbed(circuit, 5, drop=1.0, only=2), axis=0), [[True, False, False]])
    # a surplus first spike silences them
    assert np.array_equal(np.unique(disturbed(circuit, 3, insert=1.0, only=0), axis=0), [[True, False, False]])


def test_the_gates_of_a_folded_unit_share_their_comparator_s_error() -> None:
    circuit = relu(3, step=4)
    values = circuit.decode(disturbed(circuit, 16, threshold=1.0, one_comparator=True))
    # the staircase is moved as a whole: each unit gives the value of some potential, and all are met
    assert set(values.tolist()) == set(range(8))
    shifts = np.random.default_rng(0).standard_normal((UNITS, 1))[:, 0] * 10
    assert np.array_equal(values, np.floor((16 - shifts) / 4).clip(0, 7))


def test_the_same_seed_gives_the_same_spikes() -> None:
    levels = {"potential": 0.3, "threshold": 0.2, "drop": 0.1, "insert": 0.1}
    assert np.array_equal(disturbed(relu(3), 4, 1, **levels), disturbed(relu(3), 4, 1, **levels))
    assert not np.array_equal(disturbed(relu(3), 4, 1, **levels), disturbed(relu(3), 4, 2, **levels))


@pytest.mark.parametrize(
    ("name", "level", "message"),
    [
        ("potential", -0.1, r"^noise level potential: expected finite and >= 0, got -0\.1$"),
        ("threshold", math.nan, r"^noise level threshold: expected finite and >= 0, got nan$"),
        ("potential", math.inf, r"^noise level potential: expected finite and >= 0, got inf$"),
        ("drop", 1.5, r"^noise level drop: expected 0 to 1, got 1\.5$"),
        ("insert", -1.0, r"^noise level insert: expected 0 to 1, got -1\.0$"),
        ("drop", math.nan, r"^noise level drop: expected 0 to 1, got nan$"),
    ],
)
def test_impossible_levels_are_refused(name: str, level: float, message: str) -> None:
    with pytest.raises(CircuitError, match=message):
        Disturbance(**{name: level})
