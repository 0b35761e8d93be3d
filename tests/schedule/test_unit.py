"""Unit specs: lookups are the circuit, no larger than what can happen; folding; which form is chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import Architecture, quantizer, relu
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Input, Network, Unit
from amos_hdl.schedule import FoldedUnitSpec, HardwareOptions, Schedule, UnitSpec
from amos_hdl.schedule.estimate import unit_estimate
from amos_hdl.schedule.lookup import Choice, evaluate, leaves, lookup
from amos_hdl.schedule.pieces import pieces
from tests.circuit.strategies import circuits
from tests.units import CIRCUITS, FOLDABLE, units_network


def spec_of(circuit, low, high, kind=UnitSpec):
    return kind(circuit, low, high, *circuit.value_interval(low, high))


@given(circuits, st.integers(-40, 20), st.integers(0, 60))
def test_lookups_are_the_circuit(circuit, low, width):
    spec = spec_of(circuit, low, low + width)
    x = np.arange(low, low + width + 1)
    spikes = circuit.spikes(x)
    for gate in range(circuit.gates):
        patterns, least, greatest, wanted = spec.thresholds(gate)
        assert (least <= wanted).all() and (wanted <= greatest).all()
        t = evaluate(lookup(patterns, least, greatest, wanted), spikes)
        assert t.min() >= low - 1 and t.max() <= low + width + 1
        assert ((x <= t if spec.fires_below(gate) else x >= t) == spikes[:, gate]).all()
    if spec.decoder is not None:
        assert (evaluate(spec.decoder, spikes) == circuit.decode(spikes)).all()


@given(circuits, st.integers(-40, 20), st.integers(0, 60))
def test_what_is_certain_of_a_gate_is_what_happens(circuit, low, width):
    spec = spec_of(circuit, low, low + width)
    spikes = circuit.spikes(np.arange(low, low + width + 1))
    for gate in range(circuit.gates):
        certain = spec.certain(gate)
        if isinstance(spec.lookups[gate], int):
            assert certain == (None if len(set(spikes[:, gate])) == 2 else spikes[0, gate])
        else:
            assert certain is None or (spikes[:, gate] == certain).all()


def test_gates_that_never_spike_cost_nothing():
    full, two = [3, 9, 17, 26, 33, 41, 52], [3, 9, 17]
    alone = unit_estimate(spec_of(quantizer(two), 0, 63))
    padded = spec_of(quantizer(two + [64] * 4), 0, 63)
    assert [padded.certain(gate) for gate in range(3)] == [False, None, None]
    size = unit_estimate(padded)
    assert size.luts == alone.luts < unit_estimate(spec_of(quantizer(full), 0, 63)).luts
    # the potential waits a clock cycle longer, for the levels are those of the layer
    assert size.flip_flops == alone.flip_flops + 6


@given(circuits, st.integers(-40, 20), st.integers(0, 60))
def test_pieces_by_steps_are_those_by_trial(circuit, low, width):
    tried = pieces(circuit, low, low + width)
    by_steps = pieces(circuit.to_table(), -(1 << 40), 1 << 40)  # too many to try
    x = np.arange(low, low + width + 1)
    number = np.searchsorted(by_steps.first, x, side="right") - 1
    assert (by_steps.spikes[number] == circuit.spikes(x)).all()
    assert (by_steps.first[1:] == by_steps.last[:-1] + 1).all()
    assert (tried.first[1:] == tried.last[:-1] + 1).all()
    assert (tried.first[0], tried.last[-1]) == (low, low + width)
    assert (tried.spikes[1:] != tried.spikes[:-1]).any(axis=1).all()


@pytest.mark.parametrize("bits_per_level", [2, 3])
def test_staged_tables_have_a_leaf_per_number_not_per_pattern(bits_per_level):
    """Of 2**14 entries that a gate of the third level of staged(3) may have, 64 can be looked up."""
    random = np.random.default_rng(0)
    staged = Architecture("staged", bits_per_level)
    bits = 3 * bits_per_level
    circuit = quantizer(np.sort(random.choice(4000, (1 << bits) - 1, replace=False)).tolist(), staged)
    spec = spec_of(circuit, 0, 4095)
    for gate, tree in enumerate(spec.lookups):
        earlier = circuit.earlier(gate)
        level = circuit.level_of(gate)
        assert len(list(leaves(tree))) <= 1 << bits_per_level * (level - 1)
        if level == 3:
            assert len(circuit.tables[gate]) == 1 << earlier == 1 << 2 * ((1 << bits_per_level) - 1)


@pytest.mark.parametrize("name", list(FOLDABLE))
def test_the_rom_of_a_folded_unit(name):
    circuit = FOLDABLE[name]
    spec = spec_of(circuit, -128, 127, FoldedUnitSpec)
    if name == "serial linear long":
        assert spec.rom is None and spec.approximation is not None  # one adder instead of 511 thresholds
        return
    x = np.arange(-128, 128)
    spikes = circuit.spikes(x)
    node = np.ones(len(x), np.int64)
    node = 2 * node + spikes[:, 0]
    for gate in range(1, circuit.gates):
        bits = (node[:, None] >> np.arange(circuit.gates - 1, -1, -1) & 1).astype(bool)
        fires = (x >= evaluate(spec.rom, bits)) ^ spec.fires_below(gate)
        assert (fires == spikes[:, gate]).all()
        node = 2 * node + fires


def test_folding_changes_the_interval_and_nothing_else():
    network = units_network({name: CIRCUITS[name] for name in ("serial table", "flash table", "serial linear")})
    flat, folded = (
        Schedule(network, HardwareOptions(folded=names)) for names in ((), ("serial_table", "serial_linear"))
    )
    assert (flat.interval_cycles, folded.interval_cycles) == (1, 4)
    assert flat.latency_cycles == folded.latency_cycles and flat.ready == folded.ready
    for name in network.outputs:
        assert (flat.spike_cycles(name) == folded.spike_cycles(name)).all()
    assert [spec.interval_cycles for spec in folded.specs.values()] == [4, 1, 4]


@pytest.mark.parametrize(
    ("folded", "message"),
    [
        (("nothing",), r"^units: folded layer: expected a unit layer: serial, flash, got 'nothing'$"),
        (("x",), r"^units: folded layer: expected a unit layer: serial, flash, got 'x'$"),
        (("flash",), r"^flash: folded layer: expected units with one gate per level, got 3 gates in 1 levels$"),
        (("serial", "serial"), r"^folded: expected each layer once, got \('serial', 'serial'\)$"),
    ],
)
def test_layers_that_cannot_be_folded(folded, message):
    network = units_network({"serial": relu(2), "flash": CIRCUITS["flash linear"]})
    flash = Unit("flash", "x", (relu(2, architecture=Architecture("flash")),), np.zeros(1, int))
    network = Network("units", (Input("x", 1, 0, 9), network["serial"], flash), ("serial", "flash"))
    with pytest.raises(ScheduleError, match=message):
        Schedule(network, HardwareOptions(folded=folded))


def test_lookup_shares_leaves_where_intervals_meet():
    keys = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], bool)
    low, high = np.array([0, 3, 9, 9]), np.array([5, 5, 9, 9])
    assert lookup(keys, low, high, low) == Choice(0, 3, 9)
    assert lookup(keys[:3], low[:3], np.array([9, 9, 9]), low[:3]) == 9


def test_thresholds_that_are_no_sums_have_no_lateral_weights():
    spec = spec_of(quantizer([0, 1, 5, 6, 20, 21, 40]), -64, 63)
    assert spec.linear is None and None not in spec.lookups
    with pytest.raises(ScheduleError, match=r"thresholds of a unit: expected looked up, .* got neither$"):
        _ = spec.weighed
    spec = spec_of(relu(3, step=8), -64, 63)
    assert spec.weighed is spec.linear
