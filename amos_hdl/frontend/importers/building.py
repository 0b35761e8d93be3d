"""A float graph in the making: what the readers of PyTorch's and ONNX's files share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats import (
    Activation,
    Affine,
    AveragePool,
    Concat,
    Conv,
    Flatten,
    FloatGraph,
    Image,
    Linear,
    MaxPool,
    Node,
    Pad,
    Product,
    Slice,
    Sum,
)
from amos_hdl.frontend.floats.functions import FUNCTIONS, Function, PerChannel
from amos_hdl.network.operations import Window

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

#: What to do about means that do not count the zeros around a map: windows at its edge would have scales of their own.
ZEROS_COUNT = "let zeros count, or pool without padding"


class Builder:
    """Adds nodes one by one and knows the shape of each; a tensor is the name of the node that gives it."""

    def __init__(self, source: str, image: str, size: Shape) -> None:
        self.source = source
        self.nodes: dict[str, Node] = {}
        self.shapes: dict[str, Shape] = {}
        self.image = self.add(Image(image, f"{source}, {image}", (), size))

    def add(self, node: Node) -> str:
        """Add ``node`` and return its name."""
        self.shapes[node.name] = node.shape(*(self.shapes[name] for name in node.inputs))
        self.nodes[node.name] = node
        return node.name

    def finish(self, output: str) -> FloatGraph:
        """Return the graph of what ``output`` needs."""
        needed = {output, self.image}
        for name in reversed(self.nodes):
            if name in needed:
                needed.update(self.nodes[name].inputs)
        nodes = tuple(node for name, node in self.nodes.items() if name in needed)
        return FloatGraph(self.source, nodes, output)

    # each of these adds one node; ``name`` is that of its result, ``place`` where it stands in the model

    def linear(self, name: str, place: str, x: str, weights: Array, bias: Array | None) -> str:
        """Add weighted sums; weights of shape (output, input)."""
        if weights.ndim != 2:
            raise ImportedModelError("weights", where=place, expected="(output, input)", got=str(weights.shape))
        return self.add(Linear(name, place, (x,), weights.astype(float), _bias(bias, len(weights), place)))

    def conv(
        self,
        name: str,
        place: str,
        x: str,
        weights: Array,
        bias: Array | None,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> str:
        """Add weighted sums over windows; ``padding`` is (rows, columns) or (top, bottom, left, right)."""
        if weights.ndim != 4:
            expected = "(channel, input, row, column): two-dimensional maps"
            raise ImportedModelError("weights", where=place, expected=expected, got=str(weights.shape))
        if any(step != 1 for step in dilation):
            hint = "fill the kernel with zeros instead"
            raise ImportedModelError("dilation", where=place, expected="1", got=str(list(dilation)), hint=hint)
        sides = tuple(int(size) for size in weights.shape[2:])
        four = tuple(padding) if len(padding) == 4 else tuple(np.repeat(list(padding) * (3 - len(padding)), 2).tolist())
        if max(four[:2]) >= sides[0] or max(four[2:]) >= sides[1]:
            # wider zeros than a window reaches are a node of their own
            top, bottom, left, right = four
            x = self.add(Pad(f"{name}_zeros", place, (x,), ((0, 0), (top, bottom), (left, right))))
            four = (0, 0, 0, 0)
        window = Window.of(sides, pair(stride), four, place)
        return self.add(
            Conv(name, place, (x,), weights.astype(float), _bias(bias, len(weights), place), window, groups)
        )

    def norm(self, name: str, place: str, x: str, parts: Sequence[Array | None], epsilon: float) -> str:
        """Add a batch norm of (gamma, beta, mean, variance)."""
        gamma, beta, mean, variance = (None if part is None else part.astype(float) for part in parts)
        if mean is None or variance is None:
            hint = "put the model in evaluation mode before it is exported"
            raise ImportedModelError("batch norm without running statistics", where=place, hint=hint)
        if (variance + epsilon <= 0).any():
            raise ImportedModelError("variance", where=place, expected="above 0", got=repr(float(variance.min())))
        scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + epsilon)
        return self.add(Affine(name, place, (x,), scale, (0.0 if beta is None else beta) - mean * scale))

    def affine(self, name: str, place: str, x: str, scale: Array | float, offset: Array | float) -> str:
        """Add ``scale·x + offset`` with one value, or one per channel."""
        parts = [self.per_channel(place, x, values) for values in (scale, offset)]
        return self.add(Affine(name, place, (x,), parts[0], parts[1]))

    def per_channel(self, place: str, x: str, constant: Array | float) -> npt.NDArray[np.float64]:
        """Return a constant as one value, shape (), or one per channel of ``x``, shape (channel,)."""
        values = np.asarray(constant, float)
        rank = len(self.shapes[x])
        flat = values.reshape(-1)
        # the axis of the channels is the first after the batch; a vector alone would be broadcast over columns
        kept = values.shape[-rank] if values.ndim >= rank else 1
        if flat.size > 1 and flat.size != kept:
            expected = "one value, or one per channel"
            raise ImportedModelError("constant", where=place, expected=expected, got=f"shape {values.shape}")
        return flat if flat.size > 1 else flat[0] * np.ones(())

    def clip(self, name: str, place: str, x: str, low: Array | float | None, high: Array | float | None) -> str:
        """Add min(max(x, low), high), each bound one value, one per channel, or None."""
        bottom, top = (
            np.full((), end) if bound is None else self.per_channel(place, x, bound)
            for bound, end in ((low, -np.inf), (high, np.inf))
        )

        def function(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            # where the bounds cross, the upper one counts
            return np.minimum(np.maximum(values, bottom), top)

        each = max(bottom.size, top.size)
        return self.activation(name, place, x, "clip", function if each == 1 else PerChannel(each, function))

    def glu(self, name: str, place: str, x: str, axis: int) -> str:
        """Add the first half of the channels times the sigmoid of the second."""
        channels, rank = self.shapes[x][0], len(self.shapes[x]) + 1
        if axis % rank != 1 or channels % 2:
            expected = "the channels, an even number of them"
            got = f"axis {axis} of {self.shapes[x]}"
            raise ImportedModelError("halves of a gated linear unit", where=place, expected=expected, got=got)
        half = channels // 2
        first = self.slice(f"{name}_first", place, x, 1, 0, half, 1)
        second = self.slice(f"{name}_second", place, x, 1, half, channels, 1)
        gate = self.activation(f"{name}_gate", place, second, "sigmoid", FUNCTIONS["sigmoid"]())
        return self.product(name, place, first, gate)

    def activation(self, name: str, place: str, x: str, label: str, function: Function) -> str:
        """Add an elementwise function."""
        with np.errstate(all="ignore"):
            function(
                np.zeros(self.shapes[x][0])
            )  # parameters of a wrong type show now; values that are not finite when it is used
        return self.add(Activation(name, place, (x,), label, function))

    def sum(self, name: str, place: str, first: str, second: str) -> str:
        """Add a sum; of two functions of one tensor, their sum as a function."""
        return self._fused(name, place, first, second, "+", lambda a, b: a + b) or self.add(
            Sum(name, place, (first, second))
        )

    def product(self, name: str, place: str, first: str, second: str) -> str:
        """Add a product; of two functions of one tensor (x·sigmoid(x)), their product as a function."""
        return self._fused(name, place, first, second, "·", lambda a, b: a * b) or self.add(
            Product(name, place, (first, second))
        )

    def quotient(self, name: str, place: str, first: str, second: str) -> str:
        """Add the quotient of two functions of one tensor (x / (1 + |x|)) as a function; no other is supported."""
        fused = self._fused(name, place, first, second, "/", lambda a, b: a / b)
        if fused is None:
            hint = "only division by constants, or of functions of the same tensor"
            raise ImportedModelError("division of two tensors", where=place, hint=hint)
        return fused

    def _fused(self, name: str, place: str, first: str, second: str, sign: str, join: Any) -> str | None:
        mine, other = self._unary(first), self._unary(second)
        base = next((tensor for tensor in mine if tensor in other), None)
        if base is None or (base == first == second and sign == "+"):
            return None
        f, g = mine[base], other[base]
        if not (_is_curved(self.nodes, first, base) or _is_curved(self.nodes, second, base)) and first != second:
            return None
        return self.activation(name, place, base, f"{first} {sign} {second}", lambda x: join(f(x), g(x)))

    def _unary(self, tensor: str) -> dict[str, Function]:
        """Return the tensors of which ``tensor`` is an elementwise function, nearest first, with that function."""
        found: dict[str, Function] = {tensor: lambda x: x}
        while True:
            node, outer = self.nodes[tensor], found[tensor]
            if isinstance(node, Activation) and not isinstance(node.function, PerChannel):
                inner: Function = node.function
            elif isinstance(node, Affine) and node.scale.ndim == node.offset.ndim == 0:
                inner = _line(float(node.scale), float(node.offset))
            else:
                return found
            tensor = node.inputs[0]
            found[tensor] = _after(outer, inner)

    def average_pool(
        self, name: str, place: str, x: str, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
        *, ceil: bool = False,
    ) -> str:  # fmt: skip
        """Add means over windows, padding counted as zeros; ``ceil`` only where no window reaches beyond."""
        window = Window.of(pair(kernel), pair(stride or kernel), tuple(padding), place)
        if ceil and self._ceiled(x, window, place) != window:
            expected = f"windows that fit the map, {self.shapes[x][1:]}"
            hint = "without it, or with padding, whose zeros count"
            raise ImportedModelError("ceil_mode of a mean", where=place, expected=expected, hint=hint)
        return self.add(AveragePool(name, place, (x,), window))

    def max_pool(
        self, name: str, place: str, x: str, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
        *, ceil: bool = False,
    ) -> str:  # fmt: skip
        """Add greatest values over windows; with ``ceil`` the last ones may reach beyond the map."""
        window = Window.of(pair(kernel), pair(stride or kernel), tuple(padding), place)
        return self.add(MaxPool(name, place, (x,), self._ceiled(x, window, place) if ceil else window))

    def _ceiled(self, x: str, window: Window, place: str) -> Window:
        """Return the window with so much more padding behind that every place is in one, as ``ceil_mode`` has it.

        There is one more window where the last does not reach the end, unless it began in the padding.
        """
        space, edges = self.shapes[x][1:], list(window.padding)
        if len(space) != 2:
            raise ImportedModelError("input", where=place, expected="(channel, row, column)", got=str(self.shapes[x]))
        for axis, (size, kernel, stride) in enumerate(zip(space, window.kernel, window.stride, strict=True)):
            before, after = window.padding[2 * axis : 2 * axis + 2]
            start = max(0, -(-(size + before + after - kernel) // stride)) * stride
            if start < size + before:
                edges[2 * axis + 1] += max(0, start + kernel - (size + before + after))
        return Window.of(window.kernel, window.stride, edges, place)

    def adaptive_pool(self, name: str, place: str, x: str, size: Sequence[int], *, greatest: bool = False) -> str:
        """Add a pool that gives a map of ``size``."""
        kind = MaxPool if greatest else AveragePool
        rows, columns = pair(size)
        space = self.shapes[x][1:]
        if (rows, columns) == (1, 1):
            return self.add(kind(name, place, (x,), None))
        if len(space) != 2 or space[0] % rows or space[1] % columns:
            expected = f"a map of which {rows} x {columns} is a divisor"
            hint = "use a pool with a kernel and a stride"
            raise ImportedModelError("adaptive pool", where=place, expected=expected, got=str(space), hint=hint)
        sides = (space[0] // rows, space[1] // columns)
        return self.add(kind(name, place, (x,), Window.of(sides, sides, 0, place)))

    def concat(self, name: str, place: str, tensors: Sequence[str], axis: int) -> str:
        """Add a concatenation along the channels (axis 1, the batch being axis 0)."""
        if axis not in (1, 1 - (len(self.shapes[tensors[0]]) + 1)):
            raise ImportedModelError("axis of a concatenation", where=place, expected="1, channels", got=repr(axis))
        return tensors[0] if len(tensors) == 1 else self.add(Concat(name, place, tuple(tensors)))

    def reshape(self, name: str, place: str, x: str, target: Shape) -> str:
        """Add a flattening, or nothing where the shape stays."""
        shape = self.shapes[x]
        if target == shape:
            return x
        if target == (math.prod(shape),) and len(shape) == 3:
            return self.add(Flatten(name, place, (x,)))
        hint = "only maps can be flattened; use 1 x 1 convolutions where a vector becomes a map"
        raise ImportedModelError(
            "new shape", where=place, expected=f"({math.prod(shape)},)", got=str(target), hint=hint
        )

    def slice(self, name: str, place: str, x: str, axis: int, start: int, stop: int, step: int) -> str:
        """Add every ``step``-th of a part along ``axis`` (0 is the batch, of which all must stay)."""
        shape = self.shapes[x]
        axis = axis + len(shape) + 1 if axis < 0 else axis
        if axis == 0 and start == 0 and stop >= 1 << 30 and step == 1:
            return x
        if not 1 <= axis <= len(shape) or step < 1:
            raise ImportedModelError("part of a tensor", where=place, expected="axis 1 to 3, step > 0", got=f"{axis}")
        bounds = range(shape[axis - 1])[start:stop:step]
        whole = [(0, size, 1) for size in shape]
        part = (bounds.start, bounds.stop, bounds.step)
        if len(bounds) == shape[axis - 1]:
            return x
        before = self.nodes[x]
        if isinstance(before, Slice):
            # rows, then columns, of one tensor are one part of it
            both = range(*before.ranges[axis - 1])[start:stop:step]
            ranges = list(before.ranges)
            # every other one of every other one would end beyond the tensor
            end = min(both.stop, self.shapes[before.inputs[0]][axis - 1])
            ranges[axis - 1] = (both.start, end, both.step)
            return self.add(Slice(name, place, before.inputs, tuple(ranges)))
        return self.add(Slice(name, place, (x,), (*whole[: axis - 1], part, *whole[axis:])))

    def pad(self, name: str, place: str, x: str, widths: Sequence[tuple[int, int]], value: float) -> str:
        """Add zeros; ``widths`` for each axis after the batch.  Negative widths cut."""
        if value != 0:
            raise ImportedModelError("value of padding", where=place, expected="0", got=repr(value))
        if any(width < 0 for part in widths for width in part):
            raise ImportedModelError("padding", where=place, expected=">= 0", got=str(widths))
        if not any(any(part) for part in widths):
            return x
        return self.add(Pad(name, place, (x,), tuple(widths)))


@contextmanager
def arguments_of(place: str) -> Iterator[None]:
    """Turn what Python and NumPy raise on arguments of a wrong type or shape into an error that names ``place``."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, MemoryError) as failure:
        got = f"{type(failure).__name__}: {str(failure)[:100]}"
        raise ImportedModelError("arguments that do not fit", where=place, got=got) from failure


def pair(values: Sequence[int] | int) -> tuple[int, int]:
    """Return rows and columns of one number or two."""
    numbers = [values] if isinstance(values, int) else list(values)
    return (int(numbers[0]), int(numbers[-1]))


def _bias(bias: Array | None, count: int, place: str) -> npt.NDArray[np.float64]:
    values = np.zeros(count) if bias is None else bias.astype(float).ravel()
    if values.shape != (count,):
        raise ImportedModelError("bias", where=place, expected=f"{count} values", got=f"{values.size}")
    return values


def _is_curved(nodes: dict[str, Node], tensor: str, base: str) -> bool:
    while tensor != base:
        if isinstance(nodes[tensor], Activation):
            return True
        tensor = nodes[tensor].inputs[0]
    return False


def _line(scale: float, offset: float) -> Function:
    return lambda x: scale * x + offset


def _after(outer: Function, inner: Function) -> Function:
    return lambda x: outer(inner(x))
