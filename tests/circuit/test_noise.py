"""Noise on one unit: nothing at level 0, the expected error where it is known, the same devices for all."""

import numpy as np
import pytest

from amos_hdl.circuit import FLASH, ThresholdCircuit, relu
from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.fitting import fit
from amos_hdl.circuit.noise import UnitSubject, in_every_architecture, study
from amos_hdl.errors import CircuitError


def subject(bits: int = 4, value_step: float = 0.5) -> UnitSubject:
    layers = in_every_architecture([(relu(bits, step=4),)])
    circuits = {name: found[0][0] for name, found in layers.items()}
    return UnitSubject("relu", circuits, 0, 63, value_step)


def test_a_relu_is_compared_in_all_architectures() -> None:
    assert list(subject().architectures()) == ["serial", "folded", "staged(2)", "flash"]
    assert list(subject(3).architectures()) == ["serial", "folded", "flash"]
    assert list(subject(1).architectures()) == ["serial", "folded"]


def test_what_only_flash_has_is_measured_as_it_is() -> None:
    dip = fit(find_activation("swish"), 3, FLASH, low=-4, high=2, potential_bits=8).circuit
    assert list(in_every_architecture([(dip,)])) == ["flash"]
    chain = ThresholdCircuit((1, 1), (-1, 3), (1, 2), tables=((0,), (5, 4)))
    found = in_every_architecture([(chain,)])
    assert list(found) == ["serial", "folded", "flash"] and found["serial"] == ((chain,),)
    mixed = ThresholdCircuit((1, 1, 1), (-1, 3, 2), (1, 1, 2), tables=((0,), (2,), (5, 4, 3, 3)))
    assert list(in_every_architecture([(mixed,)])) == ["as stored", "flash"]


def test_dropped_spikes_cost_what_they_stand_for() -> None:
    """Dropping all spikes of one flash gate lowers y by one step wherever that gate spikes."""
    result = study(subject(), levels={"drop": (0, 1.0)}, gate_level=1.0, devices=3)
    errors = {(p.architecture, p.level, p.gate): p.mean for p in result.points if not (p.gate and p.level == 0)}
    assert errors["flash", 0, ""] == 0 and result.exact == 0
    # gate n of 15 spikes from potential 4n on, at 64 - 4n of 64 potentials; a step is 0.5
    for gate in (1, 8, 15):
        assert errors["flash", 1.0, str(gate)] == pytest.approx((64 - 4 * gate) / 64 * 0.25)
    # without any spike y is 0
    y = relu(4, step=4).value(np.arange(64)) * 0.5
    for architecture in result.architectures:
        assert errors[architecture, 1.0, ""] == pytest.approx((y**2).mean())
    # a chain without its first spike makes the most of the others: y becomes 7 where it was 8 or more
    lost = np.maximum(y - 3.5, 0)
    assert errors["serial", 1.0, "1"] == pytest.approx((lost**2).mean())


def test_seed_and_devices_decide_everything() -> None:
    first, again, other = (study(subject(), levels={"potential": (0.1,)}, seed=seed) for seed in (3, 3, 4))
    assert first == again != other
    folded, serial = ([p.mean for p in first.points if p.architecture == name] for name in ("folded", "serial"))
    assert folded == serial


def test_errors_grow_with_the_level_and_flash_bears_most() -> None:
    result = study(subject(), levels={kind: (0.02, 0.1, 0.5) for kind in ("potential", "threshold", "drop", "insert")})
    for kind in ("potential", "threshold", "drop", "insert"):
        rows = {
            name: [p.mean for p in result.points if (p.architecture, p.kind, p.gate) == (name, kind, "")]
            for name in result.architectures
        }
        for values in rows.values():
            assert values == sorted(values) and values[0] > 0
        assert rows["flash"][1] < rows["serial"][1]


@pytest.mark.parametrize("devices", [0, 10_001])
def test_devices_out_of_range_are_refused(devices: int) -> None:
    with pytest.raises(CircuitError, match=rf"^devices: expected 1 to 10000, got {devices}$"):
        study(subject(), devices=devices)


def test_impossible_levels_are_refused_before_anything_is_measured() -> None:
    def never(done: int, total: int) -> None:
        raise AssertionError

    with pytest.raises(CircuitError, match=r"^noise level drop: expected 0 to 1, got 2$"):
        study(subject(), levels={"potential": (0.1,), "drop": (0.1, 2)}, progress=never)
