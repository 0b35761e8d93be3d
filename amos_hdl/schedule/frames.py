"""How an image is cut into the beats of an AXI4-Stream, and which frames of beats are images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from amos_hdl.network import Tensor
from amos_hdl.schedule.port import Port


@dataclass(frozen=True)
class FrameLayout:
    """An image as beats: a beat holds whole pixels, as many as go into it; or a pixel takes whole beats.

    Pixels come row by row, the first in the lowest bits of the first beat.  What is left above them in a beat, or in
    the last beat of a pixel that takes several, is not looked at.  *Word*: the pixels of a beat, or the one of several.

    Parameters
    ----------
    pixels : int, >= 1
        1 where an image enters the network as a whole.
    pixel_bits : int, >= 1
        All channels of a pixel, side by side.
    beat_bytes : int, >= 1
    """

    pixels: int
    pixel_bits: int
    beat_bytes: int

    @classmethod
    def of(cls, image: Tensor, beat_bytes: int) -> FrameLayout:
        """Return how ``image``, the input of a network, is cut."""
        rows, columns = image.space or (1, 1)
        return cls(rows * columns, Port.of(image).bits, beat_bytes)

    @property
    def word_pixels(self) -> int:
        """Pixels of a word: ``min(pixels, floor(8·beat_bytes / pixel_bits))``, at least 1."""
        return max(1, min(self.pixels, 8 * self.beat_bytes // self.pixel_bits))

    @property
    def word_bits(self) -> int:
        """Bits of a word."""
        return self.word_pixels * self.pixel_bits

    @property
    def words(self) -> int:
        """Words of an image; in the last one some pixels may be missing."""
        return -(-self.pixels // self.word_pixels)

    @property
    def word_beats(self) -> int:
        """Beats of a word, more than one only if it is one pixel."""
        return -(-self.word_bits // (8 * self.beat_bytes))

    @property
    def beats(self) -> int:
        """Beats of an image."""
        return self.words * self.word_beats

    @property
    def image_bits(self) -> int:
        """Bits of an image without gaps, pixel 0 lowest: the number for which it stands here."""
        return self.pixels * self.pixel_bits

    def to_beats(self, image: int) -> list[tuple[int, bool]]:
        """Return (tdata, tlast) of each beat of ``image``."""
        word_mask, beat_bits = (1 << self.word_bits) - 1, 8 * self.beat_bytes
        data = [
            (image >> word * self.word_bits & word_mask) >> beat * beat_bits & ((1 << beat_bits) - 1)
            for word in range(self.words)
            for beat in range(self.word_beats)
        ]
        return [(tdata, beat == self.beats - 1) for beat, tdata in enumerate(data)]

    def to_bytes(self, image: int) -> bytes:
        """Return the bytes of all beats of ``image``."""
        return b"".join(tdata.to_bytes(self.beat_bytes, "little") for tdata, _ in self.to_beats(image))

    def to_image(self, frame: Sequence[int]) -> int:
        """Return the image that the ``tdata`` of ``beats`` beats hold."""
        image, beat_bits = 0, 8 * self.beat_bytes
        for word in range(self.words):
            beats = frame[word * self.word_beats : (word + 1) * self.word_beats]
            value = sum(tdata << beat_bits * place for place, tdata in enumerate(beats))
            image |= (value & ((1 << self.word_bits) - 1)) << word * self.word_bits
        return image & ((1 << self.image_bits) - 1)

    def evaluate(self, beats: Iterable[tuple[int, bool, bool]]) -> tuple[list[tuple[int, bool]], int]:
        """Return the images, each with the ``tuser`` of its result, and the errors of beats (tdata, tlast, tuser).

        The reference of the receivers; ``tuser`` of a result is high if an error came after the image before it.
        """
        frames = FrameReference(self)
        images = [taken for beat in beats if (taken := frames.beat(*beat)) is not None]
        return images, frames.errors


@dataclass(eq=False)
class FrameReference:
    """What a receiver makes of beats, one after another.

    A *frame* is what stands between two ``tlast``.  A frame of exactly ``layout.beats`` beats, ``tuser`` low in its
    last one, is an image.  Any other frame is dropped as a whole, and is one error.

    Members
    -------
    errors : int
        Frames that were no images, counted when that is certain: a short frame at its ``tlast``, a long one at the
        beat after which it can be no image any more.
    beats : int
        Beats that were taken.
    """

    layout: FrameLayout
    errors: int = 0
    beats: int = 0
    _frame: list[int] = field(default_factory=list)
    _lost: bool = False

    def beat(self, tdata: int, tlast: bool, tuser: bool) -> tuple[int, bool] | None:
        """Take one beat; return (image, ``tuser`` of its result) if it completes one."""
        self.beats += 1
        self._frame.append(tdata)
        count, taken = len(self._frame), None
        if tlast and count == self.layout.beats and not tuser:
            taken, self._lost = (self.layout.to_image(self._frame), self._lost), False
        elif (tlast and count <= self.layout.beats) or (not tlast and count == self.layout.beats):
            self.errors += 1
            self._lost = True
        if tlast:
            self._frame.clear()
        return taken

    @property
    def beats_of_frame(self) -> int:
        """Beats of the frame that has begun and not ended."""
        return len(self._frame)
