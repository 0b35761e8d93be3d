"""A network under test: what goes in, what is watched, and how all that is seen is compared with the golden model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import traffic as patterns
from driver import Bits, Stimulus

from amos_hdl.network import Network, golden, store
from amos_hdl.schedule import HardwareOptions, Port, Schedule
from amos_hdl.simulate.scoreboard import Traffic, check_outputs, check_spikes
from amos_hdl.simulate.words import unpack

Integers = npt.NDArray[np.int64]


class Found(NamedTuple):
    """How much was compared, everything equal: results, spikes, and gates x clock cycles."""

    results: int
    spikes: int
    slots: int


@dataclass(frozen=True, eq=False)
class Subject:
    """A network, its schedule and its images.

    Parameters
    ----------
    schedule : Schedule
    images : int64 array ``(image, *shape)``
    spikes : bool
        Whether inner spikes are looked at; a netlist has none by name any more.
    """

    schedule: Schedule
    images: Integers
    spikes: bool = True

    @classmethod
    def of(cls, parameters: Mapping[str, Any], *, spikes: bool = True) -> Subject:
        """Return the subject of a job: folder of the network, options, file of images."""
        network = store.load(Path(parameters["network"]))
        images = golden.check_images(network, np.load(parameters["images"], allow_pickle=False))
        return cls(Schedule(network, HardwareOptions.of(parameters["options"])), images, spikes)

    @property
    def network(self) -> Network:
        """The network."""
        return self.schedule.network

    @cached_property
    def trace(self) -> golden.Trace:
        """What all images should do."""
        return golden.run(self.network, self.images, self.schedule)

    @property
    def layers(self) -> list[str]:
        """Unit layers whose spikes are looked at."""
        return list(self.trace.spikes) if self.spikes else []

    @property
    def timing(self) -> tuple[int, int]:
        """Clock cycles for which an image is under way, until the next may begin at least, and the interval."""
        return max(self.schedule.latency_cycles, self.schedule.interval_cycles), self.schedule.interval_cycles

    @cached_property
    def pixels(self) -> Mapping[str, Integers]:
        """Clock cycles from the first pixel of each operation's result to each of its pixels; of units one, 0."""
        return {name: timing.offsets() for name, timing in self.schedule.timings.items()}

    def gates(self, layer: str) -> int:
        """Return the gates of each unit of ``layer``."""
        return int(self.trace.spikes[layer].shape[-1])

    def stimulus(self, numbers: Integers, traffic: Traffic, random: np.random.Generator) -> Stimulus:
        """Return the inputs of every row for images ``numbers``."""
        code = self.network.input.name
        word_bits = Port.of(self.network.tensors[code]).word_bits
        return patterns.stimulus(traffic, self.images[numbers], word_bits, random, self.pixels[code])

    def watch(self, inside: Any, ports: Any, prefix: str = "") -> list[Any]:
        """Return the handles to be recorded: spikes of layers in ``inside``, valids and outputs among ``ports``."""
        outputs = self.network.outputs
        spikes = [getattr(inside, f"{layer}_layer").spikes for layer in self.layers]
        valids = [f"valid_{output}" if self.schedule.gives_maps else "out_valid" for output in outputs]
        names = valids + [f"out_{output}" for output in outputs]
        return spikes + [getattr(ports, f"{prefix}{name}") for name in names]

    def check(self, record: list[Bits], numbers: Integers, traffic: Traffic) -> Found:
        """Compare what was recorded with the golden model; raises AssertionError that names what differs."""
        layers, outputs, schedule = self.layers, self.network.outputs, self.schedule
        spikes = slots = results = 0
        for layer, bits in zip(layers, record, strict=False):
            expected, cycles = self.trace.spikes[layer][numbers], self.trace.spike_cycles[layer]
            spikes += check_spikes(layer, bits, expected, cycles, traffic, self.pixels[layer])
            slots += bits.size
        last = len(layers) + len(outputs)
        for output, valid, bits in zip(outputs, record[len(layers) : last], record[last:], strict=True):
            port = Port.of(self.network.tensors[output])
            words = unpack(bits, port.word_bits, port.signed)
            expected = self.trace.values[output][numbers]
            due = schedule.ready[output] if schedule.gives_maps else schedule.latency_cycles
            results += check_outputs(f"out_{output}", valid[:, 0], words, expected, due, traffic, self.pixels[output])
        return Found(results, spikes, slots)
