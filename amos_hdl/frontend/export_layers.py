"""From the trained module of a convolutional recipe to the integer network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import ThresholdCircuit, decision, evenly_spaced, gates_of_decision, quantizer
from amos_hdl.errors import NetworkError
from amos_hdl.frontend.lookup_gates import LookupGates
from amos_hdl.frontend.nodes import ConvUnits, DenseUnits, Logits, Pool, Votes
from amos_hdl.frontend.tables import table_of
from amos_hdl.network import Argmax, Network, Operation, Unit
from amos_hdl.network.operations import Add, Conv2d, Dense, Flatten, Input, MaxPool, SumPool
from amos_hdl.network.tensor import Tensor

if TYPE_CHECKING:
    from amos_hdl.frontend.layered import LayeredNetwork
    from amos_hdl.frontend.nodes import Node
    from amos_hdl.frontend.normalized import NormalizedUnits
    from amos_hdl.frontend.quantized_sums import QuantizedSums

Array = npt.NDArray[np.int64]
#: Width of the weights 0 and 1 that count votes.
VOTE_BITS = 2
#: Sums up to here are exact in the module's float32.
EXACT_LIMIT = 1 << 24


def layers_to_network(module: LayeredNetwork, name: str, *, low: int, high: int, weight_bits: int) -> Network:
    """Return ``module`` as integers; on every image its values are those of the module in evaluation mode.

    A unit that kept k of K gates makes numbers of k bits, and weights that read it are multiplied by ``2**(K - k)``:
    its value is that of the module divided by as much, and its other gates, of the highest digits, are silent.

    Operations: ``pixels``, ``encoder``, then for a layer of units called L: ``L_sums``, with a skip ``L_skip`` (where
    it has weights) and ``L_total``, then ``L``; pools by their names; ``logits``, ``winner``, which is the output.

    Parameters
    ----------
    module : LayeredNetwork
    name : str
    low, high : int
        The input code.
    weight_bits : int
        Declared width of the weights of layers that do not say.

    Raises
    ------
    NetworkError
        If a sum could be beyond what the module computes exactly.
    """
    # gates need all of an image at once: it is no map then, whose pixels could enter one after the other
    shape = (math.prod(module.shape),) if isinstance(module.layers[0], LookupGates) else module.shape
    encoder = Unit("encoder", "pixels", (module.input_units.prototype.circuit,), np.zeros(shape[0], np.int64))
    building = _Building([], {}, {})
    building.add(Input("pixels", shape, low, high))
    building.add(encoder)
    source = "encoder"
    for label, node in module.nodes.items():
        building.layer(label, source, node, weight_bits)
        source = label
    building.add(Argmax("winner", source))
    for label, tensor in building.tensors.items():
        if tensor.magnitude >= EXACT_LIMIT:
            expected = f"below {EXACT_LIMIT}, so that training computed it exactly"
            raise NetworkError("potential", where=label, expected=expected, got=str(tensor.magnitude))
    return Network(name, tuple(building.operations), ("winner",))


class _Building:
    """Operations so far, what each gives, and by what the module's values of each channel are divided, if not by 1."""

    def __init__(self, operations: list[Operation], tensors: dict[str, Tensor], steps: dict[str, Array]) -> None:
        self.operations, self.tensors, self.steps = operations, tensors, steps

    def add(self, operation: Operation) -> str:
        self.operations.append(operation)
        self.tensors[operation.name] = operation.result(*(self.tensors[source] for source in operation.reads))
        return operation.name

    def layer(self, name: str, source: str, node: Node, weight_bits: int) -> None:
        """Add the operations of one layer."""
        if isinstance(node, Pool):
            pool = SumPool if node.layer.kind == "sum_pool" else MaxPool
            self.add(pool(name, source, node.layer.kernel, node.layer.stride, node.layer.padding))
            if source in self.steps:
                self.steps[name] = self.steps[source]
            return
        if isinstance(node, ConvUnits):
            bits = node.layer.weight_bits or weight_bits
            self._units(name, self._potential(name, source, node, bits), node.units)
            return
        if space := self.tensors[source].space:
            flat = self.add(Flatten(f"{name}_inputs", source))
            if source in self.steps:
                self.steps[flat] = self.steps[source].repeat(math.prod(space))
            source = flat
        if isinstance(node, LookupGates):
            self._gates(name, source, node)
            return
        if isinstance(node, Votes):
            self.add(Dense(name, source, node.ballots.cpu().numpy().astype(np.int64), VOTE_BITS))
            return
        weights, bits = self._weights(node.sums, source, node.layer.weight_bits or weight_bits)
        if isinstance(node, Logits):
            self.add(Dense(name, source, weights, bits, node.integer_bias().cpu().numpy().astype(np.int64)))
        elif isinstance(node, DenseUnits):
            sums = self.add(Dense(f"{name}_sums", source, weights, bits))
            self._units(name, sums, node.units)

    def _weights(self, sums: QuantizedSums, source: str, bits: int, groups: int = 1) -> tuple[Array, int]:
        """Return the weights for what ``source`` gives, which is divided by its steps, and their declared width."""
        weights, steps = _integers(sums), self.steps.get(source)
        if steps is None:
            return weights, bits
        channels, inputs, *window = weights.shape
        of_channel = steps.reshape(groups, inputs).repeat(channels // groups, axis=0)
        widened = int(steps.max()).bit_length() - 1
        return weights * of_channel.reshape(channels, inputs, *[1] * len(window)), bits + widened

    def _units(self, name: str, source: str, units: NormalizedUnits) -> None:
        """Add the layer of trained units; equal ones share a circuit, in the linear form if all have one."""
        potential, steps = self.tensors[source], np.array(units.steps(), np.int64)
        gates = units.gates - int(steps.min()).bit_length() + 1
        rows = [
            # what lies outside the interval is never compared
            tuple(min(max(threshold, low), high + 1) for threshold in channel)
            # silent gates: more than any potential of the layer
            + (potential.interval[1] + 1,) * ((1 << gates) - 1 - len(channel))
            for channel, low, high in zip(
                units.thresholds(), potential.low.tolist(), potential.high.tolist(), strict=True
            )
        ]
        distinct = list(dict.fromkeys(rows))
        form: Literal["linear", "table"] = "linear" if all(map(evenly_spaced, distinct)) else "table"
        circuits: tuple[ThresholdCircuit, ...] = tuple(quantizer(row, form=form) for row in distinct)
        self.add(Unit(name, source, circuits, np.array([distinct.index(row) for row in rows], np.int64)))
        if (steps > 1).any():
            self.steps[name] = steps

    def _gates(self, name: str, source: str, node: LookupGates) -> None:
        """Add sums that number the entries of tables, and units that answer as these do."""
        sources, answers = (part.tolist() for part in node.functions())
        tables = [table_of(*function) for function in zip(sources, answers, strict=True)]
        weights = np.zeros((len(tables), self.tensors[source].units), np.int64)
        for row, table in zip(weights, tables, strict=True):
            row[list(table.sources)] = table.weights
        sums = self.add(Dense(f"{name}_sums", source, weights, 1 + max(1, node.layer.inputs)))
        gates = max(gates_of_decision(table.answers) for table in tables)
        circuits = [decision(table.answers, gates) for table in tables]
        distinct = list(dict.fromkeys(circuits))
        assignment = np.array([distinct.index(circuit) for circuit in circuits], np.int64)
        self.add(Unit(name, sums, tuple(distinct), assignment))

    def _potential(self, name: str, source: str, node: ConvUnits, bits: int) -> str:
        """Add the sums of a convolution and its skip, and return which operation the units read."""
        layer = node.layer
        weights, width = self._weights(node.sums, source, bits, layer.groups)
        sums = self.add(
            Conv2d(
                f"{name}_sums",
                source,
                weights,
                width,
                stride=layer.stride,
                padding=layer.padding,
                groups=layer.groups,
            )
        )
        if layer.skip is None:
            return sums
        skip = layer.skip
        if node.skip_sums is not None:
            weights = _integers(node.skip_sums)
            skip = self.add(Conv2d(f"{name}_skip", skip, weights, bits, stride=node.skip_sums.stride))
        return self.add(Add(f"{name}_total", (sums, skip), (1, layer.skip_multiplier)))


def _integers(sums: QuantizedSums) -> Array:
    return sums.integers().cpu().numpy().astype(np.int64)
