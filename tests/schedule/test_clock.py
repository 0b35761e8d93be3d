"""A target clock: what stages hold, which delays are added up, and what cannot be met."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from amos_hdl.circuit import FLASH, quantizer, relu
from amos_hdl.commands.options import FABRIC_NAMES
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Argmax, Dense, Input, Network, Unit, golden
from amos_hdl.schedule import FoldedSumSpec, HardwareOptions, Schedule, UnitLayerSpec, clock, delays, slowest
from amos_hdl.schedule.adders import adder_graph
from amos_hdl.schedule.clock import Clock
from amos_hdl.schedule.delays import FABRICS, Delay, Fabric, fabric_of
from amos_hdl.schedule.slowest import path_ps
from amos_hdl.schedule.sum_registers import held_values
from amos_hdl.synthesize.targets import TARGETS
from tests.conftest import small_network

#: Delays that can be added in the head: an adder takes 100 ps per bit, a gate 1 ns, and 500 more per spike it sees.
ROUND = Fabric(
    "round",
    sums_ps=1000,
    adder=Delay(0, bit=100),
    spread=0.5,
    carries_ps=500,
    carry=Delay(1000),
    carries_spread=0.0,
    units_ps=2000,
    gate=Delay(1000),
    spike_ps=500,
    argmax_ps=1000,
    compare=Delay(0, bit=500),
    choose_ps=1000,
)


@pytest.fixture(autouse=True)
def round_fabric(monkeypatch):
    known = MappingProxyType({**FABRICS, "round": ROUND})
    for module in (clock, delays):
        monkeypatch.setattr(module, "FABRICS", known)
    monkeypatch.setattr("amos_hdl.schedule.options.FABRICS", known)
    for module in (clock, slowest):  # stages may be filled to the brim, so that sums can be checked in the head
        monkeypatch.setattr(module, "FILLED_PERCENT", 100)


def test_delays_grow_with_the_bits():
    assert [Delay(1000, tree=500, bit=10).ps(bits) for bits in (1, 2, 4, 8)] == [1010, 1520, 2040, 2580]
    assert Delay(-4000, tree=1000).ps(4) == 300  # a table at least


def test_wires_are_longer_in_large_layers():
    """Half as long again at 1,400 LUTs, twice as long at 2,800; up to 700 as they are."""
    from amos_hdl.schedule.adders import ZERO, Adder, AdderGraph

    adder = Adder((ZERO,) * 10, (), ZERO, 1, 10)
    for count, delay in ((1, 1000), (35, 1000), (70, 1500), (140, 2000)):
        graph = AdderGraph((1,), (adder,) * count, (), (), 1)
        assert Clock("round", 100).adder_delays(graph) == (delay,) * count
        assert Clock("round", 100, carry=True).adder_delays(graph) == (1000,) * count


def test_levels_of_a_unit_fill_their_stages():
    """Gates of 1, 1.5, 2 and 2.5 ns beside 2 ns for a stage."""
    chain = relu(4)
    assert Clock("round", 1).level_delays(chain, 12) == (1000, 1500, 2000, 2500)
    stages = {period: Clock("round", 1_000_000 // period).unit_stages(chain, 12) for period in (9000, 6500, 4500, 4000)}
    assert stages == {9000: (1, 1, 1, 1), 6500: (1, 1, 1, 2), 4500: (1, 1, 2, 3), 4000: (1, 2, 3, 4)}
    assert Clock("round", 500).unit_stages(quantizer(list(range(7)), FLASH), 12) == (1,)


def test_stages_of_several_parts_are_filled_less(monkeypatch):
    """To 4 of 5 ns; a gate that takes longer stands alone, and counts as it is."""
    for module in (clock, slowest):
        monkeypatch.setattr(module, "FILLED_PERCENT", 125)
    assert Clock("round", 200).filled_ps == 4000
    units = Unit("u", "x", (relu(3),), np.zeros(2, int))
    network = Network("n", (Input("x", 2, 0, 200), units), ("u",))
    for mhz, stages, period in ((200, (1, 2, 3), 4000), (140, (1, 1, 2), 4500 * 125 // 100)):
        schedule = Schedule(network, HardwareOptions(clock_mhz=mhz, fabric="round"))
        assert schedule.specs["u"].distinct[0].stages == stages
        assert path_ps(schedule.specs["u"], Clock("round", mhz)) == period <= 1_000_000 // mhz
    assert path_ps(Schedule(network, HardwareOptions()).specs["u"], Clock("round", 140)) == 4000


def test_steps_of_an_argmax():
    """Comparisons of 3 ns, choices of 1 ns, beside 1 ns: C, CX, CXC, CXCX."""
    most = {period: Clock("round", 1_000_000 // period).argmax_steps(2, 6) for period in (4000, 5000, 8000, 9000)}
    assert most == {4000: 1, 5000: 2, 8000: 2, 9000: 4}  # three in one stage and the fourth in another save nothing
    assert Clock("round", 2000).argmax_steps(2, 6) == 1


def test_every_layer_is_as_long_as_it_is_reckoned_to_be():
    schedule = Schedule(small_network(), HardwareOptions(clock_mhz=100, fabric="round"))
    used = Clock("round", 100)
    sums, hidden = schedule.specs["sums"], schedule.specs["hidden"]
    path = max(_paths(sums, used))
    assert path_ps(sums, used) == 1000 + path <= 10_000
    assert hidden.latency_cycles == 1 and path_ps(hidden, used) == 2000 + 1000 + 1500 + 2000
    periods = {name: path_ps(spec, used) for name, spec in schedule.specs.items()}
    assert schedule.slowest().period_ps == max(periods.values()) <= 10_000


def _paths(sums, used):
    """Yield the delay of each adder's longest path within its stage, from the registers that the Verilog has."""
    made = {value.name: value.made for value in held_values(sums)}
    ends = {}
    for number, adder in enumerate(sums.graph.adders):
        stage, inputs = made[f"sum{number}"], len(sums.graph.inputs)
        before = [value - inputs for value in adder.operands() if value >= inputs]
        start = max((ends[value] for value in before if made[f"sum{value}"] == stage), default=0)
        ends[number] = start + used.adder_delays(sums.graph)[number]
        yield ends[number]


