"""Images per second of the golden model on a random network of the shape of ResNet-20, all spikes counted.

.venv/bin/python benchmarks/golden.py [images] [workers]
"""

from __future__ import annotations

import math
import os
import resource
import sys
import time

import numpy as np

from amos_hdl.circuit import relu
from amos_hdl.network import (
    Add,
    Argmax,
    Conv2d,
    Dense,
    Flatten,
    Input,
    Network,
    Operation,
    Pad,
    Slice,
    SumPool,
    Unit,
    statistics,
)

GATES, WEIGHT_BITS = 10, 6
#: Root mean square of a unit's value where α is four standard deviations of its potential.
VALUE = 2**GATES / 4 / math.sqrt(2)


class Builder:
    """Grows the network; keeps the deviation of each operation's integers, so that units get sensible steps."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(20)
        self.operations: list[Operation] = [Input("x", (3, 32, 32), 0, 255)]
        self.deviation = {"x": 128.0}
        self.channels = {"x": 3}

    def append(self, operation: Operation, deviation: float, channels: int) -> str:
        """Append ``operation``, of so many channels and such a deviation; return its name."""
        self.operations.append(operation)
        self.deviation[operation.name], self.channels[operation.name] = deviation, channels
        return operation.name

    def conv(self, name: str, source: str, channels: int, stride: int) -> str:
        """Append a convolution of 3 x 3."""
        shape = (channels, self.channels[source], 3, 3)
        weights = self.random.normal(0, 8, shape).round().clip(-31, 31).astype(int)
        deviation = self.deviation[source] * 8 * math.sqrt(math.prod(shape[1:]))
        return self.append(Conv2d(name, source, weights, WEIGHT_BITS, stride=stride, padding=1), deviation, channels)

    def units(self, name: str, source: str) -> str:
        """Append ReLU units, each channel with a bias of its own as after batch norm."""
        sigma, channels = self.deviation[source], self.channels[source]
        step = max(1, round(4 * sigma / 2**GATES))
        biases = self.random.normal(0, sigma / 4, channels).round().astype(int).tolist()
        circuits = tuple(relu(GATES, step=step, bias=bias) for bias in biases)
        return self.append(Unit(name, source, circuits, np.arange(channels)), VALUE, channels)

    def block(self, name: str, source: str, channels: int, stride: int) -> str:
        """Append two convolutions and a skip, which where the size changes is subsampled and padded with channels."""
        inner = self.units(f"{name}_a", self.conv(f"{name}_c", source, channels, stride))
        outer = self.conv(f"{name}_d", inner, channels, 1)
        skip = source
        if stride > 1:
            size, before = 32 * 16 // self.channels[source], self.channels[source]
            ranges = ((0, before, 1), (0, size, 2), (0, size, 2))
            skip = self.append(Slice(f"{name}_s", source, ranges), VALUE, before)
            widths = ((before // 2, before // 2), (0, 0), (0, 0))
            skip = self.append(Pad(f"{name}_p", skip, widths), VALUE, channels)
        factor = max(1, round(self.deviation[outer] / VALUE))
        total = self.append(Add(f"{name}_sum", (outer, skip), (1, factor)), self.deviation[outer] * 1.5, channels)
        return self.units(f"{name}_b", total)


def resnet20() -> Network:
    """Return the network: 19 layers of units, 188,416 of them, 1,884,160 gates."""
    builder = Builder()
    last = builder.units("first", builder.conv("stem", "x", 16, 1))
    for stage, channels in enumerate((16, 32, 64)):
        for block in range(3):
            last = builder.block(f"s{stage}b{block}", last, channels, 2 if stage and not block else 1)
    pooled = builder.append(SumPool("pool", last), 64 * VALUE, 64)
    flat = builder.append(Flatten("flat", pooled), 64 * VALUE, 64)
    weights = builder.random.normal(0, 8, (10, 64)).round().clip(-31, 31).astype(int)
    builder.operations += [Dense("logits", flat, weights, WEIGHT_BITS), Argmax("winner", "logits")]
    return Network("resnet20", tuple(builder.operations), ("winner",))


def main(count: int = 512, workers: int | None = None) -> None:
    """Print the figures."""
    started = time.perf_counter()
    network = resnet20()
    units = sum(network.tensors[layer.name].units for layer in network.unit_layers)
    print(f"{units:,} units, {units * GATES:,} gates; made in {time.perf_counter() - started:.2f} s")
    images = np.random.default_rng(0).integers(0, 256, (count, 3, 32, 32))
    counts = []
    for name, kernels in _kernels().items():
        statistics.measure(network, images[:32], kernels=kernels, workers=workers)
        started, cpu = time.perf_counter(), time.process_time()
        counts.append(statistics.measure(network, images, kernels=kernels, workers=workers))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        print(
            f"{name}: {count / seconds:.1f} images per second on {os.cpu_count()} processors "
            f"({1000 * cpu / count:.1f} ms of CPU per image); load {os.getloadavg()[0]:.1f}"
        )
    first = counts[0]
    print(f"{first.spike_count / count:,.0f} spikes, {first.synaptic_operation_count / count:,.0f} synaptic per image")
    print(f"{first.spike_count / count / units:.2f} spikes per unit; all kernels equal:", end=" ")
    print(all(all((other.spikes[name] == first.spikes[name]).all() for name in first.spikes) for other in counts))
    print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB")


def _kernels() -> dict:
    from amos_hdl.network.kernels import NUMPY

    kernels = {"numpy": NUMPY}
    try:
        from amos_hdl.frontend.kernels import TorchKernels

        kernels["torch"] = TorchKernels()
    except ImportError:
        pass
    return kernels


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
