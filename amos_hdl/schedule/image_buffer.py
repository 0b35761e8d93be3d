"""The buffer in front of a network of maps: an image is collected under any stalls, then played without one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.frames import FrameLayout
from amos_hdl.schedule.timing import MapTiming

#: Clock cycles from an image's last beat to its entry, and from that to its first pixel at the network: one to read
#: the memory, one into the register of the pixel.
STORE_CYCLES, ENTRY_CYCLES = 1, 2


@dataclass(frozen=True)
class ImageBufferSpec:
    """A memory of one image or two.

    Pixel n of an image is read ``timing.offsets()[n]`` clock cycles after the image enters.  A new one is let into the
    memory of an image that is being played from the cycle on in which its beats, however fast they come, cannot
    overtake what is still to be read: after the read of ``release_word``, the least word r for which

        read(r) + (w + 1)·word_beats > read(w)    for every word w

    Parameters
    ----------
    layout : FrameLayout
    timing : MapTiming
        Of the pixels at the network's input, from 0 on.
    least_images : int, 1 or 2
        2: there is room for an image while another is played, from its first pixel on.

    Raises
    ------
    ScheduleError
        If layout and timing are of different images, or ``least_images`` is out of range.
    """

    layout: FrameLayout
    timing: MapTiming
    least_images: int = 1

    def __post_init__(self) -> None:
        pixels = self.timing.rows * self.timing.columns
        if self.layout.pixels != pixels or self.timing.start:
            expected = f"the timing of {self.layout.pixels} pixels from cycle 0 on"
            raise ScheduleError("buffer of images", expected=expected, got=repr(self.timing))
        if self.least_images not in (1, 2):
            raise ScheduleError("images in a buffer", expected="1 or 2", got=repr(self.least_images))

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from the first pixel of an image to that of the next."""
        return self.timing.rows * self.timing.row_cycles

    @cached_property
    def read_cycles(self) -> npt.NDArray[np.int64]:
        """Clock cycle, after the entry, in which each word is read, shape (word,)."""
        return self.timing.offsets()[:: self.layout.word_pixels]

    @cached_property
    def release_word(self) -> int:
        """The word after whose read the next image may be written over this one."""
        written = (np.arange(self.layout.words) + 1) * self.layout.word_beats
        latest = int((self.read_cycles - written).max())
        return int(np.flatnonzero(self.read_cycles > latest)[0])

    @property
    def images(self) -> int:
        """Images that there is room for: one if the next is complete in time for full rate all the same, else two."""
        complete = int(self.read_cycles[self.release_word]) + STORE_CYCLES + self.layout.beats
        return max(self.least_images, 1 if complete <= self.interval_cycles else 2)

    @property
    def place_bits(self) -> int:
        """Bits of the number of a word in an image."""
        return max(1, (self.layout.words - 1).bit_length())

    @property
    def depth(self) -> int:
        """Words of the memory; the second image begins at ``2^place_bits``."""
        return (self.images - 1 << self.place_bits) + self.layout.words