@pytest.mark.parametrize("mhz", [20, 60, 100, 150, 200])
def test_specs_evaluate_to_the_golden_model_and_flip_flops_fall_with_the_clock(mhz):
    network = small_network()
    schedule = Schedule(network, HardwareOptions(clock_mhz=mhz, fabric="round"))
    trace = golden.run(network, np.random.default_rng(0).integers(0, 17, (200, 9)))
    for name, spec in schedule.specs.items():
        result = spec.evaluate(trace.values[spec.operation.source])
        if isinstance(spec, UnitLayerSpec):
            result = result[1]
        assert (result == trace.values[name]).all()
    assert schedule.slowest().mhz >= mhz


def test_a_slower_clock_takes_fewer_flip_flops_and_cycles():
    weights = np.random.default_rng(1).integers(-7, 8, (8, 24))
    network = Network("sums", (Input("x", 24, 0, 15), Dense("s", "x", weights, 4)), ("s",))

    def size(**options):
        spec = Schedule(network, HardwareOptions(**options)).specs["s"]
        registers = sum(len(kept) for held in held_values(spec) for kept in held.registers)
        return registers, spec.latency_cycles

    sizes = [size(clock_mhz=mhz, fabric="round") for mhz in (20, 100, 200, 300)]
    assert sizes == sorted(sizes) and sizes[0][0] < 0.3 * sizes[-1][0]


def test_a_clock_that_cannot_be_met_is_refused_with_the_one_that_can():
    network = small_network()
    with pytest.raises(
        ScheduleError, match=r"^sample: clock_mhz: expected at most (\d+) MHz on round, by the delays of "
    ):
        _ = Schedule(network, HardwareOptions(clock_mhz=900, fabric="round")).layers
    try:
        _ = Schedule(network, HardwareOptions(clock_mhz=900, fabric="round")).layers
    except ScheduleError as error:
        possible = int(str(error).split("at most ")[1].split()[0])
    assert Schedule(network, HardwareOptions(clock_mhz=possible, fabric="round")).slowest().mhz == possible
    with pytest.raises(ScheduleError, match="got " + str(possible + 1)):
        _ = Schedule(network, HardwareOptions(clock_mhz=possible + 1, fabric="round")).layers


