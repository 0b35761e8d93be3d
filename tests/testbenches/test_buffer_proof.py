"""The claims of ``testbenches/formal/buffer_proof.v`` hold, and broken Verilog is refuted."""

import re
import sys

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "testbenches" / "formal"))
import prove_buffer

# name: (case, pattern, replacement)
MUTATIONS = {
    "a wrong frame takes a place": ("one image", r"(_\d+_ = places_taken \+) right", r"\1 (right | wrong)"),
    "the place is free too early": ("one image", r"releases = [^;]*;", "releases = enter;"),
    "a second image is written over the first": ("two images", r"into <= _\d+_", "into <= into"),
    "no room is needed": ("two images", r"(may_begin = [^;]*) & room;", r"\1;"),
}


@pytest.mark.parametrize("mode", ["bmc", "prove"])
@pytest.mark.parametrize("name", list(prove_buffer.CASES))
def test_proved(name, mode, tmp_path):
    case = prove_buffer.CASES[name]
    assert case.buffer.images == (2 if name == "two images" else 1)
    assert prove_buffer.prove(case, prove_buffer.verilog(case), tmp_path / "proof", mode)


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_refuted(name, tmp_path):
    case_name, pattern, replacement = MUTATIONS[name]
    case = prove_buffer.CASES[case_name]
    text, count = re.subn(pattern, replacement, prove_buffer.verilog(case)["receiver"], count=1)
    assert count == 1, f"{pattern} not found"
    assert not prove_buffer.prove(case, {"receiver": text}, tmp_path / "proof", "bmc")
