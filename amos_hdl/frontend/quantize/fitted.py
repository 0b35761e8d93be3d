"""Units of a circuit file in a converted network: the fitted T and H on the scale of each channel's potential."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.circuit.activations import ACTIVATIONS, find_activation
from amos_hdl.circuit.fitting import FittedUnit
from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats.functions import PerChannel

Real = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Points at which a function is compared with that of a circuit file.
_POINTS = np.linspace(-20.0, 20.0, 401)


def is_unit_of(unit: FittedUnit, function: Callable[[Real], Real]) -> bool:
    """Return whether ``unit`` was fitted to ``function``, whatever a model calls it."""
    if unit.activation not in ACTIVATIONS or isinstance(function, PerChannel):
        return False
    with np.errstate(all="ignore"):
        return bool(np.allclose(function(_POINTS), find_activation(unit.activation)(_POINTS), 1e-6, 1e-9))


def fitted_units(
    unit: FittedUnit, scale: Real, offset: Real, where: str
) -> tuple[tuple[ThresholdCircuit, ...], Integers]:
    """Return circuits, and the number of each channel's, that are ``unit`` for the potential ``scale·u + offset``.

    With x = scale·u + offset and s the step of the file's potentials, c_i·x >= s·(T_i + Σ H_ij·z_j) becomes::

        f·c_i·u >= round(f·(s·T_i - c_i·offset)/scale) + Σ round(f·s·H_ij/scale)·z_j

    where f is the least power of two for which u is no coarser than the file's steps.

    Raises ImportedModelError for a circuit in table form, whose thresholds are those of the file's own scale.
    """
    circuit = unit.circuit
    if circuit.is_table:
        hint = "fit with --form linear, or leave the file out: without one, units are exact tables"
        raise ImportedModelError("circuit file in table form", where=where, expected="linear", hint=hint)
    step, gates = float(unit.potential_step), circuit.gates
    gains, thresholds = np.array(circuit.gains, float), np.array(circuit.thresholds, float)
    lateral = np.array(circuit.lateral, float).reshape(gates, gates)
    distinct: dict[ThresholdCircuit, int] = {}
    assignment = np.empty(len(scale), np.int64)
    for channel, (each, shift) in enumerate(zip(scale.tolist(), offset.tolist(), strict=True)):
        finer = 1 << max(0, math.ceil(math.log2(each / step)))
        unit_step = each / finer
        made = ThresholdCircuit(
            tuple(int(gain) * finer for gain in circuit.gains),
            circuit.outputs,
            circuit.levels,
            circuit.offset,
            thresholds=tuple(np.round((step * thresholds - gains * shift) / unit_step).astype(int).tolist()),
            lateral=tuple(map(tuple, np.round(step * lateral / unit_step).astype(int).tolist())),
        )
        assignment[channel] = distinct.setdefault(made, len(distinct))
    return tuple(distinct), assignment
