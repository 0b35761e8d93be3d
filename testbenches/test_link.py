"""A board's network through its two wires: the host's own code, at the pins of the simulation."""

from __future__ import annotations

import time
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import Timer
from driver import generator
from link_bench import CLOCK_NS, Line

from amos_hdl.errors import LinkError
from amos_hdl.host.check import check_board
from amos_hdl.host.client import BoardClient
from amos_hdl.host.codec import image_payloads, result_payloads
from amos_hdl.network import golden, store
from amos_hdl.schedule.link import (
    BYTE_BITS,
    ESCAPE,
    FLAG,
    IDENTITY_BYTES,
    WINDOW,
    Fault,
    Frame,
    FrameReader,
    Kind,
    escape,
    fcs,
)
from amos_hdl.simulate.job import load_job

JOB = load_job()
NETWORK = store.load(Path(JOB.parameters["network"]))
BIT_CYCLES, LEDS = JOB.parameters["bit_cycles"], JOB.parameters["leds"]
SHOWN = JOB.parameters["shown"]
IMAGES = golden.check_images(NETWORK, np.load(JOB.parameters["images"], allow_pickle=False))
VALUES = golden.run(NETWORK, IMAGES).values
PAYLOADS, RESULTS = image_payloads(NETWORK, IMAGES), result_payloads(NETWORK, VALUES)
#: Longer than an image and its result, and whatever is under way, take.
PATIENCE_BYTES = 6 * (len(PAYLOADS[0]) + len(RESULTS[0]) + 20) + 4 * JOB.parameters["latency_cycles"] // (
    BYTE_BITS * BIT_CYCLES
)
TIMEOUT_S = PATIENCE_BYTES * 10 * BIT_CYCLES * CLOCK_NS * 1e-9


async def begin(dut, pace: float = 1.0) -> tuple[Line, BoardClient]:
    """Return the wires after a reset and a client at them."""
    line = Line(dut, BIT_CYCLES, pace)
    await line.start()
    return line, BoardClient(line, TIMEOUT_S)


async def answers(line: Line) -> list[Frame]:
    """Return the frames that came, once everything has been sent and answered; all of them must be whole."""
    await line.idle(PATIENCE_BYTES)
    frames = list(FrameReader().feed(bytes(line.received)))
    line.received.clear()
    assert None not in frames, "a damaged answer"
    return [frame for frame in frames if frame is not None]


async def one_image(line: Line, client: BoardClient, number: int = 0) -> None:
    """Check that the board answers an image rightly, at once."""
    timeouts = client.counts.timeouts
    got = await line.host(client.classify, [PAYLOADS[number]])
    assert got == [RESULTS[number]], f"expected {RESULTS[number].hex()}, got {got[0].hex()}"
    assert client.counts.timeouts == timeouts, "an image was answered only when it was sent again"


async def faults_of(line: Line, client: BoardClient) -> int:
    """Return what the board has counted."""
    await line.host(client.identify)
    return client.counts.device_faults


@cocotb.test()
async def images(dut):
    """As ``amos-hdl host`` does it: identity, images, every output compared; and the lamps."""
    line, client = await begin(dut)
    started = time.perf_counter()
    check = await line.host(check_board, client, NETWORK, IMAGES)
    assert not len(check.different), check.lines[0]
    counts = client.counts
    assert (counts.answers, counts.repeated, counts.timeouts, counts.damaged, counts.stray) == (
        len(IMAGES) + 1,
        0,
        0,
        0,
        0,
    )
    assert counts.faults.total() == counts.device_faults == 0
    lamps = int(dut.leds.value)
    assert lamps & 1 == len(IMAGES) & 1 and not lamps & 2
    shown = int(VALUES[SHOWN][-1].reshape(-1)[0])
    assert lamps >> 2 == shown & ((1 << LEDS - 2) - 1), f"lamps {lamps:0{LEDS}b} for class {shown}"
    JOB.report({"images.images": len(IMAGES), "images.seconds": time.perf_counter() - started})
    line.stop()


@cocotb.test()
async def another_network(dut):
    """A board whose network is another is refused before an image is sent."""
    line, client = await begin(dut)
    try:
        await line.host(client.require, "0" * 64)
    except LinkError as error:
        assert "another network" in str(error) and NETWORK.digest in str(error)
    else:
        raise AssertionError("another network was not refused")
    assert client.counts.answers == 1
    line.stop()


def changed(frame: bytes, place: int, bit: int | None) -> bytes:
    """Return ``frame`` with one bit changed, or without the byte at ``place``."""
    middle = b"" if bit is None else bytes([frame[place] ^ 1 << bit])
    return frame[:place] + middle + frame[place + 1 :]


