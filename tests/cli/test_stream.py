"""generate --interface axi-stream and what simulate makes of it, from the command line."""

import json
import shutil

import pytest

from tests.cli.test_cli import amos, refused


@pytest.fixture
def folder(tmp_path, small_folder):
    shutil.copytree(small_folder / "models", tmp_path / "models")
    return tmp_path


def test_generate_and_simulate(folder):
    wrapped = ("--interface", "axi-stream", "--stream-bytes", "3", "--registers")
    code, out, err = amos("generate", "small", *wrapped, "--json", cwd=folder)
    assert code == 0, err
    stream = json.loads(out)["stream"]
    assert (stream["top"], stream["beats"], stream["interval_cycles"]) == ("sample_stream", 2, 2)
    (folder / "few.yaml").write_text(
        "version: 1\nentries:\n- {name: few, toplevel: stream, test_module: test_stream, samples: 80}\n"
    )
    code, out, err = amos("simulate", "small", "--list", "few.yaml", "--json", cwd=folder)
    assert code == 0, (out, err)
    (run,) = json.loads(out)["runs"]
    assert run["figures"]["bursty_stalls.results"] == 80 and run["figures"]["registers.errors"] == 12


def test_simulate_without_a_list_runs_the_stream_too(folder, monkeypatch):
    """The default lists depend on what was generated."""
    from pathlib import Path

    from amos_hdl.console import Steps
    from amos_hdl.project import find_project
    from amos_hdl.simulate import regression
    from amos_hdl.verbs.generate import generate, wanted_stream
    from amos_hdl.verbs.simulate import simulate

    ran = []

    def record(regression_list, *arguments, **rest):
        ran.extend(entry.name for entry in regression_list.entries)
        return regression.RegressionResult((), Path("nowhere"))

    monkeypatch.chdir(folder)
    monkeypatch.setattr(regression, "run_regression", record)
    project = find_project("small")
    for interface, lists in (("plain", ["network"]), ("axi-stream", ["network", "stream"])):
        generate(project, {}, None, Steps(True), wanted_stream(interface, None, False))
        ran.clear()
        simulate(project, False, [], None, None, "none", "off", steps=Steps(True))
        assert ran == lists


def test_options_that_do_not_fit(folder):
    refused(
        amos("generate", "small", "--stream-bytes", "4", cwd=folder), "expected --interface axi-stream", "got plain"
    )
    refused(amos("generate", "small", "--registers", cwd=folder), "expected --interface axi-stream")
    wrapped = ("generate", "small", "--interface", "axi-stream", "--stream-bytes")
    refused(amos(*wrapped, "0", cwd=folder), "bytes of a beat", "1 to 4096", "got 0")
    refused(amos(*wrapped, "x", cwd=folder), "--stream-bytes")
    refused(amos("generate", "small", "--interface", "wishbone", cwd=folder), "--interface", "axi-stream")
    assert not (folder / "rtl_out").exists()


def test_a_stream_test_without_a_wrapper(folder):
    assert amos("generate", "small", cwd=folder)[0] == 0
    (folder / "few.yaml").write_text(
        "version: 1\nentries:\n- {name: few, toplevel: stream, test_module: test_stream, samples: 80}\n"
    )
    code, out, _ = amos("simulate", "small", "--list", "few.yaml", "--json", cwd=folder)
    assert code == 1 and "expected network, layer:NAME of encoder" in json.loads(out)["runs"][0]["error"]


def test_synthesize_the_wrapper(folder):
    """Within the wrapper the network is counted alone; Verilog without a wrapper is refused."""
    refused(amos("synth", "small", "--rtl", "models", "--interface", "axi-stream", cwd=folder), "no such file")
    amos("generate", "small", cwd=folder)
    refused(amos("synth", "small", "--interface", "axi-stream", cwd=folder), "no AXI4-Stream wrapper", "generate small")
    amos("generate", "small", "--interface", "axi-stream", "--stream-bytes", "2", cwd=folder)
    code, out, err = amos("synth", "small", "--interface", "axi-stream", "--target", "ice40-hx8k", "--json", cwd=folder)
    assert code == 0, err
    data = json.loads(out)
    assert (data["top"], data["network_top"], data["harness_flip_flops"]) == ("sample_stream", "sample", 0)
    assert data["pins"] == 2 + 2 * 8 + 4 + 6 * 8 + 4 + 1  # clk and rst, images, results, error
    assert 0 < data["network"]["luts"] < data["design"]["luts"] < data["network"]["luts"] + 300
    assert data["interval_cycles"] == 3 and data["fmax_mhz"] > 20
