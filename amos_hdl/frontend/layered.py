"""Networks of convolutions, pools, skips and dense layers: modules that train, and compute on integers afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from amos_hdl.errors import NetworkError, RecipeError
from amos_hdl.frontend.activation import InputUnits
from amos_hdl.frontend.layers import (
    ConvLayer,
    DenseLayer,
    GatesLayer,
    Layer,
    LogitsLayer,
    PoolLayer,
    VotesLayer,
    magnitudes_of,
    names_of,
)
from amos_hdl.frontend.lookup_gates import LookupGates
from amos_hdl.frontend.nodes import ConvUnits, DenseUnits, Logits, Node, Pool, Votes
from amos_hdl.frontend.normalized import NormalizedUnits
from amos_hdl.frontend.prototype import Prototype
from amos_hdl.frontend.quantized_sums import QuantizedSums
from amos_hdl.network.operations import Window

#: How many steps of the learning rate move a bias of the logits by the deviation of the logits.
BIAS_STEPS = 10

Shape = tuple[int, ...]


class LayeredNetwork(nn.Module):
    """Input units, then the layers of a recipe.

    Parameters
    ----------
    inputs : Prototype
        Of the input units.
    shape : (channels, rows, columns)
        Of an image.
    classes : int
    layers : sequence of Layer
    weight_bits : int
        Of layers that do not say.
    generator : torch.Generator
        Draws the weights.
    learns_gates : bool
        Whether units may lose gates, see ``NormalizedUnits``; those whose values a skip adds keep them all.

    Shapes: pixels and y of input units ``(batch, channel·row·column)``; logits ``(batch, class)``, integers in
    evaluation mode.

    Raises RecipeError if the layers do not fit the image.
    """

    def __init__(
        self,
        inputs: Prototype,
        shape: Shape,
        classes: int,
        layers: Sequence[Layer],
        weight_bits: int,
        generator: torch.Generator,
        *,
        learns_gates: bool = False,
    ) -> None:
        super().__init__()
        self.input_units, self.shape, self.names = InputUnits(inputs), shape, names_of(layers)
        shapes: dict[str, Shape] = {"encoder": shape}
        source, nodes, skipped = "encoder", [], _skipped(layers, self.names)
        for number, (layer, name) in enumerate(zip(layers, self.names, strict=True)):
            try:
                learns = learns_gates and name not in skipped
                node, shapes[name] = _build(layer, source, shapes, classes, weight_bits, generator, learns_gates=learns)
            except NetworkError as failure:
                where = f"topology.layers.{number}"
                raise RecipeError(
                    f"{name}: {failure.what}", where=where, expected=failure.expected, got=failure.got
                ) from failure
            nodes.append(node)
            source = name
        self.layers = nn.ModuleList(nodes)
        self.skips = {layer.skip for layer in layers if isinstance(layer, ConvLayer)}
        # y rises with x: the value of the greatest potential is the greatest value, and there is less to compute.  And
        # of equal values the one that learns is that of the greatest potential, not the first
        self.pooled_first = {
            name
            for name, layer, behind in zip(self.names, layers, layers[1:], strict=False)
            if isinstance(layer, ConvLayer) and behind.kind == "max_pool" and name not in self.skips
        }
        # logarithm of what one step of a logit counts for in the loss; no part of the exported network
        self.log_scale = nn.Parameter(torch.zeros(()))

    @property
    def nodes(self) -> dict[str, Node]:
        """The layers by name, in order."""
        return dict(zip(self.names, cast("Iterable[Node]", self.layers), strict=True))  # a ModuleList is of any modules

    @property
    def weighted(self) -> list[tuple[QuantizedSums, float]]:
        """All weights with the share of zeros that they are to have."""
        found: list[tuple[QuantizedSums, float]] = []
        for node in self.nodes.values():
            if isinstance(node, ConvUnits | DenseUnits | Logits):
                found.append((node.sums, node.layer.sparsity))
            if isinstance(node, ConvUnits) and node.skip_sums is not None:
                found.append((node.skip_sums, node.layer.sparsity))
        return found

    @property
    def unit_layers(self) -> list[NormalizedUnits]:
        """All units in order."""
        return [node.units for node in self.nodes.values() if isinstance(node, ConvUnits | DenseUnits)]

    @property
    def lookup_gates(self) -> list[LookupGates]:
        """All gates that learn what they see, in order."""
        return [node for node in self.nodes.values() if isinstance(node, LookupGates)]

    def values(self, y: Tensor, see: Callable[[str, Tensor], None] | None = None) -> Tensor:
        """Return logits of input values y; in evaluation mode ``see`` is told name and values of every layer."""
        y = y.reshape(-1, *self.shape).contiguous(memory_format=torch.channels_last)
        kept, waiting = {"encoder": y}, None
        for name, node in self.nodes.items():
            skip = node.layer.skip if isinstance(node, ConvUnits) else None
            if self.training and isinstance(node, ConvUnits) and name in self.pooled_first:
                y, waiting = node.potential(y, None if skip is None else kept[skip]), node.units
                continue
            y = node(y) if skip is None else node(y, kept[skip])
            if waiting is not None:
                y, waiting = waiting(y), None
            if name in self.skips:
                kept[name] = y
            if see is not None and not self.training:
                see(name, y)
        return y

    def logits(self, y: Tensor) -> Tensor:
        """Return logits of the input units' values y."""
        return self.values(y)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits of pixels."""
        return self.values(self.input_units(pixels))

    def digits(self) -> Tensor:
        """Return the mean number of signed digits of all weights, real: see ``QuantizedSums.digits``."""
        if not self.weighted:
            return torch.zeros(())
        sizes = [sums.latent.numel() for sums, _ in self.weighted]
        parts = [sums.digits() * size for (sums, _), size in zip(self.weighted, sizes, strict=True)]
        return torch.stack(parts).sum() / sum(sizes)

    def fan_in(self) -> Tensor:
        """Return the mean number of inputs of the gates that learn what they see, real: see ``LookupGates.fan_in``."""
        units = [gates.layer.units for gates in self.lookup_gates]
        parts = [gates.fan_in() * count for gates, count in zip(self.lookup_gates, units, strict=True)]
        return torch.stack(parts).sum() / sum(units)

    def gates(self) -> Tensor:
        """Return the mean number of gates of the units that may lose some, real: see ``NormalizedUnits``."""
        kept: list[Tensor] = [units.kept for units in self.unit_layers if units.kept is not None]
        return torch.cat(kept).mean() if kept else torch.zeros(())

    @torch.no_grad()
    def calibrate(self, y: Tensor) -> None:
        """Set what logits count for by the input units' values y of some images, and what first gates may see."""
        first = self.layers[0]
        if isinstance(first, LookupGates):
            first.leave_out(y.flatten(1))
        deviation = self.values(y).std()
        self.log_scale.copy_(-deviation.log())
        last = self.layers[-1]
        if isinstance(last, Logits):
            last.unit.copy_((deviation / BIAS_STEPS).clamp(min=1))

    @torch.no_grad()
    def anneal(self, pruned: float, rounded: float) -> None:
        """Prune, and later round, as far as it is time for: shares from 0 to 1.

        The number of weights falls from all as (1 - share)**3: fast while many do not matter.
        """
        for sums, sparsity in self.weighted:
            if not bool(sums.share):
                left = 1 - sparsity * (1 - (1 - pruned) ** 3)
                sums.prune(round(left * sums.latent.numel()))
            sums.share.fill_(rounded)
        for units in self.unit_layers:
            if units.kept is not None:
                units.share.fill_(rounded)
            if rounded == 1:
                units.settle()

    @torch.no_grad()
    def confine(self) -> None:
        """Keep latent values where the next steps can still change their integers."""
        for sums, _ in self.weighted:
            sums.confine()
        for units in self.unit_layers:
            units.confine()
        for gates in self.lookup_gates:
            gates.confine()

    def finish(self, y: Tensor) -> None:
        """Do nothing more with the weights: all pixels of a map share them."""


