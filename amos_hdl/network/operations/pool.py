"""Sums and greatest values over sliding windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from amos_hdl.network.operations.base import OneSource, check_magnitude
from amos_hdl.network.operations.window import Window
from amos_hdl.network.tensor import Tensor


@dataclass(frozen=True, eq=False)
class _Pool(OneSource):
    """Windows over each channel by itself."""

    kernel: int | Sequence[int] | None = None
    stride: int | Sequence[int] | None = None
    padding: int | Sequence[int] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel is not None:
            self._window(self.kernel)
        elif self.stride is not None or np.any(self.padding):
            raise self.refuse("window of the whole map", "no stride and no padding", f"{self.stride}, {self.padding}")

    def window(self, source: Tensor) -> Window:
        """Return the windows over ``source``."""
        return self._window(source.space if self.kernel is None else self.kernel)

    def _window(self, kernel: int | Sequence[int]) -> Window:
        return Window.of(kernel, kernel if self.stride is None else self.stride, self.padding, self.name)

    def attributes(self) -> dict[str, Any]:
        """Return the window; nothing for the whole map."""
        if self.kernel is None:
            return {"kernel": None}
        window = self._window(self.kernel)
        return {"kernel": list(window.kernel), "stride": list(window.stride), "padding": list(window.padding)}


@dataclass(frozen=True, eq=False)
class SumPool(_Pool):
    """Average pool as the exact sum of each window; the division is absorbed in the scale, and so in thresholds.

    Parameters
    ----------
    name, source : str
    kernel : int, (rows, columns), or None
        None: the whole map, which gives one row and one column.
    stride : int, (rows, columns), or None
        None: that of the kernel.
    padding : int, (rows, columns) or (top, bottom, left, right)
        Zeros around the map.

    Raises
    ------
    NetworkError
        If the window does not fit.
    """

    kind: ClassVar[str] = "sum_pool"

    def magnitude(self, *read: Tensor) -> int:
        """Return the greatest sum of magnitudes of one window."""
        (source,) = read
        height, width = self.window(source).kernel
        return height * width * source.magnitude

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of sums; windows at the border sum fewer values."""
        (source,) = read
        self.check_map(source)
        window = self.window(source)
        space = window.over(source.space, self.name)
        rows, columns = window.parts(source.space)
        counts = [(b - a) * (d - c) for a, b in rows for c, d in columns]
        check_magnitude(max(counts) * source.magnitude, self.name, "sum")
        ends = np.stack([n * side for n in (min(counts), max(counts)) for side in (source.low, source.high)])
        return Tensor(ends.min(axis=0), ends.max(axis=0), space)


@dataclass(frozen=True, eq=False)
class MaxPool(_Pool):
    """The greatest value of each window; the padding takes no part.

    Parameters
    ----------
    name, source : str
    kernel : int, (rows, columns), or None
        None: the whole map, which gives one row and one column.
    stride : int, (rows, columns), or None
        None: that of the kernel.
    padding : int, (rows, columns) or (top, bottom, left, right)
        Smaller than the kernel, so that no window lies beside the map.

    Raises
    ------
    NetworkError
        If the window does not fit.
    """

    kind: ClassVar[str] = "max_pool"

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of greatest values: the intervals of the source."""
        (source,) = read
        self.check_map(source)
        return Tensor(source.low, source.high, self.window(source).over(source.space, self.name))
