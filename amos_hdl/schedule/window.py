"""Hardware spec of sliding windows: how many rows are kept, and when each window leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.network import Tensor
from amos_hdl.network.operations.window import Window
from amos_hdl.schedule.timing import MapTiming

Array = npt.NDArray[np.int64]

#: Clock cycles from the last address of a column to that column among the taps: the memory, then the tap's register.
READ_CYCLES = 2


@dataclass(frozen=True, eq=False)
class WindowSpec:
    """Pixels in, windows out: the ``kernel`` rows and columns of each window side by side, all channels, at once.

    Pixels are written to ``rows_kept`` row memories in turn, whatever is read.  A reader follows: for each row of
    windows it reads one column of all row memories at a time, brings the rows into order and moves them into the taps.
    Between two windows it reads as many columns as the windows are apart.  Taps on the padding show ``fill``.

    Where windows are far enough apart, and come no closer by it, the rows of a column are read one after the other,
    ``steps`` of them, and one memory holds all rows: few block RAMs, and nothing to bring into order.

    The reader knows the first window's cycle, and so does everything behind it: ``output`` has the fewest clock cycles
    of delay for which every pixel is written before it is read, and ``rows_kept`` is the fewest rows for which it is
    read before it is overwritten, be it by the next image at the least distance.

    Parameters
    ----------
    window : Window
        Its padding may be negative: so many rows or columns at that edge are not looked at.
    source : Tensor
        The map, (channel, row, column).
    timing : MapTiming
        Of its pixels.
    interval_cycles : int
        Least clock cycles from one image to the next.
    fill : int
        Value of the padding.
    column_cycles : int, optional
        Wanted clock cycles from one window to the next; it gets the most that fit a row up to that.  Default: as many
        as pass at the input for the columns that lie between two windows.
    name : str
        Of the operation, for messages.

    Raises
    ------
    ScheduleError
        If the windows of a row do not fit between those of the rows before and after.
    """

    window: Window
    source: Tensor
    timing: MapTiming
    interval_cycles: int
    fill: int = 0
    column_cycles: int | None = None
    name: str = "window"

    def __post_init__(self) -> None:
        if self.timing.span_cycles > self.interval_cycles:
            expected = f"at least {self.timing.span_cycles} clock cycles for one map"
            raise ScheduleError("interval", where=self.name, expected=expected, got=f"{self.interval_cycles}")
        _ = self._pitch  # found, and so checked, on construction

    @cached_property
    def space(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return self.window.over(self.timing.space, self.name)

    @property
    def taps(self) -> int:
        """Places of one window."""
        return self.window.kernel[0] * self.window.kernel[1]

    @cached_property
    def result(self) -> Tensor:
        """One window as units: tap by tap in order of row and column, in each all channels."""
        low, high = self.source.low, self.source.high
        if self.has_padding:
            low, high = np.minimum(low, self.fill), np.maximum(high, self.fill)
        return Tensor(np.tile(low, self.taps), np.tile(high, self.taps))

    @property
    def has_padding(self) -> bool:
        """Whether any window has taps beside the map."""
        return any(low > 0 or high < size - 1 for low, high, size in self.real_rows + self.real_columns)

    @cached_property
    def real_rows(self) -> list[tuple[int, int, int]]:
        """For each row of taps, ``(first, last, all)``: the rows of windows in which it is on the map."""
        return self._real(0)

    @cached_property
    def real_columns(self) -> list[tuple[int, int, int]]:
        """For each column of taps, the columns of windows in which it is on the map."""
        return self._real(1)

    def _real(self, axis: int) -> list[tuple[int, int, int]]:
        stride, before = self.window.stride[axis], self.window.padding[2 * axis]
        count, size = self.space[axis], self.timing.space[axis]
        found = []
        for tap in range(self.window.kernel[axis]):
            first = max(0, -((tap - before) // stride))
            last = min(count - 1, (size - 1 - tap + before) // stride)
            found.append((first, last, count))
        return found

    # Columns and rows of the reader

    @property
    def first_column(self) -> int:
        """The first column that is read in each row; a negative one is padding, where that is as wide as the window."""
        return self.window.kernel[1] - self.window.padding[2] - self.prefetch

    @property
    def prefetch(self) -> int:
        """Columns that must be read before the first window of a row is complete."""
        return max(1, self.window.kernel[1] - max(0, self.window.padding[2]))

    @cached_property
    def steps(self) -> int:
        """Clock cycles in which a column is read: one for each row of taps, or one for all."""
        height = self.window.kernel[0]
        columns, row = self.space[1], self.row_cycles
        if columns == 1:
            there_is_time = row > self.prefetch * height
        else:
            there_is_time = self._spread(height) >= max(self._spread(1), self.window.stride[1] * height)
        return height if there_is_time else 1

    @property
    def lead_cycles(self) -> int:
        """Clock cycles from a row's first address to its first window."""
        return self.prefetch * self.steps - 1 + READ_CYCLES

    @property
    def moves_always(self) -> bool:
        """Whether the taps move on in every clock cycle."""
        return self.steps == 1 and (self.space[1] == 1 or self._pitch == self.window.stride[1])

    @property
    def row_cycles(self) -> int:
        """Clock cycles from one row of windows to the next."""
        return min(self.window.stride[0] * self.timing.row_cycles, self.interval_cycles // self.space[0])

    @cached_property
    def _pitch(self) -> int:
        """Clock cycles from one window to the next in its row."""
        columns, stride, row = self.space[1], self.window.stride[1], self.row_cycles
        last = (columns - 1) * stride - self.window.padding[2] + self.window.kernel[1]
        least = max((columns - 1) * stride + 1, min(self.timing.columns, last) - self.first_column)
        if row < least:
            expected = f"at least {least * self.space[0]} clock cycles for {self.space[0]} rows of windows"
            raise ScheduleError("interval", where=self.name, expected=expected, got=f"{self.interval_cycles}")
        return row if columns == 1 else max(stride, self._spread(self.steps))

    def _spread(self, steps: int) -> int:
        """Return how far the windows of a row can be apart, a column being read in so many cycles."""
        columns, row = self.space[1], self.row_cycles
        wanted = self.column_cycles or self.window.stride[1] * self.timing.column_cycles
        # apart, so that a row's first columns are read after the last window of the row before
        apart = (row - self.prefetch * steps) // (columns - 1)
        # and no less apart from that window than from one another, where a map grows
        return min(wanted, apart, row // columns)

    def reads(self) -> tuple[Array, Array]:
        """Return the columns that windows need, and the cycle of each last address relative to a row's first window."""
        stride, pitch, steps = self.window.stride[1], self._pitch, self.steps
        index = np.arange(self.timing.columns - self.first_column)
        beyond = index - self.prefetch
        offset = np.where(
            beyond < 0, (beyond + 1) * steps, (beyond // stride + 1) * pitch + (beyond % stride - stride + 1) * steps
        )
        columns = index + self.first_column
        windows = np.arange(self.space[1])[:, None] * stride - self.window.padding[2]
        needed = ((columns >= windows) & (columns < windows + self.window.kernel[1])).any(axis=0) & (columns >= 0)
        return columns[needed], offset[needed] - READ_CYCLES

    def _row_pairs(self) -> tuple[Array, Array, Array]:
        """Return of all rows that are read and lie on the map their windows' row, their own, and how early they are."""
        windows = np.arange(self.space[0])[:, None]
        rows = windows * self.window.stride[0] - self.window.padding[0] + np.arange(self.window.kernel[0])
        real = (rows >= 0) & (rows < self.timing.rows)
        height = self.window.kernel[0]
        early = np.arange(height)[::-1] if self.steps > 1 else np.zeros(height, np.int64)
        return np.broadcast_to(windows, rows.shape)[real], rows[real], np.broadcast_to(early, rows.shape)[real]

    @cached_property
    def output(self) -> MapTiming:
        """When each window is at the output."""
        columns, offsets = self.reads()
        windows, rows, early = self._row_pairs()
        timing = self.timing
        written = timing.start + rows[:, None] * timing.row_cycles + columns * timing.column_cycles
        start = int((written + 1 - (windows[:, None] * self.row_cycles - early[:, None] + offsets)).max(initial=0))
        # the reader begins when a pixel has come, even where the first windows show padding alone
        start = max(start, timing.start + self.lead_cycles + 1)
        return MapTiming(*self.space, start, self.row_cycles, self._pitch)

    @cached_property
    def rows_kept(self) -> int:
        """Row memories: the fewest that serve."""
        columns, offsets = self.reads()
        windows, rows, early = self._row_pairs()
        timing, kept = self.timing, 1
        read = self.output.start + windows[:, None] * self.row_cycles - early[:, None] + offsets
        while True:
            image, row = np.divmod(rows + kept, timing.rows)
            first = timing.start + image * self.interval_cycles + row * timing.row_cycles
            if (read < first[:, None] + columns * timing.column_cycles).all():
                return kept
            kept += 1

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the first pixel to the first window."""
        return self.output.start - self.timing.start

    @property
    def begin(self) -> tuple[int, int, int]:
        """``(row, column, cycles)``: the reader begins so many cycles after this pixel, its first address one later."""
        return self.timing.reached(self.output.start - self.lead_cycles - 1)

    def evaluate(self, x: Array) -> Array:
        """Return the windows ``(batch, row, column, tap·channel)`` of maps ``(batch, channel, row, column)``."""
        (height, width), (down, across) = self.window.kernel, self.window.stride
        top, _, left, _ = self.window.padding
        rows = np.arange(self.space[0])[:, None] * down - top + np.arange(height)
        columns = np.arange(self.space[1])[:, None] * across - left + np.arange(width)
        real = ((rows >= 0) & (rows < x.shape[2]))[:, None, :, None] & ((columns >= 0) & (columns < x.shape[3]))[
            :, None
        ]
        # (batch, channel, row, column, tap row, tap column)
        taken = x[:, :, rows.clip(0, x.shape[2] - 1)[:, None, :, None], columns.clip(0, x.shape[3] - 1)[:, None]]
        found = np.where(real, taken, self.fill)
        return np.moveaxis(found, 1, -1).reshape(len(x), *self.space, -1)
