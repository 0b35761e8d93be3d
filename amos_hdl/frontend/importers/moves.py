"""Concatenations, paddings and transpositions of a QONNX file: integers are moved, what they stand for goes along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.onnx_file import Node
from amos_hdl.frontend.importers.pointwise import Float, Pointwise
from amos_hdl.frontend.importers.sums import per_channel
from amos_hdl.network import Tensor
from amos_hdl.network.operations import Concat, Pad

Array = npt.NDArray[Any]
Widths = tuple[tuple[int, int], tuple[int, int]]


def concatenated(name: str, tensors: Sequence[Pointwise], where: str) -> tuple[Concat, Pointwise]:
    """Return the channels of all tensors, one after another; each keeps its own scale and formula.

    Raises ImportedModelError for maps of different sizes.
    """
    if len({tensor.shape[1:] for tensor in tensors}) != 1:
        got = " and ".join(str(tensor.shape) for tensor in tensors)
        raise ImportedModelError("shapes of a concatenation", where=where, expected="maps of one size", got=got)
    ends = np.cumsum([tensor.shape[0] for tensor in tensors]).tolist()
    parts = [(tensor, slice(end - tensor.shape[0], end)) for tensor, end in zip(tensors, ends, strict=True)]

    def joined(key: Callable[[Pointwise], Array]) -> Array:
        return np.concatenate([_columns(key(tensor), tensor.shape) for tensor in tensors])

    def step(values: Float) -> Float:
        return np.concatenate([_formula(tensor, values[:, part]) for tensor, part in parts], axis=1)

    affine = [(tensor.affine, tensor.shape) for tensor in tensors if tensor.affine is not None]
    both = None
    if len(affine) == len(tensors):
        factors, terms = (np.concatenate([_columns(pair[n], shape) for pair, shape in affine]) for n in (0, 1))
        both = factors, terms
    result = Pointwise(
        name,
        (ends[-1], *tensors[0].shape[1:]),
        joined(lambda tensor: tensor.scale),
        joined(lambda tensor: tensor.offset),
        joined(lambda tensor: tensor.error),
        (step,) if any(tensor.steps for tensor in tensors) else (),
        both,
        max(tensor.roundings for tensor in tensors),
    )
    return Concat(name, [tensor.source for tensor in tensors]), result


def _columns(part: Array, shape: tuple[int, ...]) -> Array:
    """Return ``part`` with one value per channel, or per element where it differs within a channel."""
    column = (shape[0], *[1] * (len(shape) - 1))
    fits = np.broadcast_shapes(part.shape, column) == column
    return np.broadcast_to(part, column if fits else shape)


def _formula(tensor: Pointwise, values: Float) -> Float:
    for step in tensor.steps:
        values = step(values)
    return values


def padding_of(node: Node, constants: Sequence[Array], where: str) -> tuple[Widths, np.float32]:
    """Return rows and columns, before and after, and the value that a Pad node puts there.

    Raises ImportedModelError for other modes than constant, or channels or images that are padded.
    """
    mode = str(node.attributes.get("mode", "constant"))
    pads = node.attributes.get("pads", constants[0].ravel().tolist() if constants else [])
    pads = [int(width) for width in pads]
    if mode != "constant" or len(pads) != 8 or any(pads[axis] for axis in (0, 1, 4, 5)) or min(pads) < 0:
        expected = "constants around rows and columns"
        raise ImportedModelError("padding", where=where, expected=expected, got=f"{mode}, {pads}")
    value = constants[1].ravel()[0] if len(constants) > 1 and constants[1].size else node.attributes.get("value", 0.0)
    return ((pads[2], pads[6]), (pads[3], pads[7])), np.float32(value)


def padded(
    name: str, tensor: Pointwise, source: Tensor, widths: Widths, value: np.float32, where: str
) -> tuple[Pad, Pointwise]:
    """Return the larger map; around it stands the integer that the executor's formula turns into ``value``.

    Raises ImportedModelError if there is none, or not the same for all channels.
    """
    column = (-1, 1, 1)
    scale, offset, error = (
        per_channel(part, tensor.shape, where).reshape(column) for part in (tensor.scale, tensor.offset, tensor.error)
    )
    affine = tensor.affine
    if affine is not None:
        factor, shift = (per_channel(part, tensor.shape, where).reshape(column) for part in affine)
        affine = (factor, shift)
    integers = np.zeros((1, tensor.shape[0], 1, 1), np.int64)
    if affine is not None and (affine[0] != 0).all():
        integers = np.round((float(value) - affine[1]) / affine[0]).astype(np.int64)[None]
    moved = replace(tensor, scale=scale, offset=offset, error=error, affine=affine)
    number = int(integers.flat[0])
    if (integers != number).any() or (moved.floats(integers) != value).any():
        hint = "pad where the value is an integer of the scale, such as 0 after a quantizer without zero point"
        raise ImportedModelError("padding with what is no integer", where=where, got=repr(float(value)), hint=hint)
    pad = Pad(name, tensor.source, ((0, 0), *widths), number)
    return pad, replace(moved, source=name, shape=pad.result(source).shape)


def transposed(tensor: Pointwise, order: Sequence[int], where: str) -> Pointwise:
    """Return the tensor with its axes in another order, batch first, where that leaves the order of its elements.

    Raises ImportedModelError if elements change places.
    """
    rank = len(tensor.shape) + 1
    order = list(order) or list(range(rank))[::-1]
    if sorted(order) != list(range(rank)) or order[0] != 0:
        raise ImportedModelError("axes", where=where, expected="the batch first, then each once", got=str(order))
    shape = (1, *tensor.shape)
    moving = [axis for axis in order if shape[axis] != 1]
    if moving != sorted(moving):
        hint = "keep channel, row, column; axes of length 1 may move"
        raise ImportedModelError("transposition", where=where, got=f"{order} of {tensor.shape}", hint=hint)
    return tensor.reshaped(tuple(shape[axis] for axis in order[1:]))
