"""Ends of carry chains on ECP5: nothing is tied there that nextpnr would have to lead in or out by logic."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

#: Verilog by which Yosys makes chains that begin within a cell.
MAP = "carry_chains.v"
#: To a tool that reads a netlist: not connected.
NOT_CONNECTED = "x"


def map_text() -> str:
    """Return the Verilog of ``MAP``; what it does stands in it."""
    return files(__package__).joinpath(MAP).read_text(encoding="utf-8")


def free_chain_ends(netlist: dict[str, Any]) -> int:
    """Take away, in a netlist that Yosys wrote as JSON, what begins and ends chains of CCU2C for nothing.

    COUT that nobody reads, and a constant CIN on which nothing depends: of a cell whose first LUT4 is constantly 0, as
    of the first ones of ``MAP``.  Yosys ties both; nextpnr makes a cell of two LUT sites of each, through which the
    carry goes to or comes from logic.

    Returns
    -------
    int
        How many ends were freed.

    Source: nextpnr 0.11, ecp5/pack.cc, ``split_carry_chain``; the equations of CCU2C are those of Yosys's
    techlibs/lattice/ccu2c_sim.vh.
    """
    freed = 0
    for module in netlist["modules"].values():
        read = set(_read(module))
        for cell in module["cells"].values():
            if cell["type"] != "CCU2C":
                continue
            ports = cell["connections"]
            for port, free in (("COUT", _unread(ports, read)), ("CIN", _ignored(cell))):
                if free:
                    ports[port], freed = [NOT_CONNECTED], freed + 1
    return freed


def _read(module: dict[str, Any]) -> Iterator[Any]:
    """Yield the bits that a cell or a port of the module reads."""
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                yield from bits
    for port in module["ports"].values():
        yield from port["bits"]


def _unread(ports: dict[str, list[Any]], read: set[Any]) -> bool:
    return bool(ports["COUT"]) and ports["COUT"][0] not in read and ports["COUT"] != [NOT_CONNECTED]


def _ignored(cell: dict[str, Any]) -> bool:
    """Return whether CIN is a constant, and LUT4 of the first half 0: its C and D are 1, the table's last quarter 0."""
    ports, table = cell["connections"], int(cell["parameters"]["INIT0"], 2)
    return ports["CIN"] in (["0"], ["1"]) and ports["C0"] == ports["D0"] == ["1"] and table < 1 << 12
