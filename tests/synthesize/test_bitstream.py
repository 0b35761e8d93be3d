"""What the tools of a board are told; a whole bitstream is made in tests/cli/test_board.py."""

import zlib

import pytest

from amos_hdl.emit.board import render_board
from amos_hdl.errors import DoesNotFitError
from amos_hdl.network import Argmax, Input, Network
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.board import find_board
from amos_hdl.synthesize import bitstream
from amos_hdl.synthesize.bitstream import build_bitstream
from amos_hdl.synthesize.cells import CellCounts
from amos_hdl.synthesize.families import FAMILIES
from amos_hdl.synthesize.yosys import Synthesized, make_scripts

pytest.importorskip("amaranth_boards")


def design(board):
    network = Network("least", (Input("x", 2, 0, 15), Argmax("w", "x")), ("w",))
    return render_board(Schedule(network, HardwareOptions()), find_board(board), None, None)


@pytest.mark.parametrize(
    ("board", "options"),
    [
        ("icebreaker", "--up5k --package sg48 --json netlist.json --pcf top.pcf --asc top.asc"),
        ("ulx3s-85f", "--85k --package CABGA381 --speed 6 --json netlist.json --lpf top.lpf --textcfg top.config"),
        (
            "orangecrab-85f",
            "--85k --package CSFBGA285 --speed 8 --json netlist.json --lpf top.lpf --textcfg top.config",
        ),
        (
            "tangnano9k",
            "--device GW1NR-LV9QN88PC6/I5 --vopt family=GW1N-9C --json netlist.json --vopt cst=top.cst "
            "--write top.pnr.json",
        ),
    ],
)
def test_options_of_nextpnr(board, options):
    clock = f"{find_board(board).clock_mhz:g}"
    expected = f"{options} --report report.json --seed 7 --freq {clock} --timing-allow-fail"
    assert bitstream._place_options(design(board), 7) == expected.split()


def test_only_a_board_that_is_loaded_over_dfu_has_a_suffix():
    assert bitstream._dfu_suffix(design("ulx3s-85f").commands, b"x") is None
    suffix = bitstream._dfu_suffix(design("orangecrab-85f").commands, b"bits")
    assert suffix[:12] == bytes.fromhex("ffff f05a 0912 0001") + b"UFD\x10"
    # the check over all of it is the residue of CRC-32, as dfu-util computes it
    assert zlib.crc32(b"bits" + suffix[:12]) ^ 0xFFFFFFFF == int.from_bytes(suffix[12:], "little")


def test_script_of_a_design_with_its_own_buffers():
    (script,) = make_scripts(["a.v", "top.il"], "top", FAMILIES["gowin-gw1n"], buffers=False)
    assert "read_rtlil top.il" in script and "read_verilog -defer a.v" in script
    assert "iopadmap" not in script and "hierarchy -top top" in script
    assert "-nowidelut" in script


def test_too_large_is_said_with_its_numbers_before_place_and_route(tmp_path, monkeypatch):
    cells = CellCounts(6000, 1, 0, 0, 0, 5, 6000, {"SB_LUT4": 6000})
    monkeypatch.setattr(bitstream, "find_tool", lambda name: type("T", (), {"name": name, "version": "1"})())
    monkeypatch.setattr(bitstream, "run_yosys", lambda *arguments, **rest: Synthesized(cells, None))
    (tmp_path / "board.json").write_text("earlier")
    message = "least on icebreaker: .* at most 5,280 LUTs, got 6,000, that is 720 more than there are; share hardware"
    with pytest.raises(DoesNotFitError, match=message):
        build_bitstream(design("icebreaker"), find_board("icebreaker"), "least", tmp_path)
    assert (tmp_path / "board.json").read_text() == "earlier"
