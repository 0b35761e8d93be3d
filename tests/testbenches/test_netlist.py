"""Netlists: what synthesis made of a network still gives every result at its cycle, and a broken one does not."""

import re

import numpy as np
import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.errors import SimulationError, SynthesisError
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.network import Argmax, Dense, Input, Network, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.netlist import NetlistDesign
from amos_hdl.simulate.regression_list import Entry, read_regression_list
from amos_hdl.synthesize.netlist import netlist
from tests.conftest import ROOT
from tests.testbenches.simulation import NETWORK, messages, run_on


def synthesized(design, family, work, *, folded=False):
    sources = [design.rtl / path for path in design.manifest.files]
    cycles = design.manifest.latency_cycles
    files = netlist(sources, design.manifest.top, family, work, latency_cycles=cycles, folded=folded)
    return NetlistDesign(design, *files)


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_every_digit_through_the_netlist(family, tmp_path):
    images = load_dataset(load_recipe(ROOT / "models" / "digits.yaml").data).images
    design = load_design(ROOT / "models" / "digits", ROOT / "rtl_out" / "digits", images)
    subject = synthesized(design, family, ROOT / "build" / "digits" / "netlist" / family)
    (entry,) = read_regression_list(ROOT / "testbenches" / "network.yaml").entries
    result = run_on(subject, tmp_path, entry)
    assert result.passed, messages(result)
    figures = result.results[0].simulation.figures
    assert figures["back_to_back.results"] == figures["random_gaps.results"] == 1797


@pytest.fixture(scope="module")
def small_netlist(small_folder):
    design = load_design(small_folder / "models" / "small", small_folder / "rtl_out" / "small")
    return synthesized(design, "ice40", small_folder / "netlist")


@pytest.mark.parametrize(
    ("family", "block_ram"), [("ecp5", None), ("ice40", "SB_RAM40_4K"), ("gowin-gw1n", None), ("xilinx", None)]
)
def test_weights_in_a_memory(family, block_ram, tmp_path):
    """In block RAM where Yosys brings a model of it, else in cells that it has models of."""
    random = np.random.default_rng(2)
    operations = (Input("x", 64, 0, 3), Dense("sums", "x", random.integers(-7, 8, (16, 64)), 4), Argmax("w", "sums"))
    network = Network("rom", operations, ("w",))
    store.save(network, tmp_path / "n")
    generate(Schedule(network, HardwareOptions(folded=("sums=1x4",))), tmp_path / "rtl")
    design = load_design(tmp_path / "n", tmp_path / "rtl", random.integers(0, 4, (40, 64)))
    subject = synthesized(design, family, tmp_path / "netlist", folded=True)
    assert (" CCU2C " in subject.verilog.read_text()) == (family == "ecp5")
    memories = r"^  (SB_RAM\w+|DP16KD|SPX?9?|SDPX?9?|RAMB\w+) #\($"
    found = set(re.findall(memories, subject.verilog.read_text(), re.MULTILINE))
    assert found == ({block_ram} if block_ram else set())
    few = Entry(name="network", toplevel="network", test_module="test_network", samples=40)
    result = run_on(subject, tmp_path / "work", few)
    assert result.passed, messages(result)


def test_a_netlist_is_kept_until_its_verilog_changes(small_netlist, small_folder):
    before = small_netlist.verilog.stat().st_mtime_ns
    again = synthesized(small_netlist.design, "ice40", small_folder / "netlist")
    assert again.verilog.stat().st_mtime_ns == before
    (small_folder / "netlist" / "netlist.key").write_text("another")
    again = synthesized(small_netlist.design, "ice40", small_folder / "netlist")
    assert again.verilog.stat().st_mtime_ns > before


def test_a_broken_netlist_is_caught(small_netlist, tmp_path):
    text = small_netlist.verilog.read_text()
    # one table of one LUT in the middle of the netlist
    tables = list(re.finditer(r"\.LUT_INIT\(16'h([0-9a-f]{4})\)", text))
    found = tables[len(tables) // 2]
    broken = tmp_path / "netlist.v"
    flipped = f"{int(found[1], 16) ^ 0xFFFF:04x}"
    broken.write_text(text[: found.start(1)] + flipped + text[found.end(1) :])
    result = run_on(NetlistDesign(small_netlist.design, broken, small_netlist.cells), tmp_path / "work", NETWORK)
    assert not result.passed
    assert re.search(r"clock cycle \d+: expected .*, got ", messages(result)[0])


def test_there_are_no_layers_in_a_netlist(small_netlist, tmp_path):
    entry = Entry(name="layer", toplevel="layer:sums", test_module="test_layer", samples=1)
    with pytest.raises(SimulationError, match=r"^layer: toplevel of a netlist: expected network, got 'layer:sums'$"):
        small_netlist.resolve(entry, tmp_path)


def test_an_unknown_family_is_named(small_netlist, tmp_path):
    with pytest.raises(SynthesisError, match=r"^family: expected ecp5, ice40, .*, got 'lattice'$"):
        synthesized(small_netlist.design, "lattice", tmp_path)
