"""Weighted sums of a QONNX file as sums of integers, with what one unit of them stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.pointwise import ROUND_OFF, Pointwise, Real, is_power
from amos_hdl.network import Dense, Tensor, width_bits
from amos_hdl.network.operations import Conv2d, Window

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]
#: Widest weight of a network, in bits.
WEIGHT_LIMIT_BITS = 16


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant tensor: its values and, where a quantizer made them, integers and the scale of each.

    Members
    -------
    array : array
    integers : int64, shape of ``array``, or None
    scale : float64, shape of ``array``, or None
        ``array`` is ``integers·scale``, rounded to float32.
    """

    array: Array
    integers: Integers | None = None
    scale: Real | None = None

    def mapped(self, move: Callable[[Array], Array]) -> Constant:
        """Return the constant with ``move``, which only rearranges, applied to all parts."""
        if self.integers is None or self.scale is None:
            return Constant(move(self.array))
        return Constant(move(self.array), move(self.integers), move(self.scale))

    def as_integers(self, where: str) -> tuple[Integers, Real]:
        """Return integers and the scale of each row (the first axis), shape ``(row,)``.

        Raises ImportedModelError if the values of a row are not whole multiples of one scale.
        """
        rows = self.array.reshape(len(self.array), -1).astype(np.float64)
        if self.integers is not None and self.scale is not None:
            scales = self.scale.reshape(rows.shape)
            # a scale per input would have to be in the weights
            least = scales.min(axis=1)
            ratio = scales / least[:, None]
            factors = np.round(ratio)
            if (ratio == factors).all():
                return (self.integers * factors.astype(np.int64).reshape(self.integers.shape)), least
            hint = "use one scale per output channel"
            raise ImportedModelError("scales of weights that integers cannot express", where=where, hint=hint)
        # floats that no quantizer made: whole numbers, or multiples of the least magnitude of each row
        if (rows == np.round(rows)).all():
            return self.array.astype(np.int64), np.ones(len(rows))
        magnitudes = np.where(rows == 0, np.inf, np.abs(rows))
        least = np.where(np.isfinite(magnitudes.min(axis=1)), magnitudes.min(axis=1), 1.0)
        factors = np.round(rows / least[:, None])
        if not ((factors * least[:, None]).astype(np.float32) == rows.astype(np.float32)).all():
            expected = "whole multiples of one scale per output channel"
            raise ImportedModelError("weights", where=where, expected=expected, hint="put a Quant in front of them")
        return factors.astype(np.int64).reshape(self.array.shape), least


