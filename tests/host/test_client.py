"""The host's end of a link, with a board in software at the other."""

import re
import time

import numpy as np
import pytest

from amos_hdl.errors import LinkError
from amos_hdl.host.check import check_board
from amos_hdl.host.client import ATTEMPTS, BoardClient
from amos_hdl.host.codec import image_payloads, result_payloads, results
from amos_hdl.network import golden
from amos_hdl.schedule.link import PROTOCOL_VERSION, WINDOW, Frame, Kind
from tests.conftest import small_network
from tests.host.device import Loop, SoftBoard


def images(network, count=30):
    code = network.input
    return np.random.default_rng(3).integers(code.low, code.high, (count, code.units), endpoint=True)


def every(step, change):
    """Return a function that changes each ``step``-th piece of bytes, but for those that are too short."""
    seen = 0

    def damage(data):
        nonlocal seen
        if len(data) < 8:
            return data
        seen += 1
        return change(data) if seen % step == 0 else data

    return damage


def test_payloads_and_back(small):
    pixels = images(small)
    values = golden.run(small, pixels).values
    assert len(set(map(len, image_payloads(small, pixels)))) == 1
    got = results(small, result_payloads(small, values))
    for name in small.outputs:
        np.testing.assert_array_equal(got[name], values[name].reshape(len(pixels), -1))


def test_a_good_board(small):
    loop, seen = Loop(SoftBoard(small)), []
    client = BoardClient(loop, 0.1)
    check = check_board(client, small, images(small), seen.append)
    assert not len(check.different) and check.lines == ()
    assert seen == list(range(1, 31))
    assert loop.most_under_way == WINDOW
    assert (client.counts.answers, client.counts.repeated, client.counts.timeouts) == (31, 0, 0)


def test_a_wrong_result_is_named(small):
    check = check_board(BoardClient(Loop(SoftBoard(small, wrong=[3, 17])), 0.1), small, images(small))
    assert check.different.tolist() == [3, 17]
    assert re.fullmatch(r"image 3, logits: expected \[.*\], got \[.*\]", check.lines[0])


DAMAGES = {
    "lost byte": lambda data: data[:5] + data[6:],
    "wrong bit": lambda data: data[:7] + bytes([data[7] ^ 4]) + data[8:],
    "lost packet": lambda data: b"",
    "cut off": lambda data: data[:-3],
}


@pytest.mark.parametrize("name", list(DAMAGES))
@pytest.mark.parametrize("way", ["to_board", "from_board"])
def test_damage_is_mended(way, name, small):
    client = BoardClient(Loop(SoftBoard(small), **{way: every(4, DAMAGES[name])}), 0.1)
    check = check_board(client, small, images(small))
    assert not len(check.different)
    counts = client.counts
    assert counts.repeated > 5
    assert counts.timeouts + counts.damaged + counts.faults.total() > 0
    assert client.identify() == check.identity


def test_a_late_answer_is_not_taken_for_another(small):
    """Each answer comes twice, the second time after the next request."""
    kept = b""

    def twice(data):
        nonlocal kept
        late, kept = kept, data
        return data + late

    client = BoardClient(Loop(SoftBoard(small), from_board=twice), 0.1)
    assert not len(check_board(client, small, images(small)).different)
    assert client.counts.stray > 20


def test_another_network_is_refused_before_an_image_is_sent(small):
    board = SoftBoard(small, digest="ab" * 32)
    with pytest.raises(LinkError) as caught:
        check_board(BoardClient(Loop(board), 0.1), small, images(small))
    assert board.results == 0
    assert small.digest in str(caught.value) and "ab" * 32 in str(caught.value) and "\n" not in str(caught.value)


def test_another_version_is_refused(small):
    with pytest.raises(LinkError, match=rf"version of the protocol: expected {PROTOCOL_VERSION}, got 9"):
        BoardClient(Loop(SoftBoard(small, version=9)), 0.1).identify()


def test_silence(small):
    board = SoftBoard(small)
    client = BoardClient(Loop(board, from_board=lambda data: b""), 0.1)
    with pytest.raises(
        LinkError, match=rf"no answer to IDENTIFY: expected one within 0.1 s, got none after {ATTEMPTS} times"
    ):
        client.identify()


@pytest.mark.parametrize("endless", [False, True])
def test_noise_only(endless, small):
    """Something that sends and sends, and is no board: the client ends all the same."""
    noise = np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    loop = Loop(SoftBoard(small), from_board=lambda data: noise)
    if endless:
        loop.read = lambda timeout_s: noise
    client = BoardClient(loop, 0.1)
    with pytest.raises(LinkError, match=r"got none after 5 times \(\d+ damaged frames\)"):
        client.identify()


def test_noise_that_trickles(small):
    """One byte at a time, each before the time is up: silence never comes, and the client ends all the same."""
    loop = Loop(SoftBoard(small), from_board=lambda data: b"")

    def read(timeout_s):
        time.sleep(timeout_s / 2)
        return b"n"

    loop.read = read
    with pytest.raises(LinkError, match="got none after 5 times"):
        BoardClient(loop, 0.01).identify()


def test_a_board_that_says_the_size_is_wrong(small):
    client = BoardClient(Loop(SoftBoard(small)), 0.1)
    with pytest.raises(LinkError, match="the board refuses CLASSIFY: got LENGTH for 3 bytes"):
        client.classify([b"123"])


def test_sizes_that_do_not_go_with_the_hash(small):
    other = small_network(outputs=("winner",))
    with pytest.raises(LinkError, match="bytes of an image and of a result: expected 6 and 6, got 6 and 1"):
        check_board(BoardClient(Loop(SoftBoard(other, digest=small.digest)), 0.1), small, images(small))


def test_a_result_of_another_length(small):
    def cut(data):
        return Frame(Kind.RESULT, 1, b"x").encode() if data[1:2] == bytes([Kind.RESULT]) else data

    with pytest.raises(LinkError, match="image 0: result: expected 6 bytes, got 1"):
        check_board(BoardClient(Loop(SoftBoard(small), from_board=cut), 0.1), small, images(small, 1))
