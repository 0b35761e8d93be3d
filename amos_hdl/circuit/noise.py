"""How units, and whatever is made of them, bear noise: levels swept, gates disturbed one by one, devices drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.architecture import FLASH, FOLDED, SERIAL, Architecture
from amos_hdl.circuit.bank import CircuitBank
from amos_hdl.circuit.disturbance import Disturbance, DisturbedGates
from amos_hdl.circuit.rearrange import rearranged
from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError

#: Levels of each kind of disturbance unless told otherwise.
LEVELS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "potential": (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
        "threshold": (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
        "drop": (0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1),
        "insert": (0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1),
    }
)
#: Potentials at which a unit is measured.
POINTS = 2000
DEVICE_LIMIT = 10_000


@dataclass(frozen=True)
class NoisePoint:
    """One measurement: over devices the mean of the figure, its standard deviation, and the worst.

    Members
    -------
    architecture, kind : str
    level : float
    gate : str
        Which gate was disturbed alone, such as ``hidden1 3``; empty for all of them.
    mean, deviation, worst : float
    """

    architecture: str
    kind: str
    level: float
    gate: str
    mean: float
    deviation: float
    worst: float


@dataclass(frozen=True)
class NoiseStudy:
    """All measurements of one subject.

    Members
    -------
    subject, figure : str
        What was measured, and its unit.
    exact : float
        The figure without noise.
    higher_is_better : bool
    devices, seed : int
    gate_level : float
        Level at which gates were disturbed one by one.
    points : tuple of NoisePoint
    """

    subject: str
    figure: str
    exact: float
    higher_is_better: bool
    devices: int
    seed: int
    gate_level: float
    points: tuple[NoisePoint, ...]

    @property
    def architectures(self) -> tuple[str, ...]:
        """Architectures in the order in which they were measured."""
        return tuple(dict.fromkeys(point.architecture for point in self.points))


class Subject(Protocol):
    """What noise is measured on: the same function in several architectures."""

    name: str
    figure: str
    higher_is_better: bool

    @property
    def spreads(self) -> Mapping[str, float]:
        """Spread of the potentials of each layer, in integer steps."""
        ...

    def architectures(self) -> Sequence[str]:
        """Return the names of the architectures."""
        ...

    def gates(self, architecture: str) -> Sequence[tuple[str, int]]:
        """Return layer (empty for a single unit) and index (0-based) of every kind of gate."""
        ...

    def measure(
        self,
        architecture: str,
        disturbance: Disturbance,
        only: tuple[str, int] | None,
        devices: int,
        random: np.random.Generator,
    ) -> npt.NDArray[np.float64]:
        """Return the figure of each device, shape (device,), where ``only`` one gate errs or all do."""
        ...


def study(
    subject: Subject,
    *,
    levels: Mapping[str, Sequence[float]] = LEVELS,
    gate_level: float = 0.1,
    devices: int = 10,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> NoiseStudy:
    """Measure ``subject`` against each kind of noise, all gates disturbed at every level, and each gate at one.

    Parameters
    ----------
    subject : Subject
    levels : mapping of kind (``potential``, ``threshold``, ``drop``, ``insert``) to levels
        As in ``Disturbance``.
    gate_level : float
    devices : int, 1 to 10,000
        Devices drawn for each point; they differ in threshold errors and in everything that is drawn later.
    seed : int
        All architectures meet the same devices.
    progress : callable, optional
        Called with points done and points in all.

    Raises
    ------
    CircuitError
        If a level or the number of devices is impossible; before anything is measured.
    """
    if not 1 <= devices <= DEVICE_LIMIT:
        raise CircuitError("devices", expected=f"1 to {DEVICE_LIMIT}", got=repr(devices))
    # (kind, level, gate alone or None), of one architecture
    plan = {
        name: [(kind, Disturbance(**{kind: level}), level, None) for kind in levels for level in levels[kind]]
        + [
            (kind, Disturbance(**{kind: gate_level}), gate_level, gate)
            for kind in levels
            for gate in subject.gates(name)
        ]
        for name in subject.architectures()
    }
    total, points = sum(map(len, plan.values())), []
    for name, rows in plan.items():
        for number, (kind, disturbance, level, gate) in enumerate(rows):
            random = np.random.default_rng((seed, number))
            values = subject.measure(name, disturbance, gate, devices if disturbance else 1, random)
            worst = values.min() if subject.higher_is_better else values.max()
            label = "" if gate is None else f"{gate[0]} {gate[1] + 1}".strip()
            points.append(NoisePoint(name, kind, level, label, float(values.mean()), float(values.std()), float(worst)))
            if progress is not None:
                progress(len(points), total)
    first = next(iter(plan))
    exact = float(subject.measure(first, Disturbance(), None, 1, np.random.default_rng(seed))[0])
    return NoiseStudy(
        subject.name, subject.figure, exact, subject.higher_is_better, devices, seed, gate_level, tuple(points)
    )


def in_every_architecture(
    layers: Sequence[Sequence[ThresholdCircuit]],
) -> dict[str, tuple[tuple[ThresholdCircuit, ...], ...]]:
    """Return the layers' circuits in each architecture that has their functions; at least as they are.

    Architectures that come to the same circuits as an earlier one are left out, but ``folded`` is kept: its gates are
    one comparator.
    """
    found: dict[str, tuple[tuple[ThresholdCircuit, ...], ...]] = {}
    widest = max(circuit.gates for circuits in layers for circuit in circuits)
    staged = [Architecture("staged", m) for m in range(2, min(widest, 8) + 1)]
    for architecture in (SERIAL, FOLDED, FLASH, *staged):
        try:
            made = tuple(rearranged(circuits, architecture) for circuits in layers)
        except CircuitError:
            continue
        if architecture == FOLDED or made not in found.values():
            found[str(architecture)] = made
    found = {str(name): found[str(name)] for name in (SERIAL, FOLDED, *staged, FLASH) if str(name) in found}
    as_they_are = tuple(tuple(circuits) for circuits in layers)
    if as_they_are not in found.values():
        found = {"as stored": as_they_are, **found}
    return found


class UnitSubject:
    """One unit; the figure is the mean squared difference from y without noise.

    Parameters
    ----------
    name : str
    circuits : mapping of architecture to ThresholdCircuit
        All of the same function.
    low, high : int
        Potentials from ``low`` to ``high`` occur equally often; their standard deviation is the spread.
    value_step : float
        What y is counted in.
    """

    figure = "mean squared error of y"
    higher_is_better = False

    def __init__(
        self, name: str, circuits: Mapping[str, ThresholdCircuit], low: int, high: int, value_step: float
    ) -> None:
        self.name, self._circuits, self._value_step = name, circuits, value_step
        self._x = np.unique(np.linspace(low, high, POINTS).round().astype(np.int64))

    @property
    def spreads(self) -> Mapping[str, float]:
        """The spread, in integer steps of the potential."""
        return {"": float(self._x.std())}

    def architectures(self) -> Sequence[str]:
        """Return the names of the architectures."""
        return tuple(self._circuits)

    def gates(self, architecture: str) -> Sequence[tuple[str, int]]:
        """Return the gates of the unit."""
        return [("", gate) for gate in range(self._circuits[architecture].gates)]

    def measure(
        self,
        architecture: str,
        disturbance: Disturbance,
        only: tuple[str, int] | None,
        devices: int,
        random: np.random.Generator,
    ) -> npt.NDArray[np.float64]:
        """Return the mean squared error of each device, in squares of the unit of y."""
        circuit = self._circuits[architecture]
        # every unit of the bank is another device
        bank = CircuitBank((circuit,), np.zeros(devices, np.int64))
        gates = DisturbedGates(
            disturbance,
            units=devices,
            gates=circuit.gates,
            spread=self.spreads[""],
            random=random,
            only=None if only is None else only[1],
            one_comparator=architecture == str(FOLDED),
        )
        x = np.repeat(self._x[:, None], devices, axis=1)
        difference = bank.values(bank.spikes(x, gates)) - circuit.value(self._x)[:, None]
        errors: npt.NDArray[np.float64] = np.mean((difference * self._value_step) ** 2, axis=0)
        return errors
