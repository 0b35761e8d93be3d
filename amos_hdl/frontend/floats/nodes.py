"""The kinds of nodes of a float network; each knows its shape and computes itself in NumPy.

Shapes are those of one image, ``(unit,)`` or ``(channel, row, column)``; arrays that are computed are
``(channel, batch, row, column)`` or ``(unit, batch)``, float32, as in the golden model's arithmetic.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats.functions import PerChannel
from amos_hdl.network.kernels import NUMPY
from amos_hdl.network.operations import Window

Shape = tuple[int, ...]
Float = npt.NDArray[np.float32]
Real = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Node(ABC):
    """One operation on float tensors.

    Parameters
    ----------
    name : str
        Of its result, unique in the graph.
    place : str
        Where it stands in the model, for errors.
    inputs : tuple of str
        Names of what it uses, in order.
    """

    name: str
    place: str
    inputs: tuple[str, ...]

    @abstractmethod
    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of its result.  Raises ImportedModelError if the inputs do not fit."""

    @abstractmethod
    def __call__(self, *inputs: Float) -> Float:
        """Return its result."""

    def refuse(self, what: str, expected: str, got: object) -> ImportedModelError:
        """Return the error that says what of this node is wrong."""
        return ImportedModelError(what, where=self.place, expected=expected, got=str(got))

    def _map(self, shape: Shape) -> tuple[int, int]:
        if len(shape) != 3:
            raise self.refuse("input", "(channel, row, column)", shape)
        return shape[1], shape[2]


def columns(values: npt.NDArray[np.floating], array: Float) -> Float:
    """Return one value per channel, broadcastable to ``array``."""
    shaped: Float = values.astype(np.float32).reshape(-1, *[1] * (array.ndim - 1))
    return shaped


@dataclass(frozen=True, eq=False)
class Image(Node):
    """The image itself, of ``size`` (channel, row, column) or (unit,)."""

    size: Shape

    def shape(self, *inputs: Shape) -> Shape:
        """Return its shape."""
        return self.size

    def __call__(self, *inputs: Float) -> Float:
        """Return what is given."""
        return inputs[0]


@dataclass(frozen=True, eq=False)
class Linear(Node):
    """``y = weights @ x + bias``; weights of shape (output, input)."""

    weights: Real
    bias: Real

    def shape(self, *inputs: Shape) -> Shape:
        """Return (output,)."""
        if inputs[0] != (self.weights.shape[1],):
            raise self.refuse("input", f"({self.weights.shape[1]},), flattened first", inputs[0])
        return (len(self.weights),)

    def __call__(self, *inputs: Float) -> Float:
        """Return the sums."""
        sums: Float = self.weights.astype(np.float32) @ inputs[0] + columns(self.bias, inputs[0])
        return sums


@dataclass(frozen=True, eq=False)
class Conv(Node):
    """Weighted sums over windows; weights of shape (channel, input of the group, row, column)."""

    weights: Real
    bias: Real
    window: Window
    groups: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        """Return (channel, row, column)."""
        space = self._map(inputs[0])
        channels, each = self.weights.shape[:2]
        if each * self.groups != inputs[0][0] or channels % self.groups:
            raise self.refuse("channels", f"{each} inputs in each of {self.groups} groups", inputs[0])
        return (channels, *self.window.over(space, self.place))

    def __call__(self, *inputs: Float) -> Float:
        """Return the sums."""
        sums: Float = NUMPY.conv2d(inputs[0], self.weights.astype(np.float32), self.window, self.groups)
        return sums + columns(self.bias, sums)


@dataclass(frozen=True, eq=False)
class Affine(Node):
    """``y = scale[c]·x + offset[c]``: batch norms, and products and sums with constants."""

    scale: Real
    offset: Real

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        for values in (self.scale, self.offset):
            if values.shape not in ((), (1,), (inputs[0][0],)):
                raise self.refuse("constant", f"one value, or {inputs[0][0]}: one per channel", values.shape)
        return inputs[0]

    def __call__(self, *inputs: Float) -> Float:
        """Return the scaled and moved input."""
        x = inputs[0]
        return x * columns(self.scale, x) + columns(self.offset, x)


