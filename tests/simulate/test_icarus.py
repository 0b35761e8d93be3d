"""The network's testbench on a second simulator."""

import shutil

import pytest

from amos_hdl.errors import ToolError
from amos_hdl.simulate import design as designs
from amos_hdl.simulate.icarus import find_icarus
from amos_hdl.simulate.regression import run_regression
from amos_hdl.simulate.regression_list import Entry, RegressionList
from tests.conftest import ROOT
from tests.testbenches.simulation import messages, seal

ENTRY = Entry(name="network", toplevel="network", test_module="test_network", samples=40)
# it is not on PyPI, so `make test` cannot install it; .ci/run does, and fails where a test was skipped
needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="Icarus Verilog is not installed (Debian: apt install iverilog)"
)


def simulate(folder, rtl, work, **changes):
    design = designs.load_design(folder / "models" / "small", rtl)
    return run_regression(
        RegressionList(version=1, entries=(ENTRY.model_copy(update=changes),)),
        lambda entry: design.resolve(entry, work),
        python_path=[designs.testbench_folder()],
        root=ROOT / "build" / "sim",
        work=work,
        prepare=design.job,
        simulator="icarus",
    )


@needs_icarus
def test_every_spike_is_compared_and_equal(small_folder, tmp_path):
    result = simulate(small_folder, small_folder / "rtl_out" / "small", tmp_path)
    assert result.passed, messages(result)
    simulation = result.results[0].simulation
    assert len(simulation.tests) == 5
    assert simulation.figures["back_to_back.spikes"] > 0


@needs_icarus
def test_a_changed_comparison_is_caught(small_folder, tmp_path):
    rtl = tmp_path / "rtl"
    shutil.copytree(small_folder / "rtl_out" / "small", rtl)
    for path in sorted((rtl / "units").glob("*.v")):
        path.write_text(path.read_text().replace(" >= ", " > "))
    seal(rtl)
    result = simulate(small_folder, rtl, tmp_path / "work")
    assert not result.passed
    assert any("expected" in line for line in messages(result))


@needs_icarus
def test_waves_are_for_verilator(small_folder, tmp_path):
    result = simulate(small_folder, small_folder / "rtl_out" / "small", tmp_path, waves="fst")
    assert result.results[0].error == "waves and coverage: expected --simulator verilator, got icarus"


def test_a_missing_or_old_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"^no Icarus Verilog in PATH: expected iverilog and vvp; .*apt-get install"):
        find_icarus()
    for name in ("iverilog", "vvp"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'Icarus Verilog version 10.3 (stable)'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(ToolError, match=r"expected version >= 11, got Icarus Verilog version 10\.3"):
        find_icarus()
