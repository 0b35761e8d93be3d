"""The arithmetic of the golden model on NumPy arrays: exact integers, in floating point where that is proven exact.

Arrays are ``(channel, batch, row, column)``, or ``(unit, batch)``: each channel, which has its own weights and
circuit, is one contiguous block.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from amos_hdl.network.operations import Window

#: Integers of a tensor or sum: int64, or float64 or float32 that hold integers exactly.
Numbers = npt.NDArray[Any]


def exact_type(magnitude: int) -> np.dtype[Any]:
    """Return the fastest type in which integers up to ``magnitude``, and so all sums within, are exact.

    float32 up to 2**24 and float64 up to 2**53, which BLAS multiplies; else int64.  Every partial sum must be within
    ``magnitude`` too, in whatever order it is taken: give Σ |w|·|y|, not the bounds of the result.
    """
    if magnitude <= 1 << 24:
        return np.dtype(np.float32)
    return np.dtype(np.float64 if magnitude <= 1 << 53 else np.int64)


class Kernels(Protocol):
    """What the golden model asks of a library of arrays; arrays are of the type that ``exact_type`` chose."""

    def single_threaded(self) -> AbstractContextManager[object]:
        """Return a context in which each call keeps to its own thread: the golden model has threads of its own."""
        ...

    def dense(self, x: Numbers, weights: Numbers) -> Numbers:
        """Return the sums ``(unit, batch)`` of ``x`` ``(input, batch)`` by ``weights`` ``(unit, input)``."""
        ...

    def conv2d(self, x: Numbers, weights: Numbers, window: Window, groups: int) -> Numbers:
        """Return the sums ``(channel, batch, row, column)`` over windows, zeros around the map.

        ``weights`` are of shape ``(channel, input of the group, row, column)``.
        """
        ...

    def sum_pool(self, x: Numbers, window: Window) -> Numbers:
        """Return the sum of each window, zeros around the map."""
        ...

    def max_pool(self, x: Numbers, window: Window) -> Numbers:
        """Return the greatest value of each window; what is around the map takes no part."""
        ...


class NumpyKernels:
    """Matrix products by BLAS; windows as shifted copies of the map."""

    def single_threaded(self) -> AbstractContextManager[object]:
        """See ``Kernels``; threads of BLAS that wait for each other cost more than all the rest."""
        limits: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
        return limits

    def dense(self, x: Numbers, weights: Numbers) -> Numbers:
        """See ``Kernels``."""
        return weights @ x

    def conv2d(self, x: Numbers, weights: Numbers, window: Window, groups: int) -> Numbers:
        """See ``Kernels``."""
        channels, inputs = weights.shape[:2]
        if inputs == 1 and channels == groups:
            return self._depthwise(x, weights[:, 0], window)
        shifted = shifts(x, window)
        batch, rows, columns = next(iter(shifted)).shape[1:]
        out = np.empty((channels, batch, rows, columns), x.dtype)
        share = channels // groups
        for group in range(groups):
            # (input and tap, place): the windows side by side
            seen = slice(group * inputs, (group + 1) * inputs)
            patches = np.stack([part[seen] for part in shifted], axis=1).reshape(-1, batch * rows * columns)
            mine = slice(group * share, (group + 1) * share)
            np.matmul(weights[mine].reshape(share, -1), patches, out=out[mine].reshape(share, -1))
        return out

    def _depthwise(self, x: Numbers, weights: Numbers, window: Window) -> Numbers:
        """Return the sums of windows that see one channel each, by ``weights`` ``(channel, row, column)``."""
        taps = weights.reshape(len(weights), -1)
        first, *others = shifts(x, window)
        total: Numbers = first * taps[:, 0, None, None, None]
        for tap, part in enumerate(others, start=1):
            total += part * taps[:, tap, None, None, None]
        return total

    def sum_pool(self, x: Numbers, window: Window) -> Numbers:
        """See ``Kernels``."""
        if window.kernel == x.shape[2:] and not any(window.padding):
            sums: Numbers = x.sum(axis=(2, 3), dtype=x.dtype, keepdims=True)
            return sums
        first, *others = shifts(x, window)
        total = first.copy()
        for part in others:
            total += part
        return total

    def max_pool(self, x: Numbers, window: Window) -> Numbers:
        """See ``Kernels``."""
        # the least value of all loses against, or equals, what is on the map
        first, *others = shifts(x, window, fill=x.min() if x.size else 0)
        greatest = first.copy()
        for part in others:
            np.maximum(greatest, part, out=greatest)
        return greatest


def shifts(x: Numbers, window: Window, fill: float = 0) -> list[Numbers]:
    """Return for each tap of the window, row by row, what it reads in all windows: ``(channel, batch, row, column)``.

    Views into the map with ``fill`` around it.
    """
    top, bottom, left, right = window.padding
    if any(window.padding):
        padded = np.full((*x.shape[:2], x.shape[2] + top + bottom, x.shape[3] + left + right), fill, x.dtype)
        padded[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x
        x = padded
    (height, width), (down, across) = window.kernel, window.stride
    rows, columns = (x.shape[2] - height) // down + 1, (x.shape[3] - width) // across + 1
    return [
        x[:, :, k : k + (rows - 1) * down + 1 : down, m : m + (columns - 1) * across + 1 : across]
        for k in range(height)
        for m in range(width)
    ]


@cache
def _controller() -> ThreadpoolController:
    """Return the threads of NumPy's BLAS; to find them takes milliseconds."""
    return ThreadpoolController()


NUMPY = NumpyKernels()
