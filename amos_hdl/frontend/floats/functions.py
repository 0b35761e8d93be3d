"""Elementwise functions by the names that PyTorch and ONNX give them, with their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.activations import find_activation

Real = npt.NDArray[np.float64]
Function = Callable[[Real], Real]


@dataclass(frozen=True, eq=False)
class PerChannel:
    """A function of its own for each of so many channels: takes and gives arrays ``(..., channel)``."""

    channels: int
    function: Function

    def __call__(self, x: Real) -> Real:
        """Return the function of ``x``, whose last axis is that of the channels."""
        return self.function(x)


def _named(name: str) -> Callable[..., Function]:
    """Return the maker of a function without parameters that ``circuit`` knows."""
    return lambda: find_activation(name)


def _clamp(low: float | None = None, high: float | None = None) -> Function:
    return lambda x: np.clip(x, -np.inf if low is None else low, np.inf if high is None else high)


def _leaky(slope: float = 0.01) -> Function:
    return lambda x: np.where(x >= 0, x, slope * x)


def prelu(slopes: Real) -> Function:
    """Return x for x >= 0, else slope·x: one slope for all channels, or one for each."""
    if slopes.size == 1:
        return _leaky(float(slopes.reshape(-1)[0]))
    each = slopes.reshape(-1).astype(np.float64)
    return PerChannel(each.size, lambda x: np.where(x >= 0, x, each * x))


def _shrink(bound: float = 0.5, bias: float | None = None) -> Function:
    """Return 0 within ``bound``, else x moved towards 0 by ``bias``, which is the bound itself if None."""
    towards = bound if bias is None else bias
    return lambda x: np.where(np.abs(x) > bound, x - np.sign(x) * towards, 0.0)


def _elu(alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Function:
    return lambda x: scale * np.where(x >= 0, x, alpha * np.expm1(np.minimum(x * input_scale, 0)))


def _celu(alpha: float = 1.0) -> Function:
    return lambda x: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x / alpha, 0)))


def _softplus(beta: float = 1.0, threshold: float = 20.0) -> Function:
    return lambda x: np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)


def _gelu(approximate: str = "none") -> Function:
    if approximate == "tanh":
        return lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return find_activation("gelu")


def _hard_sigmoid(alpha: float = 1 / 6, beta: float = 0.5) -> Function:
    return lambda x: np.clip(alpha * x + beta, 0, 1)


def _pow(exponent: float) -> Function:
    return lambda x: np.power(x, exponent)


def _threshold(threshold: float, value: float) -> Function:
    return lambda x: np.where(x > threshold, x, value)


def _plain(function: Function) -> Callable[..., Function]:
    return lambda: function


#: Makers of functions by PyTorch's name of the operation (``torch.ops.aten``); parameters in its order.
FUNCTIONS: Mapping[str, Callable[..., Function]] = {
    "relu": _named("relu"),
    "relu6": _named("relu6"),
    "sigmoid": _named("sigmoid"),
    "tanh": _named("tanh"),
    "silu": _named("swish"),
    "gelu": _gelu,
    "mish": _named("mish"),
    "hardswish": _named("hard_swish"),
    "hardsigmoid": _hard_sigmoid,
    "hardtanh": lambda low=-1.0, high=1.0: _clamp(low, high),
    "clamp": _clamp,
    "clamp_min": lambda low: _clamp(low),
    "clamp_max": lambda high: _clamp(None, high),
    "leaky_relu": _leaky,
    "elu": _elu,
    "selu": lambda: _elu(1.6732632423543772, 1.0507009873554805),
    "celu": _celu,
    "softplus": _softplus,
    "threshold": _threshold,
    "abs": _named("abs"),
    "square": _named("square"),
    "pow": _pow,
    "log_sigmoid": _plain(lambda x: -np.logaddexp(0, -x)),
    "softsign": _plain(lambda x: x / (1 + np.abs(x))),
    "exp": _plain(np.exp),
    "expm1": _plain(np.expm1),
    "log": _plain(np.log),
    "log1p": _plain(np.log1p),
    "sqrt": _plain(np.sqrt),
    "reciprocal": _plain(np.reciprocal),
    "erf": _plain(np.vectorize(math.erf, otypes=[np.float64])),
    "sin": _plain(np.sin),
    "cos": _plain(np.cos),
    "atan": _plain(np.arctan),
    "shrink": _shrink,
    "hardshrink": lambda bound=0.5: _shrink(bound, 0.0),
    "softshrink": lambda bound=0.5: _shrink(bound),
    "rsqrt": _plain(lambda x: 1 / np.sqrt(x)),
    "exp2": _plain(np.exp2),
    "log2": _plain(np.log2),
    "log10": _plain(np.log10),
    "erfc": _plain(np.vectorize(math.erfc, otypes=[np.float64])),
    "tan": _plain(np.tan),
    "asin": _plain(np.arcsin),
    "acos": _plain(np.arccos),
    "sinh": _plain(np.sinh),
    "cosh": _plain(np.cosh),
    "asinh": _plain(np.arcsinh),
    "acosh": _plain(np.arccosh),
    "atanh": _plain(np.arctanh),
    "trunc": _plain(np.trunc),
    "frac": _plain(lambda x: x - np.trunc(x)),
    "sign": _plain(np.sign),
    "sgn": _plain(np.sign),
    "floor": _plain(np.floor),
    "ceil": _plain(np.ceil),
    "round": _plain(np.round),
}
