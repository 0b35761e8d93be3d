"""A target clock from command line and recipe: what goes first, and what is refused before a file is written."""

import json
import shutil

import pytest
import yaml

from amos_hdl.errors import ScheduleError
from amos_hdl.network import store
from amos_hdl.project import find_project
from tests.cli.test_cli import amos, refused
from tests.conftest import ROOT, small_network


@pytest.fixture
def folder(tmp_path, small_folder):
    shutil.copytree(small_folder, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "rtl_out")
    return tmp_path


def test_a_slower_clock_is_sooner_there(folder):
    latencies = []
    for mhz in ("100", "180"):
        code, out, err = amos("info", "small", "--clock-mhz", mhz, "--json", cwd=folder)
        data = json.loads(out)
        assert code == 0, err
        assert data["options"]["clock_mhz"] == int(mhz) <= data["clock"]["mhz"]
        assert data["clock"]["fabric"] == "ecp5" and data["clock"]["slowest"] in ("sums", "hidden", "logits", "winner")
        latencies.append(data["latency_cycles"])
    code, out, _ = amos("info", "small", "--json", cwd=folder)
    assert latencies[0] < latencies[1] < json.loads(out)["latency_cycles"]
    code, out, _ = amos("info", "small", cwd=folder)
    assert code == 0 and "MHz on ecp5, where sums is the slowest" in out


def test_a_clock_that_cannot_be_met_leaves_nothing_behind(folder):
    refused(
        amos("generate", "small", "--clock-mhz", "400", cwd=folder),
        "sample: clock_mhz: expected at most ",
        " MHz on ecp5, by the delays of sums, got 400",
    )
    assert not (folder / "rtl_out").exists()
    code, _, err = amos("generate", "small", "--clock-mhz", "150", "--device", "ecp5-45k", cwd=folder)
    assert code == 0, err
    assert yaml.safe_load((folder / "rtl_out/small/manifest.yaml").read_text())["options"]["fabric"] == "ecp5"


def test_clocks_and_fabrics_that_are_none(folder):
    refused(amos("info", "small", "--clock-mhz", "0", cwd=folder), "--clock-mhz", "1<=x<=2000")
    refused(amos("generate", "small", "--fabric", "ecp5", cwd=folder), "fabric: expected clock_mhz beside it")
    refused(
        amos("generate", "small", "--clock-mhz", "90", "--fabric", "x", cwd=folder), "fabric: expected one of", "'x'"
    )
    for adders in ("1", "2"):
        refused(
            amos("generate", "small", "--clock-mhz", "90", "--adders-per-stage", adders, cwd=folder),
            "--adders-per-stage: expected none beside --clock-mhz",
        )
    assert not (folder / "rtl_out").exists()


def test_what_is_said_last_places_registers(tmp_path):
    """Flags take the place of what a recipe says, whichever of the two ways of placing registers that is."""
    text = (ROOT / "models" / "digits.yaml").read_text()
    for hardware in ("adders_per_stage: 3", "clock_mhz: 120\n  fabric: ecp5"):
        (tmp_path / "digits.yaml").write_text(text.replace("adders_per_stage: 1", hardware))
        store.save(small_network(), tmp_path / "digits")
        project = find_project(str(tmp_path / "digits"))
        plain = project.options()
        assert (plain.adders_per_stage, plain.clock_mhz) == ((1, 120) if "clock" in hardware else (3, None))
        clocked = project.options({"clock_mhz": 90, "adders_per_stage": None})
        assert (clocked.adders_per_stage, clocked.clock_mhz) == (1, 90)
        levelled = project.options({"clock_mhz": None, "adders_per_stage": 2})
        assert (levelled.adders_per_stage, levelled.clock_mhz, levelled.fabric) == (2, None, None)
        preset = project.options({"clock_mhz": 90}, {"adders_per_stage": 8})
        assert (preset.adders_per_stage, preset.clock_mhz) == (1, 90)
    with pytest.raises(ScheduleError, match=r"^fabric: expected one of ecp5"):
        project.options({"clock_mhz": 90, "device": "ice40-up5k"})
