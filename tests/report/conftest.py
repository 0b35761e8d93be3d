"""Facts of a small network without a simulation, and of the digits with one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from amos_hdl.network import golden
from amos_hdl.report.activity import Activity, Energy, LayerActivity
from amos_hdl.report.facts import Check, Facts
from amos_hdl.schedule import HardwareOptions, Schedule
from tests.cli.test_cli import amos
from tests.conftest import ROOT, small_network


def make_facts(network=None, count=50, **changes) -> Facts:
    """Return facts of a network on random images; every third label is wrong."""
    network = network or small_network()
    schedule = Schedule(network, HardwareOptions())
    images = np.random.default_rng(0).integers(network.input.low, network.input.high + 1, (count, network.input.units))
    trace = golden.run(network, images, schedule)
    labels = trace.values["winner"][:, 0].copy()
    labels[::3] = (labels[::3] + 1) % 5
    layers = (LayerActivity("encoder", 18, 9.0, 8.5, (0.5, 0.5), 40.0),)
    given = {
        "schedule": schedule,
        "images": images,
        "labels": labels,
        "shape": (1, 3, 3),
        "trace": trace,
        "reference": None,
        "checks": [Check("one", "passed", {"images": count, "compared": 1234}), Check("two", "not run", {})],
        "activity": Activity(count, layers, Energy(1.0, 4.0, 54)),
        "synthesis": [],
        "remarks": [],
        "commands": ["amos-hdl report small"],
    }
    return Facts(**(given | changes))


@pytest.fixture(scope="session")
def digits_report(tmp_path_factory) -> tuple[Path, dict]:
    """Return the page of the digits, as ``amos-hdl report`` writes it, and what --json says of it.

    In a project of its own, with the executables of this one: two simulations do not run in one folder at once.
    """
    folder = tmp_path_factory.mktemp("report")
    for name in ("models/digits", "rtl_out/digits"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "models" / "digits.yaml", folder / "models")
    (ROOT / "build" / "sim").mkdir(parents=True, exist_ok=True)
    (folder / "build").mkdir()
    (folder / "build" / "sim").symlink_to(ROOT / "build" / "sim")
    code, out, err = amos("report", "digits", "--no-synth", "--out", "digits.html", "--json", cwd=folder)
    assert code == 0, err + out
    return folder / "digits.html", json.loads(out)
