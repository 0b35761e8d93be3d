"""``amos-hdl evaluate --rtl``: the whole data set through the Verilog, and one threshold changed in a copy of it."""

import json
import re
import shutil

from tests.cli.test_cli import amos, refused
from tests.conftest import ROOT
from tests.testbenches.simulation import seal


def made(folder):
    """Return what is kept of the batch simulator, and when it was written."""
    kept = [*folder.glob("build/sim/*/batch.so"), *folder.glob("build/sim/*/evaluation.npz")]
    return {path: path.stat().st_mtime_ns for path in kept}


def test_all_images_and_nothing_is_made_twice(tmp_path):
    (tmp_path / "models").mkdir()
    shutil.copy(ROOT / "models" / "digits.yaml", tmp_path / "models")
    for name in ("models/digits", "rtl_out/digits"):
        shutil.copytree(ROOT / name, tmp_path / name)
    seen = []
    for _ in range(2):
        code, out, err = amos("evaluate", "digits", "--rtl", "--json", cwd=tmp_path)
        assert code == 0, err
        data = json.loads(out)["rtl"]
        seen.append((data["images"], data["results"], data["spikes"], data["spike_slots_compared"], made(tmp_path)))
    assert seen[0] == seen[1]
    images, results, spikes, compared, kept = seen[0]
    assert images == results == 1797 and spikes > 0 and compared >= 224 * 1797
    assert len(kept) == 2
    assert not list((tmp_path / "build" / "digits" / "batch").iterdir())


def test_a_threshold_that_is_two_less_is_caught(tmp_path):
    """All weights of that sum are even: a threshold that is one less is the same."""
    rtl = tmp_path / "digits"
    shutil.copytree(ROOT / "rtl_out" / "digits", rtl)
    path = rtl / "units" / "digits_unit1.v"
    text, changed = re.subn(r"(?<=above_1 = \$signed\(potential\) >= \$signed\(5'h)0e", "0c", path.read_text())
    assert changed == 1
    path.write_text(text)
    seal(rtl)
    code, _, err = amos("evaluate", "digits", "--rtl", "--rtl-folder", str(rtl), cwd=ROOT)
    assert code == 1
    expected = (
        r"^error: digits, images from \d+: \d+ wrong spikes in layer hidden1; "
        r"image \d+, layer hidden1, unit 0, gate 1, clock cycle \d+: expected no spike, got a spike; "
    )
    assert re.match(expected, err), err
    assert err.count("\n") == 1


def test_a_folder_of_verilog_that_is_not_run(tmp_path):
    refused(amos("evaluate", "digits", "--rtl-folder", str(tmp_path), cwd=ROOT), "--rtl-folder: expected --rtl too")
