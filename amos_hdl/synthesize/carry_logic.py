"""Logic in front of ECP5's carry cells, taken into them: inverters and gates of two inputs are then no LUTs.

A half of a CCU2C adds by two functions of its pins, ``S = p ^ cin`` and ``cout = p ? cin : g``: p is a LUT4 of A, B, C
and D, g a LUT2 of A and B in the quarter of the same table where C and D are 0.  With D = 1 the two never meet, and p
may be any function of A, B and C, as long as g, wherever p is 0, is one of A and B.  An addition needs A and B alone:
``p = a ^ b, g = a``.  So ``a + f(b, c)`` is one half, where Yosys, to which a carry cell is a box, puts f in a LUT.

Source: derived; the equations of CCU2C are those of Yosys's techlibs/lattice/ccu2c_sim.vh.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

Bit = int | str
Pins = dict[str, list[Bit]]

#: Signals that a half can see.
MOST_INPUTS = 3
#: Inputs of a LUT that is looked at: with the other operand they are as many.
LUT_INPUTS = 2


@dataclass(frozen=True)
class _Function:
    """A function of ``inputs``: bit n of ``table`` is its value where input i has bit i of n."""

    inputs: tuple[Bit, ...]
    table: int

    def value(self, values: dict[Bit, int]) -> int:
        """Return its value at the values of signals."""
        return self.table >> sum(values[bit] << place for place, bit in enumerate(self.inputs)) & 1


@dataclass(frozen=True)
class _Half:
    """p and g of one half, functions of the same inputs."""

    p: _Function
    g: _Function

    @property
    def pins(self) -> tuple[Bit, ...] | None:
        """Inputs in the order of pins A, B and C, where g is a function of those at A and B; None if there is none."""
        inputs = self.p.inputs
        if len(inputs) < MOST_INPUTS:
            return inputs
        for pair in combinations(inputs, 2):
            if _carries(self, pair) is not None:
                return (*pair, *(bit for bit in inputs if bit not in pair))
        return None

    def with_function(self, bit: Bit, function: _Function) -> _Half | None:
        """Return the half with ``function`` in place of ``bit``; None if it needs more than a half has."""
        kept = [other for other in self.p.inputs if other != bit]
        inputs = (*kept, *(other for other in function.inputs if other not in kept))
        if len(inputs) > MOST_INPUTS:
            return None
        p = g = 0
        for number, values in _all_values(inputs):
            values[bit] = function.value(values)
            p |= self.p.value(values) << number
            g |= self.g.value(values) << number
        half = _Half(_Function(inputs, p), _Function(inputs, g))
        return None if half.pins is None else half


def take_in(netlist: dict[str, Any]) -> int:
    """Take LUT4s that only carry cells read into those, in a netlist that Yosys wrote as JSON.

    A LUT goes if all that read it are halves that can take it in; what they compute stays the same.

    Returns
    -------
    int
        How many LUTs are gone.
    """
    return sum(_take_in(module) for module in netlist["modules"].values())


def _take_in(module: dict[str, Any]) -> int:
    cells = module["cells"]
    halves = {
        (name, number): half
        for name, cell in cells.items()
        if cell["type"] == "CCU2C"
        for number in (0, 1)
        if (half := _half(cell, number)) is not None
    }
    readers = _readers(module)
    gone = 0
    for name, cell in [(name, cell) for name, cell in cells.items() if cell["type"] == "LUT4"]:
        function, bit = _lut(cell), cell["connections"]["Z"][0]
        if len(function.inputs) > LUT_INPUTS or not readers[bit]:
            continue
        changed: dict[tuple[str, int], _Half] = {}
        for place in readers[bit]:
            half = halves.get(place)
            more = None if half is None else half.with_function(bit, function)
            if more is None:
                break
            changed[place] = more
        else:
            for place, half in changed.items():
                halves[place] = half
                _write(cells[place[0]], place[1], half)
            del cells[name]
            gone += 1
            for other in function.inputs:
                readers[other] = {place for place in readers[other] if place[0] != name} | changed.keys()
    return gone


def _readers(module: dict[str, Any]) -> defaultdict[Bit, set[tuple[str, int]]]:
    """Return who reads each bit: cell, and 0 or 1 where it is an operand of that half of a carry cell, else -1."""
    readers: defaultdict[Bit, set[tuple[str, int]]] = defaultdict(set)
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                operand = cell["type"] == "CCU2C" and port in ("A0", "B0", "A1", "B1")
                for bit in bits:
                    readers[bit].add((name, int(port[1]) if operand else -1))
    for port in module["ports"].values():
        for bit in port["bits"]:
            readers[bit].add(("", -1))
    return readers


def _lut(cell: dict[str, Any]) -> _Function:
    return _function(cell["connections"], "ABCD", int(cell["parameters"]["INIT"], 2))


def _half(cell: dict[str, Any], number: int) -> _Half | None:
    """Return a half of a carry cell; None unless its D is 1 and its C a constant."""
    pins: Pins = cell["connections"]
    a, b, c, d = (f"{pin}{number}" for pin in "ABCD")
    if pins[d] != ["1"] or pins[c] not in (["0"], ["1"]):
        return None
    table = int(cell["parameters"][f"INIT{number}"], 2)
    p = table >> (12 if pins[c] == ["1"] else 8) & 15
    seen = tuple(dict.fromkeys(pins[pin][0] for pin in (a, b) if not isinstance(pins[pin][0], str)))
    return _Half(*(_reduced(pins, (a, b), part, seen) for part in (p, table & 15)))


def _function(pins: Pins, names: Sequence[str], table: int) -> _Function:
    """Return a table of the pins called ``names`` as a function of those signals that it depends on."""
    seen = tuple(dict.fromkeys(pins[name][0] for name in names if not isinstance(pins[name][0], str)))
    function = _reduced(pins, names, table, seen)
    for bit in seen:
        rest = tuple(other for other in function.inputs if other != bit)
        without = [
            {function.value({**values, bit: value}) << number for value in (0, 1)}
            for number, values in _all_values(rest)
        ]
        if all(len(values) == 1 for values in without):
            function = _Function(rest, sum(value for values in without for value in values))
    return function


def _reduced(pins: Pins, names: Sequence[str], table: int, inputs: tuple[Bit, ...]) -> _Function:
    """Return a table of pins as a function of ``inputs``, the signals at them; what is no signal is a constant."""
    reduced = 0
    for number, values in _all_values(inputs):
        levels = (
            int(pins[name] == ["1"]) if isinstance(pins[name][0], str) else values[pins[name][0]] for name in names
        )
        reduced |= (table >> sum(level << place for place, level in enumerate(levels)) & 1) << number
    return _Function(inputs, reduced)


def _all_values(inputs: Sequence[Bit]) -> Iterator[tuple[int, dict[Bit, int]]]:
    """Yield all values of signals, each with its number in a table."""
    for number in range(1 << len(inputs)):
        yield number, {bit: number >> place & 1 for place, bit in enumerate(inputs)}


def _carries(half: _Half, pair: Sequence[Bit]) -> dict[tuple[int, ...], int] | None:
    """Return g by the values of ``pair`` wherever p is 0; None if it is no function of them there."""
    carries: dict[tuple[int, ...], int] = {}
    for _, values in _all_values(half.p.inputs):
        if half.p.value(values):
            continue
        key, g = tuple(values[bit] for bit in pair), half.g.value(values)
        if carries.setdefault(key, g) != g:
            return None
    return carries


def _write(cell: dict[str, Any], number: int, half: _Half) -> None:
    """Make the half of a carry cell compute ``half``; pins without a signal are 1, which costs nothing."""
    order = half.pins
    if order is None:
        raise AssertionError("a half that takes too much in")
    carries = _carries(half, order[:2]) or {}
    table = 0
    for entry in range(16):
        levels = [entry >> place & 1 for place in range(4)]
        if levels[3]:
            value = half.p.value(dict(zip(order, levels, strict=False)))
        else:
            value = 0 if levels[2] else carries.get(tuple(levels[: len(order[:2])]), 0)
        table |= value << entry
    for place, pin in enumerate("ABC"):
        cell["connections"][f"{pin}{number}"] = [order[place] if place < len(order) else "1"]
    cell["parameters"][f"INIT{number}"] = f"{table:016b}"
