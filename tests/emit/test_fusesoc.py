"""The folder of a generated network as a FuseSoC core, run by FuseSoC."""

import shutil
import subprocess
import sys

import pytest

from amos_hdl.simulate.verilator import find_verilator


def lint(folder, work):
    """Run the target ``lint`` of the core in ``folder``, with the Verilator that simulations use."""
    work.mkdir()
    command = [sys.executable, "-m", "fusesoc.main", "--cores-root", str(folder), "run", "--target", "lint", "sample"]
    environment = find_verilator().full_environment()
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_fusesoc_lints_a_network_and_refuses_a_broken_one(small_folder, tmp_path):
    pytest.importorskip("fusesoc")
    done = lint(small_folder / "rtl_out" / "small", tmp_path / "right")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Preparing amos-hdl:networks:sample" in done.stdout + done.stderr
    assert "deprecated" not in done.stdout + done.stderr
    broken = tmp_path / "broken"
    shutil.copytree(small_folder / "rtl_out" / "small", broken)
    path = broken / "sample.v"
    path.write_text(path.read_text().replace("endmodule", "  missing there(.x(clk));\nendmodule"))
    refused = lint(broken, tmp_path / "wrong")
    assert refused.returncode != 0 and "missing" in refused.stdout + refused.stderr
