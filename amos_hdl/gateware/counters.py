"""Small counters that follow the pixels of a map, and memories in which they wait."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import MemoryData, MemoryInstance, Module, Mux, Signal, Value

from amos_hdl.schedule import MapTiming

#: Cycles of delay up to which a token passes through registers instead of being counted out.
SHORT_CYCLES = 4


def counter(count: int, name: str, *, init: int = 0) -> Signal:
    """Return a register for 0 to ``count - 1``, at least one bit wide."""
    return Signal(range(max(2, count)), name=name, init=init)


def following(value: Value, last: int) -> Value:
    """Return ``value + 1``, or 0 after ``last``."""
    return Mux(value == last, 0, value + 1)


def count_up(m: Module, number: Signal, count: int) -> Value:
    """Return what follows ``number`` where one counts from 0 to ``count - 1`` and begins again."""
    following = Signal(len(number) + 1, name=f"{number.name}_plus_1")
    m.d.comb += following.eq(number + 1)
    if count == 1 << len(number):
        return following[:-1]
    return Mux(number == count - 1, 0, following[:-1])


def moved(value: Value, step: int, modulus: int) -> Value:
    """Return ``(value + step) mod modulus`` of a value below ``modulus``."""
    step %= modulus
    if not step:
        return value
    return Mux(value >= modulus - step, value - (modulus - step), value + step)


def chosen(index: Value, values: Sequence[Value]) -> Value:
    """Return the value at ``index``, which is one of theirs."""
    if len(values) == 1:
        return values[0]
    half = 1 << (len(values) - 1).bit_length() - 1
    return Mux(index[half.bit_length() - 1], chosen(index, values[half:]), chosen(index, values[:half]))


def count_pixels(m: Module, valid: Value, rows: int, columns: int, name: str) -> tuple[Signal, Signal]:
    """Return row and column of the pixel that is there while ``valid``; both start again with each image."""
    row, column = counter(rows, f"{name}_row"), counter(columns, f"{name}_column")
    with m.If(valid):
        m.d.sync += column.eq(following(column, columns - 1))
        with m.If(column == columns - 1):
            m.d.sync += row.eq(following(row, rows - 1))
    return row, column


def delayed_token(m: Module, token: Value, cycles: int, name: str, interval_cycles: int = 1) -> Value:
    """Return ``token``, which comes every ``interval_cycles`` at most, ``cycles`` later.

    It passes registers; or is counted out where that is shorter, and no token can come before the last has left.
    """
    if cycles <= SHORT_CYCLES or cycles > interval_cycles:
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


def play(m: Module, start: Value, timing: MapTiming, name: str) -> tuple[Signal, Signal, Signal]:
    """Return ``valid`` at the cycles of ``timing``, and row and column then; ``start`` comes one cycle before each map.

    The next map may begin right after the last pixel of the one before.
    """
    rest_of_row = timing.row_cycles - (timing.columns - 1) * timing.column_cycles
    row, column = counter(timing.rows, f"{name}_row"), counter(timing.columns, f"{name}_column")
    wait = counter(max(timing.column_cycles, rest_of_row), f"{name}_wait")
    left, valid = Signal(name=f"{name}s_left"), Signal(name=f"{name}_there")
    m.d.comb += valid.eq(left & (wait == 0))
    m.d.sync += wait.eq(Mux(wait == 0, 0, wait - 1))
    with m.If(valid):
        with m.If(column == timing.columns - 1):
            m.d.sync += [column.eq(0), wait.eq(rest_of_row - 1), row.eq(following(row, timing.rows - 1))]
            with m.If(row == timing.rows - 1):
                m.d.sync += left.eq(0)
        with m.Else():
            m.d.sync += [column.eq(column + 1), wait.eq(timing.column_cycles - 1)]
    with m.If(start):
        m.d.sync += [left.eq(1), wait.eq(0)]
    return valid, row, column


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
