"""Floating-point tensors as functions of integers, element by element, computed exactly as QONNX's executor does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Real = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Unit round-off of float32.
ROUND_OFF = 2.0**-24


@dataclass(frozen=True, eq=False)
class Pointwise:
    """Element e of a tensor is a function of element e of the integers u that the operation ``source`` gives.

    The executor's value is ``steps[-1](... steps[0](start(u)))`` in float32, where start(u) is scale·u + offset rounded
    once.  Every step is a correctly rounded operation with a constant or a saturation, so each element only ever rises
    or only ever falls with u; that is what makes thresholds describe it.

    Members
    -------
    source : str
    shape : tuple of int
        Without the batch axis.
    scale, offset : float64, broadcastable to ``shape``
        Of ``start``.
    error : float64, broadcastable to ``shape``
        Bound of what the executor's value may differ from ``start``, because it sums rounded products in an order of
        its own; 0 where all its partial sums are exact.
    steps : tuple of callables
        Float32 ``(sample, *shape)`` to the same shape (or another with as many elements).
    affine : (scale, offset) or None
        The value as real numbers, ``scale·u + offset`` without rounding; None after a step that is not affine.
    roundings : int
        Roundings of the value after ``start``; 0 where it is exact.
    """

    source: str
    shape: tuple[int, ...]
    scale: Real
    offset: Real
    error: Real
    steps: tuple[Callable[[Float], Float], ...] = ()
    affine: tuple[Real, Real] | None = None
    roundings: int = 0

    @classmethod
    def of(cls, source: str, shape: tuple[int, ...], scale: npt.ArrayLike, offset: npt.ArrayLike = 0.0) -> Pointwise:
        """Return scale·u + offset, which the executor has exactly but for one rounding."""
        scale, offset = np.asarray(scale, np.float64), np.asarray(offset, np.float64)
        return cls(source, shape, scale, offset, np.zeros(()), affine=(scale, offset))

    def floats(self, integers: npt.NDArray[np.integer], error: float = 0.0) -> Float:
        """Return the executor's values for integers ``(sample, *shape)``, its start moved by ``error`` bounds."""
        moved = self.scale * integers + self.offset + error * self.error
        values: Float = moved.astype(np.float32)
        for step in self.steps:
            values = step(values)
        return values

    def then(
        self, step: Callable[[Float], Float], affine: tuple[Real, Real] | None = None, roundings: int = 1
    ) -> Pointwise:
        """Return the tensor after one more step; with the real affine map of that step if it is one.

        ``affine`` is (factor, addend), broadcastable to ``shape``.
        """
        mine = self.affine
        both = None if affine is None or mine is None else (mine[0] * affine[0], mine[1] * affine[0] + affine[1])
        return replace(self, steps=(*self.steps, step), affine=both, roundings=self.roundings + roundings)

    def reshaped(self, shape: tuple[int, ...]) -> Pointwise:
        """Return the same elements, in the same order, with other axes."""
        if shape == self.shape:
            return self
        full = [np.broadcast_to(array, self.shape).reshape(shape) for array in (self.scale, self.offset, self.error)]
        affine = self.affine
        if affine is not None:
            factor, term = (np.broadcast_to(part, self.shape).reshape(shape) for part in affine)
            affine = factor, term
        before, after = self.shape, shape
        steps = self.steps
        if steps:
            # the steps so far see the axes they were made for
            steps = (lambda values: values.reshape(-1, *before), *steps, lambda values: values.reshape(-1, *after))
        return Pointwise(self.source, shape, full[0], full[1], full[2], steps, affine, self.roundings)


def multiply(tensor: Pointwise, factor: Float) -> Pointwise:
    """Return tensor · factor."""
    return tensor.then(lambda x: x * factor, (factor.astype(np.float64), np.zeros(())), int(not is_power(factor)))


def divide(tensor: Pointwise, divisor: Float) -> Pointwise:
    """Return tensor / divisor."""
    return tensor.then(
        lambda x: x / divisor, (1 / divisor.astype(np.float64), np.zeros(())), int(not is_power(divisor))
    )


def add(tensor: Pointwise, addend: Float) -> Pointwise:
    """Return tensor + addend."""
    return tensor.then(lambda x: x + addend, (np.ones(()), addend.astype(np.float64)), int(bool(addend.any())))


def subtract(tensor: Pointwise, subtrahend: Float) -> Pointwise:
    """Return tensor - subtrahend."""
    return tensor.then(
        lambda x: x - subtrahend, (np.ones(()), -subtrahend.astype(np.float64)), int(bool(subtrahend.any()))
    )


def subtract_from(tensor: Pointwise, minuend: Float) -> Pointwise:
    """Return minuend - tensor."""
    return tensor.then(lambda x: minuend - x, (-np.ones(()), minuend.astype(np.float64)), int(bool(minuend.any())))


def batch_norm(tensor: Pointwise, gamma: Float, beta: Float, mean: Float, variance: Float, epsilon: float) -> Pointwise:
    """Return the normalised tensor, with the formula and the roundings of ONNX Runtime (measured, see the tests)::

    s = (1 / sqrt(variance + epsilon))·gamma      y = x·s + (beta - mean·s)
    """
    scale = np.float32(1) / np.sqrt(variance + np.float32(epsilon)) * gamma
    shift = beta - mean * scale
    return tensor.then(lambda x: x * scale + shift, (scale.astype(np.float64), shift.astype(np.float64)), 2)


def is_power(values: npt.NDArray[np.floating]) -> bool:
    """Whether all values are powers of two, by which a float is multiplied without rounding (or 0)."""
    mantissas, _ = np.frexp(values)
    return bool(np.isin(np.abs(mantissas), (0.0, 0.5)).all())