def test_lanes_of_folded_sums_are_in_carry_cells():
    random = np.random.default_rng(0)
    operations = (Input("x", 12, 0, 15), Dense("s", "x", random.integers(-7, 8, (4, 12)), 4))
    network = Network("folds", operations, ("s",))
    lanes = {}
    for mhz in (100, 600):
        options = HardwareOptions(clock_mhz=mhz, fabric="round", folded=("s=2x4",))
        assert Clock.of(options, mhz) == Clock("round", mhz, carry=True)
        spec = Schedule(network, options).specs["s"]
        assert isinstance(spec, FoldedSumSpec)
        lanes[mhz] = spec.adders.latency_cycles
    assert lanes == {100: 1, 600: spec.adders.graph.depth}  # 9.5 ns are many adders of 1 ns, 1.2 ns are one
    assert not Clock.of(HardwareOptions(clock_mhz=100, fabric="round"), 100).carry


def test_larger_layers_take_longer_in_carry_cells_and_comparisons_are_not_in_them(monkeypatch):
    slow = replace(ROUND, carries_spread=0.5)
    monkeypatch.setattr(clock, "FABRICS", MappingProxyType({**FABRICS, "round": slow}))
    units, random, zeros = relu(3), np.random.default_rng(1), np.zeros(16, np.int64)
    for carry in (False, True):
        assert Clock("round", 100, carry=carry).level_delays(units, 12) == (1000, 1500, 2000)
    small, large = (
        Clock("round", 100, carry=True).adder_delays(
            adder_graph(random.integers(1, 8, (sums, 16)), np.zeros(sums, np.int64), zeros, zeros + 15)
        )
        for sums in (2, 60)
    )
    assert set(small) == {1000} and min(large) == max(large) > 1000


def test_additions_of_two_bits_are_in_carry_cells():
    assert Clock.of(HardwareOptions(lut_inputs=2, clock_mhz=100, fabric="round"), 100).carry


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clock_mhz": 0}, r"^clock_mhz: expected 1 to 2000, got 0$"),
        ({"clock_mhz": 99.5}, r"^clock_mhz: expected 1 to 2000, got 99\.5$"),
        ({"clock_mhz": True}, r"^clock_mhz: expected 1 to 2000, got True$"),
        ({"clock_mhz": 100, "adders_per_stage": 2}, r"^adders_per_stage: expected none beside clock_mhz, .* got 2$"),
        ({"clock_mhz": 100, "fabric": "virtex"}, r"^fabric: expected one of ecp5.*, got 'virtex'$"),
        ({"fabric": "ecp5"}, r"^fabric: expected clock_mhz beside it, got none$"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ScheduleError, match=message):
        HardwareOptions(**options)


def test_fabrics_are_those_of_devices_and_the_command_line_names_them():
    assert FABRIC_NAMES == ", ".join(name for name in FABRICS)
    for name in FABRICS:
        assert any(target.startswith(name) for target in TARGETS)
    assert fabric_of("ecp5-85k") == "ecp5"
    with pytest.raises(ScheduleError, match=r"^fabric: expected one of ecp5.*, got 'xilinx'$"):
        fabric_of("xilinx")


def test_without_a_clock_nothing_changes():
    """The default's stages are those of the levels, and options do not name what is not chosen."""
    schedule = Schedule(small_network(), HardwareOptions(adders_per_stage=2))
    sums = schedule.specs["sums"]
    assert sums.stages == tuple(-(-adder.level // 2) for adder in sums.graph.adders)
    assert not {"clock_mhz", "fabric"} & schedule.options.as_dict().keys()
    both = HardwareOptions(clock_mhz=100, fabric="ecp5")
    assert HardwareOptions.from_dict(both.as_dict(), where="here") == both


def test_a_unit_layer_has_one_schedule_for_all_its_units():
    units = Unit("u", "x", (relu(3), relu(3, step=3, bias=1)), np.array([0, 1, 0]))
    network = Network("n", (Input("x", 3, 0, 200), units, Argmax("w", "u")), ("w",))
    spec = Schedule(network, HardwareOptions(clock_mhz=200, fabric="round")).specs["u"]
    assert {unit.stages for unit in spec.distinct} == {(1, 1, 2)} and spec.spike_cycles().tolist() == [1, 1, 2]
