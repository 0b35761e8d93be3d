"""Spec of the AXI4-Stream wrapper: how images and results are cut into beats, how many credits, how long it takes.

The network inside has a fixed latency and no back-pressure.  An image is let in only when there is room for its result,
so results may be taken as slowly as anyone likes and the pipeline never stands still.

Source: AMBA AXI-Stream Protocol Specification, ARM IHI 0051B: handshake, order of bytes, packets, user signals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.plan import Schedule
from amos_hdl.schedule.port import Port

#: How registers of control are protected from flipped bits.
Protection = Literal["none", "tmr"]
#: Longest latency of a network whose images are counted out by a protected wrapper, in clock cycles.
PROTECTED_CYCLES = 1024
#: Widest beat, in bytes.
BEAT_LIMIT_BYTES = 4096
#: Clock cycles from the last beat of an image to its result at the master port, beyond the network's latency: one into
#: the image register, one into the FIFO, one out of it.
WRAPPER_CYCLES = 3
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

    A *frame* is what stands between two ``tlast``.  A frame of exactly ``beats`` beats, ``tuser`` low in its last one,
    is an image: beat 0 holds its lowest bytes.  Any other frame is dropped as a whole, and is one error.

    Parameters
    ----------
    image_bits : int
        Of the network's input port.
    results : mapping of str to int
        Bits of each of the network's outputs, in port order.
    network_latency_cycles, network_interval_cycles : int
        Of the network.
    beat_bytes : int
        Of ``s_axis_tdata``.
    spikes : mapping of str to int, optional
        For the register block: bits of the ``spikes`` port of each layer of units; None without registers.
    protect : {"none", "tmr"}
        As of ``StreamOptions``.

    Raises
    ------
    ScheduleError
        If a number is out of range.
    """

    image_bits: int
    results: Mapping[str, int]
    network_latency_cycles: int
    network_interval_cycles: int
    beat_bytes: int
    spikes: Mapping[str, int] | None = None
    protect: Protection = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "results", MappingProxyType(dict(self.results)))
        if self.spikes is not None:
            object.__setattr__(self, "spikes", MappingProxyType(dict(self.spikes)))
        numbers = (self.image_bits, self.network_interval_cycles, self.network_latency_cycles, *self.results.values())
        if not self.results or min(numbers) < 1:
            raise ScheduleError("stream", expected="bits, latency and interval of at least 1", got=f"{numbers}")
        if self.protect == "tmr" and self.network_latency_cycles > PROTECTED_CYCLES:
            expected, got = f"a latency of at most {PROTECTED_CYCLES} clock cycles", f"{self.network_latency_cycles}"
            raise ScheduleError("protection of a stream", expected=expected, got=got)
        for layer, gates in (self.spikes or {}).items():
            if gates > COUNTED_GATES:
                raise ScheduleError("spikes to count", where=layer, expected=f"<= {COUNTED_GATES}", got=f"{gates}")
        if not 1 <= self.beat_bytes <= BEAT_LIMIT_BYTES:
            hint = "cut images into beats with --stream-bytes"
            expected = f"1 to {BEAT_LIMIT_BYTES}"
            raise ScheduleError("bytes of a beat", expected=expected, got=f"{self.beat_bytes}", hint=hint)

    @classmethod
    def of(cls, schedule: Schedule, options: StreamOptions) -> StreamSpec:
        """Return the spec of the wrapper around the network of ``schedule``.

        Raises ScheduleError if images enter or leave the network pixel by pixel.
        """
        network = schedule.network
        if schedule.has_maps:
            raise ScheduleError(
                "AXI4-Stream", where=network.name, expected="images that enter at once", got="pixel by pixel"
            )
        image_bits = Port.of(network.tensors[network.input.name]).bits
        units = {unit.name: unit.gates * network.tensors[unit.name].units for unit in network.unit_layers}
        return cls(
            image_bits=image_bits,
            results={name: Port.of(network.tensors[name]).bits for name in network.outputs},
            network_latency_cycles=schedule.latency_cycles,
            network_interval_cycles=schedule.interval_cycles,
            beat_bytes=_bytes(image_bits) if options.beat_bytes is None else options.beat_bytes,
            spikes=units if options.registers else None,
            protect=options.protect,
        )

    @property
    def copies(self) -> int:
        """Copies of each register of control."""
        return 3 if self.protect == "tmr" else 1

    @property
    def beats(self) -> int:
        """Beats of one image: ``ceil(image bytes / beat_bytes)``."""
        return -(-_bytes(self.image_bits) // self.beat_bytes)

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
    def latency_cycles(self) -> int:
        """Clock cycles from the last beat of an image to its result, when nobody stalls."""
        return self.network_latency_cycles + WRAPPER_CYCLES

    @property
    def interval_cycles(self) -> int:
        """Clock cycles between two images at full rate: ``max(beats, interval of the network)``."""
        return max(self.beats, self.network_interval_cycles)

    @property
    def round_trip_cycles(self) -> int:
        """Clock cycles from using a credit to using it again at full rate: the latency, and one to count it."""
        return self.latency_cycles + 1

    @property
    def credits(self) -> int:
        """Images that may be inside, and entries of the FIFO.

        ``2^n >= ceil(round_trip_cycles / interval_cycles)``, the least such power: full rate needs that many, and
        pointers of n bits wrap by themselves.
        """
        needed = -(-self.round_trip_cycles // self.interval_cycles)
        return 1 << max(1, (needed - 1).bit_length())

    def to_beats(self, image: int) -> list[tuple[int, bool]]:
        """Return (tdata, tlast) of each beat of an image that is given as the number on the network's input port."""
        mask, bits = (1 << 8 * self.beat_bytes) - 1, 8 * self.beat_bytes
        return [(image >> beat * bits & mask, beat == self.beats - 1) for beat in range(self.beats)]

    def to_result(self, words: Mapping[str, int]) -> int:
        """Return ``m_axis_tdata`` of the results that are given as the numbers on the network's output ports."""
        return sum(words[name] << 8 * first for name, (first, _) in self.result_bytes.items())

    def evaluate(self, beats: Iterable[tuple[int, bool, bool]]) -> tuple[list[tuple[int, bool]], int]:
        """Return the images, each with its ``tuser`` at the master port, and the errors of beats (tdata, tlast, tuser).

        The reference of the receiver; ``tuser`` of a result is high if an error came after the image before it.
        """
        frames = FrameReference(self)
        images = [taken for beat in beats if (taken := frames.beat(*beat)) is not None]
        return images, frames.errors


@dataclass(eq=False)
class FrameReference:
    """What the receiver makes of beats, one after another; see ``StreamSpec``.

    Members
    -------
    errors : int
        Frames that were no images, counted when that is certain: a short frame at its ``tlast``, a long one at the
        beat after which it can be no image any more.
    beats : int
        Beats that were taken.
    """

    spec: StreamSpec
    errors: int = 0
    beats: int = 0
    _frame: list[int] = field(default_factory=list)
    _lost: bool = False

    def beat(self, tdata: int, tlast: bool, tuser: bool) -> tuple[int, bool] | None:
        """Take one beat; return (image, ``tuser`` of its result) if it completes one."""
        self.beats += 1
        self._frame.append(tdata)
        count, taken = len(self._frame), None
        if tlast and count == self.spec.beats and not tuser:
            taken, self._lost = (self._image(self._frame), self._lost), False
        elif (tlast and count <= self.spec.beats) or (not tlast and count == self.spec.beats):
            self.errors += 1
            self._lost = True
        if tlast:
            self._frame.clear()
        return taken

    @property
    def beats_of_frame(self) -> int:
        """Beats of the frame that has begun and not ended."""
        return len(self._frame)

    def _image(self, frame: Sequence[int]) -> int:
        word = sum(tdata << 8 * self.spec.beat_bytes * beat for beat, tdata in enumerate(frame))
        return word & ((1 << self.spec.image_bits) - 1)


def _bytes(bits: int) -> int:
    return -(-bits // 8)
