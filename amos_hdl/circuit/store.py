"""Circuit files: one fitted unit as YAML, to be read by people and programs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

from amos_hdl.circuit.fit import Architecture, FittedUnit
from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError
from amos_hdl.files import Strict, dump_yaml, read_yaml, write_file


class _File(Strict):
    format: Literal["amos-circuit"]
    version: Literal[1]
    activation: str
    architecture: Architecture
    low: float
    high: float
    mean_squared_error: float
    worst_error: float
    spikes: float
    potential_step: str
    value_step: str
    offset: int
    gains: list[int]
    outputs: list[int]
    levels: list[int]
    tables: list[list[int]]


def save(unit: FittedUnit, path: Path) -> None:
    """Write ``unit`` to ``path``; thresholds are written as tables.

    Raises CircuitError if the file cannot be written.
    """
    circuit = unit.circuit.to_table()
    data = {
        "format": "amos-circuit",
        "version": 1,
        "activation": unit.activation,
        "architecture": unit.architecture,
        "low": float(unit.low),
        "high": float(unit.high),
        "mean_squared_error": unit.mean_squared_error,
        "worst_error": unit.worst_error,
        "spikes": unit.spikes,
        "potential_step": str(unit.potential_step),
        "value_step": str(unit.value_step),
        "offset": circuit.offset,
        "gains": list(circuit.gains),
        "outputs": list(circuit.outputs),
        "levels": list(circuit.levels),
        "tables": [list(table) for table in circuit.tables],
    }
    write_file(path, dump_yaml(data), CircuitError)


def load(path: Path) -> FittedUnit:
    """Read the circuit file ``path``.

    Raises CircuitError, naming the file, if it is missing, damaged, of another version, or no circuit.
    """
    file = read_yaml(path, _File, CircuitError)
    try:
        circuit = ThresholdCircuit(
            tuple(file.gains),
            tuple(file.outputs),
            tuple(file.levels),
            file.offset,
            tables=tuple(tuple(table) for table in file.tables),
        )
        potential_step, value_step = Fraction(file.potential_step), Fraction(file.value_step)
    except CircuitError as failure:
        raise CircuitError(str(failure), where=str(path)) from failure
    except (ValueError, ZeroDivisionError) as failure:
        raise CircuitError("step", where=str(path), expected="a fraction such as 3/16", got=str(failure)) from failure
    return FittedUnit(
        file.activation,
        file.architecture,
        circuit,
        potential_step,
        value_step,
        file.low,
        file.high,
        file.mean_squared_error,
        file.worst_error,
        file.spikes,
    )
