"""How much happens for one image: spikes and toggles as simulated, synaptic operations, and an estimate of energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import CheckFailed
from amos_hdl.network import Network, golden
from amos_hdl.network.fan_out import Reach, fan_out
from amos_hdl.network.operations import Concat, Conv2d, Dense, Flatten, MaxPool, Multiply, Pad, Slice, Unit
from amos_hdl.network.pooled import PooledSpikes
from amos_hdl.simulate.batch import BatchSimulator

#: Bits of record that are looked at for toggles, one byte each; more images than fit are left out.
RECORD_BITS = 1 << 27
#: Energy of a 32-bit integer addition and multiplication in 45 nm at 0.9 V, picojoule.
#: Source: M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9.
ADD_PJ, MULTIPLY_PJ = 0.1, 3.1
_WORD_BITS = 32


@dataclass(frozen=True)
class LayerActivity:
    """What one layer of units does for one image, on average.

    Members
    -------
    name : str
    gates : int
        Of the whole layer.
    spikes : float
    toggles : float
        Changes of the layer's spike wires, images back to back: a gate that spikes for two images in a row stays high.
    rates : tuple of float
        Fraction of units whose gate i spikes; one per gate.
    synaptic_operations : float
        For each spike the non-zero weights that it reaches (:func:`amos_hdl.network.fan_out.fan_out`).
    """

    name: str
    gates: int
    spikes: float
    toggles: float
    rates: tuple[float, ...]
    synaptic_operations: float


@dataclass(frozen=True)
class Energy:
    """An estimate, not a measurement: arithmetic of one image, with spikes and with words, in picojoule.

    ::

        add(b) = 0.1 pJ·b/32            multiply(a, b) = 3.1 pJ·a·b/32²
        spikes = Σ add(x bits) per synaptic operation  +  Σ add(x bits) per gate, which compares once
        words  = Σ (multiply(y bits, weight bits) + add(x bits)) per non-zero weight  +  Σ add(x bits) per unit

    with x bits the width of the result, or potential, y bits that of a unit's value.  Pools and skips add a word and do
    not multiply it; a product of two words is ``multiply(y bits, y bits)``.  Counted is what units feed,
    through wires and max pools as well, and those units; what sums do further is the same in both, and in neither.
    Registers, clock, wires and memories are in neither, and they are the greater part of an FPGA's power: the ratio
    compares operations, not chips.

    Members
    -------
    spikes_pj, words_pj : float
        Of one image.
    multiplications : int
        What the same network with words instead of spikes would multiply: non-zero weights after units, at each place
        of a map, and products.

    Source: energies of 32-bit integers as of ``ADD_PJ`` and ``MULTIPLY_PJ``; scaling with width (additions linear,
    multiplications with the product of the widths) derived.
    """

    spikes_pj: float
    words_pj: float
    multiplications: int

    @property
    def ratio(self) -> float:
        """Spikes relative to words; below 1 where spikes need less."""
        return self.spikes_pj / self.words_pj


@dataclass(frozen=True)
class Activity:
    """Of a whole network, per image.

    Members
    -------
    images : int
        How many were simulated.
    layers : tuple of LayerActivity
    energy : Energy or None
        None if no weights and no products follow units.
    """

    images: int
    layers: tuple[LayerActivity, ...]
    energy: Energy | None

    @property
    def spikes(self) -> float:
        """Spikes of all layers."""
        return sum(layer.spikes for layer in self.layers)

    @property
    def toggles(self) -> float:
        """Toggles of all layers."""
        return sum(layer.toggles for layer in self.layers)

    @property
    def synaptic_operations(self) -> float:
        """Synaptic operations of all layers."""
        return sum(layer.synaptic_operations for layer in self.layers)


def measure(simulator: BatchSimulator, images: npt.NDArray[np.int64], seed: int = 1) -> Activity:
    """Run ``images`` ``(image, pixel)`` back to back through the Verilog, as many as fit in memory, and count.

    Raises CheckFailed if the spikes of the record are not those of the golden model, SimulationError if the simulator
    crashes.
    """
    last, design = simulator.fields[-1], simulator.design
    network, interval = design.network, design.schedule.interval_cycles
    images = images[: max(1, RECORD_BITS // ((last.low + last.bits) * interval))]
    trace = golden.run(network, images, design.schedule)
    record = simulator.run(images, len(images), seed=seed).bits(0, 1)
    fields = {field.name: field.of(record) for field in simulator.fields}
    reached, layers = fan_out(network), []
    behind_pools = _behind_pools(network, trace, reached)
    for name, spikes in planes(trace).items():
        wires = fields[name]
        # a spike lasts one cycle, whatever the interval: each is counted once
        counted, expected = int(np.count_nonzero(wires)), int(np.count_nonzero(spikes))
        if counted != expected:
            where = f"{network.name}, {name}"
            raise CheckFailed("spikes of the record", where=where, expected=str(expected), got=str(counted))
        operations = int(spikes.sum(axis=(0, 2)) @ reached[name].array().ravel()) + behind_pools.get(name, 0)
        layers.append(
            LayerActivity(
                name=name,
                gates=spikes.shape[1] * spikes.shape[2],
                spikes=counted / len(images),
                toggles=int(np.count_nonzero(wires[1:] != wires[:-1])) / len(images),
                rates=tuple(spikes.mean(axis=(0, 1)).tolist()),
                synaptic_operations=operations / len(images),
            )
        )
    return Activity(len(images), tuple(layers), estimate_energy(network, trace))


def _behind_pools(network: Network, trace: golden.Trace, reached: Mapping[str, Reach]) -> dict[str, int]:
    """Return what of ``reached`` each layer's spikes reach behind max pools, over all images."""
    pooled, total = PooledSpikes(network, reached), dict[str, int]()
    spikes = {name: np.moveaxis(fired.sum(axis=-1), 0, 1) for name, fired in trace.spikes.items()}
    for operation in network.operations:
        read = [np.moveaxis(trace.values[name], 0, 1) for name in operation.reads]
        for layer, operations in pooled.follow(operation, read, spikes).items():
            total[layer] = total.get(layer, 0) + operations
    return total


