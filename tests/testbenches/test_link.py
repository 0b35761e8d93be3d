"""The link of a board: its whole testbench at the pins, with small networks and the digits, and broken Verilog."""

import dataclasses
import re

import numpy as np
import pytest

from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.network import Argmax, Input, Network, store
from amos_hdl.schedule import HardwareOptions
from amos_hdl.schedule.link import line_cycles
from amos_hdl.simulate.link import load_link
from amos_hdl.simulate.regression_list import Entry
from amos_hdl.synthesize.cell_models import cell_models
from amos_hdl.synthesize.families import FAMILIES
from amos_hdl.synthesize.tools import find_tool
from amos_hdl.synthesize.yosys import NETLIST_VERILOG, run_yosys
from tests.conftest import ROOT, map_network, small_network
from tests.testbenches.simulation import messages, run_on

TESTS = 11
DEFAULTS = HardwareOptions()


def entry(**rest):
    return Entry(name="link", toplevel="link", test_module="test_link", samples=20, **rest)


def linked(folder, network, options=DEFAULTS, **rest):
    """Store a network and return it behind a UART, with random images."""
    store.save(network, folder / "n")
    code = network.input
    images = np.random.default_rng(1).integers(code.low, code.high, (20, code.units), endpoint=True)
    return load_link(folder / "n", options, images, **rest)


def check(design, work):
    result = run_on(design, work, entry())
    assert result.passed, messages(result)
    simulation = result.results[0].simulation
    assert len(simulation.tests) == TESTS and all(test.outcome == "passed" for test in simulation.tests)
    return simulation.figures


def test_digits(tmp_path):
    """20 digits through the pins, corrupted packets, lost bytes, wrong sizes, 10,000 random bytes."""
    images = load_dataset(load_recipe(ROOT / "models" / "digits.yaml").data).images
    figures = check(load_link(ROOT / "models" / "digits", HardwareOptions(), images), tmp_path)
    assert figures["images.images"] == 20
    assert figures["random_bytes.plain"] > 20 and figures["random_bytes.rich"] > 200
    assert figures["corrupted.frames"] == figures["lost.frames"] == 48


@pytest.mark.parametrize(
    ("options", "rest"),
    [
        (HardwareOptions(), {}),
        (HardwareOptions(folded=("hidden",)), {"bit_cycles": 5, "leds": 2}),
        (HardwareOptions(folded=("sums=2x3",)), {"protect": "tmr"}),
    ],
    ids=["two outputs", "interval 3, 5 clocks per bit, 2 lamps", "folded sums, protected"],
)
def test_other_networks(options, rest, tmp_path):
    check(linked(tmp_path, small_network(), options, **rest), tmp_path / "work")


@pytest.mark.parametrize(
    "options", [HardwareOptions(), HardwareOptions(interval=1800)], ids=["a pixel per clock", "slower than the line"]
)
def test_networks_of_maps(options, tmp_path):
    """Their images wait in a buffer, where a network is slower than the line."""
    design = linked(tmp_path, map_network(), options)
    framed = line_cycles(30 + 8, design.bit_cycles)
    assert (design.schedule.interval_cycles > framed) == (options.interval is not None)
    check(design, tmp_path / "work")


@pytest.fixture(scope="module")
def least(tmp_path_factory):
    """A network whose image is two bytes, which compiles fast."""
    network = Network("least", (Input("x", 3, 0, 15), Argmax("w", "x")), ("w",))
    return linked(tmp_path_factory.mktemp("least"), network)


def test_the_least_network(least, tmp_path):
    check(least, tmp_path)


def test_cells_of_an_icebreaker(least, tmp_path):
    """What Yosys makes of it for an iCE40, the identity's memory among it, under the same testbench."""
    yosys, family = find_tool("yosys"), FAMILIES["ice40"]
    for name, text in least.verilog.items():
        (tmp_path / name).write_text(text)
    run_yosys(yosys, list(least.verilog), least.top, family, folder=tmp_path)
    verilog = {"cells.v": cell_models(yosys, family), "netlist.v": (tmp_path / NETLIST_VERILOG).read_text()}
    cells = dataclasses.replace(least, verilog=verilog)
    result = run_on(cells, tmp_path / "work", entry(verilator_args=("-Wno-lint", "-Wno-UNOPTFLAT")))
    assert result.passed, messages(result)
    assert len(result.results[0].simulation.tests) == TESTS


# name: (module, pattern, replacement, test that must fail)
MUTATIONS = {
    "the check is not looked at": ("requests", r"check == 16'hf0b8", "1'h1", "corrupted_packets"),
    "an escaped byte stays as it is": ("requests", r"~ data\[5\]", "data[5]", "wrong_frames"),
    "a flag is not escaped": ("answers", r"raw == 7'h7e", "1'h0", "wrong_frames"),
    "the bytes of an image are not counted": ("requests", r"= place == 4'h8;", "= 1'h1;", "wrong_frames"),
    "a damaged image enters": ("requests", r"image_tuser <= _\w+;", "image_tuser <= 1'h0;", "lost_bytes"),
    "there is always room": ("requests", r"= ~ forwarding;", "= 1'h0;", "busy_board"),
    "refused frames are not counted": ("requests", r"faults \+ 1'h1", "faults", "random_bytes"),
    "a needle is a start bit": ("receiver", r"(= \w+) & line;", r"\1 & 1'h0;", "broken_line"),
    "another network's hash": ("answers", r"(\[9\] = )8'h(?!00)\w+;", r"\g<1>8'h00;", "images"),
}


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_mutations(name, least, tmp_path):
    part, pattern, replacement, failing = MUTATIONS[name]
    file = f"least_link_{part}.v"
    text, count = re.subn(pattern, replacement, least.verilog[file])
    assert count, f"{pattern} not found"
    mutated = dataclasses.replace(least, verilog={**least.verilog, file: text})
    # broken Verilog may leave signals unused; whether the test finds it is the question here
    result = run_on(mutated, tmp_path, entry(test_filter=failing, verilator_args=("-Wno-lint",)))
    assert result.results[0].simulation is not None, messages(result)
    assert not result.passed
