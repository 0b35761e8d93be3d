"""What all units of a trained layer are copies of: one circuit, stretched by a step and moved by a bias per unit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import (
    Architecture,
    Steps,
    ThresholdCircuit,
    evenly_spaced,
    flash_circuit,
    quantizer,
    rearranged,
    relu,
    steps,
    store,
)
from amos_hdl.circuit.architecture import SERIAL
from amos_hdl.errors import CircuitError
from amos_hdl.frontend.recipe import Units

Real = npt.NDArray[np.float64]

#: Standard deviation of a network's potentials in units of the activation's x (arXiv:2001.01682).
DEVIATION = 1.56
#: Treads of a staircase narrower than this share of it count together in the backward curve.
NARROWEST_TREAD = 1 / 64


@dataclass(frozen=True, eq=False)
class Prototype:
    """A circuit of the real variable v; a unit with integer ``step`` and ``bias`` is its copy at v = (x + bias)/step.

    ::

        z_i = 1  if  c_i·(x + bias) >= t_i·step  else 0      t_i = grid·(threshold of the circuit)

    Both sides of a comparison are multiplied by ``step``, so no division is left; the left side is an integer, so the
    right one may be rounded up (``copy``) without changing a spike.

    Parameters
    ----------
    circuit : ThresholdCircuit
    grid : float, > 0
        How much v one step of the circuit's own potential is.
    nodes : two float64 arrays, shape (node,)
        v, rising, and y: backwards a unit counts as the lines between them, flat outside.
        One node: as the logistic curve (1 + tanh(v - node))/2 times the height of the only step.
    centre, deviation : float
        Potentials are spread so at the beginning of a training: mean of v in deviations, deviation of v.
        A deviation of 0 leaves ``step`` 1.
    """

    circuit: ThresholdCircuit
    grid: float
    nodes: tuple[Real, Real]
    centre: float
    deviation: float

    @cached_property
    def values(self) -> npt.NDArray[np.int64]:
        """Every y, from the least v to the greatest."""
        return steps(self.circuit).values

    @cached_property
    def thresholds(self) -> tuple[Real, ...]:
        """t of each gate by the number that the spikes of earlier levels make, as in ``ThresholdCircuit``'s tables."""
        return tuple(np.array(table, np.float64) * self.grid for table in self.circuit.to_table().tables)

    def copy(self, step: int, bias: int) -> ThresholdCircuit:
        """Return the unit's circuit in integers; in the linear form where the prototype is and stays so."""
        circuit = self.circuit
        if self.grid == 1:
            lateral = tuple(tuple(weight * step for weight in row) for row in circuit.lateral)
            thresholds = tuple(threshold * step for threshold in circuit.thresholds)
            tables = tuple(tuple(threshold * step for threshold in table) for table in circuit.tables)
            circuit = replace(circuit, lateral=lateral, thresholds=thresholds, tables=tables)
        else:
            # the same products as in training, so the same integers
            tables = tuple(tuple(int(t) for t in np.ceil(row * step)) for row in self.thresholds)
            circuit = replace(circuit, lateral=(), thresholds=(), tables=tables)
        return circuit.shift_input(bias)


def relu_prototype(gates: int, architecture: Architecture = SERIAL) -> Prototype:
    """Return the clipped ReLU of ``gates`` bits, v in steps of the staircase: y = min(max(floor(v), 0), 2**K - 1).

    Raises CircuitError if the architecture does not make so many bits.
    """
    circuit = relu(gates, architecture=architecture)
    if gates == 1:
        return Prototype(circuit, 1.0, (np.ones(1), np.zeros(1)), 0.3, 0.0)
    # the line reaches half a step, and one step, beyond the code: units at its ends can still learn
    ends = np.array([-0.5, float(1 << gates)])
    return Prototype(circuit, 1.0, (ends, ends), 0.3, ((1 << gates) - 1) / 2)


