"""Elementwise operations of a QONNX file: each a correctly rounded step with a constant, or a change of shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.moves import transposed
from amos_hdl.frontend.importers.onnx_file import Node
from amos_hdl.frontend.importers.pointwise import (
    Float,
    Pointwise,
    add,
    batch_norm,
    divide,
    multiply,
    subtract,
    subtract_from,
)
from amos_hdl.frontend.importers.sums import Constant

Value = Constant | Pointwise


_Formula = Callable[[Pointwise, Float], Pointwise]


def _step(of_tensor: _Formula, of_constant: _Formula) -> Callable[[Node, list[Value], str], Value]:
    """Return a step for a two-sided operation: which side is the constant decides the formula."""

    def step(node: Node, arguments: list[Value], where: str) -> Pointwise:
        first, second = arguments
        if isinstance(first, Pointwise) and isinstance(second, Constant):
            return of_tensor(first, fitted(first, second, where))
        if isinstance(first, Constant) and isinstance(second, Pointwise):
            return of_constant(second, fitted(second, first, where))
        raise ImportedModelError("arguments", where=where, expected="a tensor of the image and a constant")

    return step


def fitted(tensor: Pointwise, constant: Constant, where: str) -> Float:
    """Return the constant as float32 without a batch axis, after checking that it does not make the tensor larger."""
    array: Float = constant.array.astype(np.float32)
    while array.ndim > len(tensor.shape) and array.shape[0] == 1:
        array = array[0]
    try:
        fits = np.broadcast_shapes(array.shape, tensor.shape) == tensor.shape
    except ValueError:
        fits = False
    if not fits:
        raise ImportedModelError("shapes", where=where, expected=str(tensor.shape), got=str(array.shape))
    return array


def _divided(node: Node, arguments: list[Value], where: str) -> Pointwise:
    tensor, divisor = arguments
    if not isinstance(tensor, Pointwise) or not isinstance(divisor, Constant):
        raise ImportedModelError("division by a tensor of the image", where=where, expected="by a constant")
    if not divisor.array.all():
        raise ImportedModelError("division by 0", where=where)
    return divide(tensor, fitted(tensor, divisor, where))


def _normalised(node: Node, arguments: list[Value], where: str) -> Pointwise:
    tensor, *rest = arguments
    if not isinstance(tensor, Pointwise) or len(rest) != 4 or not all(isinstance(part, Constant) for part in rest):
        raise ImportedModelError("parameters", where=where, expected="four constants")
    column = (-1, *[1] * (len(tensor.shape) - 1))
    arrays = [part.array.astype(np.float32).reshape(column) for part in rest if isinstance(part, Constant)]
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    if len({array.shape for array in arrays}) != 1 or arrays[0].shape[0] != tensor.shape[0]:
        raise ImportedModelError("parameters", where=where, expected=f"{tensor.shape[0]}, one per channel")
    if (arrays[3] + np.float32(epsilon) <= 0).any():
        raise ImportedModelError("variance", where=where, expected="above 0", got=repr(float(arrays[3].min())))
    gamma, beta, mean, variance = arrays
    return batch_norm(tensor, gamma, beta, mean, variance, epsilon)


def _clipped(node: Node, arguments: list[Value], where: str) -> Pointwise:
    tensor, *bounds = arguments
    if not isinstance(tensor, Pointwise) or not all(isinstance(bound, Constant) for bound in bounds):
        raise ImportedModelError("bounds", where=where, expected="constants")
    numbers = [np.float32(bound.array) for bound in bounds if isinstance(bound, Constant)]
    low = np.float32(0) if node.kind == "Relu" else (numbers or [node.attributes.get("min", -np.inf)])[0]
    high = np.float32(np.inf) if node.kind == "Relu" else (numbers[1:] or [node.attributes.get("max", np.inf)])[0]
    return tensor.then(lambda x: np.clip(x, np.float32(low), np.float32(high)), None, 0)


def _same(node: Node, arguments: list[Value], where: str) -> Pointwise:
    if not isinstance(arguments[0], Pointwise):
        raise ImportedModelError("input", where=where, expected="a tensor of the image first", got="a constant")
    return arguments[0]


def _reshaped(node: Node, arguments: list[Value], where: str) -> Pointwise:
    tensor, *rest = arguments
    if not isinstance(tensor, Pointwise):
        raise ImportedModelError("shape that depends on the image", where=where)
    size = int(np.prod(tensor.shape))
    if node.kind == "Flatten":
        target = [1, size] if node.attributes.get("axis", 1) == 1 else []
    else:
        target = [int(n) for n in rest[0].array.ravel()] if rest and isinstance(rest[0], Constant) else []
        if 0 in target:
            target = [(1, *tensor.shape)[axis] if n == 0 else n for axis, n in enumerate(target)]
        if target.count(-1) == 1:
            known = -int(np.prod(target))
            target = [size // max(known, 1) if n == -1 else n for n in target]
    if not target or target[0] != 1 or int(np.prod(target)) != size:
        got = str(target or node.attributes.get("axis"))
        raise ImportedModelError("new shape", where=where, expected=f"(batch, ...) with {size} elements", got=got)
    return tensor.reshaped(tuple(target[1:]))


def _transposed(node: Node, arguments: list[Value], where: str) -> Pointwise:
    return transposed(_same(node, arguments, where), [int(axis) for axis in node.attributes.get("perm", ())], where)


#: What each operation makes of its arguments, of which one is a tensor of the image.
STEPS: Mapping[str, Callable[[Node, list[Value], str], Value]] = {
    "Mul": _step(multiply, multiply),
    "Add": _step(add, add),
    "Sub": _step(subtract, subtract_from),
    "Div": _divided,
    "BatchNormalization": _normalised,
    "Relu": _clipped,
    "Clip": _clipped,
    "Identity": _same,
    "Dropout": _same,
    "Cast": _same,
    "Flatten": _reshaped,
    "Reshape": _reshaped,
    "Transpose": _transposed,
}
