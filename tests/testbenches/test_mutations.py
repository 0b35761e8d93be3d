"""Broken Verilog must be caught: a check that can't fail is no check."""

import re
import shutil
from pathlib import Path

import pytest

from amos_hdl.errors import EmitError
from amos_hdl.simulate.regression_list import Entry
from tests.conftest import ROOT
from tests.testbenches.simulation import NETWORK, messages, seal, simulate

WINNER = Entry(name="winner", toplevel="layer:winner", test_module="test_layer", samples=500)
SUMS = Entry(name="sums", toplevel="layer:sums", test_module="test_layer", samples=500)
#: Equal logits, and potentials at a threshold, are rare in the network; the layer's own test makes them.
ON_ITS_OWN = {"tie in argmax": WINNER, "weight": SUMS, "table of a counter": SUMS}
DIGITS = Entry(name="network", toplevel="network", test_module="test_network", samples=1797, test_filter="back_to_back")


def change(path: Path, pattern: str, replacement: str, count: int = 1) -> None:
    """Replace the first match of ``pattern``, which must be there."""
    text, done = re.subn(pattern, replacement, path.read_text(), count=count, flags=re.MULTILINE)
    assert done, f"{pattern} not found in {path}"
    path.write_text(text)


def other_constant(match: re.Match[str]) -> str:
    """Return a Verilog constant with its lowest bit flipped."""
    return f"{match[1]}{int(match[2], 16) ^ 1:x}"


def bypass(register: str) -> tuple[str, str]:
    """Return pattern and replacement that turn a register into a wire."""
    return rf"always @\(posedge clk\)\s+{register} <=", f"always @* {register} ="


#: Sums but the first ones, which belong to a unit that never spikes.
LATER = r"sum(?:[6-9]|\d\d+)"
# name: (file, pattern, replacement)
MUTATIONS = {
    "threshold": ("units/{n}_unit2.v", r"(above_1 = .*?\d+'h)([0-9a-f]+)", other_constant),
    "threshold of the last gate": ("units/{n}_unit2.v", r"(threshold_3\w* = .*?\d+'h)([0-9a-f]+)", other_constant),
    "weight": ("{n}_sums.v", rf"({LATER}_with_carry = )\{{ (\w+(?:\[\d+:\d+\])?), 1'h0 \}}", r"\1{ 1'h0, \2 }"),
    "sign of a weight": ("{n}_sums.v", rf"({LATER}_with_carry = .*) - ", r"\1 + "),
    "table of a counter": ("{n}_sums.v", rf"({LATER}_row\[\d+\] = \d+'h)([0-9a-f]+)", other_constant),
    "delay register of a potential": ("units/{n}_unit2.v", *bypass("potential_at_1")),
    "delay register of a spike": ("units/{n}_unit2.v", *bypass("spike_1_at_3")),
    "delay register of an output": ("{n}_delay_logits.v", *bypass("delay_1")),
    "register of valid": (
        "{n}_sums.v",
        r"always @\(posedge clk\)\s+if \(rst\) valid_1 <= 1'h0;\s+else valid_1 <=",
        "always @* if (rst) valid_1 = 1'h0; else valid_1 =",
    ),
    ">= into >": ("units/{n}_unit2.v", r"above_2 = (.*) >= ", r"above_2 = \1 > "),
    "step not looked at": ("units/{n}_unit2.v", r"fire_2 = step\[1\] & ", "fire_2 = (step[1] | 1'h1) & "),
    "tie in argmax": ("{n}_winner.v", r"(compare_1_0 = .*) >= ", r"\1 > "),
    "reset of valid": ("{n}_sums.v", r"if \(rst\) valid_1 <= 1'h0;\s+else ", ""),
    "two units swapped": (
        "{n}_hidden.v",
        r"\b(\w+)_unit2 unit0 ([\s\S]*)\b\w+_unit3 unit1 ",
        r"\1_unit3 unit0 \2\1_unit2 unit1 ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_small_network(name, small_folder, tmp_path):
    rtl = tmp_path / "rtl"
    shutil.copytree(small_folder / "rtl_out" / "small", rtl)
    file, pattern, replacement = MUTATIONS[name]
    change(rtl / file.format(n="sample"), pattern, replacement)
    with pytest.raises(EmitError, match="file differs from its manifest"):
        simulate(small_folder / "models" / "small", rtl, tmp_path / "work", NETWORK)
    seal(rtl)
    entry = ON_ITS_OWN.get(name, NETWORK)
    result = simulate(small_folder / "models" / "small", rtl, tmp_path / "work", entry)
    assert not result.passed
    lines = messages(result)
    assert any(re.search(r"clock cycle \d+: expected .*, got ", line) for line in lines), lines


def test_the_unchanged_small_network_passes(small_folder, tmp_path):
    rtl = small_folder / "rtl_out" / "small"
    result = simulate(small_folder / "models" / "small", rtl, tmp_path / "work", NETWORK)
    assert result.passed, messages(result)


@pytest.mark.parametrize("name", ["threshold", "weight", "delay register of a potential"])
def test_digits(name, tmp_path):
    rtl = tmp_path / "rtl"
    shutil.copytree(ROOT / "rtl_out" / "digits", rtl)
    file, pattern, replacement = MUTATIONS[name]
    file = file.replace("unit2", "unit1").replace("_sums", "_hidden1_sums")
    change(rtl / file.format(n="digits"), pattern, replacement)
    seal(rtl)
    result = simulate(ROOT / "models" / "digits", rtl, tmp_path / "work", DIGITS)
    assert not result.passed
    assert "image" in messages(result)[0] and "layer hidden1, unit" in messages(result)[0]
