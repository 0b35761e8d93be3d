"""When the pixels of a map are where: the one kind of traffic that there is between layers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError


@dataclass(frozen=True)
class MapTiming:
    """Pixels in raster order, each with all its channels for one clock cycle, at fixed distances::

        cycle(row, column) = start + row·row_cycles + column·column_cycles

    Cycle 0 is the one in which the first pixel of the image is at the input of the network.  A vector of units is a
    map of one pixel.

    Parameters
    ----------
    rows, columns : int, >= 1
    start : int, >= 0
        Clock cycle of pixel (0, 0).
    row_cycles, column_cycles : int, >= 1
        From one row, and one column, to the next; the last pixel of a row is there before the next row begins.

    Raises
    ------
    ScheduleError
        If a row lasts longer than ``row_cycles``.
    """

    rows: int
    columns: int
    start: int
    row_cycles: int
    column_cycles: int

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, self.row_cycles, self.column_cycles) < 1 or self.start < 0:
            raise ScheduleError("timing of a map", expected="sizes and cycles >= 1, a start >= 0", got=repr(self))
        if (self.columns - 1) * self.column_cycles >= self.row_cycles:
            expected = f"at least {(self.columns - 1) * self.column_cycles + 1} clock cycles per row"
            raise ScheduleError("timing of a map", expected=expected, got=f"{self.row_cycles}")

    @property
    def space(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def span_cycles(self) -> int:
        """Clock cycles from the first pixel to the last, both included."""
        return (self.rows - 1) * self.row_cycles + (self.columns - 1) * self.column_cycles + 1

    def cycle(self, row: int, column: int) -> int:
        """Return the clock cycle of pixel (row, column)."""
        return self.start + row * self.row_cycles + column * self.column_cycles

    def cycles(self) -> npt.NDArray[np.int64]:
        """Return the clock cycle of every pixel, shape (row, column)."""
        rows, columns = np.arange(self.rows)[:, None], np.arange(self.columns)
        return np.asarray(self.start + rows * self.row_cycles + columns * self.column_cycles, np.int64)

    def offsets(self) -> npt.NDArray[np.int64]:
        """Return the clock cycles from the first pixel to each, shape (row·column,)."""
        return self.cycles().ravel() - self.start

    def reached(self, cycle: int) -> tuple[int, int, int]:
        """Return ``(row, column, cycles)``: the last pixel that is there by ``cycle``, and how many cycles before it.

        Raises ScheduleError if there is none.
        """
        count = int(np.count_nonzero(self.cycles() <= cycle))
        if not count:
            raise ScheduleError("pixel", expected=f"one by clock cycle {cycle}", got=f"the first in {self.start}")
        row, column = divmod(count - 1, self.columns)
        return row, column, cycle - self.cycle(row, column)

    def keeps_pace(self, other: MapTiming) -> bool:
        """Return whether pixels come at the same distances as those of ``other``."""
        same_rows = self.rows == 1 or self.row_cycles == other.row_cycles
        return (
            self.space == other.space and same_rows and (self.columns == 1 or self.column_cycles == other.column_cycles)
        )

    def least_gap(self, interval_cycles: int) -> int:
        """Return the fewest clock cycles from any pixel to the next, images ``interval_cycles`` apart."""
        gaps = [interval_cycles - self.span_cycles + 1]
        if self.columns > 1:
            gaps.append(self.column_cycles)
        if self.rows > 1:
            gaps.append(self.row_cycles - (self.columns - 1) * self.column_cycles)
        return min(gaps)

    def later(self, cycles: int) -> MapTiming:
        """Return the same timing ``cycles`` later."""
        return replace(self, start=self.start + cycles)
