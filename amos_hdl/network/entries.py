"""What ``network.yaml`` says of each operation: the schema of its entry, and the operation it describes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from amos_hdl.files import Strict
from amos_hdl.network import operations as ops
from amos_hdl.network.tensor import Tensor

Array = npt.NDArray[np.int64]
#: Gives an operation's array by the name it has within the operation; KeyError names a missing one.
Take = Callable[[str], Array]


class _Entry(Strict, ABC):
    name: str

    @abstractmethod
    def operation(self, take: Take) -> ops.Operation:
        """Return the operation.  Raises NetworkError or CircuitError if it is none."""


class _InputEntry(_Entry):
    kind: Literal["input"]
    shape: list[int]
    low: int
    high: int

    def operation(self, take: Take) -> ops.Operation:
        return ops.Input(self.name, self.shape, self.low, self.high)


class _DenseEntry(_Entry):
    kind: Literal["dense"]
    source: str
    weight_bits: int
    potential_bits: int

    def operation(self, take: Take) -> ops.Operation:
        bits = (self.weight_bits, take("bias"), self.potential_bits)
        return ops.Dense(self.name, self.source, take("weights"), *bits)


class _Conv2dEntry(_Entry):
    kind: Literal["conv2d"]
    source: str
    weight_bits: int
    potential_bits: int
    stride: list[int]
    padding: list[int]
    groups: int

    def operation(self, take: Take) -> ops.Operation:
        return ops.Conv2d(
            self.name,
            self.source,
            take("weights"),
            self.weight_bits,
            take("bias"),
            stride=self.stride,
            padding=self.padding,
            groups=self.groups,
            potential_bits=self.potential_bits,
        )


class _PoolEntry(_Entry):
    kind: Literal["sum_pool", "max_pool"]
    source: str
    kernel: list[int] | None
    stride: list[int] | None = None
    padding: list[int] = Field(default_factory=lambda: [0, 0])

    def operation(self, take: Take) -> ops.Operation:
        pool = ops.SumPool if self.kind == "sum_pool" else ops.MaxPool
        return pool(self.name, self.source, self.kernel, self.stride, tuple(self.padding))


class _AddEntry(_Entry):
    kind: Literal["add"]
    sources: list[str]

    def operation(self, take: Take) -> ops.Operation:
        return ops.Add(self.name, self.sources, take("multipliers"))


class _JoinEntry(_Entry):
    kind: Literal["multiply", "concat"]
    sources: list[str]

    def operation(self, take: Take) -> ops.Operation:
        return (ops.Multiply if self.kind == "multiply" else ops.Concat)(self.name, self.sources)


class _SliceEntry(_Entry):
    kind: Literal["slice"]
    source: str
    ranges: list[list[int]]

    def operation(self, take: Take) -> ops.Operation:
        return ops.Slice(self.name, self.source, self.ranges)


class _PadEntry(_Entry):
    kind: Literal["pad"]
    source: str
    widths: list[list[int]]
    value: int

    def operation(self, take: Take) -> ops.Operation:
        return ops.Pad(self.name, self.source, self.widths, self.value)


class _UnitEntry(_Entry):
    kind: Literal["unit"]
    source: str
    form: Literal["linear", "table"]
    levels: list[int]

    def operation(self, take: Take) -> ops.Operation:
        return ops.Unit.from_arrays(self.name, self.source, self.form, self.levels, take)


class _PlainEntry(_Entry):
    kind: Literal["flatten", "argmax"]
    source: str

    def operation(self, take: Take) -> ops.Operation:
        return (ops.Flatten if self.kind == "flatten" else ops.Argmax)(self.name, self.source)


Entry = Annotated[
    _InputEntry
    | _DenseEntry
    | _Conv2dEntry
    | _PoolEntry
    | _AddEntry
    | _JoinEntry
    | _SliceEntry
    | _PadEntry
    | _UnitEntry
    | _PlainEntry,
    Field(discriminator="kind"),
]


def entry_of(operation: ops.Operation, result: Tensor) -> dict[str, Any]:
    """Return the entry of ``operation``, whose result is ``result``, as plain data."""
    entry: dict[str, Any] = {"kind": operation.kind, "name": operation.name}
    if isinstance(operation, ops.OneSource):
        entry["source"] = operation.source
    elif operation.reads:
        entry["sources"] = list(operation.reads)
    entry |= operation.attributes()
    if isinstance(operation, ops.Dense | ops.Conv2d):
        entry["potential_bits"] = operation.potential_bits or result.bits
    return entry
