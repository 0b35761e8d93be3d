"""A circuit as a function of its potential: the runs of x over which its spikes stay the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError

#: Most segments of one circuit; a unit of many gates can have far more.
SEGMENT_LIMIT = 1 << 16


@dataclass(frozen=True, eq=False)
class Segments:
    """Segment n reaches from ``starts[n]`` to the integer before the next start.

    Members
    -------
    starts : int64 array, shape (segment,)
        Rising; the first is the least potential.
    spikes : bool array, shape (segment, gate)
    values : int64 array, shape (segment,)
        y of each segment.
    """

    starts: npt.NDArray[np.int64]
    spikes: npt.NDArray[np.bool_]
    values: npt.NDArray[np.int64]


def segments(circuit: ThresholdCircuit, low: int, high: int) -> Segments:
    """Return the segments of ``circuit`` over the integers ``low <= x <= high``.

    Gate after gate: within a segment the earlier spikes are fixed, so that the gate has one threshold, which divides
    the segment at most once.

    Raises CircuitError if there are more than ``SEGMENT_LIMIT``.

    Source: derived.
    """
    starts, ends = np.array([low], np.int64), np.array([high], np.int64)
    spikes = np.zeros((1, circuit.gates), np.bool_)
    for gate, gain in enumerate(circuit.gains):
        thresholds = _thresholds(circuit, gate, spikes)
        if gain == 0:
            spikes[:, gate] = thresholds <= 0
            continue
        # c·x >= t from ceil(t/c) on for c > 0, and up to floor(t/c) for c < 0
        edges = -(-thresholds // gain) if gain > 0 else thresholds // gain + 1
        divided = (edges > starts) & (edges <= ends)
        spikes[:, gate] = (edges <= starts) == (gain > 0)
        times = 1 + divided
        # the second part of each divided segment
        second = np.cumsum(times)[divided] - 1
        starts, ends = np.repeat(starts, times), np.repeat(ends, times)
        spikes = np.repeat(spikes, times, axis=0)
        starts[second], ends[second - 1] = edges[divided], edges[divided] - 1
        spikes[second, gate] = gain > 0
        if len(starts) > SEGMENT_LIMIT:
            raise CircuitError("segments of a circuit", expected=f"at most {SEGMENT_LIMIT}", got="more")
    return Segments(starts, spikes, circuit.decode(spikes))


def _thresholds(circuit: ThresholdCircuit, gate: int, spikes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return t of ``gate`` in each segment, given the spikes ``(segment, gate)`` of earlier gates."""
    count = circuit.earlier(gate)
    if circuit.is_table:
        digits = 1 << np.arange(count - 1, -1, -1, dtype=np.int64)
        return np.array(circuit.tables[gate], np.int64)[spikes[:, :count] @ digits]
    lateral = np.array(circuit.lateral[gate][:count], np.int64)
    return spikes[:, :count] @ lateral + np.int64(circuit.thresholds[gate])
