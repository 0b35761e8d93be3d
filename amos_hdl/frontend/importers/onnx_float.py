"""Standard float ONNX networks as float graphs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.floats.functions import FUNCTIONS, Function, prelu
from amos_hdl.frontend.importers import nearest
from amos_hdl.frontend.importers.building import ZEROS_COUNT, Builder, arguments_of
from amos_hdl.frontend.importers.fold import fold
from amos_hdl.frontend.importers.nearest import unsupported
from amos_hdl.frontend.importers.onnx_file import Node, OnnxModel, read_onnx
from amos_hdl.frontend.importers.sums import Constant

Array = npt.NDArray[Any]

#: Makers of functions by ONNX's name of the operation; they take the node's attributes, or their defaults.
_FUNCTIONS: Mapping[str, Callable[[Mapping[str, Any]], Function]] = {
    "Relu": lambda a: FUNCTIONS["relu"](),
    "Sigmoid": lambda a: FUNCTIONS["sigmoid"](),
    "Tanh": lambda a: FUNCTIONS["tanh"](),
    "LeakyRelu": lambda a: FUNCTIONS["leaky_relu"](a.get("alpha", 0.01)),
    "Elu": lambda a: FUNCTIONS["elu"](a.get("alpha", 1.0)),
    "Selu": lambda a: FUNCTIONS["elu"](a.get("alpha", 1.6732632423543772), a.get("gamma", 1.0507009873554805)),
    "Celu": lambda a: FUNCTIONS["celu"](a.get("alpha", 1.0)),
    "HardSigmoid": lambda a: FUNCTIONS["hardsigmoid"](a.get("alpha", 0.2), a.get("beta", 0.5)),
    "HardSwish": lambda a: FUNCTIONS["hardswish"](),
    "Softplus": lambda a: FUNCTIONS["softplus"](),
    "Softsign": lambda a: FUNCTIONS["softsign"](),
    "Mish": lambda a: FUNCTIONS["mish"](),
    "Gelu": lambda a: FUNCTIONS["gelu"](a.get("approximate", "none")),
    "Swish": lambda a: FUNCTIONS["silu"](),
    "Abs": lambda a: FUNCTIONS["abs"](),
    "Exp": lambda a: FUNCTIONS["exp"](),
    "Sin": lambda a: FUNCTIONS["sin"](),
    "Cos": lambda a: FUNCTIONS["cos"](),
    "Atan": lambda a: FUNCTIONS["atan"](),
    "Sign": lambda a: FUNCTIONS["sign"](),
    "Floor": lambda a: FUNCTIONS["floor"](),
    "Ceil": lambda a: FUNCTIONS["ceil"](),
    "Round": lambda a: FUNCTIONS["round"](),
    "Erf": lambda a: FUNCTIONS["erf"](),
    "Log": lambda a: FUNCTIONS["log"](),
    "Sqrt": lambda a: FUNCTIONS["sqrt"](),
    "Reciprocal": lambda a: FUNCTIONS["reciprocal"](),
    "Shrink": lambda a: FUNCTIONS["shrink"](a.get("lambd", 0.5), a.get("bias", 0.0)),
    "ThresholdedRelu": lambda a: FUNCTIONS["threshold"](a.get("alpha", 1.0), 0.0),
    "Tan": lambda a: FUNCTIONS["tan"](),
    "Asin": lambda a: FUNCTIONS["asin"](),
    "Acos": lambda a: FUNCTIONS["acos"](),
    "Sinh": lambda a: FUNCTIONS["sinh"](),
    "Cosh": lambda a: FUNCTIONS["cosh"](),
    "Asinh": lambda a: FUNCTIONS["asinh"](),
    "Acosh": lambda a: FUNCTIONS["acosh"](),
    "Atanh": lambda a: FUNCTIONS["atanh"](),
}


def import_float_onnx(path: Path) -> FloatGraph:
    """Return the float network of the ONNX file ``path``.

    Raises ImportedModelError, naming file and node, for a damaged file or an operation that is not supported.
    """
    return _Walker(read_onnx(path)).run()


class _Walker:
    def __init__(self, model: OnnxModel) -> None:
        self.model = model
        self.builder = Builder(str(model.path), model.input, model.shape)
        self.tensors: dict[str, str] = {model.input: self.builder.image}
        self.constants: dict[str, Constant] = {name: Constant(array) for name, array in model.constants.items()}

    def run(self) -> FloatGraph:
        for node in self.model.nodes:
            where = self.model.where(node)
            given = [name for name in node.inputs if name]
            unknown = [name for name in given if name not in self.tensors and name not in self.constants]
            if unknown:
                raise ImportedModelError("tensor that nothing gives", where=where, got=repr(unknown[0]))
            with arguments_of(where):
                if all(name in self.constants for name in given):
                    self.constants[node.outputs[0]] = fold(node, [self.constants[name] for name in given], where)
                elif node.kind == "Shape":
                    shape = self.builder.shapes[self.tensors[node.inputs[0]]]
                    self.constants[node.outputs[0]] = Constant(np.array([1, *shape], np.int64))
                else:
                    self.tensors[node.outputs[0]] = self._node(node, where)
        if self.model.output not in self.tensors:
            raise ImportedModelError("output does not depend on the image", where=str(self.model.path))
        return self.builder.finish(self.tensors[self.model.output])

    def _node(self, node: Node, where: str) -> str:
        if node.kind in _FUNCTIONS and node.domain in ("", "com.microsoft"):
            x = self._tensor(node, 0, where)
            return self.builder.activation(node.outputs[0], where, x, node.kind, _FUNCTIONS[node.kind](node.attributes))
        handler = _HANDLERS.get(node.kind)
        if handler is None or node.domain:
            raise unsupported(where, node.kind, nearest.ONNX, {*_HANDLERS, *_FUNCTIONS})
        return handler(self, node, where)

    def _tensor(self, node: Node, index: int, where: str) -> str:
        name = node.inputs[index] if index < len(node.inputs) else ""
        if name not in self.tensors:
            raise ImportedModelError(f"input {index}", where=where, expected="a tensor of the image", got="a constant")
        return self.tensors[name]

    def _constant(self, node: Node, index: int, where: str) -> Array | None:
        name = node.inputs[index] if index < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            raise ImportedModelError(f"input {index}", where=where, expected="a constant", got="a computed tensor")
        return self.constants[name].array

    def _needed(self, node: Node, index: int, where: str) -> Array:
        array = self._constant(node, index, where)
        if array is None:
            raise ImportedModelError(f"input {index}", where=where, expected="a constant", got="nothing")
        return array

    def _same(self, node: Node, where: str) -> str:
        return self._tensor(node, 0, where)

    def _softmax(self, node: Node, where: str) -> str:
        if node.outputs[0] != self.model.output:
            hint = "it is left out where it is the last operation, as it keeps the order of classes"
            raise ImportedModelError("unsupported operation", where=where, hint=hint)
        return self._tensor(node, 0, where)

    def _matmul(self, node: Node, where: str) -> str:
        x, weights = self._tensor(node, 0, where), self._needed(node, 1, where)
        return self.builder.linear(node.outputs[0], where, x, weights.T, None)

    def _gemm(self, node: Node, where: str) -> str:
        get = node.attributes.get
        if get("transA", 0):
            raise ImportedModelError("transA", where=where, expected="0", got="1")
        weights, bias = self._needed(node, 1, where) * get("alpha", 1.0), self._constant(node, 2, where)
        weights = weights if get("transB", 0) else weights.T
        if bias is not None:
            bias = np.broadcast_to(bias * get("beta", 1.0), (1, len(weights)))
        return self.builder.linear(node.outputs[0], where, self._tensor(node, 0, where), weights, bias)

    def _conv(self, node: Node, where: str) -> str:
        get, weights = node.attributes.get, self._needed(node, 1, where)
        if list(get("kernel_shape", weights.shape[2:])) != list(weights.shape[2:]):
            got = f"{get('kernel_shape')}"
            raise ImportedModelError("kernel_shape", where=where, expected=f"{list(weights.shape[2:])}", got=got)
        return self.builder.conv(
            node.outputs[0], where, self._tensor(node, 0, where), weights, self._constant(node, 2, where),
            get("strides", [1, 1]), self._padding(node, weights.shape[2:], where), get("dilations", [1, 1]),
            int(get("group", 1)),
        )  # fmt: skip

    def _padding(self, node: Node, kernel: tuple[int, ...], where: str) -> list[int]:
        """Return (top, bottom, left, right); ONNX keeps (top, left, bottom, right)."""
        auto, get = node.attributes.get("auto_pad", "NOTSET"), node.attributes.get
        if auto in ("SAME_UPPER", "SAME_LOWER") and all(step == 1 for step in get("strides", [1, 1])):
            before_first = auto == "SAME_LOWER"
            sides = [((side - 1) // 2, side // 2) for side in kernel]
            return [n for before, after in sides for n in ((after, before) if before_first else (before, after))]
        if auto not in ("NOTSET", "VALID"):
            raise ImportedModelError("auto_pad", where=where, expected="NOTSET", got=repr(auto))
        pads = [0] * 4 if auto == "VALID" else get("pads", [0] * 4)
        if len(pads) != 4:
            raise ImportedModelError("pads", where=where, expected="four: two-dimensional maps", got=str(pads))
        return [pads[0], pads[2], pads[1], pads[3]]

    def _norm(self, node: Node, where: str) -> str:
        parts = [self._needed(node, index, where) for index in range(1, 5)]
        epsilon = float(node.attributes.get("epsilon", 1e-5))
        return self.builder.norm(node.outputs[0], where, self._tensor(node, 0, where), parts, epsilon)

    def _clip(self, node: Node, where: str) -> str:
        bounds = []
        for index, key in ((1, "min"), (2, "max")):
            array = self._constant(node, index, where)
            bounds.append(node.attributes.get(key) if array is None else array)
        return self.builder.clip(node.outputs[0], where, self._tensor(node, 0, where), bounds[0], bounds[1])

    def _bounded(self, node: Node, where: str) -> str:
        """Return the least or greatest of one tensor and constants."""
        images = [name for name in node.inputs if name in self.tensors]
        if len(images) != 1:
            hint = f"write {'b + Relu(a - b)' if node.kind == 'Max' else 'b - Relu(b - a)'}"
            raise ImportedModelError(f"{node.kind} of several tensors", where=where, expected="constants", hint=hint)
        x = self.tensors[images[0]]
        constants = [self._needed(node, n, where) for n, name in enumerate(node.inputs) if name != images[0]]
        for number, bound in enumerate(constants):
            low, high = (bound, None) if node.kind == "Max" else (None, bound)
            name = node.outputs[0] if number == len(constants) - 1 else f"{node.outputs[0]}_{number}"
            x = self.builder.clip(name, where, x, low, high)
        return x

    def _prelu(self, node: Node, where: str) -> str:
        x, slopes = self._tensor(node, 0, where), self._needed(node, 1, where)
        each = self.builder.per_channel(where, x, slopes)
        return self.builder.activation(node.outputs[0], where, x, "PRelu", prelu(each))

    def _split(self, node: Node, where: str) -> str:
        """Return the first of several slices, the others becoming tensors, too."""
        x, get = self._tensor(node, 0, where), node.attributes.get
        axis, shape = int(get("axis", 0)), (1, *self.builder.shapes[x])
        sizes = get("split") or self._constant(node, 1, where)
        if sizes is None:
            each = -(-shape[axis] // len(node.outputs))
            sizes = [min(each, shape[axis] - start) for start in range(0, shape[axis], each)]
        ends = np.cumsum(sizes).tolist()
        for name, start, end in zip(node.outputs, [0, *ends[:-1]], ends, strict=True):
            self.tensors[name] = self.builder.slice(name, where, x, axis, start, end, 1)
        return self.tensors[node.outputs[0]]

    def _sum(self, node: Node, where: str) -> str:
        """Return the sum of any number of tensors."""
        tensors = [self._tensor(node, index, where) for index in range(len(node.inputs))]
        total = tensors[0]
        for number, tensor in enumerate(tensors[1:], start=2):
            name = node.outputs[0] if number == len(tensors) else f"{node.outputs[0]}_{number}"
            total = self.builder.sum(name, where, total, tensor)
        return total

    def _power(self, node: Node, where: str) -> str:
        exponent = self._needed(node, 1, where)
        if exponent.size != 1:
            raise ImportedModelError("exponent", where=where, expected="one number", got=str(exponent.shape))
        x, function = self._tensor(node, 0, where), FUNCTIONS["pow"](float(exponent.ravel()[0]))
        return self.builder.activation(node.outputs[0], where, x, "Pow", function)

    def _negative(self, node: Node, where: str) -> str:
        return self.builder.affine(node.outputs[0], where, self._tensor(node, 0, where), -1.0, 0.0)

    def _two(self, node: Node, where: str) -> str:
        name, kind, builder = node.outputs[0], node.kind, self.builder
        first, second = (self.tensors.get(tensor) for tensor in node.inputs)
        if first is not None and second is not None:
            if kind == "Div":
                return builder.quotient(name, where, first, second)
            if kind == "Mul":
                return builder.product(name, where, first, second)
            if kind == "Sub":
                second = builder.affine(f"{name}_negative", where, second, -1.0, 0.0)
            return builder.sum(name, where, first, second)
        if first is not None:
            array = self._needed(node, 1, where).astype(float)
            if kind == "Div" and not array.all():
                raise ImportedModelError("division by 0", where=where)
            one, zero = np.ones(()), np.zeros(())
            if kind in ("Mul", "Div"):
                return builder.affine(name, where, first, array if kind == "Mul" else one / array, zero)
            return builder.affine(name, where, first, one, array if kind == "Add" else -array)
        if kind == "Div":
            raise ImportedModelError("division by a tensor of the image", where=where, hint="only by constants")
        array = self._needed(node, 0, where).astype(float)
        if kind == "Mul":
            return builder.affine(name, where, str(second), array, 0.0)
        return builder.affine(name, where, str(second), -1.0 if kind == "Sub" else 1.0, array)

    def _pool(self, node: Node, where: str) -> str:
        get, x = node.attributes.get, self._tensor(node, 0, where)
        kernel = tuple(get("kernel_shape", ()))
        if any(step != 1 for step in get("dilations", [1])) or len(kernel) != 2:
            expected = "two-dimensional, dilation 1"
            raise ImportedModelError("pool", where=where, expected=expected)
        padding, ceil = self._padding(node, kernel, where), bool(get("ceil_mode", 0))
        strides = get("strides", [1, 1])
        if node.kind == "MaxPool":
            return self.builder.max_pool(node.outputs[0], where, x, kernel, strides, padding, ceil=ceil)
        if any(padding) and not get("count_include_pad", 0):
            expected = "1 where there is padding"
            raise ImportedModelError("count_include_pad", where=where, expected=expected, got="0", hint=ZEROS_COUNT)
        return self.builder.average_pool(node.outputs[0], where, x, kernel, strides, padding, ceil=ceil)

    def _global_pool(self, node: Node, where: str) -> str:
        greatest, x = node.kind == "GlobalMaxPool", self._tensor(node, 0, where)
        return self.builder.adaptive_pool(node.outputs[0], where, x, [1, 1], greatest=greatest)

    def _mean(self, node: Node, where: str) -> str:
        x = self._tensor(node, 0, where)
        axes = node.attributes.get("axes")
        if axes is None:
            array = self._constant(node, 1, where)
            axes = [] if array is None else array.ravel().tolist()
        rank = len(self.builder.shapes[x]) + 1
        if rank != 4 or sorted(axis % rank for axis in axes) != [2, 3]:
            raise ImportedModelError("axes of a mean", where=where, expected="rows and columns", got=str(axes))
        pooled = self.builder.adaptive_pool(node.outputs[0], where, x, [1, 1])
        if node.attributes.get("keepdims", 1):
            return pooled
        return self.builder.reshape(f"{node.outputs[0]}_flat", where, pooled, (self.builder.shapes[x][0],))

    def _concat(self, node: Node, where: str) -> str:
        tensors = [self._tensor(node, index, where) for index in range(len(node.inputs))]
        return self.builder.concat(node.outputs[0], where, tensors, int(node.attributes["axis"]))

    def _reshape(self, node: Node, where: str) -> str:
        x = self._tensor(node, 0, where)
        shape = self.builder.shapes[x]
        size = math.prod(shape)
        if node.kind == "Flatten":
            target = [1, size] if node.attributes.get("axis", 1) == 1 else []
        elif node.kind in ("Squeeze", "Unsqueeze"):
            axes = node.attributes.get("axes")
            axes = self._needed(node, 1, where).ravel().tolist() if axes is None else axes
            rank = len(shape) + 1 + (len(axes) if node.kind == "Unsqueeze" else 0)
            places = {int(axis) % rank for axis in axes}
            if node.kind == "Squeeze":
                target = [length for axis, length in enumerate((1, *shape)) if axis not in places]
            else:
                rest = iter((1, *shape))
                target = [1 if axis in places else next(rest) for axis in range(rank)]
        else:
            numbers = [int(n) for n in self._needed(node, 1, where).ravel()]
            target = [(1, *shape)[axis] if n == 0 else n for axis, n in enumerate(numbers)]
            known = math.prod(n for n in target if n != -1)
            target = [size // max(known, 1) if n == -1 else n for n in target]
            # a file whose batch is not 1 keeps it in such shapes; -1 first is the batch too
        if not target or math.prod(target) != size or target[0] != 1:
            raise ImportedModelError("new shape", where=where, expected=f"(batch, ...), {size} in all", got=str(target))
        return self.builder.reshape(node.outputs[0], where, x, tuple(target[1:]))

    def _slice(self, node: Node, where: str) -> str:
        x = self._tensor(node, 0, where)
        if "starts" in node.attributes:
            starts, ends = node.attributes["starts"], node.attributes["ends"]
            axes, steps = node.attributes.get("axes"), None
        else:
            parts = [self._constant(node, index, where) for index in range(1, 5)]
            starts, ends, axes, steps = (None if part is None else part.ravel().tolist() for part in parts)
        axes, steps = axes or list(range(len(starts))), steps or [1] * len(starts)
        for number, (axis, start, end, step) in enumerate(zip(axes, starts, ends, steps, strict=True)):
            x = self.builder.slice(f"{node.outputs[0]}_{number}", where, x, int(axis), int(start), int(end), int(step))
        return x

    def _pad(self, node: Node, where: str) -> str:
        x = self._tensor(node, 0, where)
        if node.attributes.get("mode", "constant") != "constant":
            raise ImportedModelError("mode of padding", where=where, expected="constant zeros")
        pads = node.attributes.get("pads")
        pads = self._needed(node, 1, where).ravel().tolist() if pads is None else pads
        value = self._constant(node, 2, where)
        count = len(pads) // 2
        if count != len(self.builder.shapes[x]) + 1 or pads[0] or pads[count]:
            raise ImportedModelError("pads", where=where, expected="none of the batch", got=str(pads))
        widths = [(int(pads[axis]), int(pads[axis + count])) for axis in range(1, count)]
        return self.builder.pad(node.outputs[0], where, x, widths, 0.0 if value is None else float(value))


_HANDLERS: Mapping[str, Callable[[_Walker, Node, str], str]] = {
    "MatMul": _Walker._matmul,
    "Gemm": _Walker._gemm,
    "Conv": _Walker._conv,
    "BatchNormalization": _Walker._norm,
    "Clip": _Walker._clip,
    "Min": _Walker._bounded,
    "Max": _Walker._bounded,
    "PRelu": _Walker._prelu,
    "Split": _Walker._split,
    "Sum": _Walker._sum,
    "Pow": _Walker._power,
    "Neg": _Walker._negative,
    "Add": _Walker._two,
    "Sub": _Walker._two,
    "Mul": _Walker._two,
    "Div": _Walker._two,
    "AveragePool": _Walker._pool,
    "MaxPool": _Walker._pool,
    "GlobalAveragePool": _Walker._global_pool,
    "GlobalMaxPool": _Walker._global_pool,
    "ReduceMean": _Walker._mean,
    "Concat": _Walker._concat,
    "Flatten": _Walker._reshape,
    "Reshape": _Walker._reshape,
    "Squeeze": _Walker._reshape,
    "Unsqueeze": _Walker._reshape,
    "Slice": _Walker._slice,
    "Pad": _Walker._pad,
    "Identity": _Walker._same,
    "Dropout": _Walker._same,
    "Cast": _Walker._same,
    "Softmax": _Walker._softmax,
    "LogSoftmax": _Walker._softmax,
}
