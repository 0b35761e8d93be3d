"""Published architectures as integer networks of their real size, without weights and without PyTorch.

What depends on shapes alone (units, gates, weights, products, levels) is right; every weight is the greatest of its
width, in the memory of one number, so that widths are upper bounds.  Units are those that ``convert`` makes: where
sums meet weights with no activation between them, a unit ``.._code`` codes the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from amos_hdl.circuit import relu
from amos_hdl.errors import NetworkError
from amos_hdl.frontend.architectures.efficientnet_plan import Block, EfficientNetPlan, efficientnet_plan
from amos_hdl.frontend.architectures.resnet_plan import RESNET50
from amos_hdl.frontend.quantize.options import PRODUCT_GATES, Products
from amos_hdl.network import Add, Argmax, Conv2d, Dense, Flatten, Input, MaxPool, Multiply, Network, SumPool, Tensor
from amos_hdl.network.operations import Operation, Unit

#: Gates of sigmoid units, as in the paper.
SIGMOID_GATES = 8
#: Images that ResNet-50 was published for.
_RESNET_SIZE = 224

Function = Literal["swish", "relu", "sigmoid", "code", "square"]


@dataclass(frozen=True)
class StructureOptions:
    """What a structure is made for.

    Parameters
    ----------
    size : int or None
        Rows and columns of an image; None: those that the architecture was published for.
    gates : int, 1 to 16
        K of the activations and of coded sums.
    weight_bits : int, 2 to 8
    products : {"multiply", "units"}
        Of squeeze-and-excitation: real products, or two units of squares each.

    Raises NetworkError if a number is out of range.
    """

    size: int | None = None
    gates: int = 12
    weight_bits: int = 8
    products: Products = "multiply"

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("size", 1 if self.size is None else self.size, 1, 4096),
            ("gates", self.gates, 1, 16),
            ("weights", self.weight_bits, 2, 8),
        ):
            if type(value) is not int or not low <= value <= high:
                raise NetworkError(name, expected=f"{low} to {high}", got=repr(value))


@dataclass(frozen=True, eq=False)
class Structure:
    """A network of the right size, and what its unit layers stand for.

    Members
    -------
    network : Network
    functions : mapping of unit layer to its function
    """

    network: Network
    functions: Mapping[str, Function]


@dataclass
class _Sketch:
    """A network in the making; every method adds operations and returns the name of the last."""

    options: StructureOptions
    size: int
    operations: list[Operation] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.add(Input("pixels", (3, self.size, self.size), 0, 255))

    def add(self, operation: Operation) -> str:
        self.operations.append(operation)
        self.tensors[operation.name] = operation.result(*(self.tensors[name] for name in operation.reads))
        return operation.name

    def conv(self, name: str, source: str, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> str:
        inputs = self.tensors[source].channels // groups
        greatest = np.int64((1 << self.options.weight_bits - 1) - 1)
        weights = np.broadcast_to(greatest, (outputs, inputs, kernel, kernel))
        bits, padding = self.options.weight_bits, kernel // 2
        return self.add(Conv2d(name, source, weights, bits, stride=stride, padding=padding, groups=groups))

    def unit(self, name: str, source: str, function: Function, gates: int | None = None) -> str:
        self.functions[name] = function
        circuit, channels = relu(gates or self.options.gates), self.tensors[source].channels
        return self.add(Unit(name, source, (circuit,), np.zeros(channels, np.int64)))

    def sum(self, name: str, first: str, second: str, sign: int = 1) -> str:
        return self.add(Add(name, (first, second), np.array([1, sign])))

    def product(self, name: str, x: str, weight: str) -> str:
        """Return x times one weight per channel; see ``quantize.products`` for that of units."""
        if self.options.products == "multiply":
            return self.add(Multiply(name, (x, weight)))
        rows, columns = self.tensors[x].space
        spread = (rows - 1, rows - 1, columns - 1, columns - 1)
        weight = self.add(SumPool(f"{name}_spread", weight, (rows, columns), 1, spread))
        squares = []
        for part, sign in (("sum", 1), ("difference", -1)):
            source = self.sum(f"{name}_{part}", x, weight, sign)
            squares.append(self.unit(f"{name}_{part}_square", source, "square", 1 + 2 * PRODUCT_GATES))
        return self.sum(name, squares[0], squares[1], -1)

    def finish(self, name: str, source: str, classes: int) -> Structure:
        pooled = self.add(SumPool("means", source))
        flat = self.add(Flatten("features", pooled))
        greatest = np.int64((1 << self.options.weight_bits - 1) - 1)
        weights = np.broadcast_to(greatest, (classes, self.tensors[flat].channels))
        logits = self.add(Dense("logits", flat, weights, self.options.weight_bits))
        winner = self.add(Argmax("winner", logits))
        return Structure(Network(name, tuple(self.operations), (logits, winner)), self.functions)


def _efficientnet(plan: EfficientNetPlan, options: StructureOptions) -> Structure:
    sketch = _Sketch(options, options.size or plan.size)
    x = sketch.unit("stem", sketch.conv("stem_sums", "pixels", plan.stem, 3, 2), "swish")
    for stage, blocks in enumerate(plan.stages, start=1):
        for number, block in enumerate(blocks, start=1):
            x = _inverted_bottleneck(sketch, f"stage{stage}_{number}", x, block)
    x = sketch.unit("head", sketch.conv("head_sums", x, plan.head), "swish")
    return sketch.finish(f"efficientnet_{plan.version}", x, plan.classes)


def _inverted_bottleneck(sketch: _Sketch, name: str, x: str, block: Block) -> str:
    wide, y = block.expanded, x
    if wide != block.inputs:
        y = sketch.unit(f"{name}_expanded", sketch.conv(f"{name}_expanded_sums", y, wide), "swish")
    sums = sketch.conv(f"{name}_depthwise_sums", y, wide, block.kernel, block.stride, wide)
    y = sketch.unit(f"{name}_depthwise", sums, "swish")
    means = sketch.add(SumPool(f"{name}_means", y))
    narrow = sketch.unit(f"{name}_squeezed", sketch.conv(f"{name}_squeezed_sums", means, block.squeezed), "swish")
    sums = sketch.conv(f"{name}_weight_sums", narrow, wide)
    y = sketch.product(f"{name}_product", y, sketch.unit(f"{name}_weight", sums, "sigmoid", SIGMOID_GATES))
    y = sketch.conv(f"{name}_projected", y, block.outputs)
    if block.has_skip:
        y = sketch.sum(f"{name}_added", x, y)
    return sketch.unit(f"{name}_code", y, "code")


def _resnet50(options: StructureOptions) -> Structure:
    sketch = _Sketch(options, options.size or _RESNET_SIZE)
    x = sketch.unit("stem", sketch.conv("stem_sums", "pixels", 64, 7, 2), "relu")
    x = sketch.add(MaxPool("stem_pool", x, 3, 2, 1))
    for stage, blocks in enumerate(RESNET50, start=1):
        for number, block in enumerate(blocks, start=1):
            name = f"stage{stage}_{number}"
            y = sketch.unit(f"{name}_first", sketch.conv(f"{name}_first_sums", x, block.inner), "relu")
            sums = sketch.conv(f"{name}_second_sums", y, block.inner, 3, block.stride)
            y = sketch.conv(f"{name}_third_sums", sketch.unit(f"{name}_second", sums, "relu"), block.outputs)
            if block.projects:
                x = sketch.conv(f"{name}_shortcut", x, block.outputs, 1, block.stride)
            x = sketch.unit(name, sketch.sum(f"{name}_sums", x, y), "relu")
    return sketch.finish("resnet50", x, 1000)


def _version(version: str) -> Callable[[StructureOptions], Structure]:
    return lambda options: _efficientnet(efficientnet_plan(version), options)


#: Makers of structures by the name of the architecture.
STRUCTURES: Mapping[str, Callable[[StructureOptions], Structure]] = {
    "resnet50": _resnet50,
    **{f"efficientnet-b{number}": _version(f"b{number}") for number in range(8)},
}
