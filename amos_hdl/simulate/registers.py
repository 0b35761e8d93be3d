"""The registers of generated Verilog: which signals keep a bit from one clock edge to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MODULE = re.compile(r"^module (\w+)\(.*?^endmodule\n", re.MULTILINE | re.DOTALL)
_DECLARED = re.compile(
    r"^  reg (?:\[(?P<high>\d+):(?P<low>\d+)\] )?(?P<name>\w+)(?: \[(?P<first>\d+):(?P<last>\d+)\])?(?: = [^;]+)?;$",
    re.MULTILINE,
)
# a value that is given at a clock edge; `assign` lines hold comparisons that look like it
_CLOCKED = re.compile(r"^(?!\s*assign\b).*?\b(\w+)(?:\[[^\]]*\])* <= ", re.MULTILINE)


@dataclass(frozen=True)
class DeclaredRegister:
    """One register of a module, or one memory.

    Members
    -------
    module, name : str
    bits : int
        Of one word.
    words : int
        1 but for memories.
    """

    module: str
    name: str
    bits: int
    words: int


def registers_of(verilog: str) -> Iterator[DeclaredRegister]:
    """Return the registers of each module in the text ``verilog``, in the order in which they are declared."""
    for module in _MODULE.finditer(verilog):
        clocked = set(_CLOCKED.findall(module[0]))
        for found in _DECLARED.finditer(module[0]):
            if found["name"] in clocked:
                bits = int(found["high"] or 0) - int(found["low"] or 0) + 1
                words = abs(int(found["last"] or 0) - int(found["first"] or 0)) + 1
                yield DeclaredRegister(module[1], found["name"], bits, words)
