"""The input code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from amos_hdl.errors import NetworkError
from amos_hdl.network.operations.base import Operation, check_shape
from amos_hdl.network.tensor import Tensor, width_bits


@dataclass(frozen=True, eq=False)
class Input(Operation):
    """The input code: integers of ``shape`` from ``low`` to ``high``, one image.

    Parameters
    ----------
    name : str
    shape : int or sequence of int
        A number of units, ``(unit,)``, or ``(channel, row, column)``.
    low, high : int
        Least and greatest pixel, both included.

    Raises NetworkError for a reversed interval or a shape out of range.
    """

    shape: tuple[int, ...]
    low: int
    high: int

    kind: ClassVar[str] = "input"

    def __init__(self, name: str, shape: int | Sequence[int], low: int, high: int) -> None:
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        for field, value in (("name", name), ("shape", sizes), ("low", low), ("high", high)):
            object.__setattr__(self, field, value)
        super().__post_init__()
        check_shape(self.shape, name)
        if low > high:
            raise NetworkError("interval", where=name, expected="low <= high", got=f"{low} to {high}")
        if width_bits(low, high)[0] > 32:
            raise NetworkError("interval", where=name, expected="at most 32 bits", got=f"{low} to {high}")

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    @property
    def units(self) -> int:
        """Number of pixels."""
        return self.result().units

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of pixels."""
        return Tensor.filled(self.shape, self.low, self.high)

    def attributes(self) -> dict[str, Any]:
        """Return shape and interval."""
        return {"shape": list(self.shape), "low": self.low, "high": self.high}