def _skipped(layers: Sequence[Layer], names: Sequence[str]) -> set[str]:
    """Return the layers whose values skips add, those that reach one through pools included."""
    skipped = {layer.skip for layer in layers if isinstance(layer, ConvLayer) and layer.skip is not None}
    for layer, name, below in zip(layers[:0:-1], names[:0:-1], names[-2::-1], strict=True):
        if isinstance(layer, PoolLayer) and name in skipped:
            skipped.add(below)
    return skipped


def _build(
    layer: Layer,
    source: str,
    shapes: dict[str, Shape],
    classes: int,
    weight_bits: int,
    generator: torch.Generator,
    *,
    learns_gates: bool,
) -> tuple[Node, Shape]:
    """Return the module of a layer and the shape of what it gives.  Raises NetworkError if shapes do not fit."""
    shape = shapes[source]
    size = 1
    for length in shape:
        size *= length
    if isinstance(layer, LogitsLayer):
        return Logits(layer, size, classes, magnitudes_of(layer, weight_bits), generator), (classes,)
    if isinstance(layer, DenseLayer):
        units = DenseUnits(layer, size, magnitudes_of(layer, weight_bits), generator, learns_gates=learns_gates)
        return units, (layer.units,)
    if isinstance(layer, GatesLayer):
        return LookupGates(layer, size, generator), (layer.units,)
    if isinstance(layer, VotesLayer):
        if size % classes:
            raise NetworkError("units before", expected=f"a multiple of {classes} classes", got=f"{size} of {source}")
        return Votes(layer, size, classes), (classes,)
    if len(shape) != 3:
        raise NetworkError("source", expected="a map", got=f"{shape[0]} units of {source}")
    if isinstance(layer, PoolLayer):
        if layer.kernel is None:
            return Pool(layer), (shape[0], 1, 1)
        kernel, stride = layer.kernel, layer.stride or layer.kernel
        # torch pools no further than this
        if 2 * layer.padding > kernel:
            raise NetworkError("padding", expected=f"at most {kernel // 2}, half the kernel", got=str(layer.padding))
        return Pool(layer), (shape[0], *Window.of(kernel, stride, layer.padding, source).over(shape[1:], source))
    if shape[0] % layer.groups:
        raise NetworkError("groups", expected=f"a divisor of {shape[0]} channels of {source}", got=str(layer.groups))
    magnitudes = magnitudes_of(layer, weight_bits)
    rows, columns = Window.of(layer.kernel, layer.stride, layer.padding, source).over(shape[1:], source)
    made = (layer.channels, rows, columns)
    if layer.skip is None or shapes[layer.skip] == made:
        return ConvUnits(layer, shape[0], magnitudes, generator, learns_gates=learns_gates), made
    skip = shapes[layer.skip]
    stride = -(-skip[1] // rows) if len(skip) == 3 else 1
    if len(skip) != 3 or Window.of(1, stride, 0, source).over(skip[1:], source) != (rows, columns):
        expected = f"a map that a stride makes {rows} x {columns}"
        raise NetworkError("skip", expected=expected, got=f"{skip} of {layer.skip}")
    return ConvUnits(layer, shape[0], magnitudes, generator, skip[0], stride, learns_gates=learns_gates), made
