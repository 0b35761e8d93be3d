"""From a float network to an integer network of AMOS units, node by node.

Scales are carried beside the integers and end in thresholds; batch norms and biases never become operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import DataError, ImportedModelError, NetworkError
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
from amos_hdl.frontend.quantize.names import Names
from amos_hdl.frontend.quantize.observe import Observed, interval, observe
from amos_hdl.frontend.quantize.options import QuantizeOptions
from amos_hdl.frontend.quantize.scaled import Scaled, Sums, short_factor
from amos_hdl.frontend.quantize.simulation import Simulation
from amos_hdl.frontend.quantize.units import Code, make_units
from amos_hdl.network import Network, width_bits
from amos_hdl.network.operations import Add, Argmax, Conv2d, Dense, Input, Multiply, Operation, SumPool, Unit
from amos_hdl.network.operations import Concat as ConcatOperation
from amos_hdl.network.operations import Flatten as FlattenOperation
from amos_hdl.network.operations import MaxPool as MaxPoolOperation
from amos_hdl.network.operations import Pad as PadOperation
from amos_hdl.network.operations import Slice as SliceOperation

Real = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Value = Scaled | Sums

#: Calibration images on which the integers are computed alongside, for the correction of biases.
SIMULATED_IMAGES = 64
#: Widest integers that are multiplied by weights; wider ones are coded by units first.
INPUT_LIMIT_BITS = 20
#: Greatest multiplier with which scales are made equal, and how far off, relatively, the scale may then be.
MULTIPLIER_LIMIT, MULTIPLIER_ERROR = 1 << 12, 1 / 512


@dataclass(frozen=True, eq=False)
class Quantized:
    """A float network as integers.

    Members
    -------
    network : Network
        Outputs ``logits`` (or what the last layer is called) and ``winner``.
    pixels : PixelCode
    scale : float
        What one unit of the logits stands for.
    """

    network: Network
    pixels: PixelCode
    scale: float

    def read_back(self, logits: npt.NDArray[np.integer]) -> Real:
        """Return logits of the network in the float network's units."""
        return logits.astype(np.float64) * self.scale


def quantize(
    graph: FloatGraph,
    name: str,
    images: npt.NDArray[np.integer],
    pixels: PixelCode,
    options: QuantizeOptions,
    progress: Callable[[str, int, int], None] | None = None,
) -> Quantized:
    """Return the integer network ``name`` of ``graph``.

    Parameters
    ----------
    graph : FloatGraph
    name : str
    images : integers, shape (image, pixel)
        For calibration: at least one; some hundreds are enough.
    pixels : PixelCode
        How pixels become the numbers that the model takes.
    options : QuantizeOptions
    progress : callable, optional
        Called with what is done, how far, and of how much.

    Raises
    ------
    DataError
        If there are no images, or they do not fit the model or the code.
    ImportedModelError
        Naming the node, for what integers cannot express.
    """
    size = graph.image.size
    if not len(images):
        raise DataError("no calibration images", where=graph.source, expected="at least one")
    if images[0].size != int(np.prod(size)):
        expected = f"{int(np.prod(size))} pixels, {' x '.join(map(str, size))}"
        raise DataError("calibration images", where=graph.source, expected=expected, got=f"{images[0].size} pixels")
    if images.min() < pixels.low or images.max() > pixels.high:
        got = f"{int(images.min())} to {int(images.max())}"
        raise DataError("calibration images", where=graph.source, expected=f"{pixels.low} to {pixels.high}", got=got)
    say = progress or (lambda *_: None)
    floats = pixels.floats(images, size)
    simulated = min(SIMULATED_IMAGES, len(images))
    seen = observe(graph, floats, simulated, lambda done: say("calibrating", done, len(images)))
    shown = images[:simulated].reshape(simulated, *size)
    return _Lowering(graph, seen, shown, pixels, options).run(name, say)