def fitted_prototype(path: Path, architecture: Architecture | None, value_bits: int) -> Prototype:
    """Return the unit of a circuit file (``amos-hdl fit --out``), v the activation's own x.

    Parameters
    ----------
    path : Path
    architecture : Architecture or None
        None: the file's own.
    value_bits : int
        y is kept in as many bits at most; finer values are rounded.

    Raises
    ------
    CircuitError
        If there is no such file, it is damaged or of another version, its function does not exist in the architecture,
        or it never changes.
    """
    unit = store.load(path)
    try:
        circuit = _coarser(unit.circuit, value_bits)
        if architecture is not None:
            # a staircase that rises by 2**K - 1 in all, in whatever steps, is a quantizer of K bits now
            (circuit,) = rearranged((circuit,), architecture)
        nodes = _nodes(circuit, float(unit.potential_step))
    except CircuitError as failure:
        raise CircuitError(str(failure), where=str(path)) from failure
    deviation = min(DEVIATION, (unit.high - unit.low) / 4)
    return Prototype(circuit, float(unit.potential_step), nodes, 0.0, deviation)


def input_prototype(units: Units) -> Prototype:
    """Return the input units: y = number of ``input_thresholds`` <= pixel, in the linear form where there is one."""
    thresholds = units.input_thresholds
    form: Literal["linear", "table"] = "linear" if evenly_spaced(thresholds) else "table"
    circuit = quantizer(thresholds, form=form)
    return Prototype(circuit, 1.0, _nodes(circuit, 1.0), 0.0, 0.0)


def hidden_prototypes(units: Units, folder: Path) -> list[Prototype]:
    """Return what the units of each hidden layer are copies of.

    Parameters
    ----------
    units : Units
        Of a recipe.
    folder : Path
        Where relative circuit files lie: the recipe's folder.

    Raises
    ------
    CircuitError
        As ``fitted_prototype``.
    """
    made = []
    for bits, file, architecture in units.layers():
        if file is None:
            made.append(relu_prototype(bits or 0, architecture or SERIAL))
        else:
            made.append(fitted_prototype(folder / file, architecture, units.value_bits))
    return made


def _coarser(circuit: ThresholdCircuit, bits: int) -> ThresholdCircuit:
    """Return ``circuit`` with y in units that leave at most ``bits`` bits, in exact proportion where that is enough."""
    stairs, greatest = steps(circuit), (1 << bits) - 1
    span = int(np.ptp(stairs.values))
    unit = math.gcd(*circuit.outputs) or 1
    if span <= unit * greatest:
        outputs = tuple(output // unit for output in circuit.outputs)
        return replace(circuit, outputs=outputs, offset=round(circuit.offset / unit))
    if circuit.depth == 1:
        # each tread is rounded on its own, so that errors do not add up along the stairs
        values = np.round(stairs.values / (span / greatest)).astype(np.int64)
        kept = np.flatnonzero(np.diff(values))
        coarse = Steps(stairs.starts[kept], values[np.append(0, kept + 1)])
        return flash_circuit(coarse, max(1, len(kept)))
    for least_steps in range(greatest, 0, -1):
        scale = span / least_steps
        outputs = tuple(round(output / scale) for output in circuit.outputs)
        made = replace(circuit, outputs=outputs, offset=round(circuit.offset / scale))
        if np.ptp(steps(made).values) <= greatest:
            break
    return made


def _nodes(circuit: ThresholdCircuit, grid: float) -> tuple[Real, Real]:
    """Return the middles of the treads of a staircase, narrow ones taken together, and their mean y."""
    stairs = steps(circuit)
    starts = (stairs.starts * grid).astype(np.float64)
    values = stairs.values.astype(np.float64)
    if not len(starts):
        raise CircuitError("circuit of a trained unit", expected="a function that changes", got="a constant")
    if len(starts) == 1:
        return starts, values[:1]
    # the outer treads have no end: each counts as wide as its neighbour
    edges = np.concatenate([[2 * starts[0] - starts[1]], starts, [2 * starts[-1] - starts[-2]]])
    narrowest = (edges[-1] - edges[0]) * NARROWEST_TREAD
    v, y, begin = [], [], 0
    for end in range(1, len(edges)):
        if edges[end] - edges[begin] >= narrowest or end == len(edges) - 1:
            widths = np.diff(edges[begin : end + 1])
            v.append((edges[begin] + edges[end]) / 2)
            y.append(float(np.average(values[begin:end], weights=widths)))
            begin = end
    return np.array(v), np.array(y)
