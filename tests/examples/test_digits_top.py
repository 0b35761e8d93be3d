"""The examples in Verilog and in Amaranth, simulated on real digits."""

import subprocess
import sys

import numpy as np
import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.network import store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.stream import StreamOptions
from amos_hdl.simulate.build import BuildOptions, build
from amos_hdl.simulate.run import run
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize("language", ["verilog", "amaranth"])
def test_every_digit_is_recognized(language, tmp_path):
    folder = ROOT / "models" / "digits"
    manifest = generate(Schedule(store.load(folder), HardwareOptions()), tmp_path / "rtl", StreamOptions(beat_bytes=8))
    top = EXAMPLES / "digits_top.v"
    if language == "amaranth":
        command = [sys.executable, str(EXAMPLES / "digits_top.py")]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        top = tmp_path / "digits_top.v"
        top.write_text(text)
    np.save(tmp_path / "images.npy", load_dataset(load_recipe(ROOT / "models" / "digits.yaml").data).images[:300])
    executable = build(
        [*(tmp_path / "rtl" / path for path in manifest.files), top],
        "digits_top",
        root=ROOT / "build" / "sim",
        # as a user's own project would have it: without -Wall's opinions
        options=BuildOptions(verilator_args=("-Wno-lint", "-Wno-style")),
    )
    result = run(
        executable,
        "check_digits_top",
        python_path=[EXAMPLES],
        job={"network": str(folder), "images": str(tmp_path / "images.npy")},
        seed=1,
        work=tmp_path / "work",
        timeout_s=300,
    )
    assert result.passed, [test.message for test in result.failures]
    assert result.figures["digits"] == 300
