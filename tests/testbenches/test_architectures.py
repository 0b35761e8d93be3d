"""Every architecture and form through the testbench: all potentials of a width, at full rate, every spike."""

import numpy as np
import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.network import store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.regression_list import Entry
from tests.testbenches.simulation import NETWORK, messages, simulate
from tests.units import CIRCUITS, FOLDABLE, units_network

EVERY = np.arange(-128, 128)[:, None]


def check(network, options, folder, *entries):
    store.save(network, folder / "n")
    schedule = Schedule(network, options)
    generate(schedule, folder / "rtl")
    result = simulate(folder / "n", folder / "rtl", folder / "work", *entries, images=EVERY)
    assert result.passed, messages(result)
    return schedule, result


def test_all_side_by_side(tmp_path):
    network = units_network(CIRCUITS)
    schedule, result = check(network, HardwareOptions(), tmp_path, NETWORK)
    figures = result.results[0].simulation.figures
    assert schedule.interval_cycles == 1
    assert figures["back_to_back.images"] == 256
    assert figures["back_to_back.spikes"] == sum(int(c.spikes(EVERY).sum()) for c in CIRCUITS.values())


def test_all_folded(tmp_path):
    """Nine gates give an interval of nine for the network; each layer alone has its own."""
    network = units_network(FOLDABLE)
    names = tuple(unit.name for unit in network.unit_layers)
    layer = Entry(name="l", toplevel="layer:serial_table", test_module="test_layer", samples=500)
    schedule, result = check(network, HardwareOptions(folded=names), tmp_path, NETWORK, layer)
    assert schedule.interval_cycles == 9
    figures = result.results[0].simulation.figures
    assert figures["back_to_back.images"] == 256
    assert figures["back_to_back.cycles"] > 9 * 256
    assert figures["back_to_back.spikes"] == sum(int(c.spikes(EVERY).sum()) for c in FOLDABLE.values())


@pytest.mark.parametrize("folded", [False, True])
def test_a_unit_alone(tmp_path, folded):
    """A folded unit works at its own interval, whatever the others need."""
    name = "serial mixed gains table"
    network = units_network({name: CIRCUITS[name]})
    options = HardwareOptions(folded=tuple(network.outputs) if folded else ())
    unit = Entry(name="u", toplevel="unit:0", test_module="test_unit", samples=1)
    schedule, result = check(network, options, tmp_path, unit)
    assert schedule.interval_cycles == (4 if folded else 1)
    figures = result.results[0].simulation.figures
    assert figures["every_potential.images"] == figures["every_potential.results"] == 512
    assert 0 < figures["gaps_and_resets.results"] < figures["gaps_and_resets.images"]
