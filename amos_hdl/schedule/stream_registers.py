"""The register map of a wrapped network: what a processor reads over AXI4-Lite."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amos_hdl.schedule.stream import StreamSpec
from amos_hdl.schedule.stream_counters import CounterSpec

#: "AMOS" in ASCII, at offset 0.
IDENTITY = 0x414D4F53
#: Of the map.
MAP_VERSION = 1
#: Of the bus.
WORD_BITS = 32
#: Of the first counter.
COUNTERS_OFFSET = 0x40
_SHA256_OFFSET = 0x20
#: Clock cycles from an address to the first look at what there is, and from the last to the answer.
_ASKED_CYCLES, _ANSWER_CYCLES = 2, 1


@dataclass(frozen=True)
class Register:
    """One entry of the map; all can only be read.

    Parameters
    ----------
    name : str
    offset : int
        In bytes.
    value : int, optional
        Of a constant, one word of 32 bits.  None for a counter, which has two: the lower at ``offset``, the upper,
        frozen when the lower one was read, at ``offset + 4``.
    """

    name: str
    offset: int
    value: int | None = None


@dataclass(frozen=True)
class RegisterMap:
    """All registers around one network.

    Parameters
    ----------
    spec : StreamSpec
        With ``spikes``.
    digest : str
        SHA-256 of the network, hexadecimal; word 0 of it holds the first 8 digits.
    """

    spec: StreamSpec
    digest: str

    @property
    def registers(self) -> tuple[Register, ...]:
        """Constants, then counters, by offset."""
        constants = [
            Register("identity", 0x00, IDENTITY),
            Register("map_version", 0x04, MAP_VERSION),
            Register("latency_cycles", 0x08, self.spec.latency_cycles),
            Register("interval_cycles", 0x0C, self.spec.interval_cycles),
            Register("credits", 0x10, self.spec.credits),
        ]
        constants += [
            Register(f"network_sha256_{word}", _SHA256_OFFSET + 4 * word, int(self.digest[8 * word : 8 * word + 8], 16))
            for word in range(8)
        ]
        return (
            *constants,
            *(Register(name, COUNTERS_OFFSET + 8 * number) for number, name in enumerate(self._lines)),
        )

    @property
    def address_bits(self) -> int:
        """Bits of an address, in bytes."""
        return (self.registers[-1].offset + 7).bit_length()

    @property
    def _lines(self) -> dict[str, int]:
        """Lines that each counter counts, by name."""
        spikes = {f"spikes_{layer}": len(lines.groups) for layer, lines in (self.spec.spikes or {}).items()}
        return {"images": 1, "results": 1, "errors": 1, **spikes}

    @cached_property
    def counters(self) -> CounterSpec:
        """The counters, in order of their offsets."""
        return CounterSpec(tuple(self._lines.values()))

    @property
    def read_cycles(self) -> int:
        """Most clock cycles from an address to the answer: of a counter that has just begun its turn."""
        waiting, gathering = self.counters.round_cycles - 1, self.counters.parts - 1
        return _ASKED_CYCLES + waiting + gathering + _ANSWER_CYCLES