async def one_changed(dut, bit_of) -> None:
    """Change one byte of one image after another, each place once: all are answered rightly."""
    line, client = await begin(dut)
    random = generator(JOB.seed, "changed")
    length = len(Frame(Kind.CLASSIFY, 0, PAYLOADS[0]).encode())
    places = range(length) if length < 80 else sorted(random.choice(length, 80, replace=False).tolist())
    for number, place in enumerate(places):
        image, done = number % len(IMAGES), []

        def tamper(data: bytes, place: int = place, done: list[int] = done) -> bytes:
            if done or place >= len(data):
                return data
            done.append(place)
            return changed(data, place, bit_of(random))

        line.tamper = tamper
        got = await line.host(client.classify, [PAYLOADS[image], PAYLOADS[0]])
        assert got == [RESULTS[image], RESULTS[0]], f"place {place}: got {[result.hex() for result in got]}"
        assert done == [place]
    counts = client.counts
    # a lost flag is made up for by the one beside it; all else is noticed
    assert counts.repeated >= len(places) - 4 and counts.faults["DAMAGED"] > 0, counts
    JOB.report({f"{'lost' if bit_of(random) is None else 'corrupted'}.{key}": value for key, value in
                {"frames": len(places), "repeated": counts.repeated, "timeouts": counts.timeouts,
                 "faults": counts.faults.total()}.items()})  # fmt: skip
    line.tamper = lambda data: data
    await one_image(line, client)
    line.stop()


@cocotb.test()
async def corrupted_packets(dut):
    """A bit is changed at each place of a packet."""
    await one_changed(dut, lambda random: int(random.integers(8)))


@cocotb.test()
async def lost_bytes(dut):
    """A byte is lost at each place of a packet."""
    await one_changed(dut, lambda random: None)


@cocotb.test()
async def wrong_frames(dut):
    """Images of wrong sizes, unknown kinds, lengths that lie: each named with its number, counted, and forgotten."""
    line, client = await begin(dut)
    size, image = len(PAYLOADS[0]), PAYLOADS[1]
    for number, (frame, fault) in enumerate(
        (
            (Frame(Kind.CLASSIFY, 0, image[:-1]), Fault.LENGTH),
            (Frame(Kind.CLASSIFY, 1, image + b"\1"), Fault.LENGTH),
            (Frame(Kind.CLASSIFY, FLAG, b""), Fault.LENGTH),
            (Frame(Kind.CLASSIFY, ESCAPE, image * 3), Fault.LENGTH),
            (Frame(Kind.CLASSIFY, 4, image[:1] + bytes(size + 255)), Fault.LENGTH),
            (Frame(Kind.IDENTIFY, 5, b"x"), Fault.LENGTH),
            (Frame(Kind.RESULT, 6, b""), Fault.UNKNOWN),
            (Frame(0, 7, image), Fault.UNKNOWN),
            (Frame(0xFF, 8, b""), Fault.UNKNOWN),
        ),
        1,
    ):
        line.write(frame.encode())
        expected = Frame(Kind.FAULT, frame.sequence, bytes([fault, number]))
        got = await answers(line)
        assert got == [expected], f"{frame}: expected {expected}, got {got}"
        await one_image(line, client, number % len(IMAGES))
    # frames that say another length than they have, with a right check
    for lie, payload in (
        (size - 1, image),
        (size + 1, image),
        (0, image),
        (size, image[:-1]),
        (size, image + b"\0"),
        (size, b""),
        (size, image * 5),
    ):
        line.write(_framed(bytes([Kind.CLASSIFY, 9]) + lie.to_bytes(2, "little") + payload))
        got = await answers(line)
        assert [frame.payload[0] for frame in got] == [Fault.LENGTH], got
        await one_image(line, client)
    # too short for a frame, and flags alone, which are none
    before = await faults_of(line, client)
    for stump, faults in ((b"", 0), (b"\1", 1), (bytes([ESCAPE]), 1), (b"\1\2\3\4\5", 1), (b"", 0)):
        line.write(bytes([FLAG, FLAG]) + stump + bytes([FLAG]))
        assert [frame.payload[0] for frame in await answers(line)] == [Fault.DAMAGED] * faults
    assert await faults_of(line, client) == before + 3
    assert int(dut.leds.value) & 2, "the lamp of refused frames"
    await one_image(line, client)
    assert not int(dut.leds.value) & 2
    line.stop()


def _framed(content: bytes) -> bytes:
    """Return ``content`` with its check, whatever its length says."""
    return bytes([FLAG]) + escape(content + (fcs(content) ^ 0xFFFF).to_bytes(2, "little")) + bytes([FLAG])


