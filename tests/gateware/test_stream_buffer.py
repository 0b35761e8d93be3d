"""The buffer before a network of maps: whatever the source does, pixels are right and come at their clock cycles."""

import numpy as np
import pytest

from amos_hdl.errors import ScheduleError
from amos_hdl.gateware.stream_buffer import BufferedReceiver
from amos_hdl.schedule.frames import FrameLayout
from amos_hdl.schedule.image_buffer import ImageBufferSpec
from amos_hdl.schedule.stream import StreamSpec
from amos_hdl.schedule.timing import MapTiming
from tests.gateware.simulated import run

#: name: (rows, columns, cycles of a row, of a column, bits of a pixel, bytes of a beat, images in the buffer)
CASES = {
    "a pixel per clock and per beat": (3, 4, 4, 1, 6, 1, 2),
    "two pixels per beat": (3, 4, 4, 1, 4, 1, 2),
    "two pixels per beat, one in the last": (3, 3, 5, 1, 6, 2, 2),
    "two beats per pixel": (3, 4, 4, 1, 12, 1, 2),
    "three beats per pixel, gaps": (2, 3, 20, 3, 20, 1, 1),
    "gaps between rows": (3, 4, 9, 1, 6, 1, 1),
    "gaps between all pixels": (2, 5, 23, 4, 6, 1, 1),
    "an image per beat": (2, 2, 2, 1, 3, 4, 1),
    "one pixel": (1, 1, 1, 1, 8, 1, 2),
}


def spec(rows, columns, row_cycles, column_cycles, bits, beat_bytes, _=None, **rest):
    return StreamSpec(
        input_bits=bits,
        results={"r": 9},
        network_latency_cycles=3,
        network_interval_cycles=rows * row_cycles,
        beat_bytes=beat_bytes,
        pixels=MapTiming(rows, columns, 0, row_cycles, column_cycles),
        **rest,
    )


def simulate(stream, cycles, offer, room_share, wrong_share, seed=1):
    """Return (beats taken, (cycle, flag) of entries, (cycle, pixel) seen, errors) of random frames."""
    random, component = np.random.default_rng(seed), BufferedReceiver(stream)
    taken, entries, pixels, errors = [], [], [], 0

    async def bench(ctx):
        nonlocal errors
        frame: list[tuple[int, bool, bool]] = []
        beat = None
        for cycle in range(cycles):
            if not frame:
                count = stream.beats
                if random.random() < wrong_share:
                    count = int(random.integers(1, 3 * stream.beats + 1))
                user = random.random() < wrong_share / 2
                frame = [
                    (int(random.integers(0, 256**stream.beat_bytes)), n == count - 1, user and n == count - 1)
                    for n in range(count)
                ]
            if beat is None and random.random() < offer:
                beat = frame[0]
            tdata, tlast, tuser = beat or (int(random.integers(0, 256**stream.beat_bytes)), True, False)
            for name, value in (("tdata", tdata), ("tlast", tlast), ("tuser", tuser), ("tvalid", beat is not None)):
                ctx.set(getattr(component, f"s_axis_{name}"), int(value))
            ctx.set(component.room, int(random.random() < room_share))
            if beat is not None and ctx.get(component.s_axis_tready):
                taken.append(frame.pop(0))
                beat = None
            if ctx.get(component.enter):
                assert ctx.get(component.room)
                entries.append((cycle, bool(ctx.get(component.after_error))))
            if ctx.get(component.image_valid):
                pixels.append((cycle, ctx.get(component.image)))
            errors += ctx.get(component.error)
            await ctx.tick()

    run(component, bench)
    return taken, entries, pixels, errors


def check(stream, taken, entries, pixels):
    """Compare entries and pixels with the reference; the last image may be in part."""
    images, _ = stream.layout.evaluate(taken)
    expected = []
    for (image, _), (cycle, _) in zip(images, entries, strict=False):
        offsets = stream.pixels.offsets() + cycle + stream.entry_cycles
        mask = (1 << stream.input_bits) - 1
        expected += [(int(at), image >> n * stream.input_bits & mask) for n, at in enumerate(offsets)]
    assert pixels == expected[: len(pixels)] and len(expected) - len(pixels) <= stream.layout.pixels + 2
    assert [flag for _, flag in entries] == [flag for _, flag in images[: len(entries)]]
    assert len(images) - stream.buffer.images <= len(entries) <= len(images)


@pytest.mark.parametrize("name", list(CASES))
def test_stalls_and_wrong_frames(name):
    stream = spec(*CASES[name])
    assert stream.buffer.images == CASES[name][-1]
    for offer, room in ((1, 1), (0.5, 1), (1, 0.2), (0.8, 0.1), (0.3, 0.7)):
        taken, entries, pixels, errors = simulate(stream, 1200, offer, room, 0.3)
        check(stream, taken, entries, pixels)
        assert len(entries) >= 4
        assert abs(stream.layout.evaluate(taken)[1] - errors) <= 1 and errors > 1
        assert min(np.diff([cycle for cycle, _ in entries])) >= stream.network_interval_cycles


@pytest.mark.parametrize("name", list(CASES))
def test_full_rate(name):
    """Nobody stalls: an image per interval, and the first as early as ``latency_cycles`` says."""
    stream = spec(*CASES[name])
    taken, entries, pixels, errors = simulate(stream, 40 * stream.interval_cycles, 1, 1, 0)
    check(stream, taken, entries, pixels)
    assert errors == 0 and len(entries) > 30
    assert set(np.diff([cycle for cycle, _ in entries])) == {stream.interval_cycles}
    assert entries[0][0] == stream.beats


@pytest.mark.parametrize("name", list(CASES))
def test_room_for_two(name):
    """Asked for: an image is taken whole while the one before is played, however long that takes."""
    stream = spec(*CASES[name], least_buffers=2)
    assert stream.buffer.images == 2
    taken, entries, pixels, _ = simulate(stream, 900, 0.6, 0.5, 0.3)
    check(stream, taken, entries, pixels)


def test_the_release_is_the_earliest_that_is_safe():
    """By brute force: beats that come as fast as they can never reach a word that is still to be read."""
    random = np.random.default_rng(0)
    for _ in range(300):
        rows, columns, step = (int(random.integers(1, 6)) for _ in range(3))
        row_cycles = (columns - 1) * step + 1 + int(random.integers(0, 12))
        layout = FrameLayout(rows * columns, int(random.integers(1, 20)), int(random.integers(1, 4)))
        buffer = ImageBufferSpec(layout, MapTiming(rows, columns, 0, row_cycles, step))
        read = buffer.read_cycles

        def safe(word, read=read, layout=layout):
            first = read[word] + 1  # the first beat is taken in the cycle after at the earliest
            return all(first + (w + 1) * layout.word_beats - 1 > read[w] for w in range(layout.words))

        assert safe(buffer.release_word)
        assert not any(map(safe, range(buffer.release_word)))


def test_bad_buffers():
    layout, timing = FrameLayout(6, 4, 1), MapTiming(2, 3, 0, 3, 1)
    with pytest.raises(ScheduleError, match="images in a buffer: expected 1 or 2, got 3"):
        ImageBufferSpec(layout, timing, 3)
    with pytest.raises(ScheduleError, match="buffer of images: expected the timing of 6 pixels from cycle 0 on"):
        ImageBufferSpec(layout, timing.later(1))
