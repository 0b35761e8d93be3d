"""Spec of the AXI4-Stream wrapper: how images and results are cut into beats, how many credits, how long it takes.

The network inside has a fixed latency and no back-pressure.  An image is let in only when there is room for its result,
so results may be taken as slowly as anyone likes and the pipeline never stands still.

Source: AMBA AXI-Stream Protocol Specification, ARM IHI 0051B: handshake, order of bytes, packets, user signals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.frames import FrameLayout
from amos_hdl.schedule.image_buffer import ENTRY_CYCLES, STORE_CYCLES, ImageBufferSpec
from amos_hdl.schedule.plan import Schedule
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.stream_counters import SpikeLines, spike_lines
from amos_hdl.schedule.timing import MapTiming

#: How registers of control are protected from flipped bits.
Protection = Literal["none", "tmr"]
#: Most images in a network that a protected wrapper counts out: it has a timer for each.
PROTECTED_IMAGES = 1024
#: Widest beat, in bytes.
BEAT_LIMIT_BYTES = 4096
#: Clock cycles from an image's entry to the network, where it has no buffer: one into the image register.
_ENTRY_CYCLES = 1
#: Clock cycles of a result from the network to the master port: one into the FIFO, one out of it.
RESULT_CYCLES = 2
#: Most gates of a layer whose spikes can be counted.
COUNTED_GATES = 65_535


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How a network is wrapped.

    Parameters
    ----------
    beat_bytes : int, 1 to 4096, optional
        Bytes of ``s_axis_tdata``; a whole image in one beat if not given.
    registers : bool
        Whether the wrapper has an AXI4-Lite register block.
    protect : {"none", "tmr"}
        ``tmr``: each register of the wrapper that counts or steers is there three times, and outvoted and mended if one
        of them flips; data are there once.

    Raises
    ------
    ScheduleError
        If a value is out of range.
    """

    beat_bytes: int | None = None
    registers: bool = False
    protect: Protection = "none"

    def __post_init__(self) -> None:
        if self.beat_bytes is not None and (
            type(self.beat_bytes) is not int or not 1 <= self.beat_bytes <= BEAT_LIMIT_BYTES
        ):
            raise ScheduleError("bytes of a beat", expected=f"1 to {BEAT_LIMIT_BYTES}", got=repr(self.beat_bytes))
        if self.protect not in get_args(Protection):
            raise ScheduleError("protect", expected=" or ".join(get_args(Protection)), got=repr(self.protect))


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """Sizes and times of the wrapper around one network.

    An image that enters the network as a whole is there with its last beat.  One that enters pixel by pixel, at fixed
    clock cycles, is collected in a buffer first.

    Parameters
    ----------
    input_bits : int
        Of the network's input port: an image, or one pixel of it.
    results : mapping of str to int
        Bits of each of the network's outputs, in port order.
    network_latency_cycles, network_interval_cycles : int
        Of the network.
    beat_bytes : int
        Of ``s_axis_tdata``.
    spikes : mapping of str to SpikeLines, optional
        For the register block: of each layer of units the bits of its ``spikes`` port that share a line; None without
        registers.
    pixels : MapTiming, optional
        When the pixels of an image are at the network's input; None where it enters as a whole.
    least_buffers : int, 1 or 2
        Images for which a buffer has room at the least.
    protect : {"none", "tmr"}
        As of ``StreamOptions``.

    Raises
    ------
    ScheduleError
        If a number is out of range.
    """

    input_bits: int
    results: Mapping[str, int]
    network_latency_cycles: int
    network_interval_cycles: int
    beat_bytes: int
    spikes: Mapping[str, SpikeLines] | None = None
    pixels: MapTiming | None = None
    least_buffers: int = 1
    protect: Protection = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "results", MappingProxyType(dict(self.results)))
        if self.spikes is not None:
            object.__setattr__(self, "spikes", MappingProxyType(dict(self.spikes)))
        numbers = (self.input_bits, self.network_interval_cycles, self.network_latency_cycles, *self.results.values())
        if not self.results or min(numbers) < 1:
            raise ScheduleError("stream", expected="bits, latency and interval of at least 1", got=f"{numbers}")
        longest = PROTECTED_IMAGES * self.network_interval_cycles
        if self.protect == "tmr" and self.network_latency_cycles > longest:
            expected, got = f"a latency of at most {longest} clock cycles", f"{self.network_latency_cycles}"
            raise ScheduleError("protection of a stream", expected=expected, got=got)
        for layer, gates in self.spike_bits.items():
            if gates > COUNTED_GATES:
                raise ScheduleError("spikes to count", where=layer, expected=f"<= {COUNTED_GATES}", got=f"{gates}")
        if not 1 <= self.beat_bytes <= BEAT_LIMIT_BYTES:
            hint = "cut images into beats with --stream-bytes"
            expected = f"1 to {BEAT_LIMIT_BYTES}"
            raise ScheduleError("bytes of a beat", expected=expected, got=f"{self.beat_bytes}", hint=hint)

    @classmethod
    def of(cls, schedule: Schedule, options: StreamOptions, *, least_buffers: int = 1) -> StreamSpec:
        """Return the spec of the wrapper around the network of ``schedule``.

        Raises ScheduleError if results leave the network pixel by pixel.
        """
        network = schedule.network
        if schedule.gives_maps:
            maps = [name for name in network.outputs if schedule.timings[name].space != (1, 1)]
            raise ScheduleError(
                "AXI4-Stream",
                where=network.name,
                expected="outputs of one pixel",
                got=f"maps: {', '.join(maps)}",
                hint="flatten or pool them in the network, or use its plain ports, where maps leave pixel by pixel",
            )
        input_bits = Port.of(network.tensors[network.input.name]).bits
        spec = cls(
            input_bits=input_bits,
            results={name: Port.of(network.tensors[name]).bits for name in network.outputs},
            network_latency_cycles=schedule.latency_cycles,
            network_interval_cycles=schedule.interval_cycles,
            beat_bytes=_bytes(input_bits) if options.beat_bytes is None else options.beat_bytes,
            pixels=schedule.input_timing if schedule.has_maps else None,
            least_buffers=least_buffers,
            protect=options.protect,
        )
        return replace(spec, spikes=_spike_lines(schedule, spec)) if options.registers else spec

    @property
    def spike_bits(self) -> Mapping[str, int]:
        """Bits of the ``spikes`` port of each layer whose spikes are counted."""
        return {layer: lines.bits for layer, lines in (self.spikes or {}).items()}

    @property
    def copies(self) -> int:
        """Copies of each register of control."""
        return 3 if self.protect == "tmr" else 1

    @cached_property
    def layout(self) -> FrameLayout:
        """How an image is cut into beats."""
        pixels = 1 if self.pixels is None else self.pixels.rows * self.pixels.columns
        return FrameLayout(pixels, self.input_bits, self.beat_bytes)

    @property
    def beats(self) -> int:
        """Beats of one image."""
        return self.layout.beats

    @cached_property
    def buffer(self) -> ImageBufferSpec | None:
        """What collects images that enter the network pixel by pixel."""
        return None if self.pixels is None else ImageBufferSpec(self.layout, self.pixels, self.least_buffers)

    @cached_property
    def result_bytes(self) -> Mapping[str, tuple[int, int]]:
        """First byte and number of bytes of each output in ``m_axis_tdata``; each is padded with zero bits."""
        places, first = {}, 0
        for name, bits in self.results.items():
            places[name] = (first, _bytes(bits))
            first += _bytes(bits)
        return MappingProxyType(places)

    @property
    def result_bits(self) -> int:
        """Bits of all outputs, without padding: the width of the FIFO."""
        return sum(self.results.values())

    @property
    def result_beat_bytes(self) -> int:
        """Bytes of ``m_axis_tdata``: a result is one beat."""
        return sum(count for _, count in self.result_bytes.values())

    @property
    def entry_cycles(self) -> int:
        """Clock cycles from an image's entry, with which it takes a credit, to the network's input."""
        return _ENTRY_CYCLES if self.buffer is None else ENTRY_CYCLES

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the last beat of an image to its result, when nobody stalls and the network is free."""
        stored = 0 if self.buffer is None else STORE_CYCLES
        return stored + self.entry_cycles + self.network_latency_cycles + RESULT_CYCLES

    @property
    def interval_cycles(self) -> int:
        """Clock cycles between two images at full rate: ``max(beats, interval of the network)``."""
        return max(self.beats, self.network_interval_cycles)

    @property
    def round_trip_cycles(self) -> int:
        """Clock cycles from using a credit to using it again at full rate: from entry to result, and one to count."""
        return self.entry_cycles + self.network_latency_cycles + RESULT_CYCLES + 1

    @property
    def credits(self) -> int:
        """Images that may be in the network and behind it, and entries of the FIFO.

        ``2^n >= ceil(round_trip_cycles / interval_cycles)``, the least such power: full rate needs that many, and
        pointers of n bits wrap by themselves.
        """
        needed = -(-self.round_trip_cycles // self.interval_cycles)
        return 1 << max(1, (needed - 1).bit_length())

    @property
    def images_inside(self) -> int:
        """Images that are taken before a result is: those with a credit, and those in the buffer."""
        return self.credits + (0 if self.buffer is None else self.buffer.images)

    def to_result(self, words: Mapping[str, int]) -> int:
        """Return ``m_axis_tdata`` of the results that are given as the numbers on the network's output ports."""
        return sum(words[name] << 8 * first for name, (first, _) in self.result_bytes.items())


def _spike_lines(schedule: Schedule, spec: StreamSpec) -> dict[str, SpikeLines]:
    """Return the lines of each layer of units: images come no nearer to each other than the wrapper lets them."""
    between = spec.interval_cycles if spec.buffer is None else spec.buffer.interval_cycles
    lines = {}
    for unit in schedule.network.unit_layers:
        cycles, units = schedule.spike_cycles(unit.name), schedule.network.tensors[unit.name].channels
        # (unit, gate): the same for all units, but where they share comparators
        of_bits = np.broadcast_to(cycles, (units, unit.gates)).ravel()
        lines[unit.name] = spike_lines(of_bits, schedule.timings[unit.name].least_gap(between))
    return lines


def _bytes(bits: int) -> int:
    return -(-bits // 8)
