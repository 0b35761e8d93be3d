"""How images follow one another: back to back, with gaps, isolated, and with a reset in the middle.

``interval`` is the least number of clock cycles from one image to the next.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from driver import Stimulus

from amos_hdl.simulate.scoreboard import ONE_PIXEL, Traffic
from amos_hdl.simulate.words import as_integers, pack

Integers = npt.NDArray[np.int64]

#: Idle rows after the last result: nothing may come any more.
DRAIN = 8


def back_to_back(count: int, latency: int, interval: int) -> Traffic:
    """Full rate: one image per interval."""
    return Traffic(np.arange(count) * interval, np.zeros(count * interval + latency + DRAIN, np.bool_))


def bursts(count: int, latency: int, interval: int, random: np.random.Generator) -> Traffic:
    """Bursts and gaps of random length, some gaps longer than the pipeline."""
    gaps = random.geometric(0.5, count) - 1
    long = random.random(count) < 0.02
    gaps[long] += random.integers(0, 2 * latency + 4, count)[long]
    entries = np.cumsum(gaps) + np.arange(count) * interval
    return Traffic(entries, np.zeros(int(entries[-1]) + latency + DRAIN + 1, np.bool_))


def isolated(count: int, latency: int) -> Traffic:
    """Images so far apart that each is alone in the pipeline; ``latency`` is no shorter than the interval."""
    entries = np.arange(count) * (latency + 2)
    return Traffic(entries, np.zeros(int(entries[-1]) + latency + DRAIN + 1, np.bool_))


def with_resets(traffic: Traffic, times: int, random: np.random.Generator) -> Traffic:
    """The same images with ``times`` resets, the first while the pipeline is full.

    They last 1, 2, 3, 1, ... cycles: only one of a single cycle shows a register that reset does not reach.
    """
    reset = traffic.reset.copy()
    last = int(traffic.entries[-1])
    starts = [last // 2, *random.integers(0, last + 1, times - 1).tolist()]
    for number, start in enumerate(starts):
        reset[start : start + 1 + number % 3] = True
    return Traffic(traffic.entries, reset)


def stimulus(
    traffic: Traffic,
    values: Integers,
    word_bits: int,
    random: np.random.Generator,
    pixels: Integers = ONE_PIXEL,
    hold: int = 1,
) -> Stimulus:
    """Return the inputs of every row: ``values`` where an image enters, noise in all others.

    ``values`` are ``(image, word)`` or ``(image, channel, row, column)``; pixel n of an image enters ``pixels[n]``
    clock cycles after its first, unless a reset came before: then the rest of it stays away.  Values stay for ``hold``
    clock cycles.
    """
    rows = len(traffic.reset)
    low, high = int(values.min()), int(values.max())
    everything = random.integers(low, high, (rows, values.shape[1]), endpoint=True)
    # (image, pixel, word)
    by_pixel = np.moveaxis(values.reshape(len(values), values.shape[1], -1), 1, 2)
    images, places, entries = traffic.visible_pixels(pixels)
    for later in range(hold):
        there = entries + later < rows
        everything[entries[there] + later] = by_pixel[images, places][there]
    valid = np.zeros(rows, np.bool_)
    valid[entries] = True
    return Stimulus(as_integers(pack(everything, word_bits)), valid, traffic.reset)
