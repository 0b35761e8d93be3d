"""Whole data sets through compiled Verilog: equal to the golden model, and broken Verilog is caught."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from amos_hdl.errors import CheckFailed, SimulationError
from amos_hdl.network import golden, store
from amos_hdl.simulate.batch import DRAIN_ROWS, build_batch, wrapper
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.whole_set import check_whole_set
from tests.conftest import ROOT
from tests.testbenches.simulation import seal

SIM_ROOT = ROOT / "build" / "sim"


def images_for(folder, count, seed=0):
    code = store.load(folder / "models" / "small").input
    return np.random.default_rng(seed).integers(code.low, code.high, (count, code.units), endpoint=True)


def simulator_for(folder, work, rtl=None):
    design = load_design(folder / "models" / "small", rtl or folder / "rtl_out" / "small")
    return build_batch(design, root=SIM_ROOT, work=work)


def test_everything_is_compared_and_equal(small_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("amos_hdl.simulate.whole_set.RECORD_BITS", 2000)  # many runs
    simulator = simulator_for(small_folder, tmp_path)
    images, seen = images_for(small_folder, 500), []
    result = check_whole_set(simulator, images, seen.append)
    outputs = len(simulator.design.network.outputs)
    assert result.images == 500
    assert result.results == 500 * outputs
    assert result.spikes > 0
    assert len(seen) > 2
    assert seen[-1] == 500
    gates = sum(field.bits for field in simulator.fields if not field.name.startswith("out_"))
    latency = simulator.design.schedule.latency_cycles
    assert result.slots == gates * (500 + (latency + DRAIN_ROWS) * len(seen))


def test_maps_enter_pixel_by_pixel(map_folder, tmp_path):
    design = load_design(map_folder / "models" / "maps", map_folder / "rtl_out" / "maps")
    shape = design.network.input.shape
    images = np.random.default_rng(3).integers(0, 7, (60, *shape), endpoint=True)
    result = check_whole_set(build_batch(design, root=SIM_ROOT, work=tmp_path), images)
    assert (result.images, result.results) == (60, 120)
    assert result.spikes == golden.run(design.network, images).spike_count


def test_no_images_are_no_results(small_folder, tmp_path):
    assert check_whole_set(simulator_for(small_folder, tmp_path), images_for(small_folder, 0)).images == 0


def test_the_wrapper_is_whole_words_with_every_signal_once(small_folder, tmp_path):
    simulator = simulator_for(small_folder, tmp_path)
    text = wrapper(simulator.design, simulator.fields)
    assigned = [range(int(low), int(high) + 1) for high, low in re.findall(r"assign record\[(\d+):(\d+)\]", text)]
    width = int(re.search(r"output \[(\d+):0\] record", text)[1]) + 1
    assert width % 32 == 0
    assert sorted(bit for part in assigned for bit in part) == list(range(width))


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        # not of the first sum: its unit never spikes
        ("sample_sums.v", r"(sum6_with_carry = .*) - ", r"\1 + "),
        ("units/sample_unit2.v", r"above_2 = (.*) >= ", r"above_2 = \1 > "),
        ("sample_delay_logits.v", r"always @\(posedge clk\)\s+delay_1 <=", "always @* delay_1 ="),
        ("sample_sums.v", r"valid_1 <= in_valid", "valid_1 <= !in_valid"),
    ],
)
def test_broken_verilog_is_caught(small_folder, tmp_path, file, pattern, replacement):
    rtl = tmp_path / "rtl"
    shutil.copytree(small_folder / "rtl_out" / "small", rtl)
    text, done = re.subn(pattern, replacement, (rtl / file).read_text(), count=1)
    assert done
    (rtl / file).write_text(text)
    seal(rtl)
    simulator = simulator_for(small_folder, tmp_path, rtl)
    with pytest.raises(CheckFailed, match=r"^sample, images from \d+: .*expected .*, got "):
        check_whole_set(simulator, images_for(small_folder, 400))


def test_a_crash_is_one_line(small_folder, tmp_path):
    simulator = simulator_for(small_folder, tmp_path)
    script = tmp_path / "crash"
    script.write_text("#!/bin/sh\necho '%Error: out of luck'\nexit 3\n")
    script.chmod(0o755)
    broken = replace(simulator, build=replace(simulator.build, executable=script))
    with pytest.raises(SimulationError, match=r"^simulation of sample crashed: %Error: out of luck$"):
        broken.run(images_for(small_folder, 1))


def test_a_program_that_stops_short_is_noticed(small_folder, tmp_path):
    simulator = simulator_for(small_folder, tmp_path)
    script = tmp_path / "short"
    script.write_text("#!/bin/sh\n: > record\necho seconds 1\n")
    script.chmod(0o755)
    broken = replace(simulator, build=replace(simulator.build, executable=script))
    with pytest.raises(SimulationError, match=r"^record of a batch: expected \d+ bytes, got 0 bytes$"):
        broken.run(images_for(small_folder, 1))
