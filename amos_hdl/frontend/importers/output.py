"""The end of an imported network: integers of which the greatest is the class that the file's outputs name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from amos_hdl.frontend.importers.pointwise import Pointwise
from amos_hdl.network import Argmax, Dense, Operation, Tensor, width_bits

#: Greatest factor by which logits are multiplied to make room for fractions of their biases.
MULTIPLIER_LIMIT = 1 << 12


@dataclass(frozen=True, eq=False)
class Winner:
    """Logits as integers, and the index of the greatest if that is the class of the file's real outputs.

    Members
    -------
    operations : the dense operation, now with biases, and an argmax where it is right
    multiplier, bias : int, int64 array
        ``logits = multiplier·sums + bias``.
    scales : mapping
        What one logit stands for, where that is the same for all.
    """

    operations: tuple[Operation, ...]
    multiplier: int
    bias: npt.NDArray[np.int64]
    scales: Mapping[str, Fraction]


def winner(sums: Dense, output: Pointwise, interval: Tensor) -> Winner:
    """Return the end of the network whose last weighted sum is ``sums`` and whose real output is ``output``.

    Outputs a·x + b with one a > 0 for all classes are compared through integers ``M·x + B`` with the least M, a power
    of two, for which every pair of classes is ordered as the real outputs are, for all integers x; the lowest index
    wins a tie in both.  With other scales the logits alone leave the network.
    """
    nothing = np.zeros(sums.biases.shape, np.int64)
    alone = Winner((sums,), 1, nothing, {})
    if output.affine is None or output.shape != sums.biases.shape or len(nothing) < 2:
        return alone
    scale, offset = (np.broadcast_to(part, output.shape) for part in output.affine)
    if not (scale == scale[0]).all() or not scale[0] > 0:
        return alone
    scales = {sums.name: Fraction(float(scale[0]))}
    shift = [Fraction(float(value)) / Fraction(float(scale[0])) for value in offset]
    multiplier = 1
    while multiplier <= MULTIPLIER_LIMIT:
        bias = [round(multiplier * (value - shift[0])) for value in shift]
        weights = sums.weights * multiplier
        bits, _ = width_bits(min(int(weights.min()), -1), int(weights.max()))
        if bits > 16:
            break
        if _same_order(shift, bias, multiplier):
            biases = np.array(bias, np.int64)
            dense = replace(sums, weights=weights, weight_bits=bits, bias=biases)
            scales = {sums.name: scales[sums.name] / multiplier}
            return Winner((dense, Argmax("winner", sums.name)), multiplier, biases, scales)
        multiplier *= 2
    return alone


def _same_order(shift: list[Fraction], bias: list[int], multiplier: int) -> bool:
    """Whether x_i + shift_i and M·x_i + bias_i are ordered alike for all integers x, ties included."""
    for i in range(len(shift)):
        for j in range(i):
            real, made = shift[j] - shift[i], bias[j] - bias[i]
            # n = x_i - x_j decides; only the integers beside the real difference can be told apart
            for n in {real.numerator // real.denominator, -(-real.numerator // real.denominator)}:
                if ((n > real) - (n < real)) != ((multiplier * n > made) - (multiplier * n < made)):
                    return False
    return True
