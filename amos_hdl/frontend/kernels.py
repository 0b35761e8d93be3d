"""The large sums of the golden model by PyTorch: on its threads, or on a GPU.  Equal to NumPy's, integer by integer."""

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

    Parameters
    ----------
    device : str
        ``cpu``, or ``cuda``, where every tensor goes there and back.

    Raises
    ------
    ToolError
        If PyTorch was told to multiply float32 in less than its precision, or has no such device.
    """

    def __init__(self, device: str = "cpu") -> None:
        if torch.get_float32_matmul_precision() != "highest":
            got = torch.get_float32_matmul_precision()
            raise ToolError("PyTorch's float32 precision of products", expected="'highest'", got=repr(got))
        if device != "cpu" and not torch.cuda.is_available():
            raise ToolError("PyTorch's device", expected="cpu: there is no CUDA here", got=repr(device))
        self._device = torch.device(device)

    @contextmanager
    def shared(self, workers: int) -> Iterator[None]:
        """Keep to one thread each while several ``workers`` call at once."""
        threads = torch.get_num_threads()
        torch.set_num_threads(max(1, threads // workers))
        try:
            yield
        finally:
            torch.set_num_threads(threads)

    def dense(self, x: Numbers, weights: Numbers) -> Numbers:
        """See ``Kernels``."""
        return self._back(self._to(weights) @ self._to(x))

    def conv2d(self, x: Numbers, weights: Numbers, window: Window, groups: int) -> Numbers:
        """See ``Kernels``."""
        channels, inputs = weights.shape[:2]
        patches = self._patches(self._to(x), window, 0)
        if inputs == 1 and channels == groups:
            total = torch.zeros(patches.shape[:4], dtype=patches.dtype, device=self._device)
            for k, m in product(*map(range, window.kernel)):
                total += patches[..., k, m] * self._to(weights[:, 0, k, m, None, None, None])
            return self._back(total)
        batch, rows, columns = patches.shape[1:4]
        # (group, input and tap, place)
        laid = patches.permute(0, 4, 5, 1, 2, 3).reshape(groups, -1, batch * rows * columns)
        sums = self._to(weights).reshape(groups, channels // groups, -1) @ laid
        return self._back(sums.reshape(channels, batch, rows, columns))

    def sum_pool(self, x: Numbers, window: Window) -> Numbers:
        """See ``Kernels``."""
        return self._back(self._patches(self._to(x), window, 0).sum((4, 5)))

    def max_pool(self, x: Numbers, window: Window) -> Numbers:
        """See ``Kernels``."""
        return self._back(self._patches(self._to(x), window, x.min().item() if x.size else 0).amax((4, 5)))

    def _patches(self, x: torch.Tensor, window: Window, fill: float) -> torch.Tensor:
        """Return the windows, ``(channel, batch, row, column, kernel row, kernel column)``, as a view."""
        top, bottom, left, right = window.padding
        if any(window.padding):
            # torch's own padding takes its value as a float, which not every integer is
            inner, (rows, columns) = x, x.shape[2:]
            size = (*x.shape[:2], rows + top + bottom, columns + left + right)
            x = torch.full(size, fill, dtype=x.dtype, device=x.device)
            x[:, :, top : top + rows, left : left + columns] = inner
        return x.unfold(2, window.kernel[0], window.stride[0]).unfold(3, window.kernel[1], window.stride[1])

    def _to(self, array: Numbers) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)

    def _back(self, tensor: torch.Tensor) -> Numbers:
        result: Numbers = tensor.cpu().numpy()
        return result
