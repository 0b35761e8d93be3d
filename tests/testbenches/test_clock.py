"""Registers placed for a clock: every spike at the cycle of the schedule, and a border that is left out is seen."""

import re
from dataclasses import replace

import numpy as np
import pytest

from amos_hdl.circuit import quantizer
from amos_hdl.emit.generate import generate
from amos_hdl.network import Argmax, Dense, Input, Network, Unit, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.regression_list import Entry
from tests.testbenches.many import draw_many, simulate_many
from tests.testbenches.simulation import NETWORK, messages, seal, simulate
from tests.testbenches.test_mutations import bypass, change


def network_of_wide_sums():
    """Return a network whose sums take four stages at 130 MHz on ECP5, and whose units three."""
    random = np.random.default_rng(2)
    units = tuple(quantizer(np.sort(random.choice(np.arange(-300, 300), 15, replace=False)).tolist()) for _ in range(3))
    operations = (
        Input("pixels", 12, 0, 15),
        Dense("sums", "pixels", random.integers(-7, 8, (6, 12)), 4),
        Unit("hidden", "sums", units, np.arange(6) % 3),
        Dense("logits", "hidden", random.integers(-7, 8, (5, 6)), 4, random.integers(-9, 9, 5)),
        Argmax("winner", "logits"),
    )
    return Network("wide", operations, ("logits", "winner"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, network = tmp_path_factory.mktemp("clock"), network_of_wide_sums()
    store.save(network, folder / "n")
    generate(Schedule(network, HardwareOptions(clock_mhz=130)), folder / "rtl")
    return folder


def test_spikes_of_several_gates_in_one_cycle(folder, tmp_path):
    schedule = Schedule(network_of_wide_sums(), HardwareOptions(clock_mhz=130))
    cycles = schedule.spike_cycles("hidden") - schedule.ready["sums"]
    assert 1 < schedule.specs["sums"].latency_cycles < schedule.specs["sums"].graph.depth
    assert cycles.tolist() == [1, 1, 2, 3]
    layers = [
        Entry(name=name, toplevel=f"layer:{name}", test_module="test_layer", samples=300)
        for name in ("sums", "hidden", "winner")
    ]
    result = simulate(folder / "n", folder / "rtl", tmp_path, NETWORK, *layers)
    assert result.passed, messages(result)


@pytest.mark.parametrize(
    ("file", "register"),
    [("wide_sums.v", r"sum\d+_at_1"), ("units/wide_unit0.v", "potential_at_1"), ("wide_winner.v", r"value_1_0")],
)
def test_a_border_that_is_left_out_is_seen(file, register, folder, tmp_path):
    rtl = tmp_path / "rtl"
    generate(Schedule(network_of_wide_sums(), HardwareOptions(clock_mhz=130)), rtl)
    name = re.search(rf"reg (?:\[\S+\] )?({register}) ", (rtl / file).read_text())[1]
    change(rtl / file, *bypass(name))
    seal(rtl)
    result = simulate(folder / "n", rtl, tmp_path / "work", NETWORK)
    assert not result.passed
    assert any(re.search(r"clock cycle \d+: expected .*, got ", line) for line in messages(result)), messages(result)


def for_a_clock(schedule, share):
    """Return the same network with registers placed for ``share`` of the highest clock that there is."""
    fastest = Schedule(schedule.network, replace(schedule.options, adders_per_stage=1)).slowest()
    mhz = 100 if fastest is None else max(1, int(share * fastest.mhz))
    return Schedule(schedule.network, replace(schedule.options, adders_per_stage=1, clock_mhz=mhz))


def test_random_networks(tmp_path):
    shares = np.random.default_rng(1).uniform(0.2, 1, 12).tolist()
    schedules = [for_a_clock(drawn, share) for drawn, share in zip(draw_many(12, 5), shares, strict=True)]
    assert any(spec.latency_cycles > 1 for schedule in schedules for spec in schedule.specs.values())
    result = simulate_many(schedules, tmp_path, 5)
    result.require_pass()
    assert result.figures["back_to_back.networks"] == 12
    assert result.figures["gaps_and_resets.spikes"] > 0
