"""From the trained module to the integer network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from amos_hdl.frontend.recipe import hidden_layer
from amos_hdl.network import Argmax, Dense, Input, Network, Operation, Unit

if TYPE_CHECKING:
    from amos_hdl.frontend.activation import AmosActivation
    from amos_hdl.frontend.modules import PrunedLinear, SpikingNetwork


def to_network(module: SpikingNetwork, name: str, *, pixels: int, low: int, high: int, weight_bits: int) -> Network:
    """Return ``module`` as integers; on every image its logits are those of the module in evaluation mode.

    Operations: ``pixels``, ``encoder``, then ``hidden1_sums``, ``hidden1``, ..., ``logits``, ``winner``; the output is
    ``winner``.  Biases of units are absorbed in their thresholds.

    Parameters
    ----------
    module : SpikingNetwork
    name : str
    pixels : int
        Inputs of one image, each from ``low`` to ``high``.
    low, high : int
    weight_bits : int
        Declared width of weights.

    Raises
    ------
    NetworkError
        If a weight does not fit ``weight_bits``.
    """
    operations: list[Operation] = [
        Input("pixels", pixels, low, high),
        Unit("encoder", "pixels", (module.input_units.prototype.circuit,), np.zeros(pixels, np.int64)),
    ]
    source = "encoder"
    for number, (linear, units) in enumerate(zip(module.linears, module.activations, strict=False), start=1):
        sums = f"{hidden_layer(number)}_sums"
        operations.append(Dense(sums, source, _integers(linear), weight_bits))
        source = hidden_layer(number)
        operations.append(_unit_layer(source, sums, units))
    bias = module.bias.detach().round().numpy().astype(np.int64)
    operations.append(Dense("logits", source, _integers(module.linears[-1]), weight_bits, bias))
    operations.append(Argmax("winner", "logits"))
    return Network(name, tuple(operations), ("winner",))


def _integers(linear: PrunedLinear) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return linear.integers().numpy().astype(np.int64)


def _unit_layer(name: str, source: str, units: AmosActivation) -> Unit:
    """Return the layer of trained units; equal ones share a circuit."""
    steps, biases = (tensor.numpy().astype(int).tolist() for tensor in units.integers())
    keys = list(zip(steps, biases, strict=True))
    distinct = list(dict.fromkeys(keys))
    circuits = tuple(units.prototype.copy(step, bias) for step, bias in distinct)
    return Unit(name, source, circuits, np.array([distinct.index(key) for key in keys], np.int64))
