"""Carry chains of ECP5: the same function as Yosys's additions, and no cells at their ends."""

import json
import re
from pathlib import Path

import pytest

from amos_hdl.errors import ToolError
from amos_hdl.synthesize import carry_chains
from amos_hdl.synthesize.families import FAMILIES
from amos_hdl.synthesize.flow import synthesize
from amos_hdl.synthesize.tools import find_tool, run_tool
from amos_hdl.synthesize.yosys import NETLIST_JSON, read_json, run_yosys

#: Sums and differences of every kind that Yosys makes an addition of: lengths of both parities, signs, a constant, a
#: bit that enters, comparisons, whose carry is read, and one chain within another's reach.
EXPRESSIONS = {
    **{f"sum_{width}": f"a[{width - 2}:0] + b[{width - 2}:0]" for width in range(4, 10)},
    **{f"difference_{width}": f"a[{width - 1}:0] - b[{width - 1}:0]" for width in (5, 6, 7, 8)},
    "signed": "$signed(a[5:0]) + $signed(b)",
    "signed_difference": "$signed(a) - $signed(b[4:0])",
    "constant": "a + 8'd91",
    "shifted": "{a, 3'd0} + b",
    "either": "s ? a + b : a - b",
    "carry_in": "a + b + s",
    "carry_in_odd": "{a, s} + {b, 1'd1} + a[3:0]",
    "products": "3 * a - 5 * b[4:0]",
    "above": "a >= b",
    "below": "$signed(a[6:0]) < $signed(b[6:0])",
    "both": "({1'd0, a} + b) >= {b, s}",
    "negative": "-a",
    "masked": "(a & {8{s}}) + b",
    "masked_difference": "a - (b & {8{~s}})",
    "both_inverted": "~a + ~b",
    "chosen": "(s ? a : b) + {s, b[6:0]}",
    "of_gates": "(a | b) + (a ^ {8{s}})",
    "doubled": "a + a + {7{s}}",
}


def written(folder: Path, expression: str) -> str:
    text = f"module dut(input clk, s, input [7:0] a, b, output [11:0] y);\n  assign y = {expression};\nendmodule\n"
    (folder / "dut.v").write_text(text)
    return "dut.v"


def proves(folder: Path, lines: list[str]) -> str:
    """Run a proof that ``gold`` and ``gate`` are equal and return what Yosys says."""
    lines += ["miter -equiv -flatten -make_outputs gold gate miter", "sat -verify -prove trigger 0 miter"]
    (folder / "prove.ys").write_text("\n".join(lines) + "\n")
    return run_tool(find_tool("yosys"), ["-s", "prove.ys"], folder=folder, log="prove.log")


@pytest.mark.parametrize("name", list(EXPRESSIONS))
def test_chains_are_the_additions(name: str, tmp_path: Path) -> None:
    source = written(tmp_path, EXPRESSIONS[name])
    family = FAMILIES["ecp5"]
    cells = run_yosys(find_tool("yosys"), [source], "dut", family, folder=tmp_path, folded=True).design
    netlist = read_json(tmp_path / NETLIST_JSON)
    chains = [cell for cell in netlist["modules"]["dut"]["cells"].values() if cell["type"] == "CCU2C"]
    assert len(chains) == cells.carry_cells
    # in front of an addition of two operands inverters and gates of two inputs are no LUTs
    if name in ("masked", "masked_difference", "both_inverted"):
        assert cells.luts == 0
    assert bool(chains) == (name != "sum_4"), "four bits are logic"
    lines = ["read_verilog dut.v", "hierarchy -top dut", "proc", "flatten", "rename dut gold"]
    lines += [f"read_json {NETLIST_JSON}", "rename dut gate", "read_verilog -lib +/lattice/cells_bb_ecp5.v"]
    lines += ["techmap -map +/lattice/cells_sim_ecp5.v gate", "proc", "opt_clean"]
    # a pin that is not connected may be anything
    lines += ["setundef -undriven -anyseq gate", "setundef -anyseq gate"]
    assert "SUCCESS!" in proves(tmp_path, lines)


