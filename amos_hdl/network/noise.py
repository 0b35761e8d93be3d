"""How a network bears noise: its accuracy when gates err, in every architecture that has its functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import Disturbance, DisturbedGates, ThresholdCircuit, rearranged
from amos_hdl.circuit.architecture import FOLDED, Architecture
from amos_hdl.circuit.noise import in_every_architecture
from amos_hdl.errors import CircuitError, NetworkError
from amos_hdl.network import golden
from amos_hdl.network.graph import Network
from amos_hdl.network.operations import Argmax, Unit


def rearranged_network(network: Network, architecture: Architecture) -> Network:
    """Return ``network`` with the units of every layer in ``architecture``; every value stays the same.

    Raises NetworkError, naming the layer, if the architecture does not have a layer's function.
    """
    layers = []
    for layer in network.unit_layers:
        try:
            layers.append(rearranged(layer.circuits, architecture))
        except CircuitError as failure:
            raise NetworkError(str(failure), where=f"{network.name}, {layer.name}") from failure
    return _with_circuits(network, layers)


def in_all_architectures(network: Network) -> dict[str, Network]:
    """Return ``network`` in every architecture that has the functions of all its layers, as it is among them."""
    found = in_every_architecture([layer.circuits for layer in network.unit_layers])
    return {name: _with_circuits(network, layers) for name, layers in found.items()}


def _with_circuits(network: Network, layers: Sequence[Sequence[ThresholdCircuit]]) -> Network:
    circuits = dict(zip((layer.name for layer in network.unit_layers), layers, strict=True))
    operations = tuple(
        replace(operation, circuits=tuple(circuits[operation.name])) if isinstance(operation, Unit) else operation
        for operation in network.operations
    )
    return replace(network, operations=operations)


class NetworkSubject:
    """A network and labelled images; the figure is the share of right answers.

    The spread of a layer is the standard deviation of its potentials over all images and units.

    Parameters
    ----------
    networks : mapping of architecture to Network
        All with the same values.
    images : integers, shape (image, ...)
    labels : integers, shape (image,)

    Raises
    ------
    NetworkError
        If the network has no argmax among its outputs, or no units.
    DataError
        If the images do not fit the input code.
    """

    figure = "accuracy"
    higher_is_better = True

    def __init__(
        self, networks: Mapping[str, Network], images: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
    ) -> None:
        first = next(iter(networks.values()))
        self.name, self._networks, self._images, self._labels = first.name, networks, images, labels
        winners = [op.name for op in first.operations if isinstance(op, Argmax) and op.name in first.outputs]
        if not winners or not first.unit_layers:
            raise NetworkError("noise", where=first.name, expected="units, and an argmax among the outputs", got="none")
        self._winner = winners[0]
        values = golden.run(first, images).values
        self._spreads = {layer.name: float(values[layer.source].std()) for layer in first.unit_layers}

    @property
    def spreads(self) -> Mapping[str, float]:
        """Spread of each unit layer, in integer steps of its potential."""
        return self._spreads

    def architectures(self) -> Sequence[str]:
        """Return the names of the architectures."""
        return tuple(self._networks)

    def gates(self, architecture: str) -> Sequence[tuple[str, int]]:
        """Return the gates of each layer; gate i of a layer is that of all its units."""
        layers = self._networks[architecture].unit_layers
        return [(layer.name, gate) for layer in layers for gate in range(layer.gates)]

    def measure(
        self,
        architecture: str,
        disturbance: Disturbance,
        only: tuple[str, int] | None,
        devices: int,
        random: np.random.Generator,
    ) -> npt.NDArray[np.float64]:
        """Return the accuracy of each device, 0 to 1."""
        network = self._networks[architecture]
        layers = [layer for layer in network.unit_layers if only is None or layer.name == only[0]]
        found = []
        for _ in range(devices):
            disturbed = {
                layer.name: DisturbedGates(
                    disturbance,
                    units=layer.bank.units,
                    gates=layer.gates,
                    spread=self._spreads[layer.name],
                    random=random,
                    only=None if only is None else only[1],
                    one_comparator=architecture == str(FOLDED),
                )
                for layer in layers
            }
            answers = golden.run(network, self._images, disturbed=disturbed).values[self._winner]
            found.append(float((answers.reshape(len(self._labels)) == self._labels).mean()))
        return np.array(found)
