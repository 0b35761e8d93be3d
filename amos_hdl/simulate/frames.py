"""Images as the bytes of frames, all of them at once."""

from __future__ import annotations

import numpy as np

from amos_hdl.network import Tensor
from amos_hdl.schedule import Port
from amos_hdl.schedule.frames import FrameLayout
from amos_hdl.simulate.words import Bytes, Integers, pack


def pixel_rows(images: Integers, channels: int) -> Integers:
    """Return ``images`` ``(image, ...)``, channels first, as they travel: ``(image, pixel·channel)``."""
    by_channel = images.reshape(len(images), channels, -1)
    return np.moveaxis(by_channel, 1, 2).reshape(len(images), -1)


def frames(source: Tensor, images: Integers, beat_bytes: int) -> Bytes:
    """Return ``images`` of the input ``source`` as frames ``(image, beat, byte)``, zeros in what is not looked at."""
    layout, port = FrameLayout.of(source, beat_bytes), Port.of(source)
    packed = pack(pixel_rows(images, port.count), port.word_bits)
    # (image, word, bit)
    bits = np.zeros((len(images), layout.words * layout.word_bits), np.uint8)
    bits[:, : layout.image_bits] = np.unpackbits(packed, axis=1, bitorder="little")[:, : layout.image_bits]
    words = np.zeros((len(images), layout.words, 8 * layout.word_beats * beat_bytes), np.uint8)
    words[:, :, : layout.word_bits] = bits.reshape(len(images), layout.words, layout.word_bits)
    return np.packbits(words, axis=2, bitorder="little").reshape(len(images), layout.beats, beat_bytes)
