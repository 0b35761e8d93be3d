"""Pools and sums of a QONNX file: operations on integers, and what their integers stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.onnx_file import Node
from amos_hdl.frontend.importers.pointwise import ROUND_OFF, Pointwise, is_power
from amos_hdl.frontend.importers.sums import per_channel
from amos_hdl.network import Tensor
from amos_hdl.network.operations import Add, MaxPool, SumPool, Window

#: Greatest whole factor between the scales of two branches of a sum.
FACTOR_LIMIT = 1 << 16


def window_of(node: Node, kernel: tuple[int, ...], where: str) -> Window:
    """Return the window of a convolution or pool.  Raises ImportedModelError for what is not supported."""
    get = node.attributes.get
    if len(kernel) != 2 or any(step != 1 for step in get("dilations", [1])) or get("ceil_mode", 0):
        expected = "two-dimensional, dilation 1, no ceil_mode"
        raise ImportedModelError("window", where=where, expected=expected)
    if get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise ImportedModelError("auto_pad", where=where, expected="NOTSET", got=repr(get("auto_pad")))
    top, left, bottom, right = get("pads", [0] * 4)
    return Window.of(kernel, get("strides", [1, 1]), (top, bottom, left, right), where)


def max_pool(name: str, tensor: Pointwise, source: Tensor, window: Window, where: str) -> tuple[MaxPool, Pointwise]:
    """Return the pool of the integers: a function that only rises may be taken after the greatest as well as before.

    Raises ImportedModelError if a channel falls with its integers.
    """
    column = (-1, *[1] * (len(tensor.shape) - 1))
    low, high = (tensor.floats(side.reshape(1, *column)[0][None]) for side in (source.low, source.high))
    if (high < low).any():
        hint = "put the quantizer in front of the pool"
        raise ImportedModelError("pool of values that fall with the sum", where=where, hint=hint)
    pool = MaxPool(name, tensor.source, window.kernel, window.stride, window.padding)
    return pool, replace(tensor, source=name, shape=pool.result(source).shape)


def average_pool(
    name: str, tensor: Pointwise, source: Tensor, window: Window | None, where: str
) -> tuple[SumPool, Pointwise]:
    """Return the sum of each window (None: the whole map); the division is in the scale.

    Raises ImportedModelError if the values are not integers times a scale.
    """
    if tensor.affine is None:
        raise ImportedModelError("mean of numbers that are no integers", where=where, expected="a quantizer before it")
    scale, offset = tensor.affine
    if window is None:
        pool, area = SumPool(name, tensor.source), int(np.prod(tensor.shape[1:]))
    else:
        if any(window.padding):
            raise ImportedModelError("padding of a mean", where=where, expected="none")
        pool, area = SumPool(name, tensor.source, window.kernel, window.stride), int(np.prod(window.kernel))
    result = Pointwise.of(name, pool.result(source).shape, scale / area, offset)
    greatest = np.maximum(np.abs(source.low), np.abs(source.high)).astype(np.float64)
    column = greatest.reshape(-1, *[1] * (len(tensor.shape) - 1))
    # with a zero point the values are still whole numbers of the scale
    shift = offset / scale
    exact = not tensor.roundings and is_power(scale) and bool((shift == np.round(shift)).all())
    exact = exact and area * (column + np.abs(shift)).max() < 1 << 24
    if exact and not area & (area - 1):
        return pool, result
    # sums that are exact are divided, or multiplied by the rounded reciprocal: two roundings; others cost one each
    roundings = 3 if exact else area + tensor.roundings + 3
    error = roundings * ROUND_OFF / (1 - roundings * ROUND_OFF) * (np.abs(scale) * column + np.abs(offset))
    return pool, replace(result, error=error, roundings=roundings)


def added(
    name: str, tensors: tuple[Pointwise, Pointwise], sources: tuple[Tensor, Tensor], where: str
) -> tuple[Add, Pointwise]:
    """Return the sum of two tensors, the integers multiplied by whole factors that make their scales equal.

    Raises ImportedModelError if a tensor is not integers times a scale, or no whole factors exist.
    """
    if any(tensor.affine is None for tensor in tensors):
        raise ImportedModelError("sum of numbers that are no integers", where=where, expected="quantizers before it")
    if tensors[0].shape != tensors[1].shape:
        got = f"{tensors[0].shape} and {tensors[1].shape}"
        raise ImportedModelError("shapes of a sum", where=where, expected="equal ones", got=got)
    affine = [tensor.affine for tensor in tensors if tensor.affine is not None]
    scales = np.stack([per_channel(part[0], tensors[0].shape, where) for part in affine])  # (tensor, channel)
    offsets = np.stack([per_channel(part[1], tensors[0].shape, where) for part in affine])
    unit = np.abs(scales).min(axis=0)
    factors = np.round(scales / unit)
    if not (factors * unit == scales).all() or np.abs(factors).max() > FACTOR_LIMIT:
        expected = "equal, or one a whole multiple of the other"
        raise ImportedModelError("scales of a sum", where=where, expected=expected, hint="share one scale")
    whole = factors.astype(np.int64)
    plain = whole[:, 0] if (whole == whole[:, :1]).all() else whole
    operation = Add(name, [tensor.source for tensor in tensors], plain)
    column = (-1, *[1] * (len(tensors[0].shape) - 1))
    result = Pointwise.of(name, tensors[0].shape, unit.reshape(column), offsets.sum(axis=0).reshape(column))
    greatest = np.stack([np.maximum(np.abs(s.low), np.abs(s.high)) for s in sources]).astype(np.float64)
    partial = (np.abs(scales) * greatest + np.abs(offsets)).sum(axis=0)
    shift = offsets / unit
    exact = is_power(unit) and (shift == np.round(shift)).all() and (partial / unit).max() < 1 << 24
    roundings = sum(tensor.roundings for tensor in tensors)
    if exact and not roundings:
        return operation, result
    error = (roundings + 2) * ROUND_OFF * partial.reshape(column)
    return operation, replace(result, error=error, roundings=roundings + 2)
