"""The layers of a convolutional recipe, as checked data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from amos_hdl.errors import NetworkError, RecipeError
from amos_hdl.files import Strict
from amos_hdl.network.names import check_operation_name

#: Most units of one layer, layers, gates of one trained unit, and largest magnitude of a weight.
UNIT_LIMIT, LAYER_LIMIT, GATE_LIMIT, WEIGHT_LIMIT = 4096, 64, 8, 127
#: Most inputs of a unit that learns its connections: those of a device's look-up table.
TABLE_INPUT_LIMIT = 6
#: Operations of every network, and endings of those that belong to a layer: no layer may be called so.
RESERVED, ENDINGS = ("pixels", "encoder", "winner"), ("_sums", "_skip", "_total", "_inputs")

Side = Annotated[int, Field(ge=1, le=64)]
Bits = Annotated[int, Field(ge=2, le=8)]
Gates = Annotated[int, Field(ge=1, le=GATE_LIMIT)]
Magnitudes = Annotated[list[Annotated[int, Field(ge=0, le=WEIGHT_LIMIT)]], Field(min_length=2, max_length=128)]


class _Layer(Strict):
    """``name``: of its result in the network; default: kind and number, ``conv1``, ``max_pool1``, ``conv2``, ..."""

    name: str | None = None


class _Weighted(_Layer):
    """``weight_bits``: default that of ``quantization``.  ``magnitudes``: all that fit.  ``sparsity``: zeros."""

    weight_bits: Bits | None = None
    magnitudes: Magnitudes | None = None
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.0


class ConvLayer(_Weighted):
    """Weighted sums over square windows, batch norm, ReLU units of ``gates`` bits.

    ``skip``: an earlier layer whose values, times ``skip_multiplier``, are added to the sums before the batch norm;
    through weighted sums over 1x1 windows where channels or sizes differ.
    """

    kind: Literal["conv"]
    channels: Annotated[int, Field(ge=1, le=UNIT_LIMIT)]
    kernel: Side
    gates: Gates
    stride: Side = 1
    padding: Annotated[int, Field(ge=0, le=63)] = 0
    groups: Annotated[int, Field(ge=1, le=UNIT_LIMIT)] = 1
    skip: str | None = None
    skip_multiplier: Annotated[int, Field(ge=1, le=1 << 16)] = 1


class PoolLayer(_Layer):
    """The greatest value, or the sum, of each square window; without ``kernel`` of the whole map."""

    kind: Literal["max_pool", "sum_pool"]
    kernel: Side | None = None
    stride: Side | None = None
    padding: Annotated[int, Field(ge=0, le=63)] = 0


class DenseLayer(_Weighted):
    """Weighted sums of everything, batch norm, ReLU units of ``gates`` bits."""

    kind: Literal["dense"]
    units: Annotated[int, Field(ge=1, le=UNIT_LIMIT)]
    gates: Gates


class LogitsLayer(_Weighted):
    """The last layer: weighted sums of everything and a bias, one for each class."""

    kind: Literal["logits"]


class GatesLayer(_Layer):
    """Units of one answer, any function of ``inputs`` spikes; which ones, is learnt with the function.

    What they see is of one bit: input units with one threshold, units of one gate, others of this kind.
    ``scores_every``: steps from one in which connections learn to the next.
    """

    kind: Literal["gates"]
    units: Annotated[int, Field(ge=1, le=UNIT_LIMIT)]
    inputs: Annotated[int, Field(ge=1, le=TABLE_INPUT_LIMIT)]
    scores_every: Annotated[int, Field(ge=1, le=1000)] = 4


class VotesLayer(_Layer):
    """The last layer: each class counts the spikes of an equal share of the units, the first class the first units."""

    kind: Literal["votes"]


WeightedLayer = ConvLayer | DenseLayer | LogitsLayer
Layer = Annotated[WeightedLayer | PoolLayer | GatesLayer | VotesLayer, Field(discriminator="kind")]
#: Kinds of which the last layer is one.
LAST = ("logits", "votes")


def names_of(layers: Sequence[Layer]) -> list[str]:
    """Return the name of each layer's result."""
    counts: dict[str, int] = {}
    names = []
    for layer in layers:
        counts[layer.kind] = counts.get(layer.kind, 0) + 1
        default = layer.kind if layer.kind in LAST else f"{layer.kind}{counts[layer.kind]}"
        names.append(layer.name or default)
    return names


def magnitudes_of(layer: WeightedLayer, weight_bits: int) -> list[int]:
    """Return the magnitudes that the layer's weights may have, rising from 0."""
    return layer.magnitudes or list(range(1 << ((layer.weight_bits or weight_bits) - 1)))


def check_layers(
    layers: Sequence[Layer],
    weight_bits: int,
    input_thresholds: int,
    refuse: Callable[[str, str, str, object], RecipeError],
) -> None:
    """Raise the error that ``refuse`` makes of key, what, expected and got, if layers contradict each other.

    ``input_thresholds``: how many the input units have.
    """
    names, one_bit = names_of(layers), input_thresholds == 1
    for number, (layer, name) in enumerate(zip(layers, names, strict=True)):
        place = f"topology.layers.{number}"
        if (layer.kind in LAST) != (number == len(layers) - 1):
            raise refuse(f"{place}.kind", "layer", "logits or votes as the last one, and there alone", layer.kind)
        try:
            check_operation_name(name)
        except NetworkError as failure:
            raise refuse(f"{place}.name", "name", failure.expected or "a name", name) from failure
        if name in names[:number] or name in RESERVED or name.endswith(ENDINGS):
            raise refuse(f"{place}.name", "name", f"one that nothing else has, not ending in {ENDINGS}", name)
        if isinstance(layer, PoolLayer):
            if layer.kernel is None and (layer.stride is not None or layer.padding):
                raise refuse(
                    place, "pool of the whole map", "neither stride nor padding", (layer.stride, layer.padding)
                )
            one_bit = one_bit and layer.kind == "max_pool"
            continue
        if isinstance(layer, GatesLayer | VotesLayer):
            if not one_bit:
                expected = "spikes below: one input threshold, units of 1 gate, or gates; max pools of them"
                raise refuse(place, layer.kind, expected, "values of several bits")
            one_bit = True
            continue
        one_bit = not isinstance(layer, LogitsLayer) and layer.gates == 1
        _check_weights(layer, weight_bits, place, refuse)
        if isinstance(layer, ConvLayer):
            if layer.channels % layer.groups:
                raise refuse(f"{place}.groups", "groups", f"a divisor of {layer.channels} channels", layer.groups)
            if layer.skip is not None and layer.skip not in names[:number]:
                raise refuse(f"{place}.skip", "skip", f"one of {names[:number]}, the layers before", layer.skip)
            if layer.skip is None and layer.skip_multiplier != 1:
                raise refuse(f"{place}.skip_multiplier", "multiplier", "a skip", layer.skip_multiplier)


def _check_weights(
    layer: WeightedLayer,
    weight_bits: int,
    place: str,
    refuse: Callable[[str, str, str, object], RecipeError],
) -> None:
    bits, values = layer.weight_bits or weight_bits, magnitudes_of(layer, weight_bits)
    if values[0] != 0 or any(a >= b for a, b in pairwise(values)):
        raise refuse(f"{place}.magnitudes", "magnitudes", "0 first, then rising", values)
    greatest = (1 << (bits - 1)) - 1
    if values[-1] > greatest:
        raise refuse(f"{place}.magnitudes", "magnitude", f"at most {greatest} ({bits} bits)", values[-1])