def test_a_chain_that_is_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof above can fail: with a first carry that is an or of the bits where it should be their and."""
    wrong = carry_chains.map_text().replace("16'h0008", "16'h000e")
    monkeypatch.setattr(carry_chains, "map_text", lambda: wrong)
    with pytest.raises(ToolError, match="proof did fail"):
        test_chains_are_the_additions("sum_6", tmp_path)


def test_only_ends_that_do_nothing_are_freed(tmp_path: Path) -> None:
    run_yosys(find_tool("yosys"), [written(tmp_path, "a + b")], "dut", FAMILIES["ecp5"], folder=tmp_path, folded=True)
    netlist = read_json(tmp_path / NETLIST_JSON)
    cells = [cell for cell in netlist["modules"]["dut"]["cells"].values() if cell["type"] == "CCU2C"]
    ends = [cell["connections"][port] for cell in cells for port in ("CIN", "COUT")]
    assert ends.count([carry_chains.NOT_CONNECTED]) == 2 and len(cells) == 5
    assert carry_chains.free_chain_ends(netlist) == 0
    # a carry that is read stays, and so does one that a sum depends on
    first = next(cell for cell in cells if cell["connections"]["CIN"] == [carry_chains.NOT_CONNECTED])
    for change in ({"INIT0": f"{0x96AA:016b}"}, {"C0": ["0"]}, {"D0": [2]}, {"CIN": [3]}, {}):
        other = json.loads(json.dumps(first))
        other["connections"]["CIN"] = ["0"]
        other["parameters"] |= {key: value for key, value in change.items() if key == "INIT0"}
        other["connections"] |= {key: value for key, value in change.items() if key != "INIT0"}
        module = {"cells": {"cell": other}, "ports": {"y": {"bits": other["connections"]["COUT"]}}}
        assert carry_chains.free_chain_ends({"modules": {"dut": module}}) == (not change)
        module["ports"] = {}
        assert carry_chains.free_chain_ends({"modules": {"dut": module}}) == 1
        assert other["connections"]["COUT"] == [carry_chains.NOT_CONNECTED]


def test_chains_take_no_cells_at_their_ends(design: Path, tmp_path: Path) -> None:
    """What nextpnr places is what Yosys counts, a cell for each carry from or to logic, and two constants."""
    work = tmp_path / "work"
    made = synthesize([design], "harness", "ecp5-25k", work, pnr=True, latency_cycles=5, folded=True, seed=1)
    carries = re.search(r"carry LUTs: +(\d+)/", (work / "nextpnr.log").read_text())
    assert carries is not None and int(carries[1]) == 2 * made.design.carry_cells > 30
    cells = read_json(work / NETLIST_JSON)["modules"]["harness"]["cells"].values()
    ends = {port: [cell["connections"][port] for cell in cells if cell["type"] == "CCU2C"] for port in ("CIN", "COUT")}
    assert ["0"] not in ends["CIN"] and ["1"] not in ends["CIN"]
    free = [carry_chains.NOT_CONNECTED]
    led_in = sum(carry != free and carry not in ends["COUT"] for carry in ends["CIN"])
    led_out = sum(carry != free and carry not in ends["CIN"] for carry in ends["COUT"])
    assert led_out == 2, "the units compare, and their carries are the results"
    sites = made.design.lut_sites + 2 * (led_in + led_out)
    assert sites <= made.luts <= sites + 2


@pytest.mark.parametrize("signed", ["", "signed"])
@pytest.mark.parametrize("name", ["net_unit3", "net_units", "net_unit3_layer"])
def test_comparisons_of_units_are_in_look_up_tables(name: str, signed: str, tmp_path: Path) -> None:
    """And equal to those in carry cells, where other modules have them."""
    threshold = "(s ? 10'sd300 : -10'sd91)"
    text = f"module {name}(input {signed} [9:0] x, input s, output y);\n  assign y = x >= {threshold};\nendmodule\n"
    text += f"module dut(input [9:0] x, input s, output y);\n  {name} u(.x(x), .s(s), .y(y));\nendmodule\n"
    source = f"source7_{name}.v"
    (tmp_path / source).write_text(text)
    family = FAMILIES["ecp5"]
    cells = run_yosys(find_tool("yosys"), [source], "dut", family, folder=tmp_path, folded=True).design
    assert bool(cells.carry_cells) == (name != "net_unit3")
    if not cells.carry_cells:
        lines = [f"read_verilog {source}", "hierarchy -top dut", "proc", "flatten", "rename dut gold"]
        lines += [f"read_json {NETLIST_JSON}", "rename dut gate", "techmap -map +/lattice/cells_sim_ecp5.v gate"]
        assert "SUCCESS!" in proves(tmp_path, [*lines, "proc", "opt_clean"])
