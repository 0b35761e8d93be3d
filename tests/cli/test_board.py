"""``amos-hdl board`` and ``amos-hdl host``, from the command line, a board in software at a pseudo terminal."""

import json
import shutil

import numpy as np
import pytest

from amos_hdl.network import Argmax, Input, Network, store
from tests.cli.test_cli import amos, refused
from tests.conftest import ROOT, small_network
from tests.host.device import SoftBoard, serial_port

serial = pytest.importorskip("serial")
pytest.importorskip("amaranth_boards")


@pytest.fixture
def folder(tmp_path, small_folder):
    """A folder with ``models/small`` and 40 images."""
    shutil.copytree(small_folder / "models", tmp_path / "models")
    pixels = np.random.default_rng(1).integers(0, 17, (40, 9))
    np.savez(tmp_path / "images.npz", images=pixels, labels=np.zeros(40, np.int64))
    return tmp_path


def host(folder, port, *arguments):
    return amos("host", "small", "--port", port, "--images", "images.npz", *arguments, cwd=folder)


def test_a_board_that_is_right(folder):
    with serial_port(SoftBoard(small_network())) as port:
        code, out, err = host(folder, port, "--json")
        assert code == 0, err
        data = json.loads(out)
        assert (data["images"], data["different"], data["passed"]) == (40, 0, True)
        assert data["link"]["answers"] == 42 and data["link"]["faults"] == {}
        code, out, _ = host(folder, port, "--first", "7")
        assert code == 0 and "every output equal to the golden model" in out


def test_a_board_that_is_wrong(folder):
    with serial_port(SoftBoard(small_network(), wrong=[5])) as port:
        code, out, err = host(folder, port)
        assert code == 1 and "image 5, logits: expected [" in err and "Traceback" not in err
    with serial_port(SoftBoard(small_network(), wrong=[5])) as port:
        code, out, err = host(folder, port, "--json")
        assert code == 1 and json.loads(out)["different"] == 1


def test_another_network(folder):
    with serial_port(SoftBoard(small_network(seed=1))) as port:
        refused(host(folder, port), "the board holds another network", small_network().digest)


def test_ports_that_cannot_be_used(folder):
    refused(host(folder, "/dev/ttyNONE"), "/dev/ttyNONE: no such serial port")
    with serial_port(SoftBoard(small_network())) as port, serial.Serial(port, exclusive=True):
        refused(host(folder, port), f"{port}: the serial port is in use by another program")


def test_images_of_another_size(folder):
    np.savez(folder / "images.npz", images=np.zeros((3, 8), np.int64), labels=np.zeros(3, np.int64))
    board = SoftBoard(small_network())
    with serial_port(board) as port:
        refused(host(folder, port), "shape", "9", "8")
    assert board.results == board.faults == 0


def test_digits_through_a_port():
    """The real data set and network."""
    board = SoftBoard(store.load(ROOT / "models" / "digits"))
    with serial_port(board) as port:
        code, out, err = amos("host", "digits", "--port", port, "--first", "100", "--json", cwd=ROOT)
    assert code == 0, err
    data = json.loads(out)
    assert data["images"] == board.results == 100 and data["accuracy"] > 0.95


def test_a_bitstream(tmp_path):
    """All tools, for the board whose device is the quickest to place."""
    network = Network("least", (Input("x", 2, 0, 15), Argmax("w", "x")), ("w",))
    store.save(network, tmp_path / "models" / "least")
    code, out, err = amos("board", "least", "--board", "icebreaker", "--json", cwd=tmp_path)
    assert code == 0, err
    data = json.loads(out)
    folder = tmp_path / data["folder"]
    assert data["network_sha256"] == network.digest and data["fmax_mhz"] >= data["clock_mhz"] == 12
    assert 100 < data["luts"] < 1000 and data["baud"] == 1_000_000
    content = (folder / data["bitstream"]).read_bytes()
    assert content[:4] == bytes.fromhex("ff000000") or b"\x7e\xaa\x99\x7e" in content[:64]  # iCE40's preamble
    assert len(content) > 100_000
    assert json.loads((folder / "board.json").read_text())["bitstream_sha256"] == data["bitstream_sha256"]
    assert not (folder / "unfinished").exists()
    # a clock that it does not reach: said in one line, and what is there stays
    result = amos("board", "least", "--board", "icebreaker", "--clock", "180", "--baud", "3000000", cwd=tmp_path)
    refused(result, "least on icebreaker: the clock is not met: expected 180 MHz, got ", "--clock")
    assert (folder / data["bitstream"]).read_bytes() == content


def test_boards_that_cannot_be(folder):
    refused(amos("board", "small", "--board", "icebraker", cwd=folder), "expected one of icebreaker, ulx3s-85f")
    refused(
        amos("board", "small", "--board", "icebreaker", "--baud", "5000000", cwd=folder), "baud: expected within 2 %"
    )
    refused(amos("board", "nothing", "--board", "icebreaker", cwd=folder), "no such network")
    # clocks that no design reaches are refused before any tool runs
    clock = ("board", "small", "--clock")
    refused(amos(*clock, "210", "--board", "icebreaker", cwd=folder), "icebreaker: clock: expected at most 185 MHz")
    refused(amos(*clock, "401", "--board", "ulx3s-85f", cwd=folder), "--clock", "401")
    assert not (folder / "build").exists()
