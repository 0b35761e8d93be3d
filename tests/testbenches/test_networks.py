"""Small networks of every kind through the same testbench."""

import numpy as np
import pytest

from amos_hdl.circuit import ThresholdCircuit, relu
from amos_hdl.emit.generate import generate
from amos_hdl.network import Argmax, Dense, Input, Network, Unit, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.regression_list import Entry
from tests.conftest import gate_network, small_network
from tests.testbenches.simulation import NETWORK, messages, simulate


def check(network, options, folder, *entries):
    store.save(network, folder / "n")
    generate(Schedule(network, options), folder / "rtl")
    result = simulate(folder / "n", folder / "rtl", folder / "work", *entries)
    assert result.passed, messages(result)
    return result


@pytest.mark.parametrize("adders_per_stage", [1, 3])
def test_two_outputs_meet(tmp_path, adders_per_stage):
    result = check(small_network(), HardwareOptions(adders_per_stage=adders_per_stage), tmp_path, NETWORK)
    figures = result.results[0].simulation.figures
    assert figures["back_to_back.results"] == 2 * 300


def test_long_chains_add_lateral_weights_and_signed_inputs_work(tmp_path):
    """Ten gates are too many for tables; negative gains and offset, two gates on a level, one unit, no argmax."""
    random = np.random.default_rng(5)
    odd = ThresholdCircuit(
        gains=(2, -3, 1, -1),
        outputs=(5, -7, 0, 3),
        levels=(1, 1, 2, 3),
        offset=-4,
        thresholds=(3, -2, 1, -9),
        lateral=((0, 0, 0, 0), (0, 0, 0, 0), (4, -6, 0, 0), (1, 2, -3, 0)),
    )
    network = Network(
        "chains",
        (
            Input("x", 3, -5, 6),
            Dense("a", "x", np.array([[3, -2, 7], [0, 0, -1]]), 4, np.array([-3, 1000])),
            Unit("odd", "a", (odd, odd.shift_input(1000)), np.array([0, 1])),
            Dense("b", "odd", np.array([[5, -4]]), 4),
            Unit("long", "b", (relu(10, bias=40),), np.zeros(1, int)),
            Dense("c", "long", random.integers(-8, 8, (1, 1)), 4),
        ),
        ("c",),
    )
    check(network, HardwareOptions(), tmp_path, NETWORK)


def test_gates_that_are_tables(tmp_path):
    """Every spike of the network at its cycle, and the layers alone with whatever their sums might see."""
    layers = [
        Entry(name=name, toplevel=f"layer:{name}", test_module="test_layer", samples=500) for name in ("hidden", "last")
    ]
    options = HardwareOptions(lut_inputs=6, adders_per_stage=2)
    result = check(gate_network(), options, tmp_path, NETWORK, *layers)
    figures = [entry.simulation.figures for entry in result.results]
    assert figures[0]["back_to_back.spikes"] > 1000
    assert figures[1]["every_potential.images"] == 32 << 6


def test_the_least_network(tmp_path):
    network = Network("least", (Input("x", 2, 0, 1), Argmax("w", "x")), ("w",))
    check(network, HardwareOptions(), tmp_path, NETWORK)


def test_inputs_without_weights(tmp_path):
    """A pruned input is not looked at; a layer of zeros still has its biases."""
    network = Network(
        "pruned",
        (
            Input("x", 3, 0, 9),
            Dense("a", "x", np.array([[0, 1, 0], [0, 2, 0]]), 4),
            Dense("b", "a", np.zeros((3, 2), int), 1, np.array([4, -9, 0])),
            Argmax("w", "b"),
        ),
        ("w", "a"),
    )
    check(network, HardwareOptions(), tmp_path, NETWORK)


def test_verilog_of_another_network_is_refused(tmp_path, small_folder):
    from amos_hdl.errors import EmitError

    store.save(small_network(7), tmp_path / "other")
    with pytest.raises(EmitError, match="Verilog of another network"):
        simulate(tmp_path / "other", small_folder / "rtl_out" / "small", tmp_path, NETWORK)


def test_an_unknown_toplevel_is_refused(tmp_path, small_folder):
    entry = Entry(name="x", toplevel="layer:nothing", test_module="test_layer", samples=1)
    result = simulate(small_folder / "models" / "small", small_folder / "rtl_out" / "small", tmp_path, entry)
    assert not result.passed
    assert "expected network, layer:NAME of encoder, sums" in messages(result)[0]
