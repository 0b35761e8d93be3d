"""How the integers of an image become the numbers that a model was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PixelCode:
    """Pixel u, an integer from ``low`` to ``high``, enters the model as ``(u / divisor - mean[c]) / std[c]``.

    Parameters
    ----------
    low, high : int
    divisor : float
        255 is what torchvision's ``ToTensor`` does to bytes.
    mean, std : tuple of float
        One per channel c, or one for all, or empty for 0 and 1.

    Raises ImportedModelError if a number is not finite, or a divisor or deviation is not positive.
    """

    low: int = 0
    high: int = 255
    divisor: float = 255.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = np.array([self.divisor, *self.mean, *self.std], float)
        if not (np.isfinite(numbers).all() and self.divisor > 0 and all(value > 0 for value in self.std)):
            expected = "finite numbers, divisor and deviations above 0"
            raise ImportedModelError("scale of the input", expected=expected, got=repr(self))
        if not self.low < self.high:
            raise ImportedModelError("input code", expected="low < high", got=f"{self.low} to {self.high}")

    def channels(self, shape: tuple[int, ...]) -> tuple[Float, Float]:
        """Return mean and deviation, broadcastable to images of ``shape`` (channel first).

        Raises ImportedModelError if there are neither one of each nor as many as channels.
        """
        made = []
        for what, values, default in (("means", self.mean, 0.0), ("deviations", self.std, 1.0)):
            if len(values) not in (0, 1, shape[0]):
                expected = f"1 or {shape[0]}, one per channel"
                raise ImportedModelError(f"{what} of the input", expected=expected, got=repr(len(values)))
            column = np.array(values or (default,), np.float32)
            made.append(column.reshape(-1, *[1] * (len(shape) - 1)))
        return made[0], made[1]

    def floats(self, images: npt.NDArray[np.integer], shape: tuple[int, ...]) -> Float:
        """Return ``images`` ``(batch, pixel)`` as what the model takes, float32 ``(batch, *shape)``."""
        mean, std = self.channels(shape)
        values: Float = images.reshape(-1, *shape).astype(np.float32) / np.float32(self.divisor)
        return (values - mean) / std if self.mean or self.std else values


#: Bytes from 0 to 255 as numbers from 0 to 1.
BYTES = PixelCode()
