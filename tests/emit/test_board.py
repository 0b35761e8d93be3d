"""A network for each board: pins, clock, PLL, and what the tools are told."""

import re
import sys

import pytest

from amos_hdl.emit.board import TOP, link_spec, render_board, render_linked, shown_output
from amos_hdl.errors import ScheduleError, ToolError
from amos_hdl.network import Argmax, Dense, Input, Network
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.board import BOARDS, find_board
from tests.conftest import small_network

pytest.importorskip("amaranth_boards")

#: From the schematics of the boards: clock, receive, transmit (seen from the FPGA), lamps.
PINS = {
    "icebreaker": ("35", "6", "9", "11 37"),
    "ulx3s-85f": ("G2", "M1", "L4", "B2 C2 C1 D2 D1 E2"),
    "orangecrab-85f": ("A9", "N17", "M18", "M3 K4 J3"),
    "tangnano9k": ("52", "18", "17", "10 11 13 14 15 16"),
}
#: Cell of the PLL, and parameters of it.
PLLS = {
    "icebreaker": None,
    "ulx3s-85f": ("EHXPLLL", {"CLKI_DIV": 1, "CLKFB_DIV": 4, "CLKOP_DIV": 6}),
    "orangecrab-85f": ("EHXPLLL", {"CLKI_DIV": 1, "CLKFB_DIV": 2, "CLKOP_DIV": 6}),
    "tangnano9k": ("rPLL", {"IDIV_SEL": 0, "FBDIV_SEL": 1, "ODIV_SEL": 16}),
}


def pins(constraints):
    """Return pin by port, of any of the three kinds of files."""
    found = re.findall(r'LOCATE COMP "(\S+)" SITE "(\w+)"|set_io (\S+) (\w+)|IO_LOC "(\S+)" (\w+)', constraints)
    return dict(tuple(filter(None, groups)) for groups in found)


@pytest.fixture(scope="module")
def schedule():
    return Schedule(small_network(), HardwareOptions())


@pytest.mark.parametrize("name", list(BOARDS))
def test_each_board(name, schedule):
    design = render_board(schedule, find_board(name), None, None)
    got = pins(design.constraints)
    clock, rx, tx, leds = PINS[name]
    wanted = {"clk": [clock], "rx": [rx], "tx": [tx], "led": leds.split()}
    for what, expected in wanted.items():
        assert [pin for port, pin in got.items() if what in re.split(r"[\d_]+", port)] == expected, (what, got)
    assert len(got) == 3 + len(leds.split()), "a pin that nothing was said of"
    # the top has the network behind its UART, and each of its files once
    assert "cell \\sample_link \\linked" in design.top
    assert list(design.verilog)[-1] == "sample_link.v" and "/" not in "".join(design.verilog)
    assert str(design.link.digest) == schedule.network.digest
    if PLLS[name] is None:
        assert "PLL" not in design.top
    else:
        cell, parameters = PLLS[name]
        assert cell in design.top
        for parameter, value in parameters.items():
            assert f"parameter \\{parameter} {value}\n" in design.top, parameter
    assert design.commands[0][0] == "yosys"
    assert sys.prefix not in design.top and "attribute \\src" not in design.top


def test_the_same_again(schedule):
    board = find_board("tangnano9k")
    assert render_board(schedule, board, None, None).sha256 == render_board(schedule, board, None, None).sha256
    assert render_board(schedule, board, None, 500_000).sha256 != render_board(schedule, board, None, None).sha256


def test_another_clock(schedule):
    design = render_board(schedule, find_board("icebreaker"), 24, 115_200)
    assert design.clock_mhz == 24 and design.link.bit_cycles == 208
    assert "SB_PLL40_PAD" in design.top and "clk12_0__io" in design.constraints


def test_the_pll_holds_reset_until_it_has_locked(schedule):
    """Without a loop the reset is a constant."""
    assert "pll_locked" in render_board(schedule, find_board("ulx3s-85f"), None, None).top
    assert "pll_locked" not in render_board(schedule, find_board("icebreaker"), None, None).top


def test_control_of_wrapper_and_folds_three_times():
    """What counts in the network and between it and the link; the link itself is there once."""
    folded = Schedule(small_network(), HardwareOptions(folded=("sums=2x3",)))
    copied = {}
    for protect in ("none", "tmr"):
        files = render_board(folded, find_board("icebreaker"), None, None, protect).verilog
        copied[protect] = {name for name, text in files.items() if "_copy2" in text and "(* keep *) always" in text}
    assert copied["none"] == set()
    assert copied["tmr"] >= {"sample_sums.v", "sample_stream_images.v", "sample_stream_results.v"}
    assert not any(name.startswith("sample_link") for name in copied["tmr"])


def test_the_output_that_is_shown():
    network = Network("n", (Input("x", 3, 0, 3), Argmax("w", "x")), ("w",))
    assert shown_output(network) == "w"
    assert shown_output(small_network()) == "winner"
    assert shown_output(Network("n", (Input("x", 2, 0, 3), Dense("d", "x", [[1, 1]], 2)), ("d",))) == "d"


def test_an_image_that_no_frame_can_hold():
    network = Network("n", (Input("x", 150_000, 0, 15), Dense("d", "x", [[1] + [0] * 149_999], 2)), ("d",))
    with pytest.raises(ScheduleError, match="image on a board's link: expected at most 65,535 bytes"):
        link_spec(Schedule(network, HardwareOptions()), 12)


def test_a_baud_that_cannot_be(schedule):
    with pytest.raises(ScheduleError, match="bit of the UART: expected 4 to 65535 clock cycles, got 3"):
        render_board(schedule, find_board("icebreaker"), None, 4_000_000)


def test_without_the_extra(schedule, monkeypatch):
    monkeypatch.setitem(sys.modules, "amaranth_boards.resources", None)
    with pytest.raises(ToolError, match=r'pip install "amos-hdl\[board\]"'):
        render_board(schedule, find_board("icebreaker"), None, None)


def test_lines_and_lamps(schedule):
    """What a reader of the Verilog sees."""
    top, files = render_linked(schedule, link_spec(schedule, 12), 2)
    text = files[f"{top}.v"]
    assert top == "sample_link" and "12 clock cycles per bit" in text and f"SHA-256 {schedule.network.digest}" in text
    assert re.search(r"output \[1:0\] leds;", text)
    assert TOP not in files
