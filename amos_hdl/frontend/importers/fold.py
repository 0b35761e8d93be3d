"""Nodes of an ONNX file whose inputs are all constants: computed once, as ONNX Runtime would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.onnx_file import QUANTIZERS, Node
from amos_hdl.frontend.importers.rounding import quantizer_of
from amos_hdl.frontend.importers.sums import Constant

Array = npt.NDArray[Any]

#: Most elements of a folded constant.
ELEMENT_LIMIT = 1 << 28


def _unsqueeze(node: Node, values: list[Array]) -> Array:
    axes = node.attributes.get("axes", values[1].tolist() if len(values) > 1 else [])
    return np.expand_dims(values[0], tuple(int(axis) for axis in np.atleast_1d(axes)))


def _squeeze(node: Node, values: list[Array]) -> Array:
    axes = node.attributes.get("axes", values[1].tolist() if len(values) > 1 else None)
    return np.squeeze(values[0], None if axes is None else tuple(int(axis) for axis in np.atleast_1d(axes)))


def _power(node: Node, values: list[Array]) -> Array:
    base, exponent = values
    # the runtime takes the square root, which rounds correctly, where the general power need not
    return np.sqrt(base) if exponent.size == 1 and float(exponent.ravel()[0]) == 0.5 else np.power(base, exponent)


def _reshape(node: Node, values: list[Array]) -> Array:
    shape = [values[0].shape[axis] if n == 0 else int(n) for axis, n in enumerate(values[1].tolist())]
    return values[0].reshape(shape)


def _cast(node: Node, values: list[Array]) -> Array:
    # codes of ONNX's TensorProto.DataType: float, int32, int64, double
    kinds = {1: np.float32, 6: np.int32, 7: np.int64, 11: np.float64}
    return values[0].astype(kinds[int(node.attributes["to"])])


def _slice(node: Node, values: list[Array]) -> Array:
    data, starts, ends, *rest = values
    axes = rest[0].tolist() if rest else list(range(len(starts)))
    steps = rest[1].tolist() if len(rest) > 1 else [1] * len(starts)
    cut = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        cut[axis] = slice(start, end, step)
    return data[tuple(cut)]


_FOLDED: dict[str, Callable[[Node, list[Array]], Array]] = {
    "Constant": lambda node, values: np.asarray(next(iter(node.attributes.values()))),
    "Identity": lambda node, values: values[0],
    "Shape": lambda node, values: np.array(values[0].shape, np.int64),
    "Gather": lambda node, values: np.take(values[0], values[1], axis=int(node.attributes.get("axis", 0))),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Concat": lambda node, values: np.concatenate(values, axis=int(node.attributes["axis"])),
    "Reshape": _reshape,
    "Transpose": lambda node, values: values[0].transpose(node.attributes.get("perm")),
    "Mul": lambda node, values: values[0] * values[1],
    "Div": lambda node, values: values[0] / values[1] if values[0].dtype.kind == "f" else values[0] // values[1],
    "Add": lambda node, values: values[0] + values[1],
    "Sub": lambda node, values: values[0] - values[1],
    "Neg": lambda node, values: -values[0],
    "Sqrt": lambda node, values: np.sqrt(values[0]),
    "Pow": _power,
    "Cast": _cast,
    "Slice": _slice,
}


def fold(node: Node, constants: list[Constant], where: str) -> Constant:
    """Return the constant that ``node`` makes of ``constants``; a quantizer's result keeps its integers.

    Raises ImportedModelError for an operation that is not known, or values that do not fit it.
    """
    if node.kind in QUANTIZERS:
        quantizer = quantizer_of(node, [constant.array for constant in constants[1:]], where)
        codes = quantizer.code(constants[0].array.astype(np.float32))
        codes = (2 * codes - 1 if quantizer.double else codes).astype(np.float32)
        scale, offset = quantizer.scale.astype(np.float32), quantizer.offset.astype(np.float32)
        if np.any(offset):
            # (code - zero)·scale: the zero point moves the integers, not the scale
            moved = quantizer.offset / quantizer.scale
            whole = np.round(moved)
            if np.any(np.abs(moved - whole) > 1e-6 * (1 + np.abs(whole))):
                raise ImportedModelError("zero point of constants", where=where, expected="whole", got=f"{-moved}")
            codes = codes + whole.astype(np.float32)
        return Constant(codes * scale, codes.astype(np.int64), np.broadcast_to(quantizer.scale, codes.shape))
    if node.kind == "Transpose":
        return constants[0].mapped(lambda array: array.transpose(node.attributes.get("perm")))
    if node.kind not in _FOLDED or node.domain:
        expected = f"one of {', '.join(_FOLDED)}"
        raise ImportedModelError("unsupported operation on constants", where=where, expected=expected)
    try:
        array = np.asarray(_FOLDED[node.kind](node, [constant.array for constant in constants]))
    except (ValueError, IndexError, KeyError, TypeError, MemoryError, ArithmeticError, StopIteration) as failure:
        raise ImportedModelError("constants that do not fit", where=where, got=str(failure)[:120]) from failure
    if array.size > ELEMENT_LIMIT or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise ImportedModelError("constant", where=where, expected=f"finite, at most {ELEMENT_LIMIT} elements")
    return Constant(array)