def weighted_sums(
    name: str,
    tensor: Pointwise,
    source: Tensor,
    weights: Constant,
    where: str,
    *,
    bias: Real | None = None,
    window: Window | None = None,
    groups: int = 1,
) -> tuple[Dense | Conv2d, Pointwise]:
    """Return the weighted sums of ``tensor`` as an operation on integers, and what its integers stand for.

    Parameters
    ----------
    name : str
    tensor : Pointwise
    source : Tensor
        The integers that it stands on.
    weights : Constant, shape (output, input) or (channel, input of the group, row, column)
    where : str
        The node, for errors.
    bias : float64, shape (output,), optional
        Added by the same node, in an order that only the executor knows.
    window, groups
        Of a convolution.

    Raises
    ------
    ImportedModelError
        If the tensor is not integers times a scale, its scales differ within a group by no whole factor, the
        zeros of a padding are no integer 0, or the weights are no integers of at most 16 bits.
    """
    if tensor.affine is None:
        expected = "a quantizer between the activation function and this operation"
        raise ImportedModelError("weighted sum of numbers that are no integers", where=where, expected=expected)
    shape, ones = weights.array.shape, (1,) * (weights.array.ndim - 2)
    if shape[1] * groups != tensor.shape[0] or shape[0] % groups:
        expected = f"(output, {tensor.shape[0] // groups})"
        raise ImportedModelError("shape of weights", where=where, expected=expected, got=str(shape))
    integers, row_scales = weights.as_integers(where)
    scale, offset = (per_channel(part, tensor.shape, where) for part in tensor.affine)
    if window is not None and any(window.padding) and offset.any():
        hint = "use a zero point that is a code, or no padding"
        raise ImportedModelError("zeros of the padding, which are no integer 0", where=where, hint=hint)
    # inputs of one sum share a scale; those of different groups never meet
    least = np.abs(scale).reshape(groups, -1).min(axis=1)
    ratio = scale.reshape(groups, -1) / np.where(least, least, 1.0)[:, None]
    factors = np.round(ratio)
    if not least.all() or not (ratio == factors).all():
        expected = "equal, or whole multiples of the least"
        raise ImportedModelError(
            "scales of the inputs", where=where, expected=expected, hint="use one scale per tensor"
        )
    # (output, input): which channel of the tensor each weight sees, and what that channel is
    seen = np.arange(shape[0])[:, None] // (shape[0] // groups) * shape[1] + np.arange(shape[1])
    taps = integers.reshape(*shape[:2], -1)
    real = np.abs(taps).sum(axis=2) * row_scales[:, None]
    # the constant part of the inputs adds the same to every image
    constant = (taps.sum(axis=2) * row_scales[:, None] * offset[seen]).sum(axis=1)
    constant = constant if bias is None else constant + bias
    integers = integers * factors.astype(np.int64).ravel()[seen].reshape(*shape[:2], *ones)
    bits, _ = width_bits(min(int(integers.min()), -1), int(integers.max()))
    if bits > WEIGHT_LIMIT_BITS:
        got = f"{bits} bits"
        raise ImportedModelError("weights", where=where, expected=f"at most {WEIGHT_LIMIT_BITS} bits", got=got)
    operation: Dense | Conv2d
    if window is None:
        operation = Dense(name, tensor.source, integers, bits)
    else:
        operation = Conv2d(
            name, tensor.source, integers, bits, stride=window.stride, padding=window.padding, groups=groups
        )
    greatest = np.maximum(np.abs(source.low), np.abs(source.high)).astype(np.float64)
    unit = row_scales * least.repeat(shape[0] // groups)
    # the partial sums, in any order of summation and in units of ``unit``, must be whole numbers that float32 holds
    shift = offset / scale
    partial = (real * (greatest + np.abs(shift))[seen] * np.abs(scale)[seen]).sum(axis=1)
    partial = partial if bias is None else partial + np.abs(bias)
    whole = constant / unit
    exact = not tensor.roundings and is_power(unit) and is_power(row_scales)
    exact = exact and bool((shift == np.round(shift)).all() and (whole == np.round(whole)).all())
    error = np.zeros(())
    if not (exact and (partial / unit).max() < 1 << 24):
        # Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: n roundings cost at most n·u/(1 - n·u)
        roundings = shape[1] * taps.shape[2] + tensor.roundings + 3
        error = roundings * ROUND_OFF / (1 - roundings * ROUND_OFF) * partial
    roundings = 2 if np.any(error) else 0
    result = operation.result(source).shape
    column = (-1, *[1] * (len(result) - 1))
    unit, constant = unit.reshape(column), constant.reshape(column)
    error = error.reshape(column) if np.any(error) else np.zeros(())
    return operation, Pointwise(name, result, unit, constant, error, (), (unit, constant), roundings)


def per_channel(part: Real, shape: tuple[int, ...], where: str) -> Real:
    """Return ``part``, broadcastable to ``shape``, as one value per channel, shape (channel,).

    Raises ImportedModelError if it differs from place to place of a map.
    """
    try:
        column: Real = np.broadcast_to(part, (shape[0], *[1] * (len(shape) - 1)))
    except ValueError as failure:
        expected = "one value, or one per channel"
        raise ImportedModelError("constant", where=where, expected=expected, got=f"shape {part.shape}") from failure
    return column.reshape(-1)
