"""The same function with its gates arranged otherwise: serial units as flash units, and the like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.standard import evenly_spaced, quantizer
from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError


@dataclass(frozen=True, eq=False)
class Steps:
    """y of a circuit over all integers x: ``values[0]``, and from ``starts[n]`` on ``values[n + 1]``.

    Members
    -------
    starts : int64 array, shape (step,)
        Rising; every one changes y.
    values : int64 array, shape (step + 1,)
    """

    starts: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]


def steps(circuit: ThresholdCircuit) -> Steps:
    """Return every step of the staircase that ``circuit`` computes.

    Raises CircuitError if it has no table form (a gate with more than 16 earlier ones).
    """
    edges: set[int] = set()
    for gain, table in zip(circuit.gains, circuit.to_table().tables, strict=True):
        if gain:
            # c·x >= t changes at ceil(t/c) for c > 0, just above floor(t/c) for c < 0
            edges.update(-(-t // gain) if gain > 0 else t // gain + 1 for t in table)
    at = np.array(sorted(edges) or [0], np.int64)
    values = circuit.value(np.concatenate([at[:1] - 1, at]))
    changes = np.flatnonzero(np.diff(values))
    return Steps(at[changes], values[np.concatenate([[0], changes + 1])])


def rearranged(circuits: Sequence[ThresholdCircuit], architecture: Architecture) -> tuple[ThresholdCircuit, ...]:
    """Return the circuits of a layer, each with the same y for every integer x, in ``architecture``.

    Circuits that rise by equal steps, 2**K - 1 of them, are quantizers, which every architecture has (evenly spaced
    ones in the linear form); any other function has the ``flash`` form only.  A flash circuit of more gates than the
    circuits tell values apart has one gate per step instead, however high.  Circuits that are arranged so already are
    returned as they are.

    Parameters
    ----------
    circuits : sequence of ThresholdCircuit
        Of equal levels.
    architecture : Architecture

    Raises
    ------
    CircuitError
        If K is not a multiple of m, or the architecture does not have this function.

    Source: derived.
    """
    first = circuits[0]
    if first.depth == {"flash": 1, "staged": 0}.get(architecture.name, first.gates):
        return tuple(circuits)
    stairs = [steps(circuit) for circuit in circuits]
    # what one spike of the least digit is worth
    worth = math.gcd(*first.outputs) or 1
    codes = [_thresholds(stair, worth) for stair in stairs]
    known = [code for code in codes if code is not None]
    count = len(known[0]) if known else 0
    values = math.prod(first.levels.count(level) + 1 for level in set(first.levels))
    if architecture.name == "flash" and count >= values:
        known = []
    if len(known) == len(codes) and all(len(code) == count for code in known) and count and not count & (count + 1):
        form: Literal["linear", "table"] = "linear" if all(evenly_spaced(code) for code in known) else "table"
        made = [quantizer(code, architecture, form=form) for code in known]
        return tuple(
            replace(circuit, outputs=tuple(worth * output for output in circuit.outputs), offset=int(stair.values[0]))
            for circuit, stair in zip(made, stairs, strict=True)
        )
    if architecture.name != "flash":
        hint = "any function has a flash circuit"
        raise CircuitError(f"{architecture} circuit", expected="2**K - 1 equal steps that rise", hint=hint)
    most = max(1, *(len(stair.starts) for stair in stairs))
    return tuple(flash_circuit(stair, most) for stair in stairs)


def _thresholds(stair: Steps, worth: int) -> list[int] | None:
    """Return the thresholds of a quantizer whose codes are worth ``worth`` each; None if it is no such staircase."""
    rises, rest = np.divmod(np.diff(stair.values), worth)
    if rest.any() or (rises < 0).any():
        return None
    return [int(threshold) for threshold in np.repeat(stair.starts, rises)]


def flash_circuit(stair: Steps, gates: int) -> ThresholdCircuit:
    """Return one gate per step of ``stair``; more ``gates`` than steps, at least 1, stand for nothing."""
    missing = gates - len(stair.starts)
    beyond = int(stair.starts[-1]) if len(stair.starts) else 0
    return ThresholdCircuit(
        gains=(1,) * gates,
        outputs=(*(int(step) for step in np.diff(stair.values)), *[0] * missing),
        levels=(1,) * gates,
        offset=int(stair.values[0]),
        tables=tuple((int(start),) for start in (*stair.starts, *[beyond] * missing)),
    )
