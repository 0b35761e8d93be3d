"""What all operations have in common, and the checks that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import NetworkError
from amos_hdl.network.names import check_operation_name
from amos_hdl.network.tensor import CHANNEL_LIMIT, SIDE_LIMIT, WIDTH_LIMIT_BITS, Tensor

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Operation(ABC):
    """One operation of a network: integers of earlier operations in, integers out.

    It knows how many integers it gives and within which intervals (``result``); what it computes is in ``golden.py``,
    and in words in ``SPEC.md``.

    Parameters
    ----------
    name : str
        Names the Verilog module of the operation.
    """

    name: str

    #: What it is called in ``network.yaml``.
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        check_operation_name(self.name)

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """Names of the operations whose results it uses, in order."""

    @abstractmethod
    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor that it gives for tensors as ``reads`` names them.

        Raises NetworkError if they do not fit, or a result could be wider than words may be.
        """

    def magnitude(self, *read: Tensor) -> int:
        """Return a bound of everything that is read and of every partial sum, in whatever order it is summed."""
        return max((tensor.magnitude for tensor in read), default=0)

    def attributes(self) -> dict[str, Any]:
        """Return what decides its result beside ``reads`` and ``arrays``, as plain data for ``network.yaml``."""
        return {}

    def arrays(self) -> dict[str, Array]:
        """Return its integers by their name in ``weights.npz``."""
        return {}

    def refuse(self, what: str, expected: str, got: object) -> NetworkError:
        """Return the error that says what of this operation is wrong."""
        return NetworkError(what, where=self.name, expected=expected, got=str(got))


@dataclass(frozen=True, eq=False)
class OneSource(Operation):
    """An operation on the result of one other.

    Parameters
    ----------
    name : str
    source : str
        The operation whose result it uses.
    """

    source: str

    @property
    def reads(self) -> tuple[str, ...]:
        """The one source."""
        return (self.source,)

    def check_map(self, source: Tensor) -> None:
        """Raise NetworkError unless the source gives a map."""
        if not source.space:
            raise self.refuse("source", f"(channel, row, column) of {self.source}", source.shape)

    def check_flat(self, source: Tensor) -> None:
        """Raise NetworkError if the source gives a map."""
        if source.space:
            raise self.refuse("source", f"(unit,) of {self.source}, flattened first", source.shape)


def constant(values: npt.ArrayLike, shape: tuple[int, ...], what: str) -> Array:
    """Return ``values`` as a read-only int64 array after checking type and shape.

    One number that was broadcast stays one number in memory: networks whose size alone matters need no more.
    """
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.integer):
        raise NetworkError(what, expected="integers", got=str(array.dtype))
    if array.shape != shape:
        raise NetworkError(f"shape of {what}", expected=repr(shape), got=repr(array.shape))
    if array.size and not any(array.strides):
        return np.broadcast_to(array.flat[0].astype(np.int64), shape)
    array = array.astype(np.int64)
    array.flags.writeable = False
    return array


def whole_numbers(values: int | Sequence[int], counts: Sequence[int], least: int, where: str) -> tuple[int, ...]:
    """Return ``values`` as a tuple; a single one stands for the greatest of ``counts``.

    Raises NetworkError unless they are ints of at least ``least`` and as many as one of ``counts``.
    """
    numbers = (values,) * max(counts) if isinstance(values, int) else tuple(values)
    if len(numbers) not in counts or any(type(value) is not int or value < least for value in numbers):
        expected = f"{' or '.join(map(str, counts))} whole numbers >= {least}"
        raise NetworkError(where, expected=expected, got=repr(values))
    return numbers


def check_shape(shape: tuple[int, ...], where: str) -> None:
    """Raise NetworkError unless ``shape`` is one a tensor can have."""
    limits = (CHANNEL_LIMIT, SIDE_LIMIT, SIDE_LIMIT)
    sizes = [type(size) is int and 1 <= size <= limit for size, limit in zip(shape, limits, strict=False)]
    if len(shape) not in (1, 3) or not all(sizes):
        expected = f"(1 to {CHANNEL_LIMIT}) or with (.., 1 to {SIDE_LIMIT}, 1 to {SIDE_LIMIT})"
        raise NetworkError("shape", where=where, expected=expected, got=repr(shape))


def check_magnitude(greatest: int, where: str, what: str = "potential") -> None:
    """Raise NetworkError if a sum of magnitude ``greatest`` is wider than words may be."""
    if greatest >= 1 << WIDTH_LIMIT_BITS - 2:
        raise NetworkError(what, where=where, expected=f"at most {WIDTH_LIMIT_BITS} bits", got="more")


def check_weights(weights: Array, weight_bits: int, bias: Array, names: Sequence[str], where: str) -> None:
    """Raise NetworkError, naming the first offender, unless weights and biases fit their widths.

    ``names`` are those of the axes of ``weights``.
    """
    if type(weight_bits) is not int or not 1 <= weight_bits <= 16:
        raise NetworkError("weight_bits", where=where, expected="1 to 16 bits", got=repr(weight_bits))
    low, high = -(1 << (weight_bits - 1)), (1 << (weight_bits - 1)) - 1
    if weights.min() < low or weights.max() > high:
        place = tuple(int(index) for index in np.argwhere((weights < low) | (weights > high))[0])
        raise NetworkError(
            "weight",
            where=", ".join([where, *(f"{name} {index}" for name, index in zip(names, place, strict=True))]),
            expected=f"{low} to {high} ({weight_bits} bits)",
            got=repr(int(weights[place])),
        )
    if max(-int(bias.min()), int(bias.max())) >= 1 << WIDTH_LIMIT_BITS - 2:
        raise NetworkError("bias", where=where, expected=f"fewer than {WIDTH_LIMIT_BITS - 1} bits")


def check_potential_bits(tensor: Tensor, potential_bits: int | None, where: str) -> None:
    """Raise NetworkError if a value of ``tensor`` could overflow the declared width."""
    if potential_bits is not None and tensor.bits > potential_bits:
        raise NetworkError(
            "a potential could overflow its width",
            where=where,
            expected=f"{tensor.bits} bits for {tensor.interval[0]} to {tensor.interval[1]}",
            got=f"potential_bits {potential_bits}",
        )
