"""The claims of ``testbenches/formal/stream_proof.v`` hold, and broken Verilog is refuted."""

import re
import sys

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "testbenches" / "formal"))
import prove

# name: (case, module, pattern, replacement)
MUTATIONS = {
    "a credit too many": ("two beats", "results", r"reg \[2:0\] free = 3'h4", "reg [2:0] free = 3'h5"),
    "room while there is none": ("interval 3", "results", r"(_\d+_ = free !=) 1'h1", r"\1 2'h2"),
    "a stalled result is overwritten": ("interval 3", "results", r"(load = _\d+_) & _\d+_", r"\1"),
    "entries are skipped": ("two beats", "results", r"(_\d+_ = writing \+) result_valid", r"\1 { result_valid, 1'h0 }"),
    "the FIFO writes too early": ("interval 3", "results", r"if \(result_valid\)(\s+)stored", r"if (enter)\1stored"),
    "tready without room": ("two beats", "images", r"(s_axis_tready = .*);", r"\1 | ~room;"),
    "a frame too long is taken": ("two beats", "images", r"too_long <= _\d+_", "too_long <= 1'h0"),
    "the interval is not kept": ("interval 3", "images", r"(s_axis_tready = .*);", r"\1 | (room & pause == 2'h1);"),
}


@pytest.mark.parametrize("mode", ["bmc", "prove"])
@pytest.mark.parametrize("name", list(prove.CASES))
def test_proved(name, mode, tmp_path):
    case = prove.CASES[name]
    assert prove.prove(case, prove.verilog(case), tmp_path / "proof", mode)


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_refuted(name, tmp_path):
    case_name, module, pattern, replacement = MUTATIONS[name]
    case = prove.CASES[case_name]
    sources = prove.verilog(case)
    text, count = re.subn(pattern, replacement, sources[f"echo_stream_{module}"], count=1)
    assert count == 1, f"{pattern} not found"
    assert not prove.prove(case, {**sources, f"echo_stream_{module}": text}, tmp_path / "proof", "bmc")
