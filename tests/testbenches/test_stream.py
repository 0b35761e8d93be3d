"""Networks with AXI4-Streams: the testbench on several of them, and broken Verilog that it must catch."""

import re
import shutil

import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.network import Argmax, Flatten, Input, Network, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamOptions
from amos_hdl.simulate.regression_list import Entry
from tests.conftest import ROOT, map_network, small_network
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


def test_two_images_are_enough(tmp_path):
    assert len(check(wrapped(tmp_path, small_network(), HardwareOptions(), StreamOptions()), samples=2).tests) == TESTS


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Return a folder with a network of maps, two pixels to a beat, none at its ends idle at full rate."""
    return wrapped(tmp_path_factory.mktemp("maps"), map_network(), HardwareOptions(), StreamOptions(beat_bytes=2))


def test_a_network_of_maps(maps):
    """An image in front, one in the buffer; one pixel per clock within an image, however it is stalled."""
    figures = check(maps, samples=150).figures
    assert figures["full_rate.results"] == figures["bursty_stalls.results"] == 150
    assert figures["continuous_reset.dropped"] > 0 and figures["wrong_frames.errors"] > 30


@pytest.mark.parametrize(
    ("options", "stream"),
    [
        (HardwareOptions(interval=47), StreamOptions(registers=True)),
        (HardwareOptions(interval=300), StreamOptions(beat_bytes=4, protect="tmr")),
    ],
    ids=["gaps between rows, registers", "folded, protected"],
)
def test_other_networks_of_maps(options, stream, tmp_path):
    assert len(check(wrapped(tmp_path, map_network(), options, stream), samples=60).tests) == TESTS + stream.registers


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
    "errors are not flagged": ("images", r"after_error <= wrong", "after_error <= 1'h0", "wrong_frames"),
}


# of a network of maps: (pattern, replacement, test that must fail), all of them in the receiver
BUFFER_MUTATIONS = {
    "a beat is taken where there is no place": (r"(s_axis_tready = )[^;]*;", r"\1 1'h1;", "bursty=False/stalls=False"),
    "the place is free before it has been read": (r"releases = [^;]*;", "releases = enter;", "full_rate"),
    "a place is never free again": (r"releases = [^;]*;", "releases = 1'h0;", "full_rate"),
    "a wrong frame takes a place": (r"(_\d+_ = places_taken \+) right", r"\1 wrong", "wrong_frames"),
    "a wrong frame is played": (r"(_\d+_ = images_waiting \+) right", r"\1 (right | wrong)", "wrong_frames"),
    "no credit is needed": (r"may_begin = [^;]*;", "may_begin = images_waiting != 0;", "credits"),
    "the second pixel of a beat is the first": (r"(rest_of_word <= word_read)\[11:6\]", r"\1[5:0]", "full_rate"),
    "a pixel too few": (r"(pixel_is_last = )[^;]*;", r"\1 reading == 4'h9 & !pixel;", "full_rate"),
    "reset leaves half an image": (r"if \(rst\) word <= 4'h0;\s+else ", "", "bursty=False/stalls=False/reset=True"),
    "reset leaves the player where it is": (
        r"if \(rst\) reading <= 4'h0;\s+else ",
        "",
        "bursty=False/stalls=False/reset=True",
    ),
    "errors are not kept with their image": (r"after_error_0 <= lost", "after_error_0 <= 1'h0", "wrong_frames"),
}


def check_mutation(folder, name, module, pattern, replacement, failing, work):
    """Change the Verilog of one module of the wrapper in ``folder``: the test ``failing`` must fail."""
    rtl = work / "rtl"
    shutil.copytree(folder / "rtl", rtl)
    path = rtl / f"{name}_stream_{module}.v"
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, f"{pattern} not found"
    path.write_text(text)
    seal(rtl)
    # broken Verilog may leave signals unused; whether the test finds it is the question here
    mutated = entry(200, test_filter=failing, verilator_args=("-Wno-lint",))
    result = simulate(folder / "n", rtl, work / "work", mutated)
    assert result.results[0].simulation is not None, messages(result)
    assert not result.passed


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_mutations(name, least, tmp_path):
    check_mutation(least, "least", *MUTATIONS[name], tmp_path)


@pytest.fixture(scope="module")
def least_maps(tmp_path_factory):
    """Return a folder with a network of maps that compiles fast, two pixels to a beat."""
    layers = (Input("x", (2, 4, 5), 0, 7), Flatten("f", "x"), Argmax("w", "f"))
    folder = tmp_path_factory.mktemp("least_maps")
    return wrapped(folder, Network("least", layers, ("w",)), HardwareOptions(), StreamOptions(beat_bytes=2))


@pytest.mark.parametrize("name", list(BUFFER_MUTATIONS))
def test_mutations_of_the_buffer(name, least_maps, tmp_path):
    check_mutation(least_maps, "least", "images", *BUFFER_MUTATIONS[name], tmp_path)
