"""From a float network to an integer network of AMOS units, node by node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError, NetworkError
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
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.quantize.joins import concat_of, product_of, sum_of
from amos_hdl.frontend.quantize.making import Making, Value
from amos_hdl.frontend.quantize.names import Names
from amos_hdl.frontend.quantize.scaled import Scaled, Sums
from amos_hdl.network import Network, width_bits
from amos_hdl.network.operations import Argmax, Dense, SumPool
from amos_hdl.network.operations import Flatten as FlattenOperation
from amos_hdl.network.operations import MaxPool as MaxPoolOperation
from amos_hdl.network.operations import Pad as PadOperation
from amos_hdl.network.operations import Slice as SliceOperation

Real = npt.NDArray[np.float64]

#: Greatest bias of the last sums, in steps of their weights.
BIAS_LIMIT = 1 << 40


class Lowering:
    """Visits the nodes once; ``values`` says what integers each float tensor is.

    Parameters
    ----------
    graph : FloatGraph
    making : Making
        The network, of which the image is made.
    pixels : PixelCode
    """

    def __init__(self, graph: FloatGraph, making: Making, pixels: PixelCode) -> None:
        self.graph, self.making, self.pixels = graph, making, pixels
        self.image = making.operations[0].name
        self.is_flat = is_flat(graph)
        self.values: dict[str, Value] = {}
        sums = [node.name for node in graph.nodes if isinstance(node, Linear | Conv)]
        self.first, self.last = (sums[0], sums[-1]) if sums else ("", "")
        named = {Names.of(name) for name in sums}
        unknown = sorted(set(making.options.layer_bits) - named)
        if unknown:
            expected = f"one of {', '.join(sorted(named))}"
            raise ImportedModelError("layer of weights", where=graph.source, expected=expected, got=repr(unknown[0]))

    def run(self, name: str, say: Callable[[str, int, int], None]) -> tuple[Network, float]:
        """Return the network, and what one unit of its logits stands for."""
        left = {node: len(users) for node, users in self.graph.users.items()}
        for number, node in enumerate(self.graph.nodes):
            try:
                self.values[node.name] = self._node(node)
            except NetworkError as failure:
                raise ImportedModelError(str(failure), where=node.place) from failure
            for used in dict.fromkeys(node.inputs):
                left[used] -= 1
                if not left[used]:
                    self.making.forget(self.values.pop(used), self.values.values())
            say("quantizing", number + 1, len(self.graph.nodes))
        if self.making.unused:
            got = repr(self.making.unused[0].activation)
            raise ImportedModelError("circuit file of a function that is not there", where=self.graph.source, got=got)
        return self._finish(name)

    def _node(self, node: Node) -> Value:
        given, making = [self.values[name] for name in node.inputs], self.making
        match node:
            case Image():
                return self._image()
            case Linear():
                return self._linear(node, given[0])
            case Conv():
                return self._conv(node, given[0])
            case Affine():
                return given[0].affine(node.scale, node.offset)
            case Activation():
                return making.coded(given[0], node.inputs[0], node.function, node.name, node.place)
            case AveragePool() | MaxPool():
                return self._pool(node, given[0])
            case Sum():
                return sum_of(making, node, given)
            case Product():
                return product_of(making, node, given)
            case Concat():
                return concat_of(making, node, given)
            case Flatten() | Slice() | Pad():
                return self._moved(node, given[0])
            case _:
                raise ImportedModelError("unsupported node", where=node.place, got=type(node).__name__)

    def _moved(self, node: Flatten | Slice | Pad, given: Value) -> Scaled:
        making, value = self.making, self.making.made(given)
        if isinstance(node, Flatten):
            if self.is_flat and value.source == self.image:
                return value
            places = int(np.prod(self.graph.shapes[node.inputs[0]][1:]))
            name = making.append(FlattenOperation(making.name(node.name), value.source))
            return Scaled(name, value.scale.repeat(places), value.offset.repeat(places))
        if isinstance(node, Slice):
            part = slice(*node.ranges[0])
            name = making.append(SliceOperation(making.name(node.name), value.source, node.ranges))
            return Scaled(name, value.scale[part], value.offset[part])
        value = making.centred(value, node.inputs[0], node.place)
        name = making.append(PadOperation(making.name(node.name), value.source, node.widths))
        # channels of zeros take any scale; that of the first keeps them like the others
        scale = np.pad(value.scale, node.widths[0], mode="edge")
        return Scaled(name, scale, np.pad(value.offset, node.widths[0]))

    def _image(self) -> Scaled:
        size = self.graph.image.size
        mean, std = (part.astype(np.float64).ravel() for part in self.pixels.channels(size))
        mean, std = (np.broadcast_to(part, size[0]) for part in (mean, std))
        if self.is_flat:
            places = int(np.prod(size[1:]))
            mean, std = mean.repeat(places), std.repeat(places)
        return Scaled(self.image, 1 / (self.pixels.divisor * std), -mean / std)

    def _bits(self, node: Node) -> int:
        options, name = self.making.options, Names.of(node.name)
        if name in options.layer_bits:
            return options.layer_bits[name]
        if node.name == self.last and options.last_bits is not None:
            return options.last_bits
        if node.name == self.first and options.first_bits is not None:
            return options.first_bits
        return options.weight_bits

    def _linear(self, node: Linear, value: Value) -> Sums:
        x = self.making.narrow(value, node.inputs[0], node.place)
        weights = node.weights * x.scale
        return Sums(node.name, node.place, x.source, weights, node.bias + node.weights @ x.offset, self._bits(node))

    def _conv(self, node: Conv, value: Value) -> Sums:
        x = self.making.narrow(value, node.inputs[0], node.place)
        if any(node.window.padding):
            x = self.making.centred(x, node.inputs[0], node.place)
        channels, each = node.weights.shape[:2]
        # (channel, input of the group): which input channel each weight sees
        inputs = np.arange(channels)[:, None] // (channels // node.groups) * each + np.arange(each)
        weights = node.weights * x.scale[inputs][:, :, None, None]
        offset = node.bias + np.einsum("cikl,ci->c", node.weights, x.offset[inputs])
        return Sums(node.name, node.place, x.source, weights, offset, self._bits(node), node.window, node.groups)

    def _pool(self, node: AveragePool | MaxPool, value: Value) -> Scaled:
        making, x = self.making, self.making.made(value)
        window = node.over(self.graph.shapes[node.inputs[0]])
        whole = node.window is None
        shape = {} if whole else {"stride": window.stride, "padding": window.padding}
        kernel = None if whole else window.kernel
        if isinstance(node, AveragePool):
            if any(window.padding):
                x = making.centred(x, node.inputs[0], node.place)
            name = making.append(SumPool(making.name(node.name), x.source, kernel, **shape))
            return Scaled(name, x.scale / int(np.prod(window.kernel)), x.offset)
        if not (x.scale > 0).all():
            x = making.recoded(x, node.inputs[0], node.place)
        name = making.append(MaxPoolOperation(making.name(node.name), x.source, kernel, **shape))
        return Scaled(name, x.scale, x.offset)

    def _finish(self, name: str) -> tuple[Network, float]:
        """Return the network: the last sums on one scale, biases as integers of it, and the greatest."""
        making, tensor = self.making, self.graph.output
        value = self.values[tensor]
        place = next(node.place for node in self.graph.nodes if node.name == tensor)
        if isinstance(value, Scaled):
            scales = value.scale
            if not ((scales == scales[0]).all() and scales[0] > 0):
                value = making.recoded(value, tensor, place)
            ones = np.eye(len(value.scale), dtype=np.int64)
            if value.offset.any():
                value = Sums("logits", place, value.source, ones * value.scale, value.offset, 2)
        if isinstance(value, Sums):
            scale = np.full(len(value.offset), float(value.least_scale.max()))
            logits = making.corrected(making.made(replace(value, name="logits"), scale), tensor)
            last = making.operations.pop()
            bias = _whole(logits.offset / scale, place)
            if not isinstance(last, Dense):
                raise ImportedModelError("last sums", where=place, expected="a dense layer", got=last.kind)
            bits = max(last.weight_bits, width_bits(int(last.weights.min()), int(last.weights.max()))[0])
            making.operations.append(replace(last, bias=bias, weight_bits=bits))
            value = Scaled(last.name, scale, np.zeros_like(scale))
        unit = float(value.scale[0])
        operations = (*making.operations, Argmax("winner", value.source))
        network = Network(name, operations, (value.source, "winner"), {value.source: Fraction(unit)})
        return network, unit


def _whole(values: Real, place: str) -> npt.NDArray[np.int64]:
    """Return biases in units of the sums.  Raises ImportedModelError if they are out of all proportion to the sums."""
    rounded = np.round(values)
    if not (np.abs(rounded) < BIAS_LIMIT).all():
        expected, got = f"below {BIAS_LIMIT} steps of the weights", f"{float(np.abs(values).max()):.3g}"
        raise ImportedModelError("bias", where=place, expected=expected, got=got)
    return rounded.astype(np.int64)


def is_flat(graph: FloatGraph) -> bool:
    """Return whether the image is only flattened, so that it has no need of rows and columns."""
    users = graph.users[graph.image.name]
    return bool(users) and all(isinstance(node, Flatten) for node in users)
