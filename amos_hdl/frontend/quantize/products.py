"""Products of spiking units alone, as the paper has them: no multiplier, but many gates and an error of their own.

A unit sees one potential, so the product is taken from two squares::

    x·y = ((a·x + b·y)² - (a·x - b·y)²) / (4·a·b)

Each square is a unit with a turn: a gate for the sign of its potential, and a quantizer of K bits on either side, which
is at most 1 + 2·K gates.  The paper's product units have 40 gates; here two units of at most 17 make one product.

Source: arXiv:2001.01682 (products emulated by AMOS units); the identity is that of quarter-square multipliers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amos_hdl.frontend.floats import Product
from amos_hdl.frontend.quantize.making import Making
from amos_hdl.frontend.quantize.options import PRODUCT_GATES
from amos_hdl.frontend.quantize.scaled import Scaled
from amos_hdl.frontend.quantize.units import Code, make_units
from amos_hdl.network.operations import Add, SumPool, Unit

Real = npt.NDArray[np.float64]


def product_of_units(making: Making, node: Product, first: Scaled, second: Scaled) -> Scaled:
    """Return the product of two tensors of codes whose 0 means 0; one may be a map of 1 x 1.

    a and b are powers of two with which both potentials have nearly the same range.
    """
    first, second = _spread(making, node, first, second), _spread(making, node, second, first)
    greatest = [max(1, making.tensor(part).magnitude) for part in (first, second)]
    shift = round(float(np.log2(greatest[0] / greatest[1])))
    a, b = 1 << max(0, -shift), 1 << max(0, shift)
    # both squares on one scale, on which the greatest potential has the greatest code
    limit = (1 << PRODUCT_GATES) - 1
    step = (a * greatest[0] + b * greatest[1]) ** 2 / limit
    code = Code(np.array([step]), np.zeros(1, np.int64), np.full(1, limit))
    squares = []
    for part, sign in (("sum", 1), ("difference", -1)):
        name = making.name(f"{node.name}_{part}")
        making.append(Add(name, (first.source, second.source), np.array([a, sign * b])))
        potential = making.tensor(Scaled(name, first.scale, first.offset))
        low, high = potential.low.min(keepdims=True), potential.high.max(keepdims=True)
        circuits, _ = make_units(np.square, np.ones(1), np.zeros(1), low, high, code, node.place)
        channels = np.zeros(potential.channels, np.int64)
        squares.append(making.append(Unit(making.name(f"{node.name}_square"), name, circuits, channels)))
    name = making.append(Add(making.name(node.name), squares, np.array([1, -1])))
    scale: Real = step / (4 * a * b) * first.scale * second.scale
    return Scaled(name, scale, np.zeros_like(scale))


def _spread(making: Making, node: Product, part: Scaled, other: Scaled) -> Scaled:
    """Return ``part`` on every place of the map of ``other``, by windows so large that each sees its one place."""
    mine, theirs = making.tensor(part).space, making.tensor(other).space
    if mine == theirs or mine != (1, 1):
        return part
    rows, columns = theirs
    padding = (rows - 1, rows - 1, columns - 1, columns - 1)
    name = making.append(SumPool(making.name(f"{node.name}_spread"), part.source, theirs, 1, padding))
    return Scaled(name, part.scale, part.offset)
