"""QONNX networks as integer networks with the same outputs: nothing is quantized again.

Every quantizing node becomes AMOS units; whatever stands between the integers of a weighted sum and the next quantizer
(scales, batch norms, biases) is absorbed in the thresholds of those units, element by element.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.building import arguments_of
from amos_hdl.frontend.importers.fold import fold
from amos_hdl.frontend.importers.maps import added, average_pool, max_pool, window_of
from amos_hdl.frontend.importers.moves import concatenated, padded, padding_of
from amos_hdl.frontend.importers.onnx_file import QUANTIZERS, Node, OnnxModel, read_onnx
from amos_hdl.frontend.importers.output import winner
from amos_hdl.frontend.importers.pixels import BYTES, PixelCode
from amos_hdl.frontend.importers.pointwise import Float, Pointwise, add, divide, is_power, multiply, subtract
from amos_hdl.frontend.importers.rounding import quantizer_of
from amos_hdl.frontend.importers.steps import STEPS, Value, fitted
from amos_hdl.frontend.importers.sums import Constant, weighted_sums
from amos_hdl.frontend.importers.thresholds import circuits, find_codes
from amos_hdl.network import Dense, Input, Network, Operation, Tensor, Unit
from amos_hdl.network.operations import Flatten as FlattenOperation

#: What the importer can read, for errors.
SUPPORTED = (
    "Quant, BipolarQuant, Trunc, MultiThreshold, MatMul, Gemm, Conv, MaxPool, AveragePool, GlobalAveragePool, "
    "BatchNormalization, Mul, Div, Add, Sub, Relu, Clip, Concat, Pad, Flatten, Reshape, Transpose"
)
_POOLS = frozenset({"MaxPool", "AveragePool", "GlobalAveragePool"})
#: Operations on maps: with one of them pixels keep their rows and columns.
_ON_MAPS = _POOLS | {"Conv", "Pad"}


@dataclass(frozen=True, eq=False)
class ExactImport:
    """An integer network that gives what the executor of its file gives.

    Members
    -------
    network : Network
        Outputs ``logits`` and, where comparing the logits is the same as comparing the file's outputs, ``winner``.
    pixels : PixelCode
    uncertain : mapping of unit operation to int
        Thresholds that the order of the executor's float32 sums could decide otherwise; empty when the outputs are
        proved equal for every image, as they are where scales are powers of two.
    """

    network: Network
    pixels: PixelCode
    uncertain: Mapping[str, int]
    _output: Pointwise
    _multiplier: int
    _bias: npt.NDArray[np.int64]

    @property
    def bit_exact(self) -> bool:
        """Whether ``read_back`` gives the executor's outputs bit for bit, whatever the order of its last sums.

        If not, the integers are still the same; the executor's outputs then carry rounding errors of float32 sums.
        """
        return not self.uncertain and not np.any(self._output.error)

    def read_back(self, logits: npt.NDArray[np.int64]) -> Float:
        """Return the file's own outputs, float32, for integer ``logits`` ``(batch, class)`` of the network.

        The remaining formula of the file is applied to the integers in the executor's order of operations.
        """
        potentials = (logits - self._bias) // self._multiplier
        return self._output.floats(potentials.reshape(-1, *self._output.shape)).reshape(len(logits), -1)


def import_qonnx(path: Path, name: str, pixels: PixelCode = BYTES) -> ExactImport:
    """Return the integer network of the QONNX file ``path``.

    Parameters
    ----------
    path : Path
    name : str
        Of the network.
    pixels : PixelCode
        How pixels become the numbers that the file takes.

    Raises
    ------
    ImportedModelError
        Naming file and node: an operation that is not supported, a weighted sum of what is no integer, a change of
        scale that integers cannot express.
    """
    return _Importer(read_onnx(path), pixels).run(name)


class _Importer:
    """Walks once over the nodes; ``values`` holds what each tensor of the file is."""

    def __init__(self, model: OnnxModel, pixels: PixelCode) -> None:
        self.model, self.pixels = model, pixels
        on_maps = len(model.shape) == 3 and any(node.kind in _ON_MAPS for node in model.nodes)
        image = Input("pixels", model.shape if on_maps else int(np.prod(model.shape)), pixels.low, pixels.high)
        self.operations: list[Operation] = [image]
        self.tensors: dict[str, Tensor] = {"pixels": image.result()}
        self.values: dict[str, Value] = {tensor: Constant(array) for tensor, array in model.constants.items()}
        self.values[model.input] = self._image()
        self.uncertain: dict[str, int] = {}
        self.layers = 0
        self.before_quantizers = _before_quantizers(model)

    def _image(self) -> Pointwise:
        mean, std = self.pixels.channels(self.model.shape)
        image = divide(Pointwise.of("pixels", self.model.shape, 1.0), np.array(self.pixels.divisor, np.float32))
        if self.pixels.mean or self.pixels.std:
            image = divide(subtract(image, mean), std)
        return image

    def run(self, name: str) -> ExactImport:
        for node in self.model.nodes:
            if not node.outputs:
                raise ImportedModelError("node without a result", where=self.model.where(node))
            arguments = [self.values.get(tensor) for tensor in node.inputs if tensor]
            if any(argument is None for argument in arguments):
                missing = next(tensor for tensor in node.inputs if tensor and tensor not in self.values)
                raise ImportedModelError("tensor that nothing gives", where=self.model.where(node), got=repr(missing))
            with arguments_of(self.model.where(node)):
                result = self._node(node, [argument for argument in arguments if argument is not None])
                self.values[node.outputs[0]] = result
        output = self.values.get(self.model.output)
        if not isinstance(output, Pointwise):
            raise ImportedModelError("output does not depend on the input", where=str(self.model.path))
        return self._finish(name, output)

    def _finish(self, name: str, output: Pointwise) -> ExactImport:
        last = self.operations[-1]
        if not isinstance(last, Dense) or output.source != last.name:
            expected = "a weighted sum last, and scales and biases after it"
            raise ImportedModelError("output", where=f"{self.model.path}, {self.model.output}", expected=expected)
        chosen = winner(last, output, self.tensors[last.name])
        operations = (*self.operations[:-1], *chosen.operations)
        outputs = tuple(operation.name for operation in chosen.operations)
        network = Network(name, operations, outputs, chosen.scales)
        return ExactImport(network, self.pixels, self.uncertain, output, chosen.multiplier, chosen.bias)

    def _node(self, node: Node, arguments: list[Value]) -> Value:
        where = self.model.where(node)
        if node.kind == "Shape" and isinstance(arguments[0], Pointwise):
            return Constant(np.array([1, *arguments[0].shape], np.int64))
        constants = [argument for argument in arguments if isinstance(argument, Constant)]
        if len(constants) == len(arguments):
            return fold(node, constants, where)
        if node.kind in QUANTIZERS:
            if not isinstance(arguments[0], Pointwise) or len(constants) != len(arguments) - 1:
                raise ImportedModelError("scale that depends on the image", where=where, expected="a constant")
            return self._units(node, arguments[0], constants, where)
        if node.kind in ("MatMul", "Gemm"):
            return self._sums(node, arguments, where)
        if node.kind == "Conv":
            return self._conv(node, arguments, where)
        moving = [argument for argument in arguments if isinstance(argument, Pointwise)]
        if node.kind in _POOLS:
            return self._pool(node, moving[0], where)
        if node.kind == "Pad":
            return self._pad(node, moving[0], constants, where)
        if node.kind == "Concat":
            return self._concat(node, moving, constants, where)
        if node.kind == "Add" and len(moving) == 2:
            first, second = moving
            read = (self.tensors[first.source], self.tensors[second.source])
            return self._append(*added(self._name("sum"), (first, second), read, where))
        if len(moving) > 1:
            hint = "only sums of two tensors, and concatenations, are supported"
            raise ImportedModelError("operation on two tensors of the image", where=where, hint=hint)
        step = STEPS.get(node.kind)
        if step is None or node.domain:
            raise ImportedModelError("unsupported operation", where=where, expected=f"one of {SUPPORTED}")
        result = step(node, arguments, where)
        before = moving[0]
        if isinstance(result, Pointwise) and self.tensors[before.source].space and len(result.shape) == 1:
            flat = FlattenOperation(self._name("flat"), before.source)
            return self._append(flat, replace(result, source=flat.name))
        return result

    def _name(self, base: str) -> str:
        """Return a name that no operation has."""
        if base not in self.tensors:
            return base
        return next(f"{base}_{n}" for n in range(2, 1 << 16) if f"{base}_{n}" not in self.tensors)

    def _conv(self, node: Node, arguments: list[Value], where: str) -> Pointwise:
        tensor, weights = arguments[0], arguments[1]
        if not isinstance(tensor, Pointwise) or not isinstance(weights, Constant) or weights.array.ndim != 4:
            expected = "a map, and constant weights (channel, input, row, column)"
            raise ImportedModelError("factors", where=where, expected=expected)
        if len(tensor.shape) != 3 or not self.tensors[tensor.source].space:
            raise ImportedModelError("shape", where=where, expected="a map", got=str(tensor.shape))
        window = window_of(node, weights.array.shape[2:], where)
        self.layers += 1
        made = weighted_sums(
            f"hidden{self.layers}_sums", tensor, self.tensors[tensor.source], weights, where,
            bias=_bias(arguments), window=window, groups=int(node.attributes.get("group", 1)),
        )  # fmt: skip
        return self._append(*made)

    def _pool(self, node: Node, tensor: Pointwise, where: str) -> Pointwise:
        source = self.tensors[tensor.source]
        if len(tensor.shape) != 3 or not source.space:
            raise ImportedModelError("shape", where=where, expected="a map", got=str(tensor.shape))
        kernel = None if node.kind == "GlobalAveragePool" else tuple(node.attributes.get("kernel_shape", ()))
        window = None if kernel is None else window_of(node, kernel, where)
        if node.kind == "MaxPool" and window is not None:
            return self._append(*max_pool(self._name("pool"), tensor, source, window, where))
        return self._append(*average_pool(self._name("mean"), tensor, source, window, where))

    def _concat(self, node: Node, tensors: list[Pointwise], constants: list[Constant], where: str) -> Pointwise:
        if constants or len(node.inputs) != len(tensors):
            raise ImportedModelError("concatenation with a constant", where=where, hint="only of tensors of the image")
        axis = int(node.attributes["axis"])
        if axis not in (1, -len(tensors[0].shape)):
            raise ImportedModelError("axis of a concatenation", where=where, expected="1, channels", got=repr(axis))
        return self._append(*concatenated(self._name("joined"), tensors, where))

    def _pad(self, node: Node, tensor: Pointwise, constants: list[Constant], where: str) -> Pointwise:
        source = self.tensors[tensor.source]
        if len(tensor.shape) != 3 or not source.space:
            raise ImportedModelError("shape", where=where, expected="a map", got=str(tensor.shape))
        widths, value = padding_of(node, [constant.array for constant in constants], where)
        return self._append(*padded(self._name("padded"), tensor, source, widths, value, where))

    def _sums(self, node: Node, arguments: list[Value], where: str) -> Pointwise:
        tensor, weights = arguments[0], arguments[1]
        if not isinstance(tensor, Pointwise) or not isinstance(weights, Constant) or weights.array.ndim != 2:
            raise ImportedModelError("factors", where=where, expected="a tensor of the image times a constant matrix")
        if len(tensor.shape) != 1:
            raise ImportedModelError("shape", where=where, expected="(batch, input)", got=f"(batch, {tensor.shape})")
        transposed = node.kind == "Gemm" and bool(node.attributes.get("transB", 0))
        if node.kind == "Gemm" and any(node.attributes.get(key, 1) != 1 for key in ("alpha", "beta")):
            raise ImportedModelError("alpha and beta", where=where, expected="1")
        if not transposed:
            weights = weights.mapped(lambda array: array.T)
        last = node.outputs[0] not in self.before_quantizers
        self.layers += 1
        name = "logits" if last else f"hidden{self.layers}_sums"
        source, bias = self.tensors[tensor.source], _bias(arguments)
        return self._append(*weighted_sums(name, tensor, source, weights, where, bias=bias))

    def _units(self, node: Node, tensor: Pointwise, constants: list[Constant], where: str) -> Pointwise:
        """Return the integers of a quantizing node: units, or what it is given where the codes are those already."""
        # thresholds have axes of their own; scales and zero points have those of the tensor, (1, channel, 1, 1) too
        own = node.kind == "MultiThreshold"
        parts = [constant.array if own else fitted(tensor, constant, where) for constant in constants]
        quantizer = quantizer_of(node, parts, where)
        source = self.tensors[tensor.source]
        # a map has one interval, and one circuit, per channel
        shape = (-1, 1, 1) if source.space else tensor.shape
        low, high = source.low.reshape(shape), source.high.reshape(shape)

        def codes_of(u: npt.NDArray[np.int64], error: float) -> npt.NDArray[np.int64]:
            codes = quantizer.code(tensor.floats(u, error)).astype(np.int64)
            if codes.shape != u.shape:
                raise ImportedModelError("constants that differ from place to place of a map", where=where)
            return codes

        codes = find_codes(codes_of, low, high, where, bounded=bool(np.any(tensor.error > 0)))
        scale, offset = (np.asarray(part) for part in (quantizer.scale, quantizer.offset))
        if not quantizer.double and codes.copies(low, high):
            shift = codes.base - int(low.min())
            return Pointwise.of(tensor.source, tensor.shape, scale, offset + scale * shift)
        made, assignment = circuits(codes, low, high, double=quantizer.double)
        name = self._name("encoder" if tensor.source == "pixels" else tensor.source.removesuffix("_sums"))
        if name == tensor.source:
            name = self._name(f"{name}_code")
        self._append(Unit(name, tensor.source, made, assignment), tensor)
        if codes.uncertain:
            self.uncertain[name] = codes.uncertain
        exact = is_power(scale) and bool(np.all(offset / scale == np.round(offset / scale)))
        if node.kind == "MultiThreshold" and not exact:
            # the executor multiplies and adds in float32, where the other quantizers only multiply
            counts = multiply(Pointwise.of(name, tensor.shape, 1.0), scale.astype(np.float32))
            return add(counts, offset.astype(np.float32))
        return replace(Pointwise.of(name, tensor.shape, scale, offset), roundings=0 if exact else 2)

    def _append(self, operation: Operation, result: Pointwise) -> Pointwise:
        """Add ``operation`` and return ``result``, what its integers stand for."""
        self.operations.append(operation)
        self.tensors[operation.name] = operation.result(*(self.tensors[name] for name in operation.reads))
        return result


def _bias(arguments: list[Value]) -> npt.NDArray[np.float64] | None:
    """Return the bias of a weighted sum, its third argument, if it has one."""
    if len(arguments) < 3 or not isinstance(arguments[2], Constant):
        return None
    return arguments[2].array.astype(np.float32).astype(np.float64).ravel()


def _before_quantizers(model: OnnxModel) -> set[str]:
    """Return the tensors from which some quantizer is reached."""
    reached: set[str] = set()
    for node in reversed(model.nodes):
        if node.kind in QUANTIZERS or reached.intersection(node.outputs):
            reached.update(node.inputs)
    return reached