class _Lowering:
    """Visits the nodes once; ``values`` says what integers each float tensor is."""

    def __init__(
        self,
        graph: FloatGraph,
        seen: Mapping[str, Observed],
        images: npt.NDArray[np.integer],
        pixels: PixelCode,
        options: QuantizeOptions,
    ) -> None:
        self.graph, self.seen, self.pixels, self.options = graph, seen, pixels, options
        # an image that is only flattened has no need of rows and columns
        users = graph.users[graph.image.name]
        self.is_flat = bool(users) and all(isinstance(node, Flatten) for node in users)
        size = (int(np.prod(graph.image.size)),) if self.is_flat else graph.image.size
        image = Input("pixels", size, pixels.low, pixels.high)
        self.operations: list[Operation] = [image]
        self.simulation = Simulation(image, images.reshape(len(images), *size))
        self.names = Names({"pixels", "winner"})
        self.values: dict[str, Value] = {}
        sums = [node.name for node in graph.nodes if isinstance(node, Linear | Conv)]
        self.first, self.last = (sums[0], sums[-1]) if sums else ("", "")

    def run(self, name: str, say: Callable[[str, int, int], None]) -> Quantized:
        left = {node: len(users) for node, users in self.graph.users.items()}
        for number, node in enumerate(self.graph.nodes):
            try:
                self.values[node.name] = self._node(node)
            except NetworkError as failure:
                raise ImportedModelError(str(failure), where=node.place) from failure
            for used in dict.fromkeys(node.inputs):
                left[used] -= 1
                if not left[used]:
                    self._forget(used)
            say("quantizing", number + 1, len(self.graph.nodes))
        return self._finish(name)

    def _forget(self, tensor: str) -> None:
        """Drop the simulated integers of an operation that no other tensor still stands on."""
        value = self.values.pop(tensor)
        if not any(value.source == other.source for other in self.values.values()):
            self.simulation.drop(value.source)

    # operations of the network

    def _append(self, operation: Operation) -> str:
        self.operations.append(operation)
        self.simulation.add(operation)
        return operation.name

    def _made(self, value: Value, scale: Real | None = None) -> Scaled:
        """Return ``value`` as integers; sums take the scale asked for, or the best."""
        if isinstance(value, Scaled):
            return value
        scale = value.best_scale() if scale is None else np.broadcast_to(scale, value.offset.shape)
        weights = value.integers(scale)
        name = self.names.new(value.name)
        if value.window is None:
            self._append(Dense(name, value.source, weights, value.bits))
        else:
            window = value.window
            self._append(
                Conv2d(
                    name, value.source, weights, value.bits,
                    stride=window.stride, padding=window.padding, groups=value.groups,
                )
            )  # fmt: skip
        return Scaled(name, np.array(scale), np.array(value.offset))

    def _corrected(self, value: Scaled, tensor: str) -> Scaled:
        """Return ``value`` with the mean over the simulated images that the float ``tensor`` has."""
        if not self.options.bias_correction:
            return value
        mean = self.simulation.mean(value.source) * value.scale + value.offset
        return replace(value, offset=value.offset + (self.seen[tensor].mean - mean))

    def _coded(self, value: Value, tensor: str, function: Callable[[Real], Real], result: str, place: str) -> Scaled:
        """Return units that give ``function`` of ``value``, the float ``tensor``, as codes of the float ``result``."""
        potential = self._corrected(self._made(value), tensor)
        low, high = interval(self.seen[result], self.options, self.options.gates)
        code = Code.of(low, high, self.options.gates)
        source = self.simulation.tensors[potential.source]
        made, assignment = make_units(function, potential.scale, potential.offset, source.low, source.high, code, place)
        name = self._append(Unit(self.names.new(result), potential.source, made, assignment))
        step = np.broadcast_to(code.step, potential.scale.shape).copy()
        return Scaled(name, step, np.zeros_like(step))

    def _narrow(self, value: Value, tensor: str, place: str) -> Scaled:
        """Return ``value`` as integers that weights may multiply: of few bits, not sums themselves."""
        if isinstance(value, Sums) or self.simulation.tensors[value.source].bits > INPUT_LIMIT_BITS:
            return self._coded(value, tensor, lambda x: x, tensor, place)
        return value

    def _centred(self, value: Scaled, tensor: str, place: str) -> Scaled:
        """Return ``value`` with an offset of (nearly) 0, so that the zeros of a padding mean 0."""
        if not value.offset.any():
            return value
        if value.source != "pixels":
            return self._coded(value, tensor, lambda x: x, tensor, place)
        # pixels minus the nearest whole number to the mean; the rest, less than half a pixel, stays an offset
        shift = np.round(value.offset / value.scale).astype(np.int64)
        ones = np.ones((len(shift), 1, 1, 1), np.int64)
        name = self._append(Conv2d(self.names.new("centred"), "pixels", ones, 2, shift, groups=len(shift)))
        return Scaled(name, value.scale, value.offset - value.scale * shift)

    # float nodes

    def _node(self, node: Node) -> Value:
        given = [self.values[name] for name in node.inputs]
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
                return self._coded(given[0], node.inputs[0], node.function, node.name, node.place)
            case AveragePool() | MaxPool():
                return self._pool(node, given[0])
            case Sum():
                return self._sum(node, given)
            case Product():
                return self._product(node, given)
            case Concat():
                parts = [self._narrow(value, name, node.place) for value, name in zip(given, node.inputs, strict=True)]
                name = self._append(ConcatOperation(self.names.new(node.name), [part.source for part in parts]))
                scale, offset = (np.concatenate([getattr(p, key) for p in parts]) for key in ("scale", "offset"))
                return Scaled(name, scale, offset)
            case Flatten():
                value = self._made(given[0])
                if self.is_flat and value.source == "pixels":
                    return value
                places = int(np.prod(self.graph.shapes[node.inputs[0]][1:]))
                name = self._append(FlattenOperation(self.names.new(node.name), value.source))
                return Scaled(name, value.scale.repeat(places), value.offset.repeat(places))
            case Slice():
                value = self._made(given[0])
                part = slice(*node.ranges[0])
                name = self._append(SliceOperation(self.names.new(node.name), value.source, node.ranges))
                return Scaled(name, value.scale[part], value.offset[part])
            case Pad():
                value = self._centred(self._made(given[0]), node.inputs[0], node.place)
                name = self._append(PadOperation(self.names.new(node.name), value.source, node.widths))
                # channels of zeros take any scale; that of the first keeps them like the others
                scale = np.pad(value.scale, node.widths[0], mode="edge")
                return Scaled(name, scale, np.pad(value.offset, node.widths[0]))
            case _:
                raise ImportedModelError("unsupported node", where=node.place, got=type(node).__name__)

    def _image(self) -> Scaled:
        mean, std = (part.astype(np.float64).ravel() for part in self.pixels.channels(self.graph.image.size))
        channels = self.graph.image.size[0]
        mean, std = (np.broadcast_to(part, channels) for part in (mean, std))
        if self.is_flat:
            places = int(np.prod(self.graph.image.size[1:]))
            mean, std = mean.repeat(places), std.repeat(places)
        return Scaled("pixels", 1 / (self.pixels.divisor * std), -mean / std)

    def _bits(self, node: Node) -> int:
        options, name = self.options, self.names.of(node.name)
        if name in options.layer_bits:
            return options.layer_bits[name]
        if node.name == self.last and options.last_bits is not None:
            return options.last_bits
        if node.name == self.first and options.first_bits is not None:
            return options.first_bits
        return options.weight_bits

    def _linear(self, node: Linear, value: Value) -> Sums:
        x = self._narrow(value, node.inputs[0], node.place)
        weights = node.weights * x.scale
        return Sums(node.name, node.place, x.source, weights, node.bias + node.weights @ x.offset, self._bits(node))

    def _conv(self, node: Conv, value: Value) -> Sums:
        x = self._narrow(value, node.inputs[0], node.place)
        if any(node.window.padding):
            x = self._centred(x, node.inputs[0], node.place)
        channels, each = node.weights.shape[:2]
        # (channel, input of the group): which input channel each weight sees
        inputs = np.arange(channels)[:, None] // (channels // node.groups) * each + np.arange(each)
        weights = node.weights * x.scale[inputs][:, :, None, None]
        offset = node.bias + np.einsum("cikl,ci->c", node.weights, x.offset[inputs])
        return Sums(node.name, node.place, x.source, weights, offset, self._bits(node), node.window, node.groups)

    def _pool(self, node: AveragePool | MaxPool, value: Value) -> Scaled:
        window = node.over(self.graph.shapes[node.inputs[0]])
        whole = node.window is None
        shape = {} if whole else {"stride": window.stride, "padding": window.padding}
        kernel = None if whole else window.kernel
        x = self._made(value)
        if isinstance(node, AveragePool):
            if any(window.padding):
                x = self._centred(x, node.inputs[0], node.place)
            name = self._append(SumPool(self.names.new(node.name), x.source, kernel, **shape))
            return Scaled(name, x.scale / int(np.prod(window.kernel)), x.offset)
        if not (x.scale > 0).all():
            x = self._coded(x, node.inputs[0], lambda values: values, node.inputs[0], node.place)
        name = self._append(MaxPoolOperation(self.names.new(node.name), x.source, kernel, **shape))
        return Scaled(name, x.scale, x.offset)

    def _sum(self, node: Sum, given: list[Value]) -> Scaled:
        """Return the sum on one scale per channel: sums of weights choose theirs so that the factors are short."""
        made = [value for value in given if isinstance(value, Scaled)]
        least = [value.least_scale for value in given if isinstance(value, Sums)]
        if made:
            common = _common(np.stack([np.abs(part.scale) for part in made]))
            if least:
                coarsest = np.max(least, axis=0)
                # finer steps for the sums: the others are multiplied by what is between; for channels of next to
                # nothing steps need not be as fine as they could
                finer = short_factor(np.clip(common / coarsest, 1, MULTIPLIER_LIMIT))
                unit = common / finer
                # steps coarser than the common one are whole multiples of it
                steps = np.where(common < coarsest, common * np.ceil(coarsest / common), unit)
            else:
                unit = steps = common
        else:
            unit = steps = np.max(least, axis=0)
        parts = [self._made(value, steps) for value in given]
        multipliers = np.stack([np.round(part.scale / unit).astype(np.int64) for part in parts])
        if np.abs(multipliers).max() > MULTIPLIER_LIMIT * 64 or not multipliers.all():
            expected = f"ratios of at most {MULTIPLIER_LIMIT}"
            raise ImportedModelError("scales of the branches of a sum", where=node.place, expected=expected)
        plain = multipliers[:, 0] if (multipliers == multipliers[:, :1]).all() else multipliers
        name = self._append(Add(self.names.new(node.name), [part.source for part in parts], plain))
        offset = np.sum([part.offset for part in parts], axis=0)
        return Scaled(name, np.array(unit), offset)

    def _product(self, node: Product, given: list[Value]) -> Scaled:
        parts = [
            self._centred(self._narrow(value, name, node.place), name, node.place)
            for value, name in zip(given, node.inputs, strict=True)
        ]
        name = self._append(Multiply(self.names.new(node.name), [part.source for part in parts]))
        scale = parts[0].scale * parts[1].scale
        return Scaled(name, scale, np.zeros_like(scale))

    def _finish(self, name: str) -> Quantized:
        """Return the network: the last sums on one scale, biases as integers of it, and the greatest."""
        value, tensor = self.values[self.graph.output], self.graph.output
        place = next(node.place for node in self.graph.nodes if node.name == tensor)
        if isinstance(value, Scaled):
            scales = value.scale
            if not ((scales == scales[0]).all() and scales[0] > 0):
                value = self._coded(value, tensor, lambda x: x, tensor, place)
            ones = np.eye(len(value.scale), dtype=np.int64)
            if value.offset.any():
                value = Sums("logits", place, value.source, ones * value.scale, value.offset, 2)
        if isinstance(value, Sums):
            scale = np.full(len(value.offset), float(value.least_scale.max()))
            logits = self._corrected(self._made(replace(value, name="logits"), scale), tensor)
            last = self.operations.pop()
            bias = np.round(logits.offset / scale).astype(np.int64)
            assert isinstance(last, Dense)  # noqa: S101 - the output has one value per class, so nothing else made it
            bits = max(last.weight_bits, width_bits(int(last.weights.min()), int(last.weights.max()))[0])
            self.operations.append(replace(last, bias=bias, weight_bits=bits))
            value = Scaled(last.name, scale, np.zeros_like(scale))
        operations = (*self.operations, Argmax("winner", value.source))
        network = Network(name, operations, (value.source, "winner"), {value.source: Fraction(float(value.scale[0]))})
        return Quantized(network, self.pixels, float(value.scale[0]))


def _common(scales: Real) -> Real:
    """Return a scale per channel of which all ``scales`` ``(part, channel)`` are whole multiples, nearly.

    The least scale divided by the least power of two for which no multiple is off by more than the tolerance.
    """
    least: Real = scales.min(axis=0)
    divisor = 1
    while divisor < MULTIPLIER_LIMIT:
        unit: Real = least / divisor
        multiples = np.round(scales / unit)
        if (np.abs(multiples * unit / scales - 1) <= MULTIPLIER_ERROR).all():
            return unit
        divisor *= 2
    return least / divisor
