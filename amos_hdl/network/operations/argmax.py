"""The choice at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from amos_hdl.network.operations.base import OneSource
from amos_hdl.network.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Argmax(OneSource):
    """The index of the greatest value; of equal ones, the lowest index."""

    kind: ClassVar[str] = "argmax"

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of one index.  Raises NetworkError if there is nothing to choose from."""
        (source,) = read
        self.check_flat(source)
        if source.units < 2:
            raise self.refuse("values", "at least 2", source.units)
        return Tensor.filled((1,), 0, source.units - 1)
