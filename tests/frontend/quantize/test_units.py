import numpy as np
import pytest

from amos_hdl.circuit.activations import ACTIVATIONS
from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats.functions import prelu
from amos_hdl.frontend.quantize.units import Code, make_units
from amos_hdl.network.operations import Unit

#: Functions with at most one turn.
FUNCTIONS = sorted(set(ACTIVATIONS) - {"silu"})


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("gates", [2, 5])
def test_units_give_the_nearest_code_at_every_potential(name: str, gates: int) -> None:
    """Three channels of odd scales, one of which falls, one that lies on one side of the turn alone."""
    function = ACTIVATIONS[name]
    scale, offset = np.array([0.0137, -0.0213, 0.01]), np.array([0.3, -0.1, 6.0])
    low, high = np.array([-500, -300, -100]), np.array([600, 400, 300])
    u = np.arange(-500, 601)[:, None] * np.ones(3, np.int64)
    inside = (u >= low) & (u <= high)
    values = function(scale * u + offset)
    code = Code.of(np.array([min(values[inside].min(), 0.0)]), np.array([values[inside].max()]), gates)
    circuits, assignment = make_units(function, scale, offset, low, high, code, "here")
    bank = Unit("u", "x", circuits, assignment).bank
    made = bank.values(bank.spikes(np.clip(u, low, high)))
    assert np.array_equal(made[inside], code(values)[inside])
    spread = int(code(values)[inside].max() - code(values)[inside].min())
    assert spread >= (1 << gates) - 2
    assert circuits[0].depth <= gates + 1


def test_a_rising_function_takes_no_more_gates_than_bits() -> None:
    code = Code.of(np.array([0.0]), np.array([6.0]), 4)
    circuits, _ = make_units(
        ACTIVATIONS["relu6"], np.ones(1) / 7, np.zeros(1), np.array([-99]), np.array([99]), code, "h"
    )
    assert circuits[0].gates == circuits[0].depth == 4


def test_a_dip_takes_few_gates_more() -> None:
    code = Code.of(np.array([-0.2785]), np.array([6.0]), 5)
    circuits, _ = make_units(
        ACTIVATIONS["swish"], np.ones(1) / 70, np.zeros(1), np.array([-999]), np.array([500]), code, "h"
    )
    assert circuits[0].gates == 1 + 5 + 1 and circuits[0].depth == 6


def test_functions_that_cannot_be_units() -> None:
    code = Code.of(np.array([-1.0]), np.array([1.0]), 4)
    low, high = np.array([-100]), np.array([100])
    fine = Code.of(np.array([-1.0]), np.array([1.0]), 7)
    expected = r"^here: steps of a function that turns more than once: expected at most 255, got \d+; take fewer gates"
    with pytest.raises(ImportedModelError, match=expected):
        make_units(np.sin, np.ones(1) / 90, np.zeros(1), 10 * low, 10 * high, fine, "here")
    with pytest.raises(ImportedModelError, match=r"^here: value of a function: expected finite, got nan at -"):
        make_units(np.sqrt, np.ones(1) / 9, np.zeros(1), low, high, code, "here")


def given(circuits, assignment, u: np.ndarray) -> np.ndarray:
    bank = Unit("u", "x", circuits, assignment).bank
    return bank.values(bank.spikes(u))


def test_a_function_that_turns_often_has_a_gate_for_each_step() -> None:
    """A sine over 3 waves, half a wave and none; the last channel falls."""
    code = Code.of(np.array([-1.0]), np.array([1.0]), 4)
    scale, offset = np.array([0.05, 0.01, -0.04]), np.array([0.2, 0.0, 1.0])
    low, high = np.array([-190, -99, -60]), np.array([190, 99, 61])
    circuits, assignment = make_units(np.sin, scale, offset, low, high, code, "here")
    u = np.clip(np.arange(-190, 191)[:, None], low, high)
    assert np.array_equal(given(circuits, assignment, u), code(np.sin(scale * u + offset)))
    assert circuits[0].depth == 1
    # three waves of 15 steps up and as many down
    assert 80 <= circuits[0].gates <= 96


@pytest.mark.parametrize("slopes", [[0.25, 0.1, 0.9, 0.0], [0.25, -0.5, -1.0, 2.0]], ids=["rising", "some turn"])
def test_a_function_for_each_channel(slopes: list[float]) -> None:
    function = prelu(np.array(slopes))
    scale, offset = np.array([0.02, 0.03, -0.05, 0.01]), np.array([0.0, 0.4, -0.1, 0.3])
    low, high = np.array([-200, -150, -100, -300]), np.array([150, 200, 100, 250])
    code = Code.of(np.array([-2.0]), np.array([5.0]), 5)
    circuits, assignment = make_units(function, scale, offset, low, high, code, "here")
    u = np.clip(np.arange(-300, 251)[:, None], low, high)
    x = scale * u + offset
    wanted = code(np.where(x >= 0, x, np.array(slopes) * x))
    assert np.array_equal(given(circuits, assignment, u), wanted)
    assert len(set(assignment.tolist())) == 4


def test_zero_is_a_code() -> None:
    for low, high in ((-0.3, 5.0), (-5.0, 0.1), (-1.0, 1.0), (0.0, 3.0)):
        code = Code.of(np.array([low]), np.array([high]), 3)
        assert code.low[0] <= 0 <= code.high[0] and code.high[0] - code.low[0] == 7
        assert code(np.zeros((1, 1)))[0, 0] == 0


def test_channels_of_different_codes_need_no_more_gates_than_each_alone() -> None:
    """Codes -20 to 235, -200 to 55 and 0 to 255 are 456 together; each channel has 8 gates, and its own least code."""
    code = Code(np.array([0.1, 0.2, 0.3]), np.array([-20, -200, 0]), np.array([235, 55, 255]))
    low, high = np.full(3, -5000), np.full(3, 5000)
    circuits, assignment = make_units(lambda x: x, np.full(3, 0.013), np.zeros(3), low, high, code, "node")
    assert {circuit.gates for circuit in circuits} == {8}
    u = np.arange(-5000, 5001)
    for channel in range(3):
        wanted = code(np.repeat((0.013 * u)[:, None], 3, axis=1))[:, channel]
        assert np.array_equal(circuits[assignment[channel]].value(u), wanted)
    falling, assignment = make_units(lambda x: -x, np.full(3, 0.013), np.zeros(3), low, high, code, "node")
    assert {circuit.gates for circuit in falling} == {8}
    for channel in range(3):
        wanted = code(np.repeat((-0.013 * u)[:, None], 3, axis=1))[:, channel]
        assert np.array_equal(falling[assignment[channel]].value(u), wanted)
