"""Unit layers at speed: a potential is looked up once, instead of being compared by every gate.

Which spikes a potential gives is a staircase of x (``circuit.segments``), so a table of segments by potential says all:
y, how many gates spike, and which.  Spikes are counted per segment and only then by gate.  ``tests/network`` holds it
equal to the gates themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.circuit.segments import Segments, segments
from amos_hdl.errors import CircuitError
from amos_hdl.network.fan_out import Reach
from amos_hdl.network.kernels import Numbers
from amos_hdl.network.operations import Unit
from amos_hdl.network.tensor import Tensor

#: Most entries of one table, and potentials looked up at a time: both stay in the processor's second cache.
TABLE_LIMIT, BLOCK = 1 << 15, 1 << 15
#: Most entries of all tables of a layer: some layers have thousands of circuits.
LAYER_LIMIT = 1 << 22
#: Most comparisons after the table, where it has one entry for several segments; with more, halving is faster.
STEP_LIMIT = 6


class Staircase:
    """Finds the segment of each potential, by a table of every ``2**shift``-th x and a few comparisons after it.

    The table has at most ``entries`` entries, ``TABLE_LIMIT`` if None.
    """

    def __init__(self, found: Segments, entries: int | None = None) -> None:
        self._starts = found.starts
        # where nothing lies below the first step or above the last, no table is needed
        self._origin = int(found.starts[1]) - 1 if len(found.starts) > 1 else int(found.starts[0])
        reach = int(found.starts[-1]) - self._origin + 1
        self._shift = max(0, (reach - 1).bit_length() - ((entries or TABLE_LIMIT).bit_length() - 1))
        looked_up = self._origin + (np.arange((reach - 1 >> self._shift) + 1, dtype=np.int64) << self._shift)
        numbers = np.searchsorted(found.starts, looked_up, side="right") - 1
        beyond = np.append(numbers[1:], len(found.starts) - 1) - numbers
        self._steps = int(beyond.max()) if self._shift else 0
        self._table = numbers.clip(min=0).astype(np.uint16)
        # the start of the next segment; beyond any potential after the last
        self._next = np.append(found.starts[1:], np.iinfo(np.int64).max)

    def __call__(self, x: Numbers) -> npt.NDArray[np.integer]:
        """Return the number of the segment of each of ``x``, one dimension, integers of any type."""
        whole = x.astype(np.int64)
        if self._steps > STEP_LIMIT:
            return np.searchsorted(self._starts[1:], whole, side="right")
        entries = whole - self._origin
        if self._shift:
            entries >>= self._shift
        numbers = self._table.take(entries, mode="clip")
        for _ in range(self._steps):
            numbers += whole >= self._next.take(numbers)
        return numbers


class UnitLookup:
    """A unit layer that gives y and counts spikes.

    Parameters
    ----------
    operation : Unit
    source : Tensor
        Its potentials; the table of each circuit spans their interval.
    kind : dtype
        Of y.
    fan_out : Reach
        How many weights a spike of each unit reaches.

    Raises
    ------
    CircuitError
        If a circuit has too many segments; see ``GateCounter``.
    """

    def __init__(self, operation: Unit, source: Tensor, kind: np.dtype[Any], fan_out: Reach) -> None:
        self._gates, self._kind = operation.gates, kind
        self._fan_out = fan_out
        self._groups: list[tuple[npt.NDArray[np.intp], _Tables]] = []
        used = np.unique(operation.assignment)
        entries = min(TABLE_LIMIT, max(2, LAYER_LIMIT // len(used)))
        for number in used.tolist():
            channels = np.flatnonzero(operation.assignment == number)
            low, high = int(source.low[channels].min()), int(source.high[channels].max())
            self._groups.append((channels, _Tables(operation.circuits[number], low, high, kind, entries)))

    def __call__(
        self, x: Numbers, each_unit: npt.NDArray[np.int64] | None = None
    ) -> tuple[Numbers, npt.NDArray[np.int64], int]:
        """Return y, the spikes of each gate ``(gate,)``, and the weights that they reach, for potentials ``x``.

        ``x`` and y are of shape ``(channel, batch, *space)``, and so is ``each_unit``, which is filled with the number
        of spikes of each unit, if given.
        """
        batch, places = x.shape[1], math.prod(x.shape[2:])
        flat = x.reshape(len(x), batch, places)
        y = np.empty(flat.shape, self._kind)
        spikes, reached = np.zeros(self._gates, np.int64), 0
        filled = None if each_unit is None else each_unit.reshape(flat.shape)
        # small maps: several channels of one circuit at a time; large ones: some images of one channel
        together, images = max(1, BLOCK // max(1, batch * places)), max(1, BLOCK // places)
        for channels, tables in self._groups:
            histogram = np.zeros(len(tables.values), np.int64)
            for some in _runs(channels, together):
                for start in range(0, batch, images):
                    part = (some, slice(start, start + images))
                    number = tables.staircase(flat[part].reshape(-1))
                    y[part] = tables.values.take(number).reshape(y[part].shape)
                    histogram += np.bincount(number, minlength=len(histogram))
                    # (channel, image, place): summed over the images before they meet the weights
                    each = tables.spike_counts.take(number).reshape(y[part].shape)
                    if filled is not None:
                        filled[part] = each
                    fan_out = self._fan_out.array(some).reshape(len(each), -1)
                    reached += int((each.sum(axis=1, dtype=np.int64) * fan_out).sum())
            spikes += histogram @ tables.spikes.astype(np.int64)
        return y.reshape(x.shape), spikes, reached


def _runs(channels: npt.NDArray[np.intp], together: int) -> Iterator[slice]:
    """Yield ``channels``, rising, as slices of consecutive ones, at most ``together`` in each."""
    for run in np.split(channels, np.flatnonzero(np.diff(channels) > 1) + 1):
        first, end = int(run[0]), int(run[-1]) + 1
        for start in range(first, end, together):
            yield slice(start, min(start + together, end))


class _Tables:
    """What each segment of one circuit stands for."""

    def __init__(self, circuit: ThresholdCircuit, low: int, high: int, kind: np.dtype[Any], entries: int) -> None:
        found = segments(circuit, low, high)
        self.staircase = Staircase(found, entries)
        self.values = found.values.astype(kind)
        self.spikes = found.spikes
        self.spike_counts = found.spikes.sum(axis=1).astype(np.uint8)


class GateCounter:
    """The same by the gates themselves, for circuits of too many segments.  Parameters: see ``UnitLookup``."""

    def __init__(self, operation: Unit, source: Tensor, kind: np.dtype[Any], fan_out: Reach) -> None:
        self._bank, self._kind = operation.bank, kind
        self._fan_out = fan_out

    def __call__(
        self, x: Numbers, each_unit: npt.NDArray[np.int64] | None = None
    ) -> tuple[Numbers, npt.NDArray[np.int64], int]:
        """See ``UnitLookup``."""
        potentials = np.moveaxis(x, 0, -1).astype(np.int64)
        spikes = self._bank.spikes(potentials.reshape(-1, len(x)))
        y = self._bank.values(spikes).reshape(potentials.shape)
        each = spikes.sum(axis=-1, dtype=np.int64).reshape(potentials.shape)
        if each_unit is not None:
            each_unit[...] = np.moveaxis(each, -1, 0)
        reached = int((each.sum(axis=0) * np.moveaxis(self._fan_out.array(), 0, -1)).sum())
        return np.ascontiguousarray(np.moveaxis(y, -1, 0), self._kind), spikes.sum(axis=(0, 1)), reached


def unit_counter(operation: Unit, source: Tensor, kind: np.dtype[Any], fan_out: Reach) -> UnitLookup | GateCounter:
    """Return the fastest that counts the spikes of ``operation``."""
    try:
        return UnitLookup(operation, source, kind, fan_out)
    except CircuitError:
        return GateCounter(operation, source, kind, fan_out)
