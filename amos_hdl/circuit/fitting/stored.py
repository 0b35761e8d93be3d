"""Coefficients of long searches, kept as data: starting points that the default search goes on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting.population import Population, earlier_of
from amos_hdl.errors import CircuitError
from amos_hdl.files import Strict, dump_yaml, read_yaml, write_file

#: One file for each function, architecture and K; made by ``benchmarks/fitting.py --search``.
FOLDER = Path(__file__).parent / "coefficients"


class _File(Strict):
    activation: str
    architecture: str
    bits: int
    mean_squared_error: float
    thresholds: list[float]
    lateral: list[list[float]]


def stored_starts(activation: str, architecture: Architecture, bits: int) -> Population | None:
    """Return the circuit kept for a function, or None if there is none.

    T and H are in units of x; outputs are found again by least squares.
    """
    path = _path(activation, architecture, bits)
    if not path.is_file():
        return None
    file = read_yaml(path, _File, CircuitError)
    earlier = earlier_of(architecture.levels(bits))
    gates = len(earlier)
    lateral = np.zeros((1, gates, gates))
    if len(file.thresholds) != gates or [len(row) for row in file.lateral] != list(earlier):
        raise CircuitError("coefficients", where=str(path), expected=f"T and H of {gates} gates")
    for gate, row in enumerate(file.lateral):
        lateral[0, gate, : len(row)] = row
    return Population.of(earlier, np.array([file.thresholds]), lateral)


def store_start(activation: str, architecture: Architecture, bits: int, best: Population) -> Path:
    """Keep the first circuit of ``best``; return the file."""
    path = _path(activation, architecture, bits)
    data = {
        "activation": activation,
        "architecture": str(architecture),
        "bits": bits,
        "mean_squared_error": float(best.errors[0]),
        "thresholds": [round(float(value), 6) for value in best.thresholds[0]],
        "lateral": [
            [round(float(value), 6) for value in row[:count]]
            for row, count in zip(best.lateral[0], best.earlier, strict=True)
        ],
    }
    write_file(path, dump_yaml(data), CircuitError)
    return path


def _path(activation: str, architecture: Architecture, bits: int) -> Path:
    name = "serial" if architecture.name == "folded" else str(architecture).replace("(", "-").rstrip(")")
    return FOLDER / f"{activation}-{name}-{bits}.yaml"
