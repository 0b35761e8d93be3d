"""Units whose gates are tables: which they are, that the tables are the golden model, and what is planned for them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.circuit import quantizer, relu
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Argmax, Dense, Input, Network, Unit, golden
from amos_hdl.schedule import (
    DenseSpec,
    GateLayerSpec,
    GateTable,
    HardwareOptions,
    Schedule,
    UnitLayerSpec,
    WireSpec,
    estimate,
)
from amos_hdl.schedule.folding import Planner
from tests.conftest import gate_network


def kinds(network, **options):
    return {name: type(spec) for name, spec in Schedule(network, HardwareOptions(**options)).specs.items()}


def test_sums_of_few_bits_are_not_made():
    schedule = Schedule(gate_network(), HardwareOptions())
    assert [type(spec) for spec in schedule.specs.values()] == [
        UnitLayerSpec,
        WireSpec,
        GateLayerSpec,
        WireSpec,
        GateLayerSpec,
        DenseSpec,
    ]
    # two clock cycles for the units of the encoder; all levels of a layer of tables are one
    assert [schedule.ready[name] for name in ("encoder", "first", "hidden", "second", "last")] == [2, 2, 3, 3, 4]
    assert schedule.spike_cycles("hidden").tolist() == [3, 3, 3]
    assert schedule.specs["first"].passes_through and schedule.specs["hidden"].latency_cycles == 1


def test_tables_are_the_golden_model():
    network = gate_network()
    specs = Schedule(network, HardwareOptions()).specs
    trace = golden.run(network, np.random.default_rng(0).integers(-3, 4, (500, 8)))
    for sums, units in (("first", "hidden"), ("second", "last")):
        spikes, y = specs[units].evaluate(trace.values[network[sums].source])
        assert (spikes == trace.spikes[units]).all() and (y == trace.values[units]).all()
        assert 0 < spikes.mean() < 1


@pytest.mark.parametrize(
    ("options", "hidden"),
    [
        ({}, GateLayerSpec),
        ({"table_bits": 6}, GateLayerSpec),
        ({"table_bits": 5}, UnitLayerSpec),
        ({"table_bits": 0}, UnitLayerSpec),
        ({"folded": ("hidden",)}, UnitLayerSpec),
        ({"folded": ("first=1x8",)}, UnitLayerSpec),
    ],
)
def test_the_choice_can_be_pinned(options, hidden):
    assert kinds(gate_network(), **options)["hidden"] is hidden


def network_of(weights, *more, outputs=("y",), low=0):
    weights = np.array(weights)
    operations = (
        Input("x", weights.shape[1], low, 1),
        Dense("s", "x", weights, 5),
        Unit("y", "s", (quantizer([1]),), np.zeros(len(weights), int)),
        *more,
    )
    return Network("n", operations, outputs)


def test_sums_that_others_see_are_made():
    row = [[1, 1, 1], [1, 0, 0]]
    assert kinds(network_of(row))["y"] is GateLayerSpec
    assert kinds(network_of(row, outputs=("y", "s")))["y"] is UnitLayerSpec
    assert kinds(network_of(row, Argmax("w", "s"), outputs=("y", "w")))["y"] is UnitLayerSpec
    both = network_of(row, Unit("z", "s", (relu(2),), np.zeros(2, int)), outputs=("y", "z"))
    assert [kinds(both)[name] for name in "yz"] == [GateLayerSpec, GateLayerSpec]


def test_one_row_of_too_many_bits_is_enough_to_add():
    assert kinds(network_of([[1, 0, 0, 0, 0, 0, 0], [1] * 7]))["y"] is UnitLayerSpec
    assert kinds(network_of([[1, 0, 0, 0, 0, 0, 0], [0, *[1] * 6]]))["y"] is GateLayerSpec
    # -1 to 1 are two bits each
    assert kinds(network_of([[1, 1, 1]], low=-1))["y"] is GateLayerSpec
    assert kinds(network_of([[1, 1, 1, 1]], low=-1))["y"] is UnitLayerSpec


def test_bits_without_effect_are_left_out():
    # 5 a - b >= 1 is a
    spec = Schedule(network_of([[5, 0, -1], [0, 0, 0]]), HardwareOptions()).specs["y"]
    assert spec.tables == ((GateTable(((0, 0),), 0b10),), (GateTable((), 0),))


@given(st.integers(1, 5), st.data())
def test_a_table_without_idle_bits_says_the_same(count, data):
    fires = np.array(data.draw(st.lists(st.booleans(), min_size=1 << count, max_size=1 << count)))
    table = GateTable.of([(word, 0) for word in range(count)], fires)
    patterns = np.arange(1 << count)
    entry = sum((patterns >> word & 1) << place for place, (word, _) in enumerate(table.bits))
    assert [table.entries >> int(n) & 1 for n in entry + 0 * patterns] == fires.tolist()
    for place in range(len(table.bits)):  # each bit that is left matters
        size = np.arange(1 << len(table.bits))
        assert any(table.entries >> int(n) & 1 != table.entries >> int(n ^ 1 << place) & 1 for n in size)


def test_estimates_count_what_is_left():
    size = {inputs: estimate(_hidden(lut_inputs=inputs)) for inputs in (4, 6)}
    assert size[6].luts < size[4].luts <= 4 * size[6].luts
    assert size[6].flip_flops == 6 * 3 + 1


@pytest.mark.parametrize(("threshold", "luts"), [(128, 0), (64, 1), (96, 1), (16, 1), (8, 2), (77, 3), (1, 3)])
def test_a_pixel_against_half_of_its_range_is_no_logic(threshold, luts):
    units = Unit("u", "x", (quantizer([threshold]),), np.zeros(1, int))
    network = Network("n", (Input("x", 1, 0, 255), units), ("u",))
    assert estimate(Schedule(network, HardwareOptions()).specs["u"]).luts == luts


def _hidden(**options):
    return Schedule(gate_network(), HardwareOptions(**options)).specs["hidden"]


def test_tables_are_not_folded_by_a_plan():
    network = gate_network()
    plan = Planner(network, HardwareOptions()).for_interval(64)
    assert not {"first", "hidden", "second", "last"} & set(plan.options.folds)
    assert plan.layers["first"].luts == 0
    assert plan.layers["hidden"] == estimate(Schedule(network, plan.options).specs["hidden"])


@pytest.mark.parametrize("value", [-1, 9, 1.5, True])
def test_table_bits_out_of_range(value):
    with pytest.raises(ScheduleError, match=f"^table_bits: expected 0 to 8, got {value!r}$"):
        HardwareOptions(table_bits=value)
