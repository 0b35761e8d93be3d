"""Small counters that follow the pixels of a map, and memories in which they wait."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import MemoryData, MemoryInstance, Module, Mux, Signal, Value

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.schedule import MapTiming

#: Cycles of delay up to which a token passes through registers instead of being counted out.
SHORT_CYCLES = 4


def counter(m: Module, count: int, name: str, copies: int = 1) -> ControlRegister:
    """Return a register for 0 to ``count - 1``, at least one bit wide."""
    return ControlRegister(m, range(max(2, count)), name, copies=copies)


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


def count_pixels(m: Module, valid: Value, rows: int, columns: int, name: str, copies: int = 1) -> tuple[Value, Value]:
    """Return row and column of the pixel that is there while ``valid``; both start again with each image."""
    row, column = counter(m, rows, f"{name}_row", copies), counter(m, columns, f"{name}_column", copies)
    with m.If(valid):
        m.d.sync += column.eq(following(column.value, columns - 1))
        with m.If(column.value == columns - 1):
            m.d.sync += row.eq(following(row.value, rows - 1))
    return row.value, column.value


def delayed_token(m: Module, token: Value, cycles: int, name: str, interval_cycles: int = 1, copies: int = 1) -> Value:
    """Return ``token``, which comes every ``interval_cycles`` at most, ``cycles`` later.

    It passes registers; or is counted out where that is shorter, and no token can come before the last has left.
    """
    if cycles <= SHORT_CYCLES or cycles > interval_cycles:
        for cycle in range(1, cycles + 1):
            stored = ControlRegister(m, 1, f"{name}_{cycle}", copies=copies)
            m.d.sync += stored.eq(token)
            token = stored.value
        return token
    rest, waiting = counter(m, cycles, f"{name}_rest", copies), counter(m, 2, f"{name}_waiting", copies)
    done = Signal(name=f"{name}_done")
    m.d.comb += done.eq(waiting.value & (rest.value == 0))
    m.d.sync += rest.eq(rest.value - 1)
    with m.If(done):
        m.d.sync += waiting.eq(0)
    with m.If(token):
        m.d.sync += [waiting.eq(1), rest.eq(cycles - 1)]
    return done


def play(m: Module, start: Value, timing: MapTiming, name: str, copies: int = 1) -> tuple[Signal, Value, Value]:
    """Return ``valid`` at the cycles of ``timing``, and row and column then; ``start`` comes one cycle before each map.

    The next map may begin right after the last pixel of the one before.
    """
    rest_of_row = timing.row_cycles - (timing.columns - 1) * timing.column_cycles
    row, column = counter(m, timing.rows, f"{name}_row", copies), counter(m, timing.columns, f"{name}_column", copies)
    wait = counter(m, max(timing.column_cycles, rest_of_row), f"{name}_wait", copies)
    left, valid = counter(m, 2, f"{name}s_left", copies), Signal(name=f"{name}_there")
    m.d.comb += valid.eq(left.value & (wait.value == 0))
    m.d.sync += wait.eq(Mux(wait.value == 0, 0, wait.value - 1))
    with m.If(valid):
        with m.If(column.value == timing.columns - 1):
            m.d.sync += [column.eq(0), wait.eq(rest_of_row - 1), row.eq(following(row.value, timing.rows - 1))]
            with m.If(row.value == timing.rows - 1):
                m.d.sync += left.eq(0)
        with m.Else():
            m.d.sync += [column.eq(column.value + 1), wait.eq(timing.column_cycles - 1)]
    with m.If(start):
        m.d.sync += [left.eq(1), wait.eq(0)]
    return valid, row.value, column.value


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
