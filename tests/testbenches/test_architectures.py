"""Every architecture and form through the testbench: all potentials of a width, at full rate, every spike."""

import numpy as np
import pytest

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.emit.generate import generate
from amos_hdl.network import Input, Network, Unit, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.regression_list import Entry
from tests.conftest import small_network
from tests.testbenches.simulation import NETWORK, messages, simulate
from tests.units import CIRCUITS, FOLDABLE, units_network

EVERY = np.arange(-128, 128)[:, None]


def check(network, options, folder, *entries, images=EVERY):
    store.save(network, folder / "n")
    schedule = Schedule(network, options)
    generate(schedule, folder / "rtl")
    result = simulate(folder / "n", folder / "rtl", folder / "work", *entries, images=images)
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


@pytest.mark.parametrize("folded", [False, True])
def test_more_gates_and_potentials_than_tables_are_made_of(tmp_path, folded):
    """Lateral weights of any kind and gains of both signs, added up."""
    random = np.random.default_rng(4)
    gates, bound = 18, 1 << 18
    circuit = ThresholdCircuit(
        tuple(random.choice([-3, -1, 1, 1, 5], gates).tolist()),
        tuple(random.integers(-9, 10, gates).tolist()),
        tuple(range(1, gates + 1)),
        3,
        tuple(random.integers(-bound, bound, gates).tolist()),
        tuple(map(tuple, np.tril(random.integers(-90_000, 90_000, (gates, gates)), -1).tolist())),
    )
    network = Network("long", (Input("x", 1, -bound, bound - 1), Unit("u", "x", (circuit,), np.zeros(1, int))), ("u",))
    schedule = Schedule(network, HardwareOptions(folded=("u",) if folded else ()))
    assert schedule.specs["u"].distinct[0].pieces is None
    store.save(network, tmp_path / "n")
    generate(schedule, tmp_path / "rtl")
    images = random.integers(-bound, bound, (200, 1))
    result = simulate(tmp_path / "n", tmp_path / "rtl", tmp_path / "work", NETWORK, images=images)
    assert result.passed, messages(result)


def test_folded_sums(tmp_path):
    """Sums of both layers share lanes, one of them with biases; each layer alone and the network, with resets."""
    network = small_network()
    options = HardwareOptions(folded=("sums=2x3", "logits=1x2", "hidden=2"))
    layer = Entry(name="l", toplevel="layer:logits", test_module="test_layer", samples=300)
    schedule, result = check(
        network, options, tmp_path, NETWORK, layer, images=np.random.default_rng(0).integers(0, 17, (200, 9))
    )
    assert schedule.interval_cycles == 15
    assert result.results[0].simulation.figures["back_to_back.images"] == 200
