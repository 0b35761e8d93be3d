"""The units of a stored network as pictures: potential against value, and the function that the staircase follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.circuit.activations import ACTIVATIONS, Activation
from amos_hdl.circuit.fitting import FittedUnit
from amos_hdl.errors import CircuitError
from amos_hdl.schedule import Schedule, UnitLayerSpec

#: Potentials at which a unit is evaluated; a wider interval is looked at in steps.
POINTS = 1 << 14
#: Potentials between the lowest and the highest threshold of a unit that is looked for in another.
STEPS_LIMIT = 1 << 20
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

    def points(self, low: int, high: int) -> list[float]:
        """Return the potentials between which it is straight."""
        bends = (-self.bias, (self.top + 1) * self.step - self.bias)
        return [low, *(bend for bend in bends if low < bend < high), high]


@dataclass(frozen=True)
class Curve:
    """The function that a unit was fitted to, laid over it: ``f(x) = height·activation((x - origin) / width)``.

    Parameters
    ----------
    activation : Activation
    width : float
        Potentials per unit of the activation's argument.
    origin : float
        Potential at which the argument is 0.
    height : float
        Units of y per unit of the activation.
    low, high : float
        Potentials between which it was fitted.
    """

    activation: Activation
    width: float
    origin: float
    height: float
    low: float
    high: float

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return f(x)."""
        return self.height * self.activation((np.asarray(x, np.float64) - self.origin) / self.width)

    def __str__(self) -> str:
        return f"{self.activation.name}, {self.width:.3g} potentials per unit"

    def points(self, low: int, high: int) -> list[float]:
        """Return the potentials at which it is drawn."""
        points: list[float] = np.linspace(max(low, self.low), min(high, self.high), 121).tolist()
        return points


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
    line : Line, Curve or None
        What the steps follow; None if it is not known, and the steps themselves are the function.
    """

    layer: str
    unit: int
    shared_by: int
    circuit: ThresholdCircuit
    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    line: Line | Curve | None

    @property
    def worst_error(self) -> float | None:
        """Greatest distance from the line, in units of y, where it was fitted."""
        if self.line is None:
            return None
        x, y = self.x, self.y
        if isinstance(self.line, Curve):
            within = (x >= self.line.low) & (x <= self.line.high)
            x, y = x[within], y[within]
        return float(np.abs(self.line(x) - y).max(initial=0))

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


def staircases(schedule: Schedule, fitted: Mapping[str, FittedUnit] = MappingProxyType({})) -> list[Staircase]:
    """Return a sample of the distinct units of each layer: the first, the last, and some between.

    ``fitted`` says of which fitted unit those of a layer are copies.
    """
    found: list[Staircase] = []
    for name, spec in schedule.specs.items():
        if not isinstance(spec, UnitLayerSpec):
            continue
        distinct = len(spec.distinct)
        for number in np.unique(np.linspace(0, distinct - 1, min(distinct, UNITS_PER_LAYER)).round().astype(int)):
            unit = spec.modules.index(number)
            low, high = int(spec.potential.low[unit]), int(spec.potential.high[unit])
            if low == high:  # a sum of nothing: shown as if it had the potentials of the others
                low, high = spec.potential.interval
            x = np.unique(np.linspace(low, high, min(high - low + 1, POINTS)).round().astype(np.int64))
            circuit = spec.distinct[number].circuit
            y = circuit.value(x)
            line: Line | Curve | None = follows(x, y)
            if line is None and name in fitted:
                line = laid_over(circuit, fitted[name])
            found.append(Staircase(name, unit, spec.modules.count(number), circuit, x, y, line))
    chosen = np.unique(np.linspace(0, len(found) - 1, min(len(found), UNITS)).round().astype(int)) if found else ()
    return [found[number] for number in chosen]


def laid_over(circuit: ThresholdCircuit, fitted: FittedUnit) -> Curve | None:
    """Return the activation of ``fitted`` where the steps of ``circuit`` put it; None if it is no copy of it.

    A copy has its steps at potentials ``width·x + origin`` and its values ``height·y``, rounded, of the fitted unit's.
    """
    if fitted.activation not in ACTIVATIONS:
        return None
    steps, levels = _steps(circuit)
    origins, heights = _steps(fitted.circuit)
    if len(steps) != len(origins) or len(steps) < 2:
        return None
    x, y = (origins - 0.5) * float(fitted.potential_step), heights * float(fitted.value_step)
    width, origin = np.polyfit(x, steps, 1)
    height = float(levels @ y / (y @ y))
    if width <= 0 or np.abs(width * x + origin - steps).max() > 1 or np.abs(height * y - levels).max() > 1:
        return None
    width, origin = float(width), float(origin)
    low, high = (width * end + origin for end in (fitted.low, fitted.high))
    return Curve(ACTIVATIONS[fitted.activation], width, origin, height, low, high)


def _steps(circuit: ThresholdCircuit) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the potentials at which y changes, and y before, between and after them; none if they are too many."""
    try:
        tables = circuit.to_table().tables
    except CircuitError:
        return np.zeros(0, np.int64), np.zeros(1, np.int64)
    edges = [entry // gain for gain, table in zip(circuit.gains, tables, strict=True) if gain for entry in table]
    low, high = min(edges, default=0) - 1, max(edges, default=0) + 1
    if high - low > STEPS_LIMIT:
        return np.zeros(0, np.int64), np.zeros(1, np.int64)
    x = np.arange(low, high + 1)
    y = circuit.value(x)
    starts = np.flatnonzero(np.diff(y)) + 1
    return x[starts], y[np.append(0, starts)]


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
