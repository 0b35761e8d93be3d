"""Exported programs of PyTorch as float graphs: what each operation of ``torch.ops.aten`` becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.floats.functions import FUNCTIONS, prelu
from amos_hdl.frontend.importers import nearest
from amos_hdl.frontend.importers.archive import Call, Name, Program
from amos_hdl.frontend.importers.building import ZEROS_COUNT, Builder, arguments_of
from amos_hdl.frontend.importers.nearest import unsupported

Array = npt.NDArray[Any]


def graph_of(program: Program) -> FloatGraph:
    """Return the float network of a program.

    Raises ImportedModelError, naming file and place, for an operation that is not supported.
    """
    return _Walker(program).run()


class _Walker:
    """Visits the calls once; ``tensors`` says which node each tensor of the program is."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.builder = Builder(program.source, str(program.image), program.shape)
        self.tensors: dict[str, str] = {program.image: self.builder.image}
        self.constants: dict[str, Array] = dict(program.constants)

    def run(self) -> FloatGraph:
        for call in self.program.calls:
            base = call.target.split(".")[0]
            key = base.removesuffix("_")
            handler = _HANDLERS.get(key)
            if handler is None and key in FUNCTIONS:
                handler = _Walker._function
            if handler is None:
                raise unsupported(
                    call.place,
                    key,
                    nearest.PYTORCH,
                    {name for name in (*_HANDLERS, *FUNCTIONS) if not name.startswith("_")},
                )
            with arguments_of(call.place):
                if not self._folded(call, key):
                    self.tensors[call.output] = handler(self, call)
        if self.program.output not in self.tensors:
            raise ImportedModelError("output does not depend on the image", where=self.program.source)
        return self.builder.finish(self.tensors[self.program.output])

    def _folded(self, call: Call, key: str) -> bool:
        """Whether ``call`` only copies or reshapes a constant (a tensor written out in ``forward``), kept as one."""
        first = next(iter(call.arguments.values()), None)
        if key not in (*_COPIES, "view", "reshape") or first not in self.constants:
            return False
        array = self.constants[first]
        if key in ("view", "reshape"):
            array = array.reshape(call.arguments.get("size", call.arguments.get("shape")))
        self.constants[call.output] = array
        return True

    # what handlers ask for

    def tensor(self, call: Call, key: str) -> str:
        """Return the node of the tensor that argument ``key`` names."""
        name = call.arguments.get(key)
        if isinstance(name, Name) and name in self.tensors:
            return self.tensors[name]
        what = "a constant" if isinstance(name, Name) and name in self.constants else repr(name)
        raise ImportedModelError(f"argument {key}", where=call.place, expected="a tensor of the image", got=what)

    def constant(self, call: Call, key: str) -> Array | None:
        """Return the constant that argument ``key`` names, or None."""
        name = call.arguments.get(key)
        if name is None:
            return None
        if isinstance(name, Name) and name in self.constants:
            return self.constants[name]
        raise ImportedModelError(f"argument {key}", where=call.place, expected="a constant", got="a computed tensor")

    def _constant(self, call: Call, key: str) -> Array:
        array = self.constant(call, key)
        if array is None:
            raise ImportedModelError(f"argument {key}", where=call.place, expected="a constant", got="nothing")
        return array

    # handlers: each returns the name of a node

    def _same(self, call: Call) -> str:
        return self.tensor(call, "input" if "input" in call.arguments else "self")

    def _dropout(self, call: Call) -> str:
        if call.arguments.get("train"):
            hint = "put the model in evaluation mode before it is exported"
            raise ImportedModelError("dropout in training mode", where=call.place, hint=hint)
        return self._same(call)

    def _softmax(self, call: Call) -> str:
        if call.output != self.program.output:
            hint = "it is left out where it is the last operation, as it keeps the order of classes"
            raise ImportedModelError("unsupported operation", where=call.place, got=call.target, hint=hint)
        return self._same(call)

    def _function(self, call: Call) -> str:
        first, *rest = call.arguments.items()
        label = call.target.split(".")[0].removesuffix("_")
        parameters = [value for _, value in rest if not isinstance(value, Mapping)]
        if any(isinstance(value, Name) for value in parameters):
            raise ImportedModelError("parameter", where=call.place, expected="numbers", got="a tensor")
        function = FUNCTIONS[label](*parameters)
        return self.builder.activation(call.output, call.place, self.tensor(call, first[0]), label, function)

    def _prelu(self, call: Call) -> str:
        slopes = self._constant(call, "weight")
        return self.builder.activation(call.output, call.place, self.tensor(call, "self"), "prelu", prelu(slopes))

    def _bounded(self, call: Call) -> str:
        """Return a clamp whose bounds are constant tensors, and the lesser or greater of a tensor and a constant."""
        get, x = call.arguments.get, call.arguments.get("self")
        kind = call.target.split(".")[0].removesuffix("_")
        if kind == "clamp":
            low, high = (self.constant(call, key) if isinstance(get(key), Name) else get(key) for key in ("min", "max"))
            return self.builder.clip(call.output, call.place, self.tensor(call, "self"), low, high)
        sides = ("self", "other") if isinstance(x, Name) and x in self.tensors else ("other", "self")
        if isinstance(get(sides[1]), Name) and get(sides[1]) in self.tensors:
            hint = f"write {'b + relu(a - b)' if kind == 'maximum' else 'b - relu(b - a)'}"
            raise ImportedModelError(f"{kind} of two tensors", where=call.place, expected="a constant", hint=hint)
        bound, tensor = self._constant(call, sides[1]), self.tensor(call, sides[0])
        low, high = (bound, None) if kind == "maximum" else (None, bound)
        return self.builder.clip(call.output, call.place, tensor, low, high)

    def _glu(self, call: Call) -> str:
        return self.builder.glu(call.output, call.place, self.tensor(call, "self"), int(call.arguments.get("dim", -1)))

    def _split(self, call: Call) -> str:
        """Return the first of several slices, the others becoming tensors, too."""
        x, get = self.tensor(call, "self"), call.arguments.get
        axis = int(get("dim", 0))
        shape = (self.program.batch, *self.builder.shapes[x])
        length = shape[axis]
        sizes = get("split_sizes", get("split_size", 0))
        if "chunks" in call.arguments:
            sizes = -(-length // int(call.arguments["chunks"]))
        if isinstance(sizes, int):
            sizes = [min(sizes, length - start) for start in range(0, length, max(1, sizes))]
        ends = np.cumsum(sizes).tolist()
        for name, start, end in zip(call.outputs, [0, *ends[:-1]], ends, strict=True):
            self.tensors[name] = self.builder.slice(name, call.place, x, axis, start, end, 1)
        return self.tensors[call.output]

    def _rrelu(self, call: Call) -> str:
        """Return the leaky ReLU that a randomised one is in evaluation mode."""
        get = call.arguments.get
        if get("training"):
            hint = "put the model in evaluation mode before it is exported"
            raise ImportedModelError("rrelu in training mode", where=call.place, hint=hint)
        function = FUNCTIONS["leaky_relu"]((float(get("lower", 1 / 8)) + float(get("upper", 1 / 3))) / 2)
        return self.builder.activation(call.output, call.place, self.tensor(call, "self"), "rrelu", function)

    def _linear(self, call: Call) -> str:
        weights, bias = self._constant(call, "weight"), self.constant(call, "bias")
        return self.builder.linear(call.output, call.place, self.tensor(call, "input"), weights, bias)

    def _conv(self, call: Call) -> str:
        get = call.arguments.get
        weights, padding = self._constant(call, "weight"), get("padding", [0, 0])
        if isinstance(padding, str):
            sides = weights.shape[2:]
            if padding == "same" and list(get("stride", [1, 1])) in ([1], [1, 1]):
                padding = [p for side in sides for p in ((side - 1) // 2, side // 2)]
            elif padding == "valid":
                padding = [0, 0]
            else:
                raise ImportedModelError("padding", where=call.place, expected="numbers", got=repr(padding))
        return self.builder.conv(
            call.output, call.place, self.tensor(call, "input"), weights, self.constant(call, "bias"),
            get("stride", [1, 1]), padding, get("dilation", [1, 1]), int(get("groups", 1)),
        )  # fmt: skip

    def _norm(self, call: Call) -> str:
        if call.arguments.get("training"):
            hint = "put the model in evaluation mode before it is exported"
            raise ImportedModelError("batch norm in training mode", where=call.place, hint=hint)
        parts = [self.constant(call, key) for key in ("weight", "bias", "running_mean", "running_var")]
        epsilon = float(call.arguments.get("eps", 1e-5))
        return self.builder.norm(call.output, call.place, self.tensor(call, "input"), parts, epsilon)

    def _two(self, call: Call) -> str:
        """Return a sum, difference, product or quotient of two tensors, or of one and a constant."""
        kind = call.target.split(".")[0].removesuffix("_")
        alpha = float(call.arguments.get("alpha", 1))
        sides = []
        for key in ("self", "other"):
            value = call.arguments.get(key)
            if isinstance(value, Name):
                sides.append(self.tensors.get(value, self.constants.get(value)))
            else:
                sides.append(np.asarray(value, float))
        first, second = sides
        name, place, builder = call.output, call.place, self.builder
        if isinstance(first, str) and isinstance(second, str):
            if kind == "div":
                return builder.quotient(name, place, first, second)
            if kind == "mul":
                return builder.product(name, place, first, second)
            factor = -alpha if kind == "sub" else alpha
            if factor != 1:
                second = builder.affine(f"{name}_scaled", place, second, factor, 0.0)
            return builder.sum(name, place, first, second)
        if isinstance(first, str) and isinstance(second, np.ndarray):
            if kind == "div":
                if not second.all():
                    raise ImportedModelError("division by 0", where=place)
                return builder.affine(name, place, first, 1 / second, 0.0)
            if kind == "mul":
                return builder.affine(name, place, first, second, 0.0)
            return builder.affine(name, place, first, 1.0, second * (-alpha if kind == "sub" else alpha))
        if isinstance(second, str) and isinstance(first, np.ndarray) and kind != "div":
            if kind == "mul":
                return builder.affine(name, place, second, first, 0.0)
            return builder.affine(name, place, second, -alpha if kind == "sub" else alpha, first)
        raise ImportedModelError("arguments", where=place, expected="tensors of the image and constants")

    def _average_pool(self, call: Call) -> str:
        get = call.arguments.get
        padding = get("padding", [0, 0])
        self._plain_pool(call)
        if any(padding) and get("count_include_pad", True) is False:
            raise ImportedModelError(
                "count_include_pad", where=call.place, expected="True where there is padding", hint=ZEROS_COUNT
            )
        if get("divisor_override") is not None:
            hint = "multiply the mean by a constant"
            raise ImportedModelError("divisor_override", where=call.place, expected="none", hint=hint)
        x, kernel, stride = self.tensor(call, "self"), call.arguments["kernel_size"], get("stride", [])
        ceil = bool(get("ceil_mode"))
        return self.builder.average_pool(call.output, call.place, x, kernel, stride, _two_numbers(padding), ceil=ceil)

    def _max_pool(self, call: Call) -> str:
        get = call.arguments.get
        self._plain_pool(call)
        x, kernel, stride = self.tensor(call, "self"), call.arguments["kernel_size"], get("stride", [])
        padding, ceil = _two_numbers(get("padding", [0, 0])), bool(get("ceil_mode"))
        return self.builder.max_pool(call.output, call.place, x, kernel, stride, padding, ceil=ceil)

    def _plain_pool(self, call: Call) -> None:
        if any(step != 1 for step in call.arguments.get("dilation", [1])):
            raise ImportedModelError("dilation", where=call.place, expected="1")

    def _adaptive(self, call: Call) -> str:
        size = call.arguments["output_size"]
        greatest = "max" in call.target
        return self.builder.adaptive_pool(call.output, call.place, self.tensor(call, "self"), size, greatest=greatest)

    def _mean(self, call: Call) -> str:
        x, axes = self.tensor(call, "self"), call.arguments.get("dim") or []
        rank = len(self.builder.shapes[x]) + 1
        if sorted(axis % rank for axis in axes) != [2, 3] or rank != 4:
            raise ImportedModelError("axes of a mean", where=call.place, expected="rows and columns", got=str(axes))
        pooled = self.builder.adaptive_pool(call.output, call.place, x, [1, 1])
        if call.arguments.get("keepdim"):
            return pooled
        return self.builder.reshape(f"{call.output}_flat", call.place, pooled, (self.builder.shapes[x][0],))

    def _concat(self, call: Call) -> str:
        names = call.arguments["tensors"]
        if any(name not in self.tensors for name in names):
            raise ImportedModelError("concatenation with a constant", where=call.place, hint="only with zeros, by pad")
        tensors = [self.tensors[name] for name in names]
        return self.builder.concat(call.output, call.place, tensors, int(call.arguments.get("dim", 0)))

    def _flatten(self, call: Call) -> str:
        x, get = self.tensor(call, "self"), call.arguments.get
        shape = self.builder.shapes[x]
        rank = len(shape) + 1
        first, last = int(get("start_dim", 0)), int(get("end_dim", -1))
        if first not in (1, 1 - rank) or last not in (rank - 1, -1):
            raise ImportedModelError(
                "axes to flatten", where=call.place, expected="1 to the last", got=f"{first}, {last}"
            )
        return self.builder.reshape(call.output, call.place, x, (math.prod(shape),))

    def _reshape(self, call: Call) -> str:
        x = self.tensor(call, "self")
        size = math.prod(self.builder.shapes[x])
        target = call.arguments.get("size", call.arguments.get("shape"))
        if not isinstance(target, list) or not all(isinstance(number, int) for number in target):
            hint = "export with a fixed batch"
            raise ImportedModelError("new shape", where=call.place, expected="numbers", hint=hint)
        batch = self.program.batch
        known = math.prod(number for number in target if number != -1)
        full = [batch * size // max(known, 1) if number == -1 else number for number in target]
        if not full or full[0] != batch or math.prod(full) != batch * size:
            raise ImportedModelError("new shape", where=call.place, expected="the batch first", got=str(target))
        return self.builder.reshape(call.output, call.place, x, tuple(full[1:]))

    def _slice(self, call: Call) -> str:
        get = call.arguments.get
        axis, step = int(get("dim", 0)), int(get("step", 1))
        start, stop = get("start"), get("end")
        bounds = (0 if start is None else int(start), 1 << 62 if stop is None else int(stop))
        return self.builder.slice(call.output, call.place, self.tensor(call, "self"), axis, *bounds, step)

    def _pad(self, call: Call) -> str:
        x, flat = self.tensor(call, "self"), call.arguments["pad"]
        if call.arguments.get("mode", "constant") != "constant":
            hint = "pad with zeros, or not at all"
            raise ImportedModelError("mode of padding", where=call.place, expected="constant zeros", hint=hint)
        rank = len(self.builder.shapes[x])
        if len(flat) % 2 or (len(flat) > 2 * rank and any(flat[2 * rank :])):
            raise ImportedModelError("padding", where=call.place, expected="none of the batch", got=str(flat))
        # the last axis comes first
        pairs = [(flat[2 * n], flat[2 * n + 1]) for n in range(min(len(flat) // 2, rank))][::-1]
        widths = [(0, 0)] * (rank - len(pairs)) + pairs
        return self.builder.pad(call.output, call.place, x, widths, float(call.arguments.get("value") or 0))

    def _reversed(self, call: Call) -> str:
        """Return other - alpha·self, which is how a number minus a tensor is written."""
        x, alpha = self.tensor(call, "self"), float(call.arguments.get("alpha", 1))
        other = call.arguments.get("other")
        if isinstance(other, Name):
            raise ImportedModelError("arguments", where=call.place, expected="a number minus a tensor")
        return self.builder.affine(call.output, call.place, x, -alpha, np.asarray(other, float))

    def _negative(self, call: Call) -> str:
        return self.builder.affine(call.output, call.place, self.tensor(call, "self"), -1.0, 0.0)


def _two_numbers(values: int | list[int]) -> list[int]:
    return [values, values] if isinstance(values, int) else list(values) * (3 - len(values))


#: Operations that change nothing.
_COPIES = ("identity", "contiguous", "clone", "alias", "detach", "to", "_to_copy", "lift_fresh_copy")

_HANDLERS: Mapping[str, Callable[[_Walker, Call], str]] = {
    "linear": _Walker._linear,
    "prelu": _Walker._prelu,
    "rrelu": _Walker._rrelu,
    "maximum": _Walker._bounded,
    "minimum": _Walker._bounded,
    "clamp": _Walker._bounded,
    "glu": _Walker._glu,
    "chunk": _Walker._split,
    "split": _Walker._split,
    "split_with_sizes": _Walker._split,
    "conv2d": _Walker._conv,
    "batch_norm": _Walker._norm,
    "_native_batch_norm_legit_no_training": _Walker._norm,
    "add": _Walker._two,
    "sub": _Walker._two,
    "mul": _Walker._two,
    "div": _Walker._two,
    "neg": _Walker._negative,
    "rsub": _Walker._reversed,
    "avg_pool2d": _Walker._average_pool,
    "max_pool2d": _Walker._max_pool,
    "adaptive_avg_pool2d": _Walker._adaptive,
    "adaptive_max_pool2d": _Walker._adaptive,
    "mean": _Walker._mean,
    "cat": _Walker._concat,
    "flatten": _Walker._flatten,
    "view": _Walker._reshape,
    "reshape": _Walker._reshape,
    "_unsafe_view": _Walker._reshape,
    "slice": _Walker._slice,
    "pad": _Walker._pad,
    "constant_pad_nd": _Walker._pad,
    "dropout": _Walker._dropout,
    "feature_dropout": _Walker._dropout,
    "softmax": _Walker._softmax,
    "log_softmax": _Walker._softmax,
} | dict.fromkeys(_COPIES, _Walker._same)
