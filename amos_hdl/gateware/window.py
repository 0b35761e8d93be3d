"""Sliding windows over a map that comes pixel by pixel: row memories, a reader that follows, taps."""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.gateware.counters import chosen, count_pixels, counter, delayed_token, following, memory, moved, play
from amos_hdl.gateware.words import shape, word
from amos_hdl.schedule import Port, WindowSpec


class _Reader(NamedTuple):
    """What is read now.

    Members
    -------
    first : Value
        The row memory of the first row of taps.
    column : Value
    move : Value
        Whether taps move on to it.
    step : Value
        The row of taps that is read; 0 where all are read at once.
    """

    first: Value
    column: Value
    move: Value
    step: Value


class WindowBuffer(wiring.Component):
    """Pixels in, windows out.

    Members
    -------
    in_valid : In(1)
        A pixel is there; pixels come at the cycles of ``spec.timing``.
    x : In(channel words)
    out_valid : Out(1)
        A window is there: at the cycles of ``spec.output``.
    window : Out(tap·channel words)
        Tap by tap, in each all channels; places on the padding show ``spec.fill``.
    """

    def __init__(self, spec: WindowSpec, copies: int = 1) -> None:
        self.spec, self.copies, self.keep_registers = spec, copies, copies > 1
        self.source, self.result = Port.of(spec.source), Port.of(spec.result)
        super().__init__(
            {
                "in_valid": In(1),
                "x": In(self.source.bits),
                "out_valid": Out(1),
                "window": Out(self.result.bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build writer, reader, taps, and what counts the windows."""
        m = Module()
        begin, slot, column = self._writer(m)
        reader = self._reader(m, begin)
        build_taps = self._taps if self.spec.steps == 1 else self._taps_in_steps
        taps = build_taps(m, slot, column, reader)
        start = delayed_token(m, begin, self.spec.lead_cycles, "begin", copies=self.copies)
        valid, row, column = play(m, start, self.spec.output, "window", self.copies)
        m.d.comb += self.out_valid.eq(valid)
        self._fill(m, taps, row, column)
        return m

    def _counter(self, m: Module, count: int, name: str) -> ControlRegister:
        return counter(m, count, name, self.copies)

    def _writer(self, m: Module) -> tuple[Signal, Value, Value]:
        """Return when the reader begins, and where the pixel that is there is written: row memory and column."""
        spec = self.spec
        rows, columns = spec.timing.space
        row, column = count_pixels(m, self.in_valid, rows, columns, "write", self.copies)
        slot = self._counter(m, spec.rows_kept, "write_slot")
        with m.If(self.in_valid & (column == columns - 1)):
            m.d.sync += slot.eq(following(slot.value, spec.rows_kept - 1))
        begin_row, begin_column, cycles = spec.begin
        reached, begin = Signal(), Signal()
        m.d.comb += reached.eq(self.in_valid & (row == begin_row) & (column == begin_column))
        m.d.comb += begin.eq(delayed_token(m, reached, cycles, "reached", spec.interval_cycles, self.copies))
        return begin, slot.value, column

    def _reader(self, m: Module, begin: Signal) -> _Reader:
        """Count rows, columns and steps of what is read."""
        spec, kept = self.spec, self.spec.rows_kept
        rows, stride = spec.space[0], spec.window.stride
        # row memory that holds row 0 of the next image, and that of the first row of taps
        base, first = self._counter(m, kept, "base"), self._counter(m, kept, "first_slot")
        column = self._counter(m, spec.timing.columns, "read_column")
        row, rest = self._counter(m, rows, "read_row"), self._counter(m, spec.row_cycles, "read_rest")
        begin_row = Signal(name="begin_row")
        m.d.comb += begin_row.eq((rest.value == 0) & (row.value != rows - 1))
        move, step = self._move(m, begin | begin_row)
        m.d.sync += rest.eq(Mux(rest.value == 0, 0, rest.value - 1))
        with m.If(move & (step == spec.steps - 1)):
            m.d.sync += column.eq(column.value + 1)
        with m.If(begin_row):
            m.d.sync += [row.eq(row.value + 1), first.eq(moved(first.value, stride[0], kept))]
        with m.If(begin):
            m.d.sync += [row.eq(0), first.eq(moved(base.value, -spec.window.padding[0], kept))]
            m.d.sync += base.eq(moved(base.value, spec.timing.rows, kept))
        with m.If(begin | begin_row):
            m.d.sync += [rest.eq(spec.row_cycles - 1), column.eq(spec.first_column)]
        return _Reader(first.value, column.value, move, step)

    def _move(self, m: Module, begin_row: Value) -> tuple[Value, Value]:
        """Return whether taps move on to what is read, and which row of them.

        First as many columns are read as a window needs, then bursts.
        """
        spec, steps = self.spec, self.spec.steps
        if spec.moves_always:
            return Const(1), Const(0)
        burst, pitch = spec.window.stride[1], spec.output.column_cycles
        pause = pitch - burst * steps
        moves = self._counter(m, max(burst, spec.prefetch), "moves_left")
        idle, step = self._counter(m, pause + 1, "idle_left"), self._counter(m, steps, "step")
        move = Signal(name="move")
        m.d.comb += move.eq(idle.value == 0)
        with m.If(idle.value != 0):
            m.d.sync += idle.eq(idle.value - 1)
        with m.Elif(step.value != steps - 1):
            m.d.sync += step.eq(step.value + 1)
        with m.Else():
            m.d.sync += step.eq(0)
            with m.If(moves.value == 0):
                m.d.sync += [moves.eq(burst - 1), idle.eq(pause)]
            with m.Else():
                m.d.sync += moves.eq(moves.value - 1)
        with m.If(begin_row):
            m.d.sync += [moves.eq(spec.prefetch - 1), idle.eq(0), step.eq(0)]
        return move, step.value

    def _lines(self) -> list[list[Signal]]:
        """Return the taps, row by row."""
        height, width = self.spec.window.kernel
        bits = self.source.bits
        return [
            [Signal(bits, name=f"tap{n}_{place}", reset_less=True) for place in range(width)] for n in range(height)
        ]

    def _taps(self, m: Module, slot: Value, column: Value, reader: _Reader) -> list[list[Signal]]:
        """Return the pixels in the taps, row by row."""
        spec, kept, first, taps = self.spec, self.spec.rows_kept, reader.first, self._lines()
        read = [
            memory(
                m,
                f"row{number}",
                spec.timing.columns,
                self.x,
                write=column,
                write_enable=self.in_valid & (slot == number),
                read=reader.column,
            )
            for number in range(kept)
        ]
        # what was read one cycle ago is there now
        first_read = self._counter(m, kept, "first_slot_read")
        m.d.sync += first_read.eq(first)
        moved_on = reader.move
        if not spec.moves_always:
            moved_register = self._counter(m, 2, "moved")
            m.d.sync += moved_register.eq(reader.move)
            moved_on = moved_register.value
        for tap, line in enumerate(taps):
            newest = Signal(self.source.bits, name=f"row_of_tap{tap}")
            m.d.comb += newest.eq(chosen(first_read.value, [read[(number + tap) % kept] for number in range(kept)]))
            _move_line(m, moved_on, line, newest)
        return taps

    def _taps_in_steps(self, m: Module, slot: Value, column: Value, reader: _Reader) -> list[list[Signal]]:
        """Return the pixels in the taps, row by row; one memory has all rows, and gives a row of taps in each step."""
        kept, step, taps = self.spec.rows_kept, reader.step, self._lines()
        # the row in the memory of this step, and of the next
        now, after = Signal.like(reader.first, name="slot_read"), self._counter(m, kept, "slot_after")
        m.d.comb += now.eq(Mux(step == 0, reader.first, after.value))
        m.d.sync += after.eq(following(now, kept - 1))
        read = memory(
            m,
            "rows",
            kept << len(column),
            self.x,
            write=Cat(column, slot) if kept > 1 else column,
            write_enable=self.in_valid,
            read=Cat(reader.column, now) if kept > 1 else reader.column,
        )
        moved_on, step_read = self._counter(m, 2, "moved"), self._counter(m, self.spec.steps, "step_read")
        m.d.sync += [moved_on.eq(reader.move), step_read.eq(step)]
        for tap, line in enumerate(taps):
            _move_line(m, moved_on.value & (step_read.value == tap), line, read)
        return taps

    def _fill(self, m: Module, taps: list[list[Signal]], row: Value, column: Value) -> None:
        """Show the taps, those on the padding as what it holds."""
        spec, channels = self.spec, self.source.count
        in_row = [_within(m, row, bounds, f"row{n}_on_map") for n, bounds in enumerate(spec.real_rows)]
        in_column = [_within(m, column, bounds, f"column{n}_on_map") for n, bounds in enumerate(spec.real_columns)]
        words: list[Value] = []
        for line, row_there in zip(taps, in_row, strict=True):
            for pixel, column_there in zip(line, in_column, strict=True):
                there = [bit for bit in (row_there, column_there) if bit is not None]
                for channel in range(channels):
                    value = Signal(shape(self.result), name=f"{pixel.name}_channel{channel}")
                    found = word(pixel, self.source, channel)
                    m.d.comb += value.eq(Mux(Cat(there).all(), found, spec.fill) if there else found)
                    words.append(value)
        m.d.comb += self.window.eq(Cat(words))


def _move_line(m: Module, enable: Value, line: list[Signal], newest: Signal) -> None:
    """Move a row of taps on by one column while ``enable``."""
    with m.If(enable):
        m.d.sync += [tap.eq(after) for tap, after in zip(line, [*line[1:], newest], strict=True)]


def _within(m: Module, place: Value, bounds: tuple[int, int, int], name: str) -> Signal | None:
    """Return whether ``place`` is from the first to the last of ``bounds``; None if it always is."""
    first, last, count = bounds
    checks: list[Value] = []
    if first > 0:
        checks.append(place >= first)
    if last < count - 1:
        checks.append(place <= last if last >= 0 else Const(0))
    if not checks:
        return None
    within = Signal(name=name)
    m.d.comb += within.eq(Cat(checks).all())
    return within