@cocotb.test()
async def random_bytes(dut):
    """10,000 random bytes: the board counts as many frames as a reader of them, and answers a valid image."""
    line, client = await begin(dut)
    random = generator(JOB.seed, "random_bytes")
    for rich in (False, True):
        before = await faults_of(line, client)
        noise = random.integers(0, 256, 10_000 if not rich else 2_000).astype(np.uint8)
        if rich:  # headers, flags and escapes without end
            noise = random.choice(
                np.array([FLAG, ESCAPE, Kind.CLASSIFY, 0, len(PAYLOADS[0]) & 0xFF, 0x5E], np.uint8), 2000
            )
        reader = FrameReader()
        list(reader.feed(noise.tobytes() + bytes([FLAG])))
        line.write(noise.tobytes())
        # the flag with which a frame begins ends the noise
        await line.idle(0)
        line.received.clear()
        await one_image(line, client, int(rich))
        counted = (await faults_of(line, client) - before) % 256
        assert counted == reader.damaged % 256, f"expected {reader.damaged % 256} faults, got {counted}"
        JOB.report({f"random_bytes.{'rich' if rich else 'plain'}": reader.damaged})
    line.stop()


@cocotb.test()
async def broken_line(dut):
    """A wire that is pulled out, and needles on it."""
    line, client = await begin(dut)
    await line.host(client.identify)
    for low_bits in (0.2, 9.5, 25, 300):
        before = await faults_of(line, client)
        dut.rx.value = 0
        await Timer(round(low_bits * line.bit_ns), "ns")
        dut.rx.value = 1
        await line.idle(2)
        await one_image(line, client)
        counted = await faults_of(line, client) - before
        assert counted == (low_bits > 1), f"low for {low_bits} bits: {counted} faults"
    # in the middle of an image
    frame = Frame(Kind.CLASSIFY, 200, PAYLOADS[0]).encode()
    line.write(frame[: len(frame) // 2])
    await line.idle(0)
    dut.rx.value = 0
    await Timer(20 * line.bit_ns, "ns")
    dut.rx.value = 1
    await line.idle(1)
    line.write(frame[len(frame) // 2 :])
    assert [answer.payload[0] for answer in await answers(line)] == [Fault.DAMAGED]
    await one_image(line, client, 1)
    line.stop()


@cocotb.test()
async def other_pace(dut):
    """A host whose clock is 2 % off, either way."""
    for pace in (0.98, 1.02):
        line, client = await begin(dut, pace)
        for number in range(min(4, len(IMAGES))):
            await one_image(line, client, number)
        assert client.counts.faults.total() == 0
        line.stop()


@cocotb.test()
async def impatient_host(dut):
    """More requests at once than the board has room for: answers are right, and the others are counted."""
    line, client = await begin(dut)
    requests = 8 * WINDOW
    order = [number % len(IMAGES) for number in range(requests)]
    for number, image in enumerate(order):
        line.write(Frame(Kind.IDENTIFY, number).encode() if number % 3 == 0 else
                   Frame(Kind.CLASSIFY, number, PAYLOADS[image]).encode())  # fmt: skip
    frames = await answers(line)
    numbers = [frame.sequence for frame in frames]
    assert numbers == sorted(set(numbers)), "answers out of order, or twice"
    for frame in frames:
        if frame.kind == Kind.RESULT:
            assert frame.payload == RESULTS[order[frame.sequence]], f"request {frame.sequence}"
        elif frame.kind == Kind.FAULT:
            assert frame.payload[0] == Fault.BUSY
        else:
            assert frame.kind == Kind.IDENTITY and frame.sequence % 3 == 0
    refused = requests - sum(frame.kind != Kind.FAULT for frame in frames)
    assert await faults_of(line, client) == refused
    JOB.report({"impatient_host.refused": refused})
    await one_image(line, client)
    line.stop()


@cocotb.test()
async def busy_board(dut):
    """An image that comes while a request waits, which ceases to wait before the image ends."""
    line, client = await begin(dut)
    seen = []
    # the second identity waits for the first to be sent, and the image begins before and ends after that
    sent = IDENTITY_BYTES + 10
    for gap in range(max(0, sent - len(PAYLOADS[0]) - 30), sent, 2):
        for number in (1, 2):
            line.write(Frame(Kind.IDENTIFY, number).encode())
        await line.idle(gap)
        line.write(Frame(Kind.CLASSIFY, 3, PAYLOADS[1]).encode())
        for frame in await answers(line):
            if frame.kind == Kind.FAULT:
                assert (frame.sequence, frame.payload[0]) == (3, Fault.BUSY), frame
                seen.append(gap)
            elif frame.kind == Kind.RESULT:
                assert (frame.sequence, frame.payload) == (3, RESULTS[1]), frame
        await one_image(line, client)
    assert seen, "the board was never busy"
    line.stop()


@cocotb.test()
async def reset_within(dut):
    """A reset in the middle of a request, of a result, of an answer: what follows is answered."""
    frame = Frame(Kind.CLASSIFY, 1, PAYLOADS[0]).encode()
    for bytes_before in (len(frame) // 2, len(frame), len(frame) + 4):
        line, client = await begin(dut)
        line.write(frame)
        await Timer(round((bytes_before + 0.3) * line.byte_ns), "ns")
        line.stop()
        line, client = await begin(dut)
        await one_image(line, client, 1)
        assert client.counts.stray == 0
        line.stop()
