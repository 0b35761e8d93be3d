"""A network: operations in the order in which they are computed, checked as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType

import numpy as np

from amos_hdl.errors import NetworkError
from amos_hdl.network.names import check_name
from amos_hdl.network.operations import Argmax, Input, Operation, Unit
from amos_hdl.network.tensor import Tensor

#: Most operations of one network.
OPERATION_LIMIT = 4096


@dataclass(frozen=True, eq=False)
class Network:
    """A directed graph of operations on integers; two networks are equal when their digests are.

    Parameters
    ----------
    name : str
        Names the Verilog top module and the folders.
    operations : tuple of Operation
        Each after those whose results it uses; exactly one Input, first.
    outputs : tuple of str
        Operations whose results leave the network, in port order.
    scales : mapping of str to Fraction, optional
        What one unit of an operation's integers stands for; kept for reading results back, never computed with.

    Raises
    ------
    NetworkError
        If names repeat or are unknown, a source comes later than its use, shapes or widths do not fit, or a result
        is neither used nor an output.
    """

    name: str
    operations: tuple[Operation, ...]
    outputs: tuple[str, ...]
    scales: Mapping[str, Fraction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name, "a network")
        object.__setattr__(self, "scales", MappingProxyType(dict(self.scales)))
        if not 1 <= len(self.operations) <= OPERATION_LIMIT:
            expected = f"1 to {OPERATION_LIMIT}"
            raise NetworkError("operations", where=self.name, expected=expected, got=repr(len(self.operations)))
        kinds = [isinstance(operation, Input) for operation in self.operations]
        if kinds != [True] + [False] * (len(kinds) - 1):
            raise NetworkError("input code", where=self.name, expected="one Input, the first operation")
        known: set[str] = set()
        for operation in self.operations:
            if operation.name in known:
                raise NetworkError("name", where=self.name, expected="each name once", got=repr(operation.name))
            for source in operation.reads:
                if source not in known:
                    raise NetworkError(
                        "source", where=operation.name, expected="an operation before it", got=repr(source)
                    )
            known.add(operation.name)
        for name in (*self.outputs, *self.scales):
            if name not in known:
                raise NetworkError("operation", where=self.name, expected=f"one of {sorted(known)}", got=repr(name))
        if not self.outputs or len(set(self.outputs)) != len(self.outputs):
            raise NetworkError("outputs", where=self.name, expected="at least one, each once", got=repr(self.outputs))
        if self.operations[0].name in self.outputs:
            raise NetworkError("outputs", where=self.name, expected="results, not the input", got=repr(self.outputs))
        used = {source for operation in self.operations for source in operation.reads}
        idle = known - used - set(self.outputs)
        if idle:
            raise NetworkError("result that nothing uses", where=self.name, got=repr(sorted(idle)))
        _ = self.tensors  # widths are derived, and so checked, on construction

    def __getitem__(self, name: str) -> Operation:
        """Return the operation called ``name``; KeyError if there is none."""
        return self._by_name[name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def _by_name(self) -> dict[str, Operation]:
        return {operation.name: operation for operation in self.operations}

    @property
    def input(self) -> Input:
        """The input code."""
        return next(operation for operation in self.operations if isinstance(operation, Input))

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """The result of every operation as intervals: the one analysis from which all widths come."""
        tensors: dict[str, Tensor] = {}
        for operation in self.operations:
            tensors[operation.name] = operation.result(*(tensors[source] for source in operation.reads))
        return MappingProxyType(tensors)

    @property
    def unit_layers(self) -> tuple[Unit, ...]:
        """The operations that spike."""
        return tuple(operation for operation in self.operations if isinstance(operation, Unit))

    @cached_property
    def scores(self) -> str | None:
        """The operation whose greatest value is the answer: what the argmax output reads, else the one output of units.

        None if there is none, or more than one.
        """
        outputs = [self[name] for name in self.outputs]
        chosen = [operation.source for operation in outputs if isinstance(operation, Argmax)]
        if not chosen:
            chosen = [op.name for op in outputs if not self.tensors[op.name].space and self.tensors[op.name].units > 1]
        return chosen[0] if len(chosen) == 1 else None

    @cached_property
    def digest(self) -> str:
        """SHA-256, hexadecimal, of everything that decides what is computed, and of the names."""
        sha = hashlib.sha256()

        def add(*parts: object) -> None:
            for part in parts:
                data = part.astype("<i8").tobytes() if isinstance(part, np.ndarray) else repr(part).encode()
                sha.update(len(data).to_bytes(8, "little") + data)

        add(self.name, self.outputs, sorted((name, str(scale)) for name, scale in self.scales.items()))
        for operation in self.operations:
            add(operation.kind, operation.name, operation.reads, sorted(operation.attributes().items()))
            for key, array in sorted(operation.arrays().items()):
                add(key, array.shape, array)
        return sha.hexdigest()
