"""Verilog that Yosys has read, as gates, registers and memories: every bit on its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.cells import Word, word_of
from amos_hdl.simulate.gates import ONE, ZERO, Gates

#: What drives a bit that has no initial value.
RANDOM = None


@dataclass(frozen=True)
class Write:
    """A port that writes at the clock edge: bit i of ``data`` where bit i of ``enable`` is high."""

    address: Word
    data: Word
    enable: Word


@dataclass(frozen=True)
class Memory:
    """A memory.

    Members
    -------
    words, bits : int
    initial : sequence of (0, 1 or None)
        Word after word, lowest bit first; None starts at random.
    reads : list of (first node, address)
        Of ports that read at any time.
    writes : list of Write
        The later one wins where two write the same.
    """

    words: int
    bits: int
    initial: Sequence[int | None]
    reads: list[tuple[int, Word]]
    writes: list[Write]


@dataclass(frozen=True)
class Circuit:
    """A synchronous circuit with one clock.

    Members
    -------
    gates : Gates
    inputs : dict of str to Word
    registers : dict of int to (int, 0, 1 or None)
        The node of each register: what it is after the clock edge, and at the start.
    memories : list of Memory
    signals : dict of str to Word
        Those that were asked for.
    """

    gates: Gates
    inputs: dict[str, Word]
    registers: dict[int, tuple[int, int | None]]
    memories: list[Memory]
    signals: dict[str, Word]


def read_circuit(path: Path, top: str, clock: str, signals: Iterable[str]) -> Circuit:
    """Return module ``top`` of Yosys's JSON in ``path``, without levels of hierarchy below it.

    Parameters
    ----------
    clock : str
        The port whose rising edge all registers wait for.
    signals : iterable of str
        Names of ports or of inner signals, such as ``layer.spikes``.

    Raises SimulationError for a signal that is not there, another clock, an operation that is not known, or a loop of
    gates.
    """
    return _Reader(json.loads(path.read_text(encoding="utf-8"))["modules"][top], top, clock).circuit(signals)


class _Reader:
    """What has been made of a module so far."""

    def __init__(self, module: dict[str, Any], top: str, clock: str) -> None:
        self._module, self._top = module, top
        self._clock = module["ports"][clock]["bits"]
        self._gates = Gates()
        self._nodes: dict[int | str, int] = {"0": ZERO, "1": ONE, "x": ZERO, "z": ZERO}

    def circuit(self, signals: Iterable[str]) -> Circuit:
        names: dict[str, Any] = self._module["netnames"]
        missing = [name for name in signals if name not in names]
        if missing:
            raise SimulationError("signal that the Verilog has not", where=self._top, got=repr(missing[0]))
        inputs = {}
        for name, port in self._module["ports"].items():
            if port["direction"] == "input":
                inputs[name] = self._sources(port["bits"])
        cells: dict[str, dict[str, Any]] = {
            name: cell for name, cell in self._module["cells"].items() if cell["type"] != "$scopeinfo"
        }
        registers = {name: cell for name, cell in cells.items() if cell["type"] == "$dff"}
        for cell in registers.values():
            self._sources(cell["connections"]["Q"])
        made: dict[str, tuple[list[tuple[int, Word]], dict[str, Any]]] = {}
        for name in self._in_order({name: cell for name, cell in cells.items() if name not in registers}):
            cell = cells[name]
            if cell["type"] == "$mem_v2":
                made[name] = self._reads(cell, name), cell
            else:
                self._operation(cell)
        return Circuit(
            self._gates,
            inputs,
            self._registers(registers.values()),
            [self._memory(cell, reads) for reads, cell in made.values()],
            {name: self._word(names[name]["bits"]) for name in signals},
        )

    def _word(self, bits: Sequence[int | str]) -> Word:
        return [self._nodes[bit] for bit in bits]

    def _sources(self, bits: Sequence[int]) -> Word:
        nodes = self._gates.sources(len(bits))
        self._nodes.update(zip(bits, nodes, strict=True))
        return nodes

    def _in_order(self, cells: Mapping[str, dict[str, Any]]) -> Iterable[str]:
        """Return the names of ``cells``, each after those whose outputs it reads at once."""
        driver = {}
        for name, cell in cells.items():
            for port in _outputs(cell):
                driver.update(dict.fromkeys(cell["connections"][port], name))
        order: TopologicalSorter[str] = TopologicalSorter()
        for name, cell in cells.items():
            # a memory answers to the addresses of its reads; what it is written comes later
            read = ["RD_ADDR"] if cell["type"] == "$mem_v2" else cell["connections"].keys() - _outputs(cell)
            bits = {bit for port in read for bit in cell["connections"][port]}
            order.add(name, *sorted({driver[bit] for bit in bits if bit in driver}))
        try:
            return list(order.static_order())
        except CycleError as error:
            raise SimulationError("a loop of gates", where=self._top, got=" -> ".join(error.args[1])) from error

    def _operation(self, cell: dict[str, Any]) -> None:
        ports = {port: self._word(cell["connections"][port]) for port in cell["connections"].keys() - _outputs(cell)}
        parameters = {name: int(value, 2) for name, value in cell["parameters"].items()}
        word = word_of(cell["type"], self._gates, ports, parameters)
        self._nodes.update(zip(cell["connections"]["Y"], word, strict=True))

    def _reads(self, cell: dict[str, Any], name: str) -> list[tuple[int, Word]]:
        parameters, connections = cell["parameters"], cell["connections"]
        if "1" in parameters["RD_CLK_ENABLE"] or int(parameters["OFFSET"], 2) or set(connections["RD_EN"]) - {"1"}:
            raise SimulationError("a memory that is not read at any time, from address 0", where=name)
        bits, address_bits = int(parameters["WIDTH"], 2), int(parameters["ABITS"], 2)
        reads = []
        for port in range(int(parameters["RD_PORTS"], 2)):
            address = self._word(connections["RD_ADDR"][port * address_bits : (port + 1) * address_bits])
            nodes = self._gates.reads(bits, address)
            self._nodes.update(zip(connections["RD_DATA"][port * bits : (port + 1) * bits], nodes, strict=True))
            reads.append((nodes[0], address))
        return reads

    def _memory(self, cell: dict[str, Any], reads: list[tuple[int, Word]]) -> Memory:
        parameters, connections = cell["parameters"], cell["connections"]
        words, bits, address_bits = (int(parameters[name], 2) for name in ("SIZE", "WIDTH", "ABITS"))
        writes = []
        for port in range(int(parameters["WR_PORTS"], 2)):
            self._check_clock([connections["WR_CLK"][port]])
            part = slice(port * bits, (port + 1) * bits)
            address = connections["WR_ADDR"][port * address_bits : (port + 1) * address_bits]
            write = Write(*map(self._word, (address, connections["WR_DATA"][part], connections["WR_EN"][part])))
            writes.append(write)
        given = [_initial(bit) for bit in reversed(parameters["INIT"])]
        initial = [*given, *[RANDOM] * (words * bits - len(given))]
        return Memory(words, bits, initial, reads, writes)

    def _registers(self, cells: Iterable[dict[str, Any]]) -> dict[int, tuple[int, int | None]]:
        starts: dict[int | str, int | None] = {}
        for net in self._module["netnames"].values():
            if "init" in net["attributes"]:
                values = [_initial(bit) for bit in reversed(net["attributes"]["init"])]
                starts |= {bit: value for bit, value in zip(net["bits"], values, strict=False) if value is not RANDOM}
        registers = {}
        for cell in cells:
            self._check_clock(cell["connections"]["CLK"])
            if cell["parameters"]["CLK_POLARITY"][-1] != "1":
                raise SimulationError("a register that waits for the falling edge", where=self._top)
            for bit, after in zip(cell["connections"]["Q"], self._word(cell["connections"]["D"]), strict=True):
                registers[self._nodes[bit]] = after, starts.get(bit, RANDOM)
        return registers

    def _check_clock(self, bits: Sequence[int | str]) -> None:
        if list(bits) != self._clock:
            raise SimulationError("a clock of its own", where=self._top, got=str(bits))


def _outputs(cell: dict[str, Any]) -> set[str]:
    return {port for port, direction in cell["port_directions"].items() if direction == "output"}


def _initial(bit: str) -> int | None:
    return int(bit) if bit in "01" else RANDOM
