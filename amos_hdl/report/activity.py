"""How much happens for one image: spikes and toggles as simulated, synaptic operations, and an estimate of energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import CheckFailed
from amos_hdl.network import Dense, Network, Unit, golden
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
        Additions that its spikes cause: for each spike the non-zero weights of its unit in the dense layers behind.
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

    with x bits the width of the potential, y bits that of a unit's value.  Only dense layers that units feed, and
    those units, are counted.  Registers, clock, wires and memories are in neither, and they are the greater part of an
    FPGA's power: the ratio compares operations, not chips.

    Source: energies of 32-bit integers as of ``ADD_PJ`` and ``MULTIPLY_PJ``; scaling with width (additions linear,
    multiplications with the product of the widths) derived.
    """

    spikes_pj: float
    words_pj: float

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
    multiplications : int
        What the same network with words instead of spikes would multiply: non-zero weights after units.
    energy : Energy or None
        None if no dense layer follows units.
    """

    images: int
    layers: tuple[LayerActivity, ...]
    multiplications: int
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
    record, _ = simulator.run(images, seed=seed)
    fields = {field.name: field.of(record) for field in simulator.fields}
    layers = []
    for unit in network.unit_layers:
        spikes, wires = trace.spikes[unit.name], fields[unit.name]
        # spikes last one cycle; at an interval of more cycles each is counted once all the same
        counted, expected = int(np.count_nonzero(wires)), int(np.count_nonzero(spikes))
        if counted != expected:
            where = f"{network.name}, {unit.name}"
            raise CheckFailed("spikes of the record", where=where, expected=str(expected), got=str(counted))
        per_unit = spikes.sum(axis=(0, 2))  # (unit,)
        fan_out = sum((count for _, count in targets(network, unit)), np.zeros(len(per_unit), np.int64))
        layers.append(
            LayerActivity(
                name=unit.name,
                gates=spikes.shape[1] * spikes.shape[2],
                spikes=counted / len(images),
                toggles=int(np.count_nonzero(wires[1:] != wires[:-1])) / len(images),
                rates=tuple(spikes.mean(axis=(0, 1)).tolist()),
                synaptic_operations=float(per_unit @ fan_out) / len(images),
            )
        )
    multiplications, energy = estimate_energy(network, trace)
    return Activity(len(images), tuple(layers), multiplications, energy)


def targets(network: Network, unit: Unit) -> list[tuple[Dense, npt.NDArray[np.int64]]]:
    """Return the dense layers that ``unit`` feeds, each with its non-zero weights per unit ``(unit,)``."""
    return [
        (operation, np.count_nonzero(operation.weights, axis=0))
        for operation in network.operations
        if isinstance(operation, Dense) and operation.source == unit.name
    ]


def estimate_energy(network: Network, trace: golden.Trace) -> tuple[int, Energy | None]:
    """Return the multiplications of one image with words, and the estimate that :class:`Energy` describes."""

    def add(bits: int) -> float:
        return ADD_PJ * bits / _WORD_BITS

    spikes_pj = words_pj = 0.0
    multiplications = 0
    for unit in network.unit_layers:
        fired = trace.spikes[unit.name]
        found = targets(network, unit)
        if not found:
            continue
        potential_bits, value_bits = network.tensors[unit.source].bits, network.tensors[unit.name].bits
        spikes_pj += add(potential_bits) * fired.shape[1] * fired.shape[2]
        words_pj += add(potential_bits) * fired.shape[1]
        for dense, fan_out in found:
            bits, weights = network.tensors[dense.name].bits, int(fan_out.sum())
            spikes_pj += add(bits) * float(fired.sum(axis=(0, 2)) @ fan_out) / trace.images
            words_pj += (MULTIPLY_PJ * value_bits * dense.weight_bits / _WORD_BITS**2 + add(bits)) * weights
            multiplications += weights
    return multiplications, Energy(spikes_pj, words_pj) if multiplications else None
