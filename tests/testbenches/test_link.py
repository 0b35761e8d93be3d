"""The link of a board: its whole testbench at the pins, with small networks and the digits, and broken Verilog."""

import numpy as np
import pytest

from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.network import Argmax, Input, Network, store
from amos_hdl.schedule import HardwareOptions
from amos_hdl.simulate.link import load_link
from amos_hdl.simulate.regression_list import Entry
from tests.conftest import ROOT, small_network
from tests.testbenches.simulation import messages, run_on

TESTS = 10


def entry(**rest):
    return Entry(name="link", toplevel="link", test_module="test_link", samples=20, **rest)


def linked(folder, network, options=HardwareOptions(), **rest):  # noqa: B008 - a frozen object
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
    [(HardwareOptions(), {}), (HardwareOptions(folded=("hidden",)), {"bit_cycles": 5, "leds": 2})],
    ids=["two outputs", "interval 3, 5 clocks per bit, 2 lamps"],
)
def test_other_networks(options, rest, tmp_path):
    check(linked(tmp_path, small_network(), options, **rest), tmp_path / "work")


def least():
    """Return a network whose image is one byte."""
    return Network("least", (Input("x", 2, 0, 15), Argmax("w", "x")), ("w",))
