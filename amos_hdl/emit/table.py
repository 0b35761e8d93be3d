"""Tables of constants as Verilog: packed rows that a loop unpacks, not an assignment for each of thousands of words."""

from __future__ import annotations

from dataclasses import dataclass

#: Bits of a row, and so about four times as many characters of a line of Verilog, at most; a word may be wider.
_ROW_BITS = 4096


@dataclass(frozen=True)
class Table:
    """Constants in a memory, which synthesis puts into block RAM or into look-up tables by its size.

    The module has ports ``clk``, ``address`` and ``word``, which is ``words[address]`` of the clock cycle before.  It
    has no enable and no reset, so that it is a plain table with a register behind it.

    Parameters
    ----------
    words : tuple of int, >= 0, two or more
    bits : int
        Of a word.
    """

    words: tuple[int, ...]
    bits: int


def table_verilog(name: str, table: Table) -> str:
    """Return the module ``name`` of ``table``.

    Word ``i`` is ``ROWr[(i - first)*bits +: bits]``.  No file is read by name at run time: every tool has another idea
    of the folder that a name begins in.
    """
    bits, count = table.bits, len(table.words)
    step = max(1, _ROW_BITS // bits)
    address_bits = (count - 1).bit_length()
    rows, loops = [], []
    for number, first in enumerate(range(0, count, step)):
        words = table.words[first : first + step]
        packed, width = sum(word << place * bits for place, word in enumerate(words)), len(words) * bits
        rows.append(f"  localparam [{width - 1}:0] ROW{number} = {width}'h{packed:0{-(-width // 4)}x};")
        loops.append(
            f"    for (i = 0; i < {len(words)}; i = i + 1) words[{first} + i] = ROW{number}[i * {bits} +: {bits}];"
        )
    lines = [
        f"module {name}(clk, word, address);",
        "  input clk;",
        "  wire clk;",
        f"  input [{address_bits - 1}:0] address;",
        f"  wire [{address_bits - 1}:0] address;",
        f"  output [{bits - 1}:0] word;",
        f"  reg [{bits - 1}:0] word;",
        "  // word 0 lowest in ROW0",
        *rows,
        f"  reg [{bits - 1}:0] words [{count - 1}:0];",
        "  integer i;",
        "  initial begin",
        *loops,
        "  end",
        "  always @(posedge clk) word <= words[address];",
        "endmodule",
    ]
    return "\n".join(lines) + "\n"
