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
    name: str, tensor: Pointwise, source: Tensor, weights: Constant, where: str
) -> tuple[Dense, Pointwise]:
    """Return the dense operation of ``weights`` ``(output, input)`` on ``tensor``, and what its integers stand for.

    Raises
    ------
    ImportedModelError
        If the tensor is not integers times a scale, its scales differ from input to input by no whole factor, or the
        weights are no integers of at most 16 bits.
    """
    if tensor.affine is None:
        expected = "a quantizer between the activation function and this operation"
        raise ImportedModelError("weighted sum of numbers that are no integers", where=where, expected=expected)
    if weights.array.shape[1] != tensor.shape[0]:
        got = str(weights.array.shape)
        raise ImportedModelError("shape of weights", where=where, expected=f"(output, {tensor.shape[0]})", got=got)
    integers, row_scales = weights.as_integers(where)
    scale, offset = (np.broadcast_to(part, tensor.shape) for part in tensor.affine)
    least = float(np.abs(scale).min())
    ratio = scale / least if least else scale
    factors = np.round(ratio)
    if not least or not (ratio == factors).all():
        expected = "equal, or whole multiples of the least"
        raise ImportedModelError(
            "scales of the inputs", where=where, expected=expected, hint="use one scale per tensor"
        )
    # the constant part of the inputs adds the same to every image
    real = integers * row_scales[:, None]
    constant = real @ offset
    integers = integers * factors.astype(np.int64)
    bits, _ = width_bits(min(int(integers.min()), -1), int(integers.max()))
    if bits > WEIGHT_LIMIT_BITS:
        got = f"{bits} bits"
        raise ImportedModelError("weights", where=where, expected=f"at most {WEIGHT_LIMIT_BITS} bits", got=got)
    dense = Dense(name, tensor.source, integers, bits)
    greatest = np.maximum(np.abs(source.low), np.abs(source.high)).astype(np.float64)
    unit = row_scales * least
    # of the partial sums, in any order of summation and in units of ``unit``: whole numbers that float32 holds
    shift = offset / scale
    magnitude = np.abs(integers) @ (greatest + np.abs(shift))
    exact = not tensor.roundings and is_power(unit) and is_power(row_scales) and (shift == np.round(shift)).all()
    error = np.zeros(())
    if not (exact and magnitude.max() < 1 << 24):
        # Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: n roundings cost at most n·u/(1 - n·u)
        roundings = integers.shape[1] + tensor.roundings + 2
        bound = roundings * ROUND_OFF / (1 - roundings * ROUND_OFF)
        error = bound * (np.abs(real) @ (np.abs(scale) * greatest + np.abs(offset)))
    roundings = 2 if np.any(error) else 0
    return dense, Pointwise(name, (len(integers),), unit, constant, error, (), (unit, constant), roundings)
