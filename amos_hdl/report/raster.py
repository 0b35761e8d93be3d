"""The spike raster of some images: lanes of operations over clock cycles, and every spike, packed for the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.frontend.data import Dataset
from amos_hdl.network import Network
from amos_hdl.report.facts import Facts
from amos_hdl.schedule import Schedule, UnitLayerSpec

#: Images shown: the first ones, and some of those that the network gets wrong.
FIRST_IMAGES, WRONG_IMAGES = 24, 8
#: Units shown of one layer; slots (unit, gate) shown of all layers together.
UNITS_SHOWN, SLOTS_SHOWN = 64, 6000
#: Largest picture, in pixels of all channels.
PICTURE_LIMIT = 1 << 14
# heights in pixels: of a unit (least and most of a layer), of an operation without spikes, of the name above a lane
_UNIT, _LEAST, _MOST, _BAR, _NAME = 3, 36, 170, 10, 20
_LANES_HEIGHT = 1200


@dataclass(frozen=True, eq=False)
class Lane:
    """One operation in the raster.

    Members
    -------
    name, kind : str
    start, end : int
        Clock cycles: its first inputs are there, the last of its result is ready.
    top, bottom : float
        Pixels from above.
    units : int
        Of the operation, at all places of a map.
    shown : int64 array ``(unit,)``
        Which units have a row, of maps place by place; none for operations without spikes.
    cycles : int64 array ``(gate,)``
        When the spikes of the first unit's gates are visible.
    later : int64 array ``(unit,)``
        Clock cycles from those to the spikes of each unit shown: of maps, and of units that share comparators.
    """

    name: str
    kind: str
    start: int
    end: int
    top: float
    bottom: float
    units: int
    shown: npt.NDArray[np.int64]
    cycles: npt.NDArray[np.int64]
    later: npt.NDArray[np.int64]

    @property
    def spikes(self) -> bool:
        """Whether it is a layer of units."""
        return len(self.cycles) > 0

    @property
    def caption(self) -> str:
        """The lane's name with what it is."""
        if not self.spikes:
            return self.name
        some = "" if len(self.shown) == self.units else f", {len(self.shown)} of them shown"
        return f"{self.name} · {self.units:,} units × {len(self.cycles)} gates{some}"


def lanes(schedule: Schedule) -> list[Lane]:
    """Return the lanes of all operations but the input, from above."""
    spiking = [spec for spec in schedule.specs.values() if isinstance(spec, UnitLayerSpec)]
    gates = sum(spec.operation.gates for spec in spiking)
    most = min(UNITS_SHOWN, max(4, SLOTS_SHOWN // max(gates, 1)))
    highest = max(_LEAST, min(_MOST, _LANES_HEIGHT // max(len(spiking), 1)))
    made: list[Lane] = []
    top = 0.0
    nothing = np.zeros(0, np.int64)
    for name, spec in schedule.specs.items():
        units, offsets = schedule.network.tensors[name].units, schedule.timings[name].offsets()
        shown, cycles, later, height = nothing, nothing, nothing, float(_BAR)
        if isinstance(spec, UnitLayerSpec):
            rows = np.unique(np.linspace(0, units - 1, min(units, most)).round().astype(np.int64))
            place, channel = np.divmod(rows, units // len(offsets))
            shown = channel * len(offsets) + place
            # (unit of a place, gate)
            each = np.broadcast_to(schedule.spike_cycles(name), (units // len(offsets), spec.operation.gates))
            cycles, later = each[0], each[channel, 0] - each[0, 0] + offsets[place]
            height = float(min(max(_UNIT * len(shown), _LEAST), highest))
        top += _NAME
        kind = spec.operation.kind
        start, end = schedule.ready[name] - spec.latency_cycles, schedule.ready[name] + int(offsets[-1])
        made.append(Lane(name, kind, start, end, top, top + height, units, shown, cycles, later))
        top += height
    return made


def choose(labels: npt.NDArray[np.int64], answers: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    """Return which images are shown: the first ones, then the first of those with a wrong answer."""
    first = np.arange(min(FIRST_IMAGES, len(labels)))
    if answers is None:
        return first
    wrong = np.flatnonzero(answers != labels)
    return np.concatenate([first, wrong[~np.isin(wrong, first)][:WRONG_IMAGES]])


def picture_shape(network: Network, dataset: Dataset | None) -> tuple[int, int, int]:
    """Return (channels, rows, columns) of the input as a picture; a square if nothing is known and it is one."""
    units = network.input.units
    for shape in (network.input.shape, () if dataset is None else dataset.shape or ()):
        channels, rows, columns = (1, *shape)[-3:] if len(shape) > 1 else (0, 0, 0)
        if channels in (1, 3) and channels * rows * columns == units:
            return channels, rows, columns
    side = int(units**0.5)
    return (1, side, side) if side * side == units else (1, 1, units)


def packed(facts: Facts, numbers: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return the raster of images ``numbers`` as plain data.

    Bits of an image's ``spikes``: lane by lane, unit by unit, gate by gate, the first the lowest bit of the first byte.
    """
    network, schedule, trace = facts.network, facts.schedule, facts.trace
    scores = network.scores
    drawn = lanes(schedule)
    code, pixels = network.input, facts.images[numbers].reshape(len(numbers), -1)
    grey = (pixels - code.low) * 255 // max(code.high - code.low, 1)
    bits = [facts.planes[lane.name][numbers][:, lane.shown].reshape(len(numbers), -1) for lane in drawn if lane.spikes]
    spikes = np.concatenate(bits, axis=1) if bits else np.zeros((len(numbers), 0), np.bool_)
    shown: list[dict[str, Any]] = []
    for row, number in enumerate(numbers.tolist()):
        entry: dict[str, Any] = {"number": number, "label": int(facts.labels[number])}
        if code.units <= PICTURE_LIMIT:
            entry["picture"] = _base64(grey[row].astype(np.uint8))
        entry["spikes"] = _base64(np.packbits(spikes[row], bitorder="little"))
        entry["count"] = sum(int(np.count_nonzero(layer[number])) for layer in facts.planes.values())
        if scores is not None and facts.answers is not None:
            entry["answer"] = int(facts.answers[number])
            entry["scores"] = trace.values[scores][number].tolist()
        shown.append(entry)
    ready = None if scores is None else {"scores": schedule.ready[scores], "answer": schedule.latency_cycles}
    return {
        "latency": schedule.latency_cycles,
        "interval": schedule.interval_cycles,
        "height": drawn[-1].bottom if drawn else 0,
        "shape": list(facts.shape),
        "ready": ready,
        "lanes": [
            {
                "name": lane.name,
                "kind": lane.kind,
                "caption": lane.caption,
                "start": lane.start,
                "end": lane.end,
                "top": lane.top,
                "bottom": lane.bottom,
                "units": lane.shown.tolist(),
                "cycles": lane.cycles.tolist(),
                "later": lane.later.tolist(),
            }
            for lane in drawn
        ],
        "images": shown,
    }


def _base64(data: npt.NDArray[np.uint8]) -> str:
    return base64.b64encode(data.tobytes()).decode("ascii")