def planes(trace: golden.Trace) -> dict[str, npt.NDArray[np.bool_]]:
    """Return the spikes of each layer as ``(image, unit, gate)``, units of a map by channel, row, column."""
    return {
        name: spikes.reshape(len(spikes), int(np.prod(spikes.shape[1:-1])), spikes.shape[-1])
        for name, spikes in trace.spikes.items()
    }


def carries_spikes(network: Network, name: str) -> bool:
    """Return whether values of units come out of an operation as they are: of units, behind wires, behind max pools."""
    operation = network[name]
    if isinstance(operation, MaxPool | Slice | Pad | Concat | Flatten):
        return any(carries_spikes(network, source) for source in operation.reads)
    return isinstance(operation, Unit)


def estimate_energy(network: Network, trace: golden.Trace) -> Energy | None:
    """Return the estimate that :class:`Energy` describes; None if words would multiply nothing."""
    operations = network.operations
    bits = {one.name: network.tensors[one.name].bits for one in operations}
    # a unit adds to its potential
    sums = {one.name: bits[one.reads[0]] if isinstance(one, Unit) else bits[one.name] for one in operations}
    weights = {one.name: one.weight_bits if isinstance(one, Dense | Conv2d) else 0 for one in operations}
    added = fan_out(network, sums)
    # a product is one multiplication of words, without an addition
    summed = fan_out(network, {one.name: 0 if isinstance(one, Multiply) else sums[one.name] for one in operations})
    multiplied = fan_out(network, weights)
    times = fan_out(network, {name: int(width > 0) for name, width in weights.items()})
    # bits of additions and bits times bits of multiplications, over all images; bits of comparisons, of one
    spike_bits = sum(_behind_pools(network, trace, added).values())
    word_bits = products = multiplications = spike_compared = word_compared = 0
    for name, fired in planes(trace).items():
        readers = added[name].array().ravel()
        spike_bits += int(fired.sum(axis=(0, 2)) @ readers)
        if readers.any():
            spike_compared += sums[name] * fired.shape[1] * fired.shape[2]
            word_compared += sums[name] * fired.shape[1]
    for operation in operations:
        if isinstance(operation, Multiply) and any(carries_spikes(network, name) for name in operation.reads):
            first, second = (bits[name] for name in operation.reads)
            units = network.tensors[operation.name].units
            products, multiplications = products + first * second * units, multiplications + units
        elif isinstance(operation, Unit | MaxPool) and carries_spikes(network, operation.name):
            word_bits += int(summed[operation.name].array().sum())
            products += bits[operation.name] * int(multiplied[operation.name].array().sum())
            multiplications += int(times[operation.name].array().sum())
    if not multiplications:
        return None
    return Energy(
        spikes_pj=ADD_PJ / _WORD_BITS * (spike_compared + spike_bits / trace.images),
        words_pj=ADD_PJ / _WORD_BITS * (word_compared + word_bits) + MULTIPLY_PJ / _WORD_BITS**2 * products,
        multiplications=multiplications,
    )
