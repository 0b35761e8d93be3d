"""Whole data sets through compiled Verilog: equal to the golden model, and broken Verilog is caught."""

import re
import shutil

import numpy as np
import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.errors import CheckFailed, SimulationError, ToolError
from amos_hdl.network import golden, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamOptions
from amos_hdl.simulate.batch import DRAIN_ROWS, build_batch
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.lanes import Stop
from amos_hdl.simulate.whole_set import check_whole_set
from amos_hdl.synthesize.elaborate import Elaborator
from tests.conftest import ROOT, gate_network
from tests.testbenches.simulation import seal

SIM_ROOT = ROOT / "build" / "sim"


def images_for(folder, count, seed=0):
    code = store.load(folder / "models" / "small").input
    return np.random.default_rng(seed).integers(code.low, code.high, (count, code.units), endpoint=True)


def simulator_for(folder, work, rtl=None):
    design = load_design(folder / "models" / "small", rtl or folder / "rtl_out" / "small")
    return build_batch(design, Elaborator(), root=SIM_ROOT, work=work)


def test_everything_is_compared_and_equal(small_folder, tmp_path, monkeypatch):
    simulator = simulator_for(small_folder, tmp_path)
    images, seen = images_for(small_folder, 500), []
    monkeypatch.setattr("amos_hdl.simulate.whole_set.RECORD_BITS", 2000)  # many parts of a run
    monkeypatch.setattr("amos_hdl.simulate.whole_set.RUN_BITS", 64 * simulator.rows(2) * simulator.width)  # many runs
    result = check_whole_set(simulator, images, seen.append)
    outputs = len(simulator.design.network.outputs)
    assert result.images == 500
    assert result.results == 500 * outputs
    assert result.spikes == golden.run(simulator.design.network, images).spike_count > 0
    assert sorted(seen) == seen and len(seen) > 50
    assert seen[-1] == 500
    gates = sum(field.bits for field in simulator.fields if not field.name.startswith("out_"))
    latency = simulator.design.schedule.latency_cycles
    assert result.slots >= gates * (500 + latency + DRAIN_ROWS)


def test_a_network_of_look_up_tables_whose_spikes_are_counted(tmp_path):
    """Its ports that only the register block of a stream reads stay open."""
    network = gate_network()
    store.save(network, tmp_path / "n")
    generate(Schedule(network, HardwareOptions()), tmp_path / "rtl", StreamOptions(registers=True))
    design = load_design(tmp_path / "n", tmp_path / "rtl")
    images = np.random.default_rng(4).integers(-3, 3, (80, 8), endpoint=True)
    result = check_whole_set(build_batch(design, Elaborator(), root=SIM_ROOT, work=tmp_path / "work"), images)
    assert (result.images, result.results) == (80, 80)
    assert result.spikes == golden.run(network, images).spike_count


@pytest.mark.parametrize("per_lane", [1, 3, 7, 200])
def test_lanes_do_not_see_each_other(small_folder, tmp_path, per_lane):
    """However images are dealt out, each lane shows what one copy shows that has them alone."""
    simulator = simulator_for(small_folder, tmp_path)
    images = images_for(small_folder, 200)
    record = simulator.run(images, per_lane)
    assert record.words.shape[:2] == (-(-200 // per_lane), simulator.rows(per_lane))
    for lane in (0, len(record.words) // 2, len(record.words) - 1):
        own = images[lane * per_lane : (lane + 1) * per_lane]
        alone = simulator.run(own, len(own), seed=2).bits(0, 1)
        assert alone.any()
        there = record.bits(lane, lane + 1)[: len(alone) - DRAIN_ROWS]
        alone = alone[: len(there)]
        valid = simulator.fields[0].of(alone)[:, 0]
        assert np.count_nonzero(valid) == len(own)
        for field in simulator.fields:
            # what stands at an output while it is not valid is left over from noise
            rows_compared = valid if field.signal.startswith("out_") and field.bits > 1 else slice(None)
            assert np.array_equal(field.of(there)[rows_compared], field.of(alone)[rows_compared]), field.name


def test_the_fastest_number_of_lanes(small_folder, tmp_path):
    simulator = simulator_for(small_folder, tmp_path)
    assert [simulator.per_lane(images) for images in (0, 1, 64)] == [1, 1, 1]
    assert -(-100_000 // simulator.per_lane(100_000)) <= 256
    assert simulator.per_lane(100_000) < -(-100_000 // 64)


def test_more_lanes_than_there_are(small_folder, tmp_path):
    with pytest.raises(SimulationError, match=r"^lanes of a run: expected at most 256, got 257$"):
        simulator_for(small_folder, tmp_path).run(images_for(small_folder, 257), 1)


def test_a_second_time_nothing_is_made(small_folder, tmp_path):
    def refuse(sources, top, folder):
        raise ToolError("asked again")

    refuse.version = Elaborator().version
    simulator_for(small_folder, tmp_path)
    design = load_design(small_folder / "models" / "small", small_folder / "rtl_out" / "small")
    again = build_batch(design, refuse, root=SIM_ROOT, work=tmp_path)
    assert check_whole_set(again, images_for(small_folder, 10)).images == 10
    refuse.version = "another"
    with pytest.raises(ToolError, match="asked again"):
        build_batch(design, refuse, root=SIM_ROOT, work=tmp_path)


def test_maps_enter_pixel_by_pixel(map_folder, tmp_path):
    design = load_design(map_folder / "models" / "maps", map_folder / "rtl_out" / "maps")
    shape = design.network.input.shape
    images = np.random.default_rng(3).integers(0, 7, (60, *shape), endpoint=True)
    result = check_whole_set(build_batch(design, Elaborator(), root=SIM_ROOT, work=tmp_path), images)
    assert (result.images, result.results) == (60, 120)
    assert result.spikes == golden.run(design.network, images).spike_count


def test_no_images_are_no_results(small_folder, tmp_path):
    assert check_whole_set(simulator_for(small_folder, tmp_path), images_for(small_folder, 0)).images == 0


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


def test_verilog_that_yosys_refuses_is_one_line(small_folder, tmp_path):
    rtl = tmp_path / "rtl"
    shutil.copytree(small_folder / "rtl_out" / "small", rtl)
    path = rtl / "sample_sums.v"
    path.write_text(path.read_text().replace("endmodule", "endmodul"))
    seal(rtl)
    with pytest.raises(ToolError, match=r"^yosys failed \(.*syntax error.*\); see .*elaborate\.log$"):
        simulator_for(small_folder, tmp_path / "work", rtl)


def test_a_run_that_is_stopped_says_so(small_folder, tmp_path):
    stop = Stop()
    stop.set()
    with pytest.raises(SimulationError, match=r"^the simulation was stopped$"):
        simulator_for(small_folder, tmp_path).run(images_for(small_folder, 5), 1, stop=stop)
