"""The FCS-16 of frames, a byte at a time."""

from __future__ import annotations

from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Const, Value

from amos_hdl.schedule.link import fcs


def fcs_step(register: Value, byte: Value) -> Value:
    """Return the register of ``amos_hdl.schedule.link.fcs`` after ``byte``.

    The step is linear: what each bit of (register ^ byte) adds is the step of that bit alone.
    """
    mixed = [register[bit] ^ byte[bit] if bit < 8 else register[bit] for bit in range(16)]
    columns = [fcs(b"\0", 1 << bit) for bit in range(16)]
    rows = [[mixed[bit] for bit in range(16) if columns[bit] >> row & 1] for row in range(16)]
    return Cat(*(reduce(xor, row) if row else Const(0, 1) for row in rows))
