"""Networks with AXI4-Streams: the testbench on several of them, and broken Verilog that it must catch."""

import re
import shutil

import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.network import Argmax, Input, Network, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamOptions
from amos_hdl.simulate.regression_list import Entry
from tests.conftest import ROOT, small_network
from tests.testbenches.simulation import messages, seal, simulate

TESTS = 11


def entry(samples, **rest):
    return Entry(name="stream", toplevel="stream", test_module="test_stream", samples=samples, **rest)


def wrapped(folder, network, options, stream):
    """Write a network and its wrapped Verilog into ``folder`` and return it."""
    store.save(network, folder / "n")
    generate(Schedule(network, options), folder / "rtl", stream)
    return folder


@pytest.fixture(scope="module")
def least(tmp_path_factory):
    """Return a folder with a network that compiles fast."""
    network = Network("least", (Input("x", 3, 0, 15), Argmax("w", "x")), ("w",))
    return wrapped(tmp_path_factory.mktemp("least"), network, HardwareOptions(), StreamOptions())


def check(folder, samples=200):
    result = simulate(folder / "n", folder / "rtl", folder / "work", entry(samples))
    assert result.passed, messages(result)
    (run,) = result.results
    assert all(test.outcome == "passed" for test in run.simulation.tests)
    return run.simulation


def test_one_beat_is_one_image_per_clock(tmp_path):
    simulation = check(wrapped(tmp_path, small_network(), HardwareOptions(), StreamOptions()))
    assert len(simulation.tests) == TESTS
    figures = simulation.figures
    assert figures["full_rate.results"] == 200 and figures["bursty_stalls.results"] == 200
    assert figures["bursty_stalls_reset.dropped"] > 0 and figures["wrong_frames.errors"] > 20


@pytest.mark.parametrize(
    ("options", "stream"),
    [
        (HardwareOptions(), StreamOptions(beat_bytes=2, registers=True)),
        (HardwareOptions(folded=("hidden",)), StreamOptions()),
        (HardwareOptions(folded=("hidden",)), StreamOptions(beat_bytes=4, registers=True)),
    ],
    ids=["three beats, registers", "interval 3", "interval 3, two beats, registers"],
)
def test_other_wrappers(options, stream, tmp_path):
    folder = wrapped(tmp_path, small_network(), options, stream)
    assert len(check(folder, samples=120).tests) == TESTS + stream.registers


def test_the_least_network(least):
    assert len(check(least).tests) == TESTS


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


# name: (module, pattern, replacement, test that must fail); more of them in test_stream_proof.py
MUTATIONS = {
    "a credit is not given back": ("results", r"free <= _\d+_;", "free <= enter ? free - 1'h1 : free;", "bursty=True"),
    "credits are not counted": ("results", r"(_\d+_) = free != 1'h1", r"\1 = 1'h1", "credits"),
    "a stalled result is overwritten": ("results", r"(load = _\d+_) & _\d+_", r"\1", "bursty=False/stalls=True"),
    "errors are not flagged": ("images", r"after_error <= bad", "after_error <= 1'h0", "wrong_frames"),
}


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_mutations(name, least, tmp_path):
    module, pattern, replacement, failing = MUTATIONS[name]
    rtl = tmp_path / "rtl"
    shutil.copytree(least / "rtl", rtl)
    path = rtl / f"least_stream_{module}.v"
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, f"{pattern} not found"
    path.write_text(text)
    seal(rtl)
    # broken Verilog may leave signals unused; whether the test finds it is the question here
    mutated = entry(200, test_filter=failing, verilator_args=("-Wno-lint",))
    result = simulate(least / "n", rtl, tmp_path / "work", mutated)
    assert result.results[0].simulation is not None, messages(result)
    assert not result.passed
