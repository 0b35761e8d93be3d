"""A network of maps through the testbench: every spike of every pixel; broken Verilog is caught."""

import re
import shutil

import pytest

from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.regression_list import Entry
from tests.conftest import map_network
from tests.testbenches.simulation import messages, seal, simulate
from tests.testbenches.test_mutations import change, other_constant

NETWORK = Entry(name="network", toplevel="network", test_module="test_network", samples=30)


def test_every_spike_of_every_pixel(map_folder, tmp_path):
    result = simulate(map_folder / "models" / "maps", map_folder / "rtl_out" / "maps", tmp_path / "work", NETWORK)
    assert result.passed, messages(result)
    figures, schedule = result.results[0].simulation.figures, Schedule(map_network(), HardwareOptions())
    assert schedule.interval_cycles == 30
    # steady state: one image per interval, exactly
    assert figures["back_to_back.cycles"] == 30 * 30 + schedule.latency_cycles + 8
    assert figures["back_to_back.results"] == 60
    assert 0 < figures["gaps_and_resets.results"] < 60


# name: (file, pattern, replacement)
MUTATIONS = {
    "rows of another length": ("maps_conv_window.v", r"(write_column == \d+'h)([0-9a-f]+)", other_constant),
    "padding not masked": ("maps_conv_window.v", r"(row0_on_map = ).*;", r"\g<1>1'h1;"),
    "a buffer one pixel shorter": ("maps_skip_buffer0.v", r"(reading == \d+'h)([0-9a-f]+)", other_constant),
    "counters that reset does not reach": ("maps_conv_window.v", r"if \(rst\) write_column <= 3'h0;\s+else ", ""),
    "a gate that is not taken": (
        "maps_gated.v",
        r"if \(other_valid\) other_kept",
        "if (other_valid & other[0]) other_kept",
    ),
    "the least tap": ("maps_pooled.v", r" >= ", " < "),
}


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_broken_verilog_is_caught(name, map_folder, tmp_path):
    rtl = tmp_path / "rtl"
    shutil.copytree(map_folder / "rtl_out" / "maps", rtl)
    file, pattern, replacement = MUTATIONS[name]
    change(rtl / file, pattern, replacement)
    seal(rtl)
    result = simulate(map_folder / "models" / "maps", rtl, tmp_path / "work", NETWORK)
    assert not result.passed
    assert any(re.search(r"clock cycle \d+: expected .*, got ", line) for line in messages(result)), messages(result)
