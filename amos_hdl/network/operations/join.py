"""Operations on the results of several others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amos_hdl.network.operations.base import Array, Operation, check_magnitude, check_shape, constant
from amos_hdl.network.tensor import Tensor

#: Most sources of one operation, and largest magnitude of a multiplier.
SOURCE_LIMIT, MULTIPLIER_LIMIT = 1024, 1 << 31


@dataclass(frozen=True, eq=False)
class _Join(Operation):
    """An operation on the results of several others.

    Parameters
    ----------
    name : str
    sources : sequence of str
        The operations whose results it uses.
    """

    sources: Sequence[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.sources, str):
            raise self.refuse("sources", "names in a tuple", repr(self.sources))
        object.__setattr__(self, "sources", tuple(self.sources))
        if not 2 <= len(self.sources) <= SOURCE_LIMIT:
            raise self.refuse("sources", f"2 to {SOURCE_LIMIT}", len(self.sources))

    @property
    def reads(self) -> tuple[str, ...]:
        """The sources."""
        return tuple(self.sources)


@dataclass(frozen=True, eq=False)
class Add(_Join):
    """Sums of equal shape: ``x = Σ_s multipliers[s]·y_s``, so that different scales meet by shifts and additions.

    Parameters
    ----------
    name : str
    sources : sequence of str
        Two or more.
    multipliers : integers, shape (source,) or (source, channel), optional
        Default 1; none may be zero for all channels.

    Raises
    ------
    NetworkError
        If shapes or multipliers do not fit.
    """

    multipliers: npt.ArrayLike | None = None

    kind: ClassVar[str] = "add"

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.sources)
        factors = np.ones(count, np.int64) if self.multipliers is None else np.asarray(self.multipliers)
        if factors.ndim not in (1, 2) or len(factors) != count or not factors.size:
            raise self.refuse("shape of multipliers", f"({count},) or ({count}, channel)", repr(factors.shape))
        object.__setattr__(self, "multipliers", constant(factors, factors.shape, f"multipliers of {self.name}"))
        if max(-int(self.factors.min()), int(self.factors.max())) >= MULTIPLIER_LIMIT:
            raise self.refuse("multipliers", f"of magnitude below {MULTIPLIER_LIMIT}", "more")
        if not self.factors.reshape(count, -1).any(axis=1).all():
            raise self.refuse("multipliers", "not zero", factors.tolist() if factors.ndim == 1 else "a row of zeros")

    @property
    def factors(self) -> Array:
        """The multipliers, shape (source,) or (source, channel)."""
        return np.asarray(self.multipliers)  # the array that construction has put there

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of sums, the sources taken as independent."""
        for name, source in zip(self.sources, read, strict=True):
            if source.shape != read[0].shape:
                expected = f"{read[0].shape} of {self.sources[0]}"
                raise self.refuse("shapes", expected, f"{source.shape} of {name}")
        if self.factors.ndim == 2 and self.factors.shape[1] != read[0].channels:
            raise self.refuse("channels of multipliers", f"{read[0].channels}", self.factors.shape[1])
        check_magnitude(self.magnitude(*read), self.name, "sum")
        low, high = np.zeros((2, read[0].channels), np.int64)
        for factor, source in zip(self.factors, read, strict=True):
            ends = np.stack([factor * source.low, factor * source.high])
            low, high = low + ends.min(axis=0), high + ends.max(axis=0)
        return Tensor(low, high, read[0].space)

    def magnitude(self, *read: Tensor) -> int:
        """Return the greatest ``Σ |m|·|y|``."""
        greatest = np.abs(self.factors.reshape(len(read), -1)).max(axis=1).tolist()
        return sum(m * source.magnitude for m, source in zip(greatest, read, strict=True))

    def arrays(self) -> dict[str, Array]:
        """Return ``multipliers``."""
        return {"multipliers": self.factors}


@dataclass(frozen=True, eq=False)
class Multiply(_Join):
    """Products of two sources: ``x = y_0·y_1``; a source of shape (channel, 1, 1) meets every place of the other's map.

    Parameters
    ----------
    name : str
    sources : sequence of str
        Two.

    Raises
    ------
    NetworkError
        If shapes do not fit.
    """

    kind: ClassVar[str] = "multiply"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sources) != 2:
            raise self.refuse("sources", "2", len(self.sources))

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of products, the sources taken as independent."""
        first, second = read
        spaces = {first.space, second.space} - {(1, 1)}
        if first.channels != second.channels or len(first.space) != len(second.space) or len(spaces) > 1:
            expected = f"{first.shape} or ({first.channels}, 1, 1)" if first.space else f"{first.shape}"
            raise self.refuse("shapes", f"{expected} for {self.sources[1]}", second.shape)
        check_magnitude(first.magnitude * second.magnitude, self.name, "product")
        ends = np.stack([a * b for a in (first.low, first.high) for b in (second.low, second.high)])
        space = max(first.space, second.space, key=lambda space: (space != (1, 1), space))
        return Tensor(ends.min(axis=0), ends.max(axis=0), space)


@dataclass(frozen=True, eq=False)
class Concat(_Join):
    """The channels (or units) of all sources one after another; maps must be of one size.

    Parameters
    ----------
    name : str
    sources : sequence of str
        Two or more.

    Raises
    ------
    NetworkError
        If shapes do not fit.
    """

    kind: ClassVar[str] = "concat"

    def result(self, *read: Tensor) -> Tensor:
        """Return the tensor of all channels."""
        for name, source in zip(self.sources, read, strict=True):
            if source.space != read[0].space:
                expected = f"a map as of {self.sources[0]}, {read[0].shape}"
                raise self.refuse("shapes", expected, f"{source.shape} of {name}")
        low, high = (np.concatenate([getattr(source, side) for source in read]) for side in ("low", "high"))
        tensor = Tensor(low, high, read[0].space)
        check_shape(tensor.shape, self.name)
        return tensor
