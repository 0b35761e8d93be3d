"""QONNX's quantizers as the executor computes them: integer codes of float32 values, and what a code stands for.

Source: A. Pappalardo et al., "QONNX: Representing Arbitrary-Precision Quantized Neural Networks", arXiv:2206.07527;
formulas and order of operations of the qonnx package's executor (``custom_op/general``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.onnx_file import Node
from amos_hdl.frontend.importers.pointwise import Float, Real

Array = npt.NDArray[np.generic]
Rounding = Callable[[Float], Float]

#: Roundings by the names of the attribute; ``ROUND`` is half to even.
ROUNDINGS: dict[str, Rounding] = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "DOWN": np.trunc,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + np.float32(0.5)),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - np.float32(0.5)),
}


@dataclass(frozen=True, eq=False)
class Quantizer:
    """One quantizing node.

    Members
    -------
    code : callable
        Float32 values to whole numbers, float32.
    scale, offset : float64
        A code n stands for scale·n + offset (before the executor rounds it to float32).
    double : bool
        Codes are 0 and 1 and stand for -1 and +1 times ``scale``; offset is then 0.
    """

    code: Callable[[Float], Float]
    scale: Real
    offset: Real
    double: bool = False


def quantizer_of(node: Node, constants: list[Array], where: str) -> Quantizer:
    """Return what a Quant, BipolarQuant, Trunc or MultiThreshold node computes.

    Parameters
    ----------
    node : Node
    constants : list of arrays
        Its inputs after the first.
    where : str
        Of the node, for errors.

    Raises ImportedModelError for scales that are not positive or an unknown rounding.
    """
    values = [np.asarray(constant) for constant in constants]
    match node.kind:
        case "BipolarQuant":
            scale = _scale(values[0], where)
            return Quantizer(lambda x: (x >= 0).astype(np.float32), scale.astype(np.float64), np.zeros(()), True)
        case "MultiThreshold":
            return _multi_threshold(node, values[0], where)
        case "Trunc":
            return _trunc(node, values, where)
        case _:
            return _quant(node, values, where)


def _scale(values: Array, where: str) -> Float:
    scale: Float = np.asarray(values, np.float32)
    if not (scale > 0).all():
        raise ImportedModelError("scale of a quantizer", where=where, expected="above 0", got=repr(float(scale.min())))
    return scale


def _rounding(node: Node, default: str, where: str) -> Rounding:
    name = str(node.attributes.get("rounding_mode", default)).upper()
    if name not in ROUNDINGS:
        expected = ", ".join(ROUNDINGS)
        raise ImportedModelError("rounding_mode", where=where, expected=f"one of {expected}", got=repr(name))
    return ROUNDINGS[name]


def _switch(node: Node, name: str, default: int, where: str) -> bool:
    """Return an attribute that may be 0 or 1."""
    value = node.attributes.get(name, default)
    if value not in (0, 1):
        raise ImportedModelError(name, where=where, expected="0 or 1", got=repr(value))
    return bool(value)


def _interval(bits: Array, signed: bool, narrow: bool, where: str) -> tuple[np.float32, np.float32]:
    """Return least and greatest integer of a width, which the file keeps as a float."""
    width = float(np.asarray(bits, np.float64).ravel()[0])
    if np.size(bits) != 1 or not 1 <= width <= 32 or width != int(width):
        raise ImportedModelError("bits of a quantizer", where=where, expected="one number, 1 to 32", got=repr(width))
    if signed:
        return np.float32(-(2 ** (width - 1)) + narrow), np.float32(2 ** (width - 1) - 1)
    return np.float32(0), np.float32(2**width - 1 - narrow)


def _quant(node: Node, values: list[Array], where: str) -> Quantizer:
    scale, zero = _scale(values[0], where), np.asarray(values[1], np.float32)
    signed, narrow = _switch(node, "signed", 1, where), _switch(node, "narrow", 0, where)
    low, high = _interval(values[2], signed, narrow, where)
    rounding = _rounding(node, "ROUND", where)
    if signed and float(np.asarray(values[2], float).ravel()[0]) == 1:
        if zero.any():
            raise ImportedModelError("zero point of a bipolar quantizer", where=where, expected="0")
        return Quantizer(lambda x: (x / scale >= 0).astype(np.float32), scale.astype(np.float64), np.zeros(()), True)

    def code(x: Float) -> Float:
        scaled = x / scale + zero
        return rounding(np.where(scaled < low, low, np.where(scaled > high, high, scaled)))

    return Quantizer(code, scale.astype(np.float64), -zero.astype(np.float64) * scale)


def _trunc(node: Node, values: list[Array], where: str) -> Quantizer:
    """Return the truncation of integers to fewer bits, versions 1 (five inputs) and 2 (six inputs)."""
    scale, zero = _scale(values[0], where), np.asarray(values[1], np.float32)
    rounding = _rounding(node, "FLOOR", where)
    if len(values) == 4:
        factor = np.array(2.0 ** (float(values[2].ravel()[0]) - float(values[3].ravel()[0])), np.float32)

        def code(x: Float) -> Float:
            whole: Float = np.round(x / scale + zero)
            return rounding(whole / factor)

        return Quantizer(code, scale.astype(np.float64), -zero.astype(np.float64) * scale)
    out_scale = _scale(values[3], where)
    signed, narrow = _switch(node, "signed", 1, where), _switch(node, "narrow", 0, where)
    low, high = _interval(values[4], signed, narrow, where)
    power = 2 ** np.round(np.log2(out_scale / scale))

    def clipped(x: Float) -> Float:
        y = np.round(x / scale + zero) / power
        return rounding(np.where(y < low, low, np.where(y > high, high, y)))

    return Quantizer(clipped, out_scale.astype(np.float64), -(zero / power).astype(np.float64) * out_scale)


def _multi_threshold(node: Node, thresholds: Array, where: str) -> Quantizer:
    """Return the count of thresholds reached, scaled and moved; thresholds are of shape (channel or 1, step)."""
    steps = np.asarray(thresholds, np.float32)
    if steps.ndim != 2:
        raise ImportedModelError("thresholds", where=where, expected="(channel, step)", got=repr(steps.shape))
    layout = str(node.attributes.get("data_layout", "") or "")

    def code(x: Float) -> Float:
        axis = layout.index("C") if "C" in layout else 1
        moved = np.moveaxis(x, axis, -1)
        counts: Float = np.moveaxis((moved[..., None] >= steps).sum(-1), -1, axis).astype(np.float32)
        return counts

    scale, bias = (
        np.float64(node.attributes.get(key, default)) for key, default in (("out_scale", 1), ("out_bias", 0))
    )
    if not scale > 0:
        raise ImportedModelError("out_scale", where=where, expected="above 0", got=repr(float(scale)))
    return Quantizer(code, np.asarray(scale), np.asarray(bias))
