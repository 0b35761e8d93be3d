"""Save files for wave viewers: the spikes of a network grouped by layer, each gate and unit by its name.

Beside ``waves.fst`` stand ``waves.gtkw`` (``gtkwave waves.gtkw``) and ``waves.sucl`` (``surfer -c waves.sucl
waves.fst``).  Source: the formats as GTKWave 3.3 writes it itself, and as Surfer's command reference describes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amos_hdl.errors import SimulationError
from amos_hdl.files import write_file
from amos_hdl.simulate.design import Design

#: Units of one layer that get a row of their own; the others are in the rows of their gates.
UNIT_ROWS = 128
# GTKWave's flags of a trace, in hexadecimal: radix, and what it is if it is no signal
_BINARY, _HEXADECIMAL, _OPEN, _OPEN_END, _CLOSED, _CLOSED_END = "28", "22", "800200", "1000200", "c00200", "1401200"


@dataclass(frozen=True)
class Row:
    """One row of a viewer.

    Members
    -------
    name : str
    signal : str
        Full name in the waves, without range.
    bits : int
        Width of the signal.
    chosen : tuple of int
        Which of its bits, the highest shown first; empty for all.
    """

    name: str
    signal: str
    bits: int = 1
    chosen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Group:
    """Rows under a heading; ``units`` are shown when asked for."""

    name: str
    rows: tuple[Row, ...]
    units: tuple[Row, ...] = ()


def groups(design: Design) -> list[Group]:
    """Return what is worth seeing of the waves of a network: its inputs, the spikes of each layer, its outputs."""
    manifest, top = design.manifest, design.manifest.top
    ports = [Row(port.name, f"{top}.{port.name}", port.bits) for port in manifest.ports]
    directions = [port.direction for port in manifest.ports]
    inputs = tuple(port for port, direction in zip(ports, directions, strict=True) if direction == "input")
    outputs = tuple(port for port, direction in zip(ports, directions, strict=True) if direction == "output")
    layers = []
    for layer in manifest.layers:
        if layer.gates is None or layer.spike_cycles is None:
            continue
        units, gates, scope = layer.units, layer.gates, f"{top}.{layer.instance}"
        signal, bits = f"{scope}.spikes", units * gates
        planes = [
            # a plane reads from left to right: unit 0 first
            Row(f"{layer.name} gate {gate + 1}, cycle {cycle}", signal, bits, tuple(range(gate, bits, gates)))
            for gate, cycle in enumerate(_first_cycles(layer.spike_cycles))
        ]
        single = [
            Row(f"{layer.name} unit {unit}", signal, bits, tuple(range(unit * gates, (unit + 1) * gates)))
            for unit in range(min(units, UNIT_ROWS))
        ]
        rows = (
            Row(f"{layer.name} out_valid", f"{scope}.out_valid"),
            Row(f"{layer.name} spikes", signal, bits),
            *planes,
        )
        layers.append(Group(f"{layer.name}: {units} units of {gates} gates", rows, tuple(single)))
    return [Group("in", inputs), *layers, Group("out", outputs)]


def gtkwave(design: Design, waves: str) -> str:
    """Return GTKWave's save file for the file ``waves`` in the same folder."""
    lines = [f'[dumpfile] "{waves}"', "[timestart] 0", "[size] 1600 900", "[signals_width] 280", "[sst_expanded] 0"]
    for group in groups(design):
        lines += [f"@{_OPEN}", f"-{group.name}"]
        for row in group.rows:
            lines += _gtkwave_row(row)
        if group.units:
            heading = f"units of {group.name.partition(':')[0]}"
            lines += [f"@{_CLOSED}", f"-{heading}"]
            for row in group.units:
                lines += _gtkwave_row(row)
            lines += [f"@{_CLOSED_END}", f"-{heading}"]
        lines += [f"@{_OPEN_END}", f"-{group.name}"]
    return "\n".join(lines) + "\n"


def _gtkwave_row(row: Row) -> list[str]:
    full = row.signal if row.bits == 1 else f"{row.signal}[{row.bits - 1}:0]"
    if not row.chosen:
        return [f"@{_BINARY if row.bits == 1 else _HEXADECIMAL}", f"+{{{row.name}}} {full}"]
    if row.bits == 1:
        return [f"@{_BINARY}", f"+{{{row.name}}} {full}"]
    # GTKWave counts the bits of a vector from the left
    bits = " ".join(f"({row.bits - 1 - bit}){full}" for bit in row.chosen)
    return [f"@{_BINARY}", f"#{{{row.name}}} {bits}"]


def surfer(design: Design) -> str:
    """Return Surfer's command file, which adds to whatever waves are loaded.

    Surfer shows single bits when a vector is unfolded; its commands name whole signals only.
    """
    lines, shown = [], 0

    def name_it(text: str) -> None:
        nonlocal shown
        # rows are named by their number, in digits from a to p
        digits = "".join(chr(ord("a") + int(digit, 16)) for digit in f"{shown:x}")
        lines.extend([f"item_focus {digits}", f"item_rename {text}"])
        shown += 1

    for group in groups(design):
        lines.append(f"divider_add {group.name.partition(':')[0]}")
        name_it(group.name)
        for row in group.rows:
            if not row.chosen:
                lines.append(f"variable_add {row.signal}")
                name_it(row.name)
                if row.name.endswith(" spikes"):
                    lines.append("item_set_format Binary")
    return "\n".join([*lines, "item_unfocus", "zoom_fit"]) + "\n"


def write_save_files(design: Design, waves: Path) -> tuple[Path, Path]:
    """Write both files beside ``waves`` and return their paths.  Raises SimulationError if they cannot be written."""
    paths = waves.with_suffix(".gtkw"), waves.with_suffix(".sucl")
    write_file(paths[0], gtkwave(design, waves.name), SimulationError)
    write_file(paths[1], surfer(design), SimulationError)
    return paths


def _first_cycles(cycles: list[int] | list[list[int]]) -> list[int]:
    """Return the cycles of the first unit, where those of each are its own."""
    first: list[int] = np.atleast_2d(np.array(cycles))[0].tolist()
    return first
