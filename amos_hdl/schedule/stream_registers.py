"""The register map of a wrapped network: what a processor reads over AXI4-Lite."""

from __future__ import annotations

from dataclasses import dataclass

from amos_hdl.schedule.stream import StreamSpec

#: "AMOS" in ASCII, at offset 0.
IDENTITY = 0x414D4F53
#: Of the map.
MAP_VERSION = 1
COUNTER_BITS = 64
_SHA256_OFFSET, _COUNTERS_OFFSET = 0x20, 0x40


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
        counters = ("images", "results", "errors", *(f"spikes_{layer}" for layer in self.spec.spikes or {}))
        return (
            *constants,
            *(Register(name, _COUNTERS_OFFSET + 8 * number) for number, name in enumerate(counters)),
        )

    @property
    def address_bits(self) -> int:
        """Bits of an address, in bytes."""
        return (self.registers[-1].offset + 7).bit_length()
