"""Networks of maps that cannot be, and devices that are too small: one line with the numbers, and no file written."""

import shutil

import numpy as np
import pytest

from amos_hdl.circuit import relu
from amos_hdl.network import Argmax, Dense, Flatten, Input, Network, SumPool, Unit, store
from tests.cli.test_cli import amos, refused

_SHAPE, _PADDING = "shape:\n  - 2\n  - 6\n  - 5\n", "padding:\n  - 1\n  - 1\n  - 1\n  - 1\n"


@pytest.fixture
def folder(tmp_path, map_folder):
    shutil.copytree(map_folder / "models", tmp_path / "models")
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {_SHAPE: "shape:\n  - 2\n  - 1\n  - 5\n", _PADDING: "padding:\n  - 0\n  - 0\n  - 1\n  - 1\n"},
            "conv: kernel: expected at most 1 x 7, the padded map, got 3 x 3",
        ),
        ({_SHAPE: "shape:\n  - 2\n  - 0\n  - 5\n"}, "pixels: shape: expected (1 to"),
        (
            {"sources:\n  - hidden\n  - deep": "sources:\n  - pixels\n  - deep"},
            "skip: shapes: expected (2, 6, 5) of pixels, got (3, 6, 5) of deep",
        ),
    ],
)
def test_shapes_that_do_not_meet(folder, changes, message):
    path = folder / "models" / "maps" / "network.yaml"
    text = path.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)
    refused(amos("generate", "maps", cwd=folder), message)
    assert not (folder / "rtl_out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--interval", "29"), "maps: interval: expected at least 30 clock cycles, one for each pixel, got 29"),
        (
            ("--fold", "conv=1x1", "--interval", "60"),
            "conv: interval: expected 54 clock cycles from one pixel to the next",
        ),
        (("--fold", "deep=2x9"), "deep: sums at once: expected a divisor of 3, the sums, got 2"),
        (("--fold", "pooled=1"), "folded layer: expected a unit layer: hidden, joined, gate, got 'pooled'"),
    ],
)
def test_folds_and_intervals_that_cannot_be(folder, options, message):
    refused(amos("generate", "maps", *options, cwd=folder), message)
    assert not (folder / "rtl_out").exists()


@pytest.mark.parametrize("interval", [(), ("--interval", "100")])
def test_a_device_that_is_too_small(tmp_path, interval):
    network = Network("wide", (Input("x", 4000, 0, 31), Dense("sums", "x", np.ones((2, 4000), int), 2)), ("sums",))
    store.save(network, tmp_path / "models" / "wide")
    how = "at an interval of 100" if interval else "however far it is folded"
    message = f"wide does not fit ice40-up5k {how}: got about "
    refused(
        amos("generate", "wide", "--device", "ice40-up5k", *interval, cwd=tmp_path), message, "devices would hold it"
    )
    assert not (tmp_path / "rtl_out").exists()


def test_results_that_are_maps_and_images_that_are_too_long_for_a_wrapper(tmp_path):
    """Said before anything is written, with what is possible instead."""
    pixels = Input("x", (1, 4, 4), 0, 3)
    store.save(Network("mapped", (pixels, Unit("u", "x", (relu(2),), [0])), ("u",)), tmp_path / "models" / "mapped")
    long = (Input("x", (3, 160, 160), 0, 255), SumPool("mean", "x", 160, None), Flatten("flat", "mean"))
    store.save(
        Network("long", (*long, Argmax("winner", "flat")), ("winner",)),
        tmp_path / "models" / "long",
    )
    wrapper, board = ("--interface", "axi-stream"), ("--board", "ulx3s-85f")
    for verb, name, options, *message in (
        (
            "generate",
            "mapped",
            wrapper,
            "mapped: AXI4-Stream: expected outputs of one pixel, got maps: u;",
            "plain ports",
        ),
        ("board", "mapped", board, "mapped: AXI4-Stream: expected outputs of one pixel, got maps: u;", "plain ports"),
        ("board", "long", board, "image on a board's link: expected at most 65,535 bytes", "got 76,800", "axi-stream"),
    ):
        refused(amos(verb, name, *options, cwd=tmp_path), *message)
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
