"""Small counters that follow the pixels of a map, and memories in which they wait."""

from __future__ import annotations

from amaranth.hdl import MemoryData, MemoryInstance, Module, Mux, Signal, Value

#: Cycles of delay up to which a token passes through registers instead of being counted out.
SHORT_CYCLES = 4


def counter(count: int, name: str, *, init: int = 0) -> Signal:
    """Return a register for 0 to ``count - 1``, at least one bit wide."""
    return Signal(range(max(2, count)), name=name, init=init)


def following(value: Value, last: int) -> Value:
    """Return ``value + 1``, or 0 after ``last``."""
    return Mux(value == last, 0, value + 1)


def moved(value: Value, step: int, modulus: int) -> Value:
    """Return ``(value + step) mod modulus`` of a value below ``modulus``."""
    step %= modulus
    if not step:
        return value
    return Mux(value >= modulus - step, value - (modulus - step), value + step)


def count_pixels(m: Module, valid: Value, rows: int, columns: int, name: str) -> tuple[Signal, Signal]:
    """Return row and column of the pixel that is there while ``valid``; both start again with each image."""
    row, column = counter(rows, f"{name}_row"), counter(columns, f"{name}_column")
    with m.If(valid):
        m.d.sync += column.eq(following(column, columns - 1))
        with m.If(column == columns - 1):
            m.d.sync += row.eq(following(row, rows - 1))
    return row, column


def delayed_token(m: Module, token: Value, cycles: int, name: str) -> Value:
    """Return ``token`` ``cycles`` later; where they are many, one token must have left before the next comes."""
    if cycles <= SHORT_CYCLES:
        for cycle in range(1, cycles + 1):
            stored = Signal(name=f"{name}_{cycle}")
            m.d.sync += stored.eq(token)
            token = stored
        return token
    rest, waiting = counter(cycles, f"{name}_rest"), Signal(name=f"{name}_waiting")
    done = Signal(name=f"{name}_done")
    m.d.comb += done.eq(waiting & (rest == 0))
    m.d.sync += rest.eq(rest - 1)
    with m.If(done):
        m.d.sync += waiting.eq(0)
    with m.If(token):
        m.d.sync += [waiting.eq(1), rest.eq(cycles - 1)]
    return done


def memory(
    m: Module,
    name: str,
    depth: int,
    data: Value,
    *,
    write: Value,
    write_enable: Value,
    read: Value,
) -> Signal:
    """Build a memory of ``depth`` words; return the word at ``read``, one clock cycle later.

    A word can be read from the cycle after it was written.
    """
    got = Signal(len(data), name=f"{name}_read")
    instance = MemoryInstance(data=MemoryData(shape=len(data), depth=max(2, depth), init=[]))
    instance.write_port(domain="sync", addr=write, data=data, en=write_enable)
    instance.read_port(domain="sync", addr=read, data=got, en=1, transparent_for=())
    m.submodules[name] = instance
    return got
