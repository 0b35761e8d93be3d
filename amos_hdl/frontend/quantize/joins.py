"""Sums and products of several tensors, whose scales have to meet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats import Concat, Product, Sum
from amos_hdl.frontend.quantize.making import Making, Value
from amos_hdl.frontend.quantize.products import product_of_units
from amos_hdl.frontend.quantize.scaled import Scaled, Sums, short_factor
from amos_hdl.network.operations import Add, Multiply
from amos_hdl.network.operations import Concat as ConcatOperation

Real = npt.NDArray[np.float64]

#: Greatest multiplier with which scales are made equal, and how far off, relatively, the scale may then be.
MULTIPLIER_LIMIT, MULTIPLIER_ERROR = 1 << 12, 1 / 512


def sum_of(making: Making, node: Sum, given: list[Value]) -> Scaled:
    """Return the sum on one scale per channel: sums of weights choose theirs so that the factors are short.

    Units of unrelated scales meet on a common one of which each is a whole multiple within ``MULTIPLIER_ERROR``.

    Raises ImportedModelError if there is none.
    """
    # a channel that a factor of 0 has made constant has no scale to meet on: coded anew it has one
    given = [
        making.recoded(value, name, node.place) if isinstance(value, Scaled) and not value.scale.all() else value
        for value, name in zip(given, node.inputs, strict=True)
    ]
    parts_made = [value for value in given if isinstance(value, Scaled)]
    least = [value.least_scale for value in given if isinstance(value, Sums)]
    if parts_made:
        common = _common(np.stack([np.abs(part.scale) for part in parts_made]))
        if least:
            coarsest = np.max(least, axis=0)
            # finer steps for the sums: the others are multiplied by what is between; for channels of next to
            # nothing steps need not be as fine as they could
            finer = short_factor(np.clip(common / coarsest, 1, MULTIPLIER_LIMIT))
            unit = common / finer
            # steps coarser than the common one are whole multiples of it
            steps = np.where(common < coarsest, common * np.ceil(coarsest / common), unit)
        else:
            unit = steps = common
    else:
        unit = steps = np.max(least, axis=0)
    parts = [making.made(value, steps) for value in given]
    multipliers = np.stack([np.round(part.scale / unit).astype(np.int64) for part in parts])
    if np.abs(multipliers).max() > MULTIPLIER_LIMIT * 64 or not multipliers.all():
        expected = f"ratios of at most {MULTIPLIER_LIMIT}"
        raise ImportedModelError("scales of the branches of a sum", where=node.place, expected=expected)
    plain = multipliers[:, 0] if (multipliers == multipliers[:, :1]).all() else multipliers
    name = making.append(Add(making.name(node.name), [part.source for part in parts], plain))
    offset = np.sum([part.offset for part in parts], axis=0)
    return Scaled(name, np.array(unit), offset)


def product_of(making: Making, node: Product, given: list[Value]) -> Scaled:
    """Return the product of two tensors, as a real one or of units."""
    first, second = (
        making.centred(making.narrow(value, name, node.place), name, node.place)
        for value, name in zip(given, node.inputs, strict=True)
    )
    if making.options.products == "units":
        return product_of_units(making, node, first, second)
    name = making.append(Multiply(making.name(node.name), [first.source, second.source]))
    scale = first.scale * second.scale
    return Scaled(name, scale, np.zeros_like(scale))


def concat_of(making: Making, node: Concat, given: list[Value]) -> Scaled:
    """Return the channels of all tensors, each with the scale that it has."""
    parts = [making.narrow(value, name, node.place) for value, name in zip(given, node.inputs, strict=True)]
    name = making.append(ConcatOperation(making.name(node.name), [part.source for part in parts]))
    scale, offset = (np.concatenate([getattr(part, key) for part in parts]) for key in ("scale", "offset"))
    return Scaled(name, scale, offset)


def _common(scales: Real) -> Real:
    """Return a scale per channel of which all ``scales`` ``(part, channel)`` are whole multiples, nearly.

    The least scale divided by the least power of two for which no multiple is off by more than the tolerance.
    """
    least: Real = scales.min(axis=0)
    divisor = 1
    while divisor < MULTIPLIER_LIMIT:
        unit: Real = least / divisor
        multiples = np.round(scales / unit)
        if (np.abs(multiples * unit / scales - 1) <= MULTIPLIER_ERROR).all():
            return unit
        divisor *= 2
    return least / divisor
