"""What a record must be, row by row and bit by bit; and in words, what differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

#: Differences that a failure names one by one.
NAMED = 8


@dataclass(frozen=True, eq=False)
class Traffic:
    """Which image was at the input in which row, and when reset was high.

    Parameters
    ----------
    entries : int array, shape (image,)
        Row in which each image was at the input with ``valid`` high.
    reset : bool array, shape (row,)
    """

    entries: Integers
    reset: Bits

    def survives(self, cycles: int) -> Bits:
        """Return which images are still there ``cycles`` after they entered, shape (image,).

        Reset in row r empties everything that is at an input or in a register in row r: what would be visible
        later is dropped.
        """
        resets_before = np.concatenate([[0], np.cumsum(self.reset)])  # [r]: resets in rows < r
        ends = np.minimum(self.entries + cycles, len(self.reset))
        survivors: Bits = resets_before[ends] == resets_before[self.entries]
        return survivors

    def visible(self, cycles: int) -> tuple[Integers, Integers]:
        """Return (images, rows): which images show ``cycles`` after they entered, and in which rows of the record."""
        images, _, rows = self.visible_pixels(np.array([cycles]))
        return images, rows

    def visible_pixels(self, cycles: Integers) -> tuple[Integers, Integers, Integers]:
        """Return (images, pixels, rows): what shows of each image ``cycles[pixel]`` after it (or its first pixel) came.

        An image of which a reset drops the beginning shows no more pixels.
        """
        resets_before = np.concatenate([[0], np.cumsum(self.reset)])  # [r]: resets in rows < r
        rows = self.entries[:, None] + cycles  # (image, pixel)
        begun = resets_before[np.minimum(self.entries, len(self.reset))][:, None]
        shown = (rows < len(self.reset)) & (resets_before[np.minimum(rows, len(self.reset))] == begun)
        images, pixels = np.nonzero(shown)
        return images, pixels, rows[shown]

    def image_at(self, row: int, cycles: Integers | int) -> str:
        """Return the image that shows in ``row``, in words; of many pixels, also which."""
        cycles = np.atleast_1d(cycles)
        found = np.argwhere(self.entries[:, None] + cycles == row)
        if not len(found):
            return "no image"
        image, pixel = found[0].tolist()
        dropped = "" if self.survives(int(cycles[pixel]))[image] else " (dropped by reset)"
        return f"image {image}" + (f", pixel {pixel}" if len(cycles) > 1 else "") + dropped


#: Of units there is one pixel per image.
ONE_PIXEL = np.zeros(1, np.int64)


def check_spikes(
    layer: str, record: Bits, spikes: Bits, cycles: Integers, traffic: Traffic, pixels: Integers = ONE_PIXEL
) -> int:
    """Compare all spikes of a layer in all rows; return how many spikes were seen.

    Parameters
    ----------
    record : bool array ``(row, unit·gate)``
        As read from the layer: bit n·K + i is gate i of unit n.
    spikes : bool array ``(image, unit, gate)`` or ``(image, channel, row, column, gate)``
        By the golden model.
    cycles : int array ``(gate,)`` or ``(unit, gate)``
        By the schedule; of maps, those of the first pixel.
    pixels : int array ``(pixel,)``
        Of maps: clock cycles from the first pixel to each, in raster order.

    Raises AssertionError that names image, layer, unit, gate, clock cycle, expected and got: for a spike that is
    missing, wrong, too early or late, in an empty slot, or a second one for the same image.
    """
    units, gates = spikes.shape[1], spikes.shape[-1]
    # (image, pixel, unit, gate)
    due = np.moveaxis(spikes.reshape(len(spikes), units, -1, gates), 1, 2)
    got = record.reshape(len(record), units, gates)
    expected = np.zeros_like(got)
    each = np.atleast_2d(cycles)  # (1, gate), or (unit, gate) where units take turns
    for place, gate in np.ndindex(*each.shape):
        share = slice(None) if len(each) == 1 else place
        images, places, rows = traffic.visible_pixels(each[place, gate] + pixels)
        expected[rows, share, gate] = due[images, places, share, gate]
    if not np.array_equal(got, expected):
        wrong = np.argwhere(got != expected)
        lines = []
        for row, unit, gate in wrong[:NAMED].tolist():
            image = traffic.image_at(row, each[unit % len(each), gate] + pixels)
            lines.append(
                f"{image}, layer {layer}, unit {unit}, gate {gate + 1}, clock cycle {row}: "
                f"expected {_spike(expected[row, unit, gate])}, got {_spike(got[row, unit, gate])}"
            )
        raise AssertionError(f"{len(wrong)} wrong spikes in layer {layer}; " + "; ".join(lines))
    return int(np.count_nonzero(got))


def check_at_most_once(layer: str, record: Bits, gates: int, cycles: Integers, traffic: Traffic) -> None:
    """Count the spikes of each gate between one image and the next; fail on a second one.

    It needs no golden model: it only needs images so far apart that one is through the layer before the next enters.
    """
    got = record.reshape(len(record), -1, gates)
    ends = np.append(traffic.entries[1:], len(record))
    for image, (start, end) in enumerate(zip(traffic.entries.tolist(), ends.tolist(), strict=True)):
        if end - start <= int(cycles.max()):
            raise AssertionError(f"images {image} and {image + 1} are too close to tell their spikes apart")
        counts = got[start + 1 : end + 1].sum(axis=0)
        twice = np.argwhere(counts > 1)
        if len(twice):
            unit, gate = twice[0].tolist()
            rows = (start + 1 + np.flatnonzero(got[start + 1 : end + 1, unit, gate])).tolist()
            raise AssertionError(
                f"image {image}, layer {layer}, unit {unit}, gate {gate + 1}: expected at most one spike, "
                f"got {counts[unit, gate]} in clock cycles {rows}"
            )


def check_outputs(
    name: str,
    valid: Bits,
    record: Integers,
    expected: Integers,
    cycles: int,
    traffic: Traffic,
    pixels: Integers = ONE_PIXEL,
) -> int:
    """Compare ``valid`` in all rows and the words of a port in all valid ones; return how many were valid.

    Parameters
    ----------
    valid : bool array ``(row,)``
    record : int array ``(row, word)``
    expected : int array ``(image, word)`` or ``(image, channel, row, column)``
    cycles : int
        Latency; of maps, that of the first pixel.
    pixels : int array ``(pixel,)``
        Of maps: clock cycles from the first pixel to each, in raster order.

    Raises AssertionError that names image, port, word, clock cycle, expected and got: for a result that is missing,
    surplus, early, late or wrong.
    """
    images, places, rows = traffic.visible_pixels(cycles + pixels)
    due = np.zeros(len(valid), np.bool_)
    due[rows] = True
    wrong = np.flatnonzero(due != valid)
    if len(wrong):
        row = int(wrong[0])
        raise AssertionError(
            f"{len(wrong)} wrong valids at {name}; {traffic.image_at(row, cycles + pixels)}, clock cycle {row}: "
            f"expected {'a result' if due[row] else 'none'}, got {'one' if valid[row] else 'none'}"
        )
    # (image, pixel, word)
    words = np.moveaxis(expected.reshape(len(expected), expected.shape[1], -1), 1, 2)[images, places]
    differ = np.argwhere(record[rows] != words)
    if len(differ):
        lines = []
        for index, word in differ[:NAMED].tolist():
            row = int(rows[index])
            lines.append(
                f"{traffic.image_at(row, cycles + pixels)}, {name}[{word}], clock cycle {row}: "
                f"expected {words[index, word]}, got {record[row, word]}"
            )
        raise AssertionError(f"{len(differ)} wrong results at {name}; " + "; ".join(lines))
    return len(rows)


def _spike(value: np.bool_) -> str:
    return "a spike" if value else "no spike"
