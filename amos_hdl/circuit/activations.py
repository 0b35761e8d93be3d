"""Activation functions by name, as they are defined where they come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import CircuitError

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Activation:
    """A function of one real number.

    Parameters
    ----------
    name : str
    function : callable
        From an array of any shape to an array of that shape.
    equation : str
    low, high : float
        The range on which it is approximated unless told otherwise.
    """

    name: str
    function: Callable[[Real], Real]
    equation: str
    low: float = -8.0
    high: float = 8.0

    def __call__(self, x: npt.ArrayLike) -> Real:
        """Return f(x)."""
        return np.asarray(self.function(np.asarray(x, np.float64)), np.float64)


def _sigmoid(x: Real) -> Real:
    # of the two equal forms the one that does not overflow
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _softplus(x: Real) -> Real:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


_erf = np.vectorize(math.erf, otypes=[np.float64])

_ALL = (
    Activation("relu", lambda x: np.maximum(x, 0), "max(x, 0)", -4, 16),
    Activation("relu6", lambda x: np.clip(x, 0, 6), "min(max(x, 0), 6)", -2, 8),
    Activation("leaky_relu", lambda x: np.where(x >= 0, x, 0.01 * x), "x if x >= 0 else x/100"),
    Activation("sigmoid", _sigmoid, "1/(1 + exp(-x))", -10, 10),
    Activation("tanh", np.tanh, "tanh(x)", -5, 5),
    Activation("swish", lambda x: x * _sigmoid(x), "x/(1 + exp(-x))", -8, 12),
    Activation("gelu", lambda x: x * 0.5 * (1 + _erf(x / math.sqrt(2))), "x·Φ(x)", -8, 12),
    Activation("hard_swish", lambda x: x * np.clip(x + 3, 0, 6) / 6, "x·min(max(x + 3, 0), 6)/6", -8, 12),
    Activation("hard_sigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), "min(max(x/6 + 1/2, 0), 1)", -5, 5),
    Activation("softplus", _softplus, "log(1 + exp(x))", -8, 12),
    Activation("elu", lambda x: np.where(x >= 0, x, np.expm1(np.minimum(x, 0))), "x if x >= 0 else exp(x) - 1"),
    Activation("mish", lambda x: x * np.tanh(_softplus(x)), "x·tanh(log(1 + exp(x)))", -8, 12),
    Activation("identity", lambda x: x, "x"),
    Activation("sign", lambda x: np.where(x >= 0, 1.0, -1.0), "1 if x >= 0 else -1"),
    Activation("abs", np.abs, "|x|"),
    Activation("square", np.square, "x²", -4, 4),
)

#: All activations by name; ``silu`` is another name of ``swish``.
ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {activation.name: activation for activation in _ALL} | {"silu": next(a for a in _ALL if a.name == "swish")}
)


def find_activation(name: str) -> Activation:
    """Return the activation called ``name``.  Raises CircuitError that lists the known ones."""
    if name not in ACTIVATIONS:
        raise CircuitError("unknown activation", expected=f"one of {', '.join(sorted(ACTIVATIONS))}", got=repr(name))
    return ACTIVATIONS[name]
