"""Weighted sums of windows, pools and joins as dense layers of one pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.network import Conv2d, Dense, Operation

Array = npt.NDArray[np.int64]

#: Most bits of a weight that a dense layer has.
_WEIGHT_BITS = 16


def conv_matrix(operation: Conv2d) -> Array:
    """Return the weights of a window, shape (channel, tap·input channel)."""
    count, inputs, height, width = operation.weights.shape
    taps, groups = height * width, operation.groups
    matrix = np.zeros((count, taps, groups, inputs), np.int64)
    channels = np.arange(count)
    # (channel, input, tap) to (channel, tap, input), each channel in its group
    matrix[channels, :, channels * groups // count] = operation.weights.reshape(count, inputs, taps).swapaxes(1, 2)
    return matrix.reshape(count, -1)


def as_dense(operation: Operation, matrix: Array, bias: Array | None = None) -> Dense:
    """Return the sums that ``operation`` makes of one window as a dense layer of ``matrix`` (sum, input).

    Raises ScheduleError if a weight has more than 16 bits.
    """
    bits = int(np.abs(matrix).max()).bit_length() + 1
    if bits > _WEIGHT_BITS:
        raise ScheduleError("weights", where=operation.name, expected=f"at most {_WEIGHT_BITS} bits", got=f"{bits}")
    return Dense(operation.name, operation.reads[0], matrix, bits, bias)