@dataclass(frozen=True, eq=False)
class Activation(Node):
    """``y = function(x)``, element by element.

    ``label`` is the function's name, ``function`` takes and gives float64 arrays; a ``PerChannel`` has one function for
    each channel.
    """

    label: str
    function: Callable[[Real], Real]

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        if isinstance(self.function, PerChannel) and self.function.channels != inputs[0][0]:
            raise self.refuse("parameters", f"one, or {inputs[0][0]}: one per channel", self.function.channels)
        return inputs[0]

    def __call__(self, *inputs: Float) -> Float:
        """Return the function of the input; what is not finite is for others to refuse."""
        x = inputs[0].astype(np.float64)
        with np.errstate(all="ignore"):
            if isinstance(self.function, PerChannel):
                return np.moveaxis(self.function(np.moveaxis(x, 0, -1)), -1, 0).astype(np.float32)
            return self.function(x).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Pool(Node):
    """``window`` None is the whole map."""

    window: Window | None

    def over(self, shape: Shape) -> Window:
        """Return the window for inputs of ``shape``."""
        space = self._map(shape)
        return self.window or Window(space, space, (0, 0, 0, 0))

    def shape(self, *inputs: Shape) -> Shape:
        """Return (channel, row, column)."""
        return (inputs[0][0], *self.over(inputs[0]).over(self._map(inputs[0]), self.place))


@dataclass(frozen=True, eq=False)
class AveragePool(_Pool):
    """Means over windows; padding counts as zeros."""

    def __call__(self, *inputs: Float) -> Float:
        """Return the means."""
        window = self.over((len(inputs[0]), *inputs[0].shape[2:]))
        sums: Float = NUMPY.sum_pool(inputs[0], window)
        return sums / np.float32(math.prod(window.kernel))


@dataclass(frozen=True, eq=False)
class MaxPool(_Pool):
    """Greatest values over windows; padding takes no part."""

    def __call__(self, *inputs: Float) -> Float:
        """Return the greatest values."""
        greatest: Float = NUMPY.max_pool(inputs[0], self.over((len(inputs[0]), *inputs[0].shape[2:])))
        return greatest


@dataclass(frozen=True, eq=False)
class Sum(Node):
    """Sums of equal shape."""

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of all."""
        if len(set(inputs)) != 1:
            raise self.refuse("shapes of a sum", "equal ones", inputs)
        return inputs[0]

    def __call__(self, *inputs: Float) -> Float:
        """Return the sum."""
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total


@dataclass(frozen=True, eq=False)
class Product(Node):
    """Products of two; one may be of shape (channel, 1, 1), as in squeeze-and-excitation."""

    def shape(self, *inputs: Shape) -> Shape:
        """Return the larger shape."""
        first, second = inputs
        small = (1,) * (len(first) - 1)
        spaces = {first[1:], second[1:]} - {small}
        if len(first) != len(second) or first[0] != second[0] or len(spaces) > 1:
            raise self.refuse("shapes of a product", "equal, or one (channel, 1, 1)", inputs)
        return first if second[1:] == small else second

    def __call__(self, *inputs: Float) -> Float:
        """Return the product."""
        return inputs[0] * inputs[1]


@dataclass(frozen=True, eq=False)
class Concat(Node):
    """Channels, or units, one after another."""

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of all together."""
        if len({shape[1:] for shape in inputs}) != 1:
            raise self.refuse("shapes of a concatenation", "maps of one size", inputs)
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])

    def __call__(self, *inputs: Float) -> Float:
        """Return all channels."""
        return np.concatenate(inputs)


@dataclass(frozen=True, eq=False)
class Flatten(Node):
    """A map as units, in order of channel, row, column."""

    def shape(self, *inputs: Shape) -> Shape:
        """Return (unit,)."""
        return (math.prod(inputs[0]),)

    def __call__(self, *inputs: Float) -> Float:
        """Return the units."""
        return np.moveaxis(inputs[0], 1, -1).reshape(-1, inputs[0].shape[1])


@dataclass(frozen=True, eq=False)
class Slice(Node):
    """A part: ``ranges`` holds (start, stop, step) for each axis, within the input."""

    ranges: tuple[tuple[int, int, int], ...]

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the part."""
        shape = tuple(len(range(*part)) for part in self.ranges)
        if len(shape) != len(inputs[0]) or 0 in shape:
            raise self.refuse("part of a tensor", f"ranges within {inputs[0]}", self.ranges)
        return shape

    def __call__(self, *inputs: Float) -> Float:
        """Return the part."""
        first, *rest = (slice(*part) for part in self.ranges)
        return inputs[0][(first, slice(None), *rest)]


@dataclass(frozen=True, eq=False)
class Pad(Node):
    """Zeros around: ``widths`` holds (before, after) for each axis."""

    widths: tuple[tuple[int, int], ...]

    def shape(self, *inputs: Shape) -> Shape:
        """Return the larger shape."""
        if len(self.widths) != len(inputs[0]):
            raise self.refuse("padding", f"a pair for each axis of {inputs[0]}", self.widths)
        return tuple(size + sum(pair) for size, pair in zip(inputs[0], self.widths, strict=True))

    def __call__(self, *inputs: Float) -> Float:
        """Return the larger tensor."""
        first, *rest = self.widths
        return np.pad(inputs[0], (first, (0, 0), *rest))
