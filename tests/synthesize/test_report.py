import copy

import pytest

from amos_hdl.errors import DoesNotFitError, SynthesisError
from amos_hdl.synthesize.nextpnr import is_clock, parse_report
from amos_hdl.synthesize.pins import gowin_constraints
from amos_hdl.synthesize.targets import find_target

REPORT = {
    "fmax": {"$glbnet$clk$TRELLIS_IO_IN": {"achieved": 124.1002, "constraint": 100}},
    "utilization": {
        "TRELLIS_COMB": {"available": 24288, "used": 3385},
        "TRELLIS_FF": {"available": 24288, "used": 1622},
        "DP16KD": {"available": 56, "used": 0},
        "TRELLIS_IO": {"available": 197, "used": 10},
    },
}


def parse(report, clock="clk"):
    return parse_report(report, find_target("ecp5-25k"), clock=clock, where="report.json")


def test_report():
    placed = parse(REPORT)
    assert placed.fmax_mhz == 124.1002
    assert placed.used == {"luts": 3385, "flip_flops": 1622, "block_rams": 0, "pins": 10}
    assert placed.available["luts"] == 24288


@pytest.mark.parametrize("resource", ["TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "TRELLIS_IO"])
@pytest.mark.parametrize("field", ["used", "available", None])
def test_a_missing_resource_is_not_zero(resource, field):
    report = copy.deepcopy(REPORT)
    if field is None:
        del report["utilization"][resource]
    else:
        del report["utilization"][resource][field]
    with pytest.raises(SynthesisError, match="no field"):
        parse(report)


@pytest.mark.parametrize("field", ["fmax", "utilization"])
def test_a_missing_part_is_not_zero(field):
    report = copy.deepcopy(REPORT)
    del report[field]
    with pytest.raises(SynthesisError, match=f"no field '{field}'"):
        parse(report)


@pytest.mark.parametrize("value", [0, -1.0, "124", None, float("nan"), float("inf"), True])
def test_a_frequency_is_a_positive_number(value):
    report = copy.deepcopy(REPORT)
    report["fmax"]["$glbnet$clk$TRELLIS_IO_IN"]["achieved"] = value
    with pytest.raises(SynthesisError, match="frequency"):
        parse(report)


def test_no_achieved_frequency():
    report = copy.deepcopy(REPORT)
    del report["fmax"]["$glbnet$clk$TRELLIS_IO_IN"]["achieved"]
    with pytest.raises(SynthesisError, match="'achieved'"):
        parse(report)


@pytest.mark.parametrize("clocks", [{}, {"other": {"achieved": 5.0}}, {"clk": {}, "a.clk": {}}])
def test_not_exactly_one_clock(clocks):
    with pytest.raises(SynthesisError, match="exactly one clock") as caught:
        parse(REPORT | {"fmax": clocks})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["3", -1, 1.5, True])
def test_a_count_is_a_count(value):
    report = copy.deepcopy(REPORT)
    report["utilization"]["TRELLIS_FF"]["used"] = value
    with pytest.raises(SynthesisError, match="not a count"):
        parse(report)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("clk", True),
        ("$glbnet$clk$TRELLIS_IO_IN", True),
        ("clk$SB_IO_IN_$glb_clk", True),
        ("net.clk", True),
        ("clk_IBUF_I_O", True),
        ("clk2", False),
        ("fast_clk", False),
        ("$glbnet$clk_fast", False),
    ],
)
def test_clock_names(name, same):
    assert is_clock(name, "clk") == same


def test_alus_take_luts_on_gowin():
    utilization = {name: {"used": 1, "available": 100} for name in ("DFF", "BSRAM", "IOB")}
    utilization |= {"LUT4": {"used": 20, "available": 8640}, "ALU": {"used": 7, "available": 6480}}
    report = {"fmax": {"net.clk": {"achieved": 50}}, "utilization": utilization}
    placed = parse_report(report, find_target("gowin-gw1n9"), clock="clk", where="report.json")
    assert (placed.used["luts"], placed.available["luts"], placed.used["carry_cells"]) == (27, 8640, 7)
    del utilization["ALU"]
    with pytest.raises(SynthesisError, match="'ALU'"):
        parse_report(report, find_target("gowin-gw1n9"), clock="clk", where="report.json")


def test_gowin_pins():
    target = find_target("gowin-gw1n9")
    ports = {"clk": {"bits": [2]}, "rst": {"bits": [3]}, "y": {"bits": [4, 5], "offset": 1}}
    text = gowin_constraints({"modules": {"top": {"ports": ports}}}, "top", target, "clk")
    assert text.splitlines() == ['IO_LOC "clk" 52;', 'IO_LOC "rst" 25;', 'IO_LOC "y[1]" 26;', 'IO_LOC "y[2]" 27;']


def test_gowin_pins_that_are_not_enough():
    target = find_target("gowin-gw1n9")
    many = {"modules": {"top": {"ports": {"clk": {"bits": [0]}, "x": {"bits": list(range(60))}}}}}
    with pytest.raises(DoesNotFitError, match="pins"):
        gowin_constraints(many, "top", target, "clk")
    with pytest.raises(SynthesisError, match="no ports"):
        gowin_constraints({"modules": {}}, "top", target, "clk")
