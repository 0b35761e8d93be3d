"""The large sums of the golden model by PyTorch: equal to NumPy's, integer by integer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import torch

from amos_hdl.errors import ToolError
from amos_hdl.network.kernels import Numbers
from amos_hdl.network.operations import Window


class TorchKernels:
    """See ``amos_hdl.network.kernels.Kernels``.

    Convolutions are matrix products of windows laid side by side, never transforms of Winograd's kind, which would
    leave the integers.

    Raises
    ------
    ToolError
        If PyTorch was told to multiply float32 in less than its precision.
    """

    def __init__(self) -> None:
        precision = torch.get_float32_matmul_precision()
        if precision != "highest":
            raise ToolError("PyTorch's float32 precision of products", expected="'highest'", got=repr(precision))

    @contextmanager
    def single_threaded(self) -> Iterator[None]:
        """See ``Kernels``."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)

    def dense(self, x: Numbers, weights: Numbers) -> Numbers:
        """See ``Kernels``."""
        return _numpy(torch.from_numpy(weights) @ torch.from_numpy(x))

    def conv2d(self, x: Numbers, weights: Numbers, window: Window, groups: int) -> Numbers:
        """See ``Kernels``."""
        channels, inputs = weights.shape[:2]
        patches = _patches(torch.from_numpy(x), window, 0)
        if inputs == 1 and channels == groups:
            total = torch.zeros(patches.shape[:4], dtype=patches.dtype)
            for k, m in product(*map(range, window.kernel)):
                total += patches[..., k, m] * torch.from_numpy(weights[:, 0, k, m, None, None, None])
            return _numpy(total)
        batch, rows, columns = patches.shape[1:4]
        # (group, input and tap, place)
        laid = patches.permute(0, 4, 5, 1, 2, 3).reshape(groups, -1, batch * rows * columns)
        sums = torch.from_numpy(weights).reshape(groups, channels // groups, -1) @ laid
        return _numpy(sums.reshape(channels, batch, rows, columns))

    def sum_pool(self, x: Numbers, window: Window) -> Numbers:
        """See ``Kernels``."""
        return _numpy(_patches(torch.from_numpy(x), window, 0).sum((4, 5)))

    def max_pool(self, x: Numbers, window: Window) -> Numbers:
        """See ``Kernels``."""
        return _numpy(_patches(torch.from_numpy(x), window, x.min().item() if x.size else 0).amax((4, 5)))


def _patches(x: torch.Tensor, window: Window, fill: float) -> torch.Tensor:
    """Return the windows, ``(channel, batch, row, column, kernel row, kernel column)``, as a view."""
    top, bottom, left, right = window.padding
    if any(window.padding):
        # torch's own padding takes its value as a float, which not every integer is
        inner, (rows, columns) = x, x.shape[2:]
        size = (*x.shape[:2], rows + top + bottom, columns + left + right)
        x = torch.full(size, fill, dtype=x.dtype)
        x[:, :, top : top + rows, left : left + columns] = inner
    return x.unfold(2, window.kernel[0], window.stride[0]).unfold(3, window.kernel[1], window.stride[1])


def _numpy(tensor: torch.Tensor) -> Numbers:
    numbers: Numbers = tensor.numpy()
    return numbers
