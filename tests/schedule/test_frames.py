"""Images as beats and back: whole pixels to a beat, or whole beats to a pixel."""

import numpy as np
import pytest

from amos_hdl.schedule.frames import FrameLayout


@pytest.mark.parametrize(
    ("layout", "word_pixels", "words", "word_beats"),
    [
        (FrameLayout(784, 4, 1), 2, 392, 1),
        (FrameLayout(784, 4, 4), 8, 98, 1),
        (FrameLayout(9, 6, 2), 2, 5, 1),  # the last beat holds one pixel
        (FrameLayout(1024, 24, 1), 1, 1024, 3),
        (FrameLayout(4, 12, 1), 1, 4, 2),
        (FrameLayout(4, 3, 100), 4, 1, 1),
        (FrameLayout(1, 45, 2), 1, 1, 3),
        (FrameLayout(1, 45, 6), 1, 1, 1),
    ],
)
def test_layouts(layout, word_pixels, words, word_beats):
    assert (layout.word_pixels, layout.words, layout.word_beats) == (word_pixels, words, word_beats)
    assert layout.beats == words * word_beats
    random = np.random.default_rng(0)
    image = int.from_bytes(random.bytes(4000), "little") & ((1 << layout.image_bits) - 1)
    beats = layout.to_beats(image)
    assert [last for _, last in beats] == [False] * (layout.beats - 1) + [True]
    noise = random.integers(0, 256, (layout.beats, layout.beat_bytes), np.uint8)
    seen = np.frombuffer(layout.to_bytes((1 << layout.image_bits) - 1), np.uint8).reshape(noise.shape)
    noisy = [
        tdata | int.from_bytes((n & ~s).tobytes(), "little")
        for (tdata, _), n, s in zip(beats, noise, seen, strict=True)
    ]
    assert layout.to_image([tdata for tdata, _ in beats]) == layout.to_image(noisy) == image


def test_a_pixel_begins_with_a_beat_or_lies_within_one():
    """Pixels of 6 bits, two to 16 bits: what is left of a beat stays empty."""
    layout = FrameLayout(3, 6, 2)
    image = 0b111111_000001_100001
    assert layout.to_beats(image) == [(0b000001_100001, False), (0b111111, True)]
    assert FrameLayout(2, 12, 1).to_beats(0xABC_123) == [(0x23, False), (0x1, False), (0xBC, False), (0xA, True)]
