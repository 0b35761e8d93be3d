"""Windows that slide over maps: what convolutions and pools share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import NetworkError
from amos_hdl.network.operations.base import whole_numbers


@dataclass(frozen=True)
class Window:
    """Windows of ``kernel`` rows and columns, ``stride`` apart, over a map with ``padding`` around it.

    Window (o, p) begins at row ``o·stride[0] - top`` and column ``p·stride[1] - left`` of the map; there are as many as
    fit: ``(rows + top + bottom - kernel[0]) // stride[0] + 1`` rows of them, and columns likewise.

    Members
    -------
    kernel, stride : (rows, columns)
    padding : (top, bottom, left, right)
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]

    @classmethod
    def of(
        cls, kernel: int | Sequence[int], stride: int | Sequence[int], padding: int | Sequence[int], where: str
    ) -> Window:
        """Return the window; one number stands for both axes, two for rows and columns.

        Raises NetworkError, naming ``where``, unless all are whole numbers and the padding is smaller than the kernel.
        """
        height, width = whole_numbers(kernel, (2,), 1, f"{where}: kernel")
        down, right_on = whole_numbers(stride, (2,), 1, f"{where}: stride")
        edges = whole_numbers(padding, (2, 4), 0, f"{where}: padding")
        top, bottom, left, right = edges if len(edges) == 4 else np.repeat(edges, 2).tolist()
        if max(top, bottom) >= height or max(left, right) >= width:
            expected = f"smaller than the kernel, {height} x {width}"
            raise NetworkError("padding", where=where, expected=expected, got=repr((top, bottom, left, right)))
        return cls((height, width), (down, right_on), (top, bottom, left, right))

    def over(self, space: tuple[int, ...], where: str) -> tuple[int, int]:
        """Return the rows and columns of windows over a map of ``space``.

        Raises NetworkError if a window is larger than the padded map.
        """
        padded = (space[0] + sum(self.padding[:2]), space[1] + sum(self.padding[2:]))
        if self.kernel[0] > padded[0] or self.kernel[1] > padded[1]:
            expected = f"at most {padded[0]} x {padded[1]}, the padded map"
            raise NetworkError("kernel", where=where, expected=expected, got=f"{self.kernel[0]} x {self.kernel[1]}")
        rows, columns = ((size - k) // s + 1 for size, k, s in zip(padded, self.kernel, self.stride, strict=True))
        return rows, columns

    def parts(self, space: tuple[int, ...]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return, for rows and for columns, which taps of the kernel can lie on the map at once: ``(first, end)``.

        In the middle these are all taps; at the borders those that are not on the padding.
        """
        rows, columns = (
            sorted({(max(0, -start), min(kernel, size - start)) for start in self._starts(axis, size)})
            for axis, (kernel, size) in enumerate(zip(self.kernel, space, strict=True))
        )
        return rows, columns

    def reached(self, axis: int, size: int) -> npt.NDArray[np.int64]:
        """Return 1 where a tap of the kernel reads a row (or column) of the map in some window, shape (tap, size)."""
        reached = np.zeros((self.kernel[axis], size), np.int64)
        for start in self._starts(axis, size):
            for tap in range(self.kernel[axis]):
                if 0 <= start + tap < size:
                    reached[tap, start + tap] = 1
        return reached

    def _starts(self, axis: int, size: int) -> range:
        before, after = self.padding[2 * axis : 2 * axis + 2]
        count = (size + before + after - self.kernel[axis]) // self.stride[axis] + 1
        return range(-before, count * self.stride[axis] - before, self.stride[axis])
