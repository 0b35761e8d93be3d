"""Every layer of a folded network of maps on its own: sums in turn and in parts, units in turn, greatest taps."""

import re
import shutil

import numpy as np
import pytest

from amos_hdl.circuit import quantizer
from amos_hdl.emit.generate import generate
from amos_hdl.network import Argmax, Conv2d, Dense, Flatten, Input, MaxPool, Network, Unit, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.design import layer_list, load_design
from amos_hdl.simulate.regression_list import Entry
from tests.testbenches.simulation import messages, run_on, seal
from tests.testbenches.test_mutations import change, other_constant

FOLDS = ("conv=2x6", "units=2", "logits=1x2", "skimmed=3x2")


def network():
    """Return maps with groups, pools that overlap, and a dense layer behind them."""
    random = np.random.default_rng(5)
    units = tuple(quantizer(np.sort(random.integers(-20, 30, 3)).tolist()) for _ in range(6))
    return Network(
        "folded",
        (
            Input("pixels", (2, 5, 5), -2, 5),
            Conv2d("conv", "pixels", random.integers(-3, 4, (6, 2, 3, 3)), 3, random.integers(-9, 9, 6), padding=1),
            Unit("units", "conv", units, np.arange(6)),
            Conv2d("skimmed", "units", random.integers(-3, 4, (6, 2, 1, 1)), 3, groups=3),
            MaxPool("pooled", "skimmed", 3, 2),
            Flatten("flat", "pooled"),
            Dense("logits", "flat", random.integers(-3, 4, (4, 24)), 3),
            Argmax("winner", "logits"),
        ),
        ("winner",),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folded")
    store.save(network(), folder / "n")
    schedule = Schedule(network(), HardwareOptions(folded=FOLDS))
    assert schedule.specs["conv"].in_turn and not schedule.specs["skimmed"].in_turn
    assert schedule.specs["units"].pitch_cycles == schedule.specs["conv"].slices == 3
    generate(schedule, folder / "rtl")
    return folder


def run(folder, rtl, work):
    design = load_design(folder / "n", rtl)
    entries = layer_list(design, samples=60).entries
    assert [entry.name for entry in entries] == ["conv", "units", "skimmed", "pooled", "logits", "winner"]
    return run_on(design, work, *entries)


def test_every_layer(folder, tmp_path):
    result = run(folder, folder / "rtl", tmp_path / "work")
    assert result.passed, messages(result)


def test_the_network(folder, tmp_path):
    """Resets in mid-image, and so in the middle of sums that come in turn, too."""
    network = Entry(name="network", toplevel="network", test_module="test_network", samples=40)
    result = run_on(load_design(folder / "n", folder / "rtl"), tmp_path / "work", network)
    assert result.passed, messages(result)
    assert result.results[0].simulation.figures["gaps_and_resets.spikes"] > 0


# name: (file, pattern, replacement)
MUTATIONS = {
    "a fold too many": ("folded_conv.v", r"(slice == \d+'h)([0-9a-f]+)", other_constant),
    "turns that do not go on": ("folded_units.v", r"\bturn <= _\d+_;", "turn <= turn;"),
    "sums that go on from the image before": ("folded_logits.v", r"fresh <= .*;", "fresh <= 1'h0;"),
    "the least tap": ("folded_pooled.v", r" >= ", " < "),
}


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_a_broken_layer_is_caught(name, folder, tmp_path):
    rtl = tmp_path / "rtl"
    shutil.copytree(folder / "rtl", rtl)
    file, pattern, replacement = MUTATIONS[name]
    change(rtl / file, pattern, replacement)
    seal(rtl)
    design = load_design(folder / "n", rtl)
    layer = file.removeprefix("folded_").removesuffix(".v")
    (entry,) = (entry for entry in layer_list(design, samples=30).entries if entry.name == layer)
    result = run_on(design, tmp_path / "work", entry)
    assert not result.passed
    assert any(re.search(r"expected .*, got ", line) for line in messages(result)), messages(result)
