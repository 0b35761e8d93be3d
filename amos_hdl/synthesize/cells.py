"""Counts of cells from the statistics table of Yosys.  Zero means none, never "not found"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize.families import Family

# A cell type that looks like logic but that the family's table does not know would be counted as nothing.
_LOOKS_LIKE_LOGIC = re.compile(r"LUT|FF|FD|LATCH|DL[A-Z]|CARRY|CCU|ALU|RAM|ROM|MULT|MAC|DSP|SRL|INV", re.IGNORECASE)
_NOT_HARDWARE = frozenset({"$scopeinfo", "$print", "$check"})  # notes that Yosys keeps in a netlist


@dataclass(frozen=True)
class CellCounts:
    """Cells of a design or module after synthesis, before place and route.

    Parameters
    ----------
    luts : int
        LUT cells, those used as small memory or shift register included.
    flip_flops : int
        Flip-flops, with those that nothing else can use beside a small memory.
    carry_cells, block_rams, dsps : int
        Cells of each kind.
    pins : int
        Port bits of the module.
    lut_sites : int
        LUT sites (on iCE40: logic cells) that these cells take at the least; packing, and the heads of carry chains,
        add to them.
    by_type : dict
        Every cell type and how often it is there.
    """

    luts: int
    flip_flops: int
    carry_cells: int
    block_rams: int
    dsps: int
    pins: int
    lut_sites: int
    by_type: dict[str, int]


def count_cells(statistics: Mapping[str, Any], module: str, family: Family, *, where: str) -> CellCounts:
    """The cells of one module in the table that ``stat -json`` writes.

    Parameters
    ----------
    statistics : mapping
        The table, as read from JSON.
    module : str
        A module that has no submodules left but cells of the family.
    family : Family
        Says which cell type is what.
    where : str
        The file's name, for messages.

    Raises
    ------
    SynthesisError
        If a field is missing or not a count, if a cell was not mapped to the family or is of an unknown type, or if the
        types do not add up to the number of cells.
    """
    modules = _field(statistics, "modules", dict, where)
    name = "\\" + module
    if name not in modules:
        known = ", ".join(key.removeprefix("\\") for key in modules) or "none"
        raise SynthesisError(f"no module {module!r} in the statistics", where=where, expected=f"one of: {known}")
    table = _field(modules, name, dict, where)
    place = f"{where}, module {module}"
    total = _count(table, "num_cells", place)
    pins = _count(table, "num_port_bits", place)
    types = _field(table, "num_cells_by_type", dict, place)
    by_type = {cell: _count(types, cell, place) for cell in sorted(types)}
    if sum(by_type.values()) != total:
        raise SynthesisError(
            "cell types do not add up to the cells", where=place, expected=str(total), got=str(sum(by_type.values()))
        )
    kinds = dict.fromkeys(("luts", "flip_flops", "carry_cells", "block_rams", "dsps", "memory", "none"), 0)
    for cell, number in by_type.items():
        if cell in _NOT_HARDWARE:
            continue
        if cell.startswith("$"):
            raise SynthesisError(f"a cell was not mapped to {family.name}", where=place, got=repr(cell))
        kind = family.kind_of(cell)
        if kind is None and _LOOKS_LIKE_LOGIC.search(cell):
            raise SynthesisError(f"unknown {family.name} cell type", where=place, got=repr(cell))
        kinds[kind or "none"] += number
    luts, carry = kinds["luts"] + kinds["memory"], kinds["carry_cells"]
    if family.shared_cell:
        sites = max(luts, carry, kinds["flip_flops"])
    else:
        sites = kinds["luts"] + family.memory_luts * kinds["memory"] + family.carry_luts * carry
    flip_flops = kinds["flip_flops"] + family.memory_flip_flops * kinds["memory"]
    return CellCounts(luts, flip_flops, carry, kinds["block_rams"], kinds["dsps"], pins, sites, by_type)


def _field(table: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    if key not in table:
        raise SynthesisError(f"no field {key!r} in the statistics of Yosys", where=where)
    if not isinstance(table[key], kind):
        raise SynthesisError(f"field {key!r} is of a wrong type", where=where, got=repr(table[key]))
    return table[key]


def _count(table: Mapping[str, Any], key: str, where: str) -> int:
    value = _field(table, key, int, where)
    if isinstance(value, bool) or value < 0:
        raise SynthesisError(f"field {key!r} is not a count", where=where, got=repr(value))
    return int(value)
