"""The protocol of a link: its check, its frames, its sizes."""

import numpy as np
import pytest

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.link import (
    ESCAPE,
    FCS_GOOD,
    FLAG,
    IDENTITY_BYTES,
    Frame,
    FrameReader,
    Identity,
    LinkSpec,
    escape,
    fcs,
)
from amos_hdl.schedule.stream import StreamSpec


def test_fcs_is_crc_16_x25():
    """The check value that catalogues of CRCs give for "123456789", and RFC 1662's own residue."""
    assert fcs(b"123456789") ^ 0xFFFF == 0x906E
    assert fcs(b"123456789" + (0x906E).to_bytes(2, "little")) == FCS_GOOD


def test_a_frame_byte_by_byte():
    """By hand: kind 1, number 0x7E (escaped), length 0, check."""
    content = bytes([1, FLAG, 0, 0])
    check = (fcs(content) ^ 0xFFFF).to_bytes(2, "little")
    assert Frame(1, FLAG).encode() == bytes([FLAG, 1, ESCAPE, 0x5E, 0, 0]) + escape(check) + bytes([FLAG])


@pytest.mark.parametrize("cut", [1, 2, 7, 1000])
def test_frames_come_back_however_they_are_cut(cut):
    random = np.random.default_rng(cut)
    contents = [b"", bytes([FLAG, ESCAPE] * 5)] * 8 + [random.bytes(size) for size in random.integers(0, 300, 34)]
    order = random.permutation(len(contents)).tolist()
    frames = [Frame(*random.integers(0, 256, 2).tolist(), contents[place]) for place in order]
    wire = b"".join(frame.encode() for frame in frames)
    reader, got = FrameReader(), []
    for first in range(0, len(wire), cut):
        got += reader.feed(wire[first : first + cut])
    assert got == frames and reader.damaged == 0


def test_every_changed_or_lost_byte_is_noticed():
    """Whatever happens to one byte, no wrong frame is read, and the frame after it is right."""
    good, after = Frame(2, 77, bytes(range(110, 140))), Frame(1, 78)
    wire = good.encode()
    for place in range(len(wire)):
        for value in (None, *range(256)):
            if value == wire[place]:
                continue
            broken = wire[:place] + (b"" if value is None else bytes([value])) + wire[place + 1 :]
            frames = list(FrameReader().feed(bytes([FLAG]) + broken + after.encode()))
            assert frames[-1] == after, (place, value)
            assert all(frame in (None, good) for frame in frames[:-1]), (place, value)


def test_garbage_takes_no_memory():
    reader = FrameReader()
    assert list(reader.feed(bytes(200_000))) == []
    assert len(reader._content) < 70_000
    assert list(reader.feed(bytes([FLAG]) + Frame(1, 2).encode())) == [None, Frame(1, 2)]
    assert reader.damaged == 1


def test_identity():
    identity = Identity(1, 40, 5, "0123456789abcdef" * 4)
    assert len(identity.encode()) == IDENTITY_BYTES - 1
    assert Identity.decode(identity.encode() + b"\7") == identity
    assert Identity.decode(identity.encode()) is None
    assert Identity.decode(b"XMOS" + identity.encode()) is None


def test_frames_that_cannot_be():
    for kind, sequence, payload in ((256, 0, b""), (0, -1, b""), (0, 0, bytes(65536))):
        with pytest.raises(ScheduleError, match="of a frame: expected"):
            Frame(kind, sequence, payload)


def stream(**changes):
    values = {"input_bits": 320, "results": {"a": 4, "b": 9}, "network_latency_cycles": 5}
    return StreamSpec(**{**values, "network_interval_cycles": 1, "beat_bytes": 1, **changes})


def test_sizes():
    link = LinkSpec(stream=stream(), digest="00" * 32, bit_cycles=12)
    assert (link.image_bytes, link.result_bytes, link.byte_cycles) == (40, 3, 120)


@pytest.mark.parametrize(
    ("changes", "bit_cycles", "message"),
    [
        ({}, 3, "bit of the UART: expected 4 to 65535 clock cycles, got 3"),
        ({"beat_bytes": 2}, 4, "bytes of a beat on a link: expected 1, got 2"),
        (
            {"input_bits": 8 * 65536},
            4,
            "image on a board's link: expected at most 65,535 bytes.*, got 65,536; take smaller ones",
        ),
        ({"results": {"r": 8 * 65536}}, 4, "result on a board's link: expected at most 65,535 bytes.*, got 65,536"),
    ],
)
def test_links_that_cannot_be(changes, bit_cycles, message):
    with pytest.raises(ScheduleError, match=message):
        LinkSpec(stream=stream(**changes), digest="00" * 32, bit_cycles=bit_cycles)
