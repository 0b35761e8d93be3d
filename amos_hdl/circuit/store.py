"""Circuit files: one fitted unit as YAML, to be read by people and programs, and named by recipes.

Version 2: both forms, and the architecture in its one spelling.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import FiniteFloat

from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting.unit import FittedUnit
from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError
from amos_hdl.files import Strict, dump_yaml, read_yaml, write_file


class _File(Strict):
    format: Literal["amos-circuit"]
    version: Literal[2]
    activation: str
    architecture: str
    method: str
    low: FiniteFloat
    high: FiniteFloat
    mean_squared_error: FiniteFloat
    worst_error: FiniteFloat
    unrounded_error: FiniteFloat
    spikes: FiniteFloat
    potential_step: str
    value_step: str
    offset: int
    gains: list[int]
    outputs: list[int]
    levels: list[int]
    thresholds: list[int] | None = None
    lateral: list[list[int]] | None = None
    tables: list[list[int]] | None = None


def save(unit: FittedUnit, path: Path) -> None:
    """Write ``unit`` to ``path``: T and H, or tables, as the circuit has them.

    Raises CircuitError if the file cannot be written.
    """
    circuit = unit.circuit
    data = {
        "format": "amos-circuit",
        "version": 2,
        "activation": unit.activation,
        "architecture": str(unit.architecture),
        "method": unit.method,
        "low": float(unit.low),
        "high": float(unit.high),
        "mean_squared_error": unit.mean_squared_error,
        "worst_error": unit.worst_error,
        "unrounded_error": unit.unrounded_error,
        "spikes": unit.spikes,
        "potential_step": str(unit.potential_step),
        "value_step": str(unit.value_step),
        "offset": circuit.offset,
        "gains": list(circuit.gains),
        "outputs": list(circuit.outputs),
        "levels": list(circuit.levels),
    }
    if circuit.is_table:
        data["tables"] = [list(table) for table in circuit.tables]
    else:
        data["thresholds"] = list(circuit.thresholds)
        data["lateral"] = [list(row) for row in circuit.lateral]
    write_file(path, dump_yaml(data), CircuitError)


def load(path: Path) -> FittedUnit:
    """Read the circuit file ``path``.

    Raises CircuitError, naming the file, if it is missing, damaged, of another version, or no circuit: a gate that
    sees one of its own or a later level, directly or in a cycle, among others.
    """
    file = read_yaml(path, _File, CircuitError)
    try:
        circuit = ThresholdCircuit(
            tuple(file.gains),
            tuple(file.outputs),
            tuple(file.levels),
            file.offset,
            thresholds=tuple(file.thresholds or ()),
            lateral=tuple(tuple(row) for row in file.lateral or ()),
            tables=tuple(tuple(table) for table in file.tables or ()),
        )
        return FittedUnit(
            file.activation,
            Architecture.parse(file.architecture),
            file.method,
            circuit,
            _step(file.potential_step),
            _step(file.value_step),
            file.low,
            file.high,
            file.mean_squared_error,
            file.worst_error,
            file.unrounded_error,
            file.spikes,
        )
    except CircuitError as failure:
        raise CircuitError(str(failure), where=str(path)) from failure


def _step(text: str) -> Fraction:
    # no exponents: Fraction would write the zeros of 1e999999999 out
    if not re.fullmatch(r"-?\d{1,400}(/0*[1-9]\d{0,399})?", text, re.ASCII):
        raise CircuitError("step", expected="a fraction such as 3/16", got=repr(text[:80]))
    return Fraction(text)
