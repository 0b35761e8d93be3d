"""Networks with AXI4-Streams: the testbench on several of them, and broken Verilog that it must catch."""

import re
import shutil

import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.network import store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamOptions
from amos_hdl.simulate.regression_list import Entry
from tests.conftest import ROOT, small_network
from tests.testbenches.simulation import messages, seal, simulate

TESTS = 11


def entry(samples, test_filter=None):
    return Entry(name="stream", toplevel="stream", test_module="test_stream", samples=samples, test_filter=test_filter)


@pytest.fixture(scope="module")
def one_beat(tmp_path_factory):
    """Return a folder with the small network and its Verilog with a wrapper of one beat."""
    folder = tmp_path_factory.mktemp("one_beat")
    store.save(small_network(), folder / "n")
    generate(Schedule(small_network(), HardwareOptions()), folder / "rtl", StreamOptions())
    return folder


def check(folder, tmp_path, samples=200):
    result = simulate(folder / "n", folder / "rtl", tmp_path / "work", entry(samples))
    assert result.passed, messages(result)
    (run,) = result.results
    assert all(test.outcome == "passed" for test in run.simulation.tests)
    return run.simulation


def test_one_beat_is_one_image_per_clock(one_beat, tmp_path):
    simulation = check(one_beat, tmp_path)
    assert len(simulation.tests) == TESTS
    figures = simulation.figures
    assert figures["full_rate.results"] == 200 and figures["bursty_stalls.results"] == 200
    assert figures["bursty_stalls_reset.dropped"] > 0 and figures["wrong_frames.errors"] > 20


@pytest.mark.parametrize(
    ("options", "stream"),
    [
        (HardwareOptions(), StreamOptions(beat_bytes=2, registers=True)),
        (HardwareOptions(adders_per_stage=3), StreamOptions(beat_bytes=1)),
        (HardwareOptions(folded=("hidden",)), StreamOptions()),
        (HardwareOptions(folded=("hidden",)), StreamOptions(beat_bytes=4, registers=True)),
    ],
    ids=["three beats, registers", "six beats", "interval 3", "interval 3, two beats, registers"],
)
def test_other_wrappers(options, stream, tmp_path):
    store.save(small_network(), tmp_path / "n")
    generate(Schedule(small_network(), options), tmp_path / "rtl", stream)
    assert len(check(tmp_path, tmp_path, samples=120).tests) == TESTS + stream.registers


def test_digits(tmp_path):
    """Every image of the digits, one per clock, under stalls, and among wrong frames."""
    recipe = load_recipe(ROOT / "models" / "digits.yaml")
    network = store.load(ROOT / "models" / "digits")
    images = load_dataset(recipe.data).images
    generate(Schedule(network, HardwareOptions()), tmp_path / "rtl", StreamOptions())
    result = simulate(
        ROOT / "models" / "digits", tmp_path / "rtl", tmp_path / "work", entry(len(images)), images=images
    )
    assert result.passed, messages(result)
    figures = result.results[0].simulation.figures
    assert (
        figures["full_rate.results"] == figures["bursty_stalls.results"] == figures["continuous_stalls.results"] == 1797
    )


# name: (module, pattern, replacement, test that must fail)
MUTATIONS = {
    "a credit is not given back": ("results", r"free <= _\d+_;", "free <= enter ? free - 1'h1 : free;", "bursty=True"),
    "credits are not counted": ("results", r"(_\d+_) = free != 1'h1", r"\1 = 1'h1", "credits"),
    "one credit too many": ("results", r"reg \[4:0\] free = 5'h10", "reg [4:0] free = 5'h11", "credits"),
    "the FIFO writes nothing": (
        "results",
        r"if \(result_valid\)\s+stored_results",
        "if (0) stored_results",
        "full_rate",
    ),
    "a stalled result is overwritten": ("results", r"(load = _\d+_) & _\d+_", r"\1", "bursty=False/stalls=True"),
    "entries are skipped": ("results", r"(_\d+_ = writing \+) result_valid", r"\1 { result_valid, 1'h0 }", "full_rate"),
    "tready without room": ("images", r"s_axis_tready = .*;", "s_axis_tready = 1'h1;", "credits"),
    "long frames are taken": ("images", r"too_long <= _\d+_", "too_long <= 1'h0", "wrong_frames"),
    "tuser is not looked at": ("images", r"(_\d+_) = ~ s_axis_tuser", r"\1 = 1'h1", "wrong_frames"),
    "errors are not flagged": ("images", r"after_error <= _\d+_", "after_error <= 1'h0", "wrong_frames"),
}


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_mutations(name, one_beat, tmp_path):
    module, pattern, replacement, failing = MUTATIONS[name]
    rtl = tmp_path / "rtl"
    shutil.copytree(one_beat / "rtl", rtl)
    path = rtl / f"sample_stream_{module}.v"
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, f"{pattern} not found"
    path.write_text(text)
    seal(rtl)
    result = simulate(one_beat / "n", rtl, tmp_path / "work", entry(200, failing))
    assert result.results[0].simulation is not None, messages(result)
    assert not result.passed
