"""The units of a stored network as pictures: potential against value, and the function that the staircase follows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.schedule import Schedule, UnitLayerSpec

#: Potentials at which a unit is evaluated; a wider interval is looked at in steps.
POINTS = 1 << 14
#: Units shown of one layer, and of a network.
UNITS_PER_LAYER, UNITS = 3, 9


@dataclass(frozen=True)
class Line:
    """The function behind equal steps, a clipped ReLU: ``f = min(max((x + bias) / step, 0), top + 1)``.

    The staircase is it rounded down, ``y = min(floor(f), top)``.
    """

    step: int
    bias: int
    top: int

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return f(x)."""
        line: npt.NDArray[np.float64] = np.clip((np.asarray(x, np.float64) + self.bias) / self.step, 0, self.top + 1)
        return line

    def __str__(self) -> str:
        shift = f" {'+' if self.bias > 0 else '-'} {abs(self.bias)}" if self.bias else ""
        inner = f"(x{shift})" if self.bias else "x"
        return f"clipped ReLU {inner}/{self.step}" if self.step > 1 else f"clipped ReLU x{shift}"


@dataclass(frozen=True, eq=False)
class Staircase:
    """One distinct unit of a layer.

    Members
    -------
    layer : str
    unit : int
        The first unit of the layer that has this circuit.
    shared_by : int
        Units of the layer that have it.
    circuit : ThresholdCircuit
    x, y : int64 arrays, shape (point,)
        Value at each potential of the unit's interval (or at some of them, if there are very many).
    line : Line or None
        What the steps follow; None if they are not equal, and the steps themselves are the function.
    """

    layer: str
    unit: int
    shared_by: int
    circuit: ThresholdCircuit
    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    line: Line | None

    @property
    def worst_error(self) -> float | None:
        """Greatest distance from the line, in steps."""
        return None if self.line is None else float(np.abs(self.line(self.x) - self.y).max())

    def runs(self) -> list[tuple[int, int, int]]:
        """Return where gates spike, as (gate, first potential, last potential)."""
        spikes = self.circuit.spikes(self.x)  # (point, gate)
        found = []
        for gate in range(self.circuit.gates):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], spikes[:, gate].astype(np.int8), [0]])))
            found += [(gate, int(self.x[a]), int(self.x[b - 1])) for a, b in edges.reshape(-1, 2).tolist()]
        return found

    def corners(self) -> tuple[list[int], list[int]]:
        """Return the potentials at which y changes, both ends included, and the y that begins there."""
        starts = np.concatenate([[0], np.flatnonzero(np.diff(self.y)) + 1])
        return [*self.x[starts].tolist(), int(self.x[-1])], [*self.y[starts].tolist(), int(self.y[-1])]


def staircases(schedule: Schedule) -> list[Staircase]:
    """Return a sample of the distinct units of each layer: the first, the last, and some between."""
    found: list[Staircase] = []
    for name, spec in schedule.specs.items():
        if not isinstance(spec, UnitLayerSpec):
            continue
        distinct = len(spec.distinct)
        for number in np.unique(np.linspace(0, distinct - 1, min(distinct, UNITS_PER_LAYER)).round().astype(int)):
            unit = spec.modules.index(number)
            low, high = int(spec.source.low[unit]), int(spec.source.high[unit])
            x = np.unique(np.linspace(low, high, min(high - low + 1, POINTS)).round().astype(np.int64))
            circuit = spec.distinct[number].circuit
            y = circuit.value(x)
            found.append(Staircase(name, unit, spec.modules.count(number), circuit, x, y, follows(x, y)))
    chosen = np.unique(np.linspace(0, len(found) - 1, min(len(found), UNITS)).round().astype(int)) if found else ()
    return [found[number] for number in chosen]


def follows(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> Line | None:
    """Return the clipped ReLU that the staircase rounds down; None if it is none.

    ``x`` rises.  One step alone could be any function's.
    """
    starts = np.flatnonzero(np.diff(y)) + 1
    steps = {b - a for a, b in pairwise(x[starts].tolist())}
    if len(steps) != 1 or (np.diff(y)[starts - 1] != 1).any():
        return None
    step = steps.pop()
    line = Line(step, int(y[starts[0]]) * step - int(x[starts[0]]), int(y[-1]))
    return line if np.array_equal(np.minimum(np.floor(line(x)), line.top), y) else None
