"""The link between a board and its host: frames over a UART, one specification for gateware and host.

    FLAG  kind  sequence  length (2)  payload (length)  check (2)  FLAG

Numbers of several bytes are sent lowest byte first.  Between two flags ``FLAG`` and ``ESCAPE`` are sent as ``ESCAPE``
and the byte with bit 5 inverted, so a flag always ends a frame: after garbage the next frame is understood again.
``check`` is the FCS-16 of everything between the flag and itself, before escaping.

Source: RFC 1662, sections 4 (octet-stuffed framing) and C.2 (FCS-16, also known as CRC-16/X-25).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.stream import StreamSpec

#: Of this protocol; a host refuses a board that speaks another.
PROTOCOL_VERSION = 1
#: First bytes of an identity.
SIGNATURE = b"AMOS"
FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
HEADER_BYTES, CHECK_BYTES = 4, 2
#: FCS-16: polynomial x^16 + x^12 + x^5 + 1, lowest bit first; what a frame with its right check leaves behind.
FCS_POLYNOMIAL, FCS_INIT, FCS_GOOD = 0x8408, 0xFFFF, 0xF0B8
#: Longest payload: ``length`` has two bytes.
PAYLOAD_LIMIT_BYTES = 0xFFFF
#: Clock cycles of one bit of the UART.
SHORTEST_BIT_CYCLES, LONGEST_BIT_CYCLES = 4, 0xFFFF
#: Requests that a host may have sent and not got an answer to: one that is being received, one that is being answered.
WINDOW = 2


class Kind(IntEnum):
    """What a frame is: requests of the host, and answers of the board with bit 7 set."""

    IDENTIFY = 0x01
    CLASSIFY = 0x02
    IDENTITY = 0x81
    RESULT = 0x82
    FAULT = 0x8F


class Fault(IntEnum):
    """Why a board refuses a frame; the first byte of a ``FAULT``.

    ``DAMAGED``: too short, a byte without its stop bit, or a wrong check.  ``UNKNOWN``: a kind that is no request.
    ``LENGTH``: ``length``, or the number of bytes that came, is not what the kind has.  ``BUSY``: an image came
    while an earlier request still waited, which a host that keeps to ``WINDOW`` never sees.  Looked for in this order.
    """

    DAMAGED = 1
    UNKNOWN = 2
    LENGTH = 3
    BUSY = 4


@dataclass(frozen=True)
class Frame:
    """One frame.

    Parameters
    ----------
    kind : int, 0 to 255
    sequence : int, 0 to 255
        Of the request; its answer has the same.
    payload : bytes

    Raises
    ------
    ScheduleError
        If a number is out of range or the payload too long.
    """

    kind: int
    sequence: int
    payload: bytes = b""

    def __post_init__(self) -> None:
        for name, value in (("kind", self.kind), ("sequence", self.sequence)):
            if not 0 <= value <= 0xFF:
                raise ScheduleError(f"{name} of a frame", expected="0 to 255", got=repr(value))
        if len(self.payload) > PAYLOAD_LIMIT_BYTES:
            expected = f"at most {PAYLOAD_LIMIT_BYTES} bytes"
            raise ScheduleError("payload of a frame", expected=expected, got=f"{len(self.payload)}")

    def encode(self) -> bytes:
        """Return the bytes on the wire, with both flags."""
        head = bytes([self.kind, self.sequence]) + len(self.payload).to_bytes(2, "little")
        content = head + self.payload
        content += (fcs(content) ^ 0xFFFF).to_bytes(2, "little")
        return bytes([FLAG]) + escape(content) + bytes([FLAG])


def fcs(data: bytes, value: int = FCS_INIT) -> int:
    """Return the FCS-16 register after ``data``; its complement is what is sent."""
    for byte in data:
        value = value >> 8 ^ _FCS_TABLE[(value ^ byte) & 0xFF]
    return value


def _fcs_entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (FCS_POLYNOMIAL if value & 1 else 0)
    return value


_FCS_TABLE = tuple(map(_fcs_entry, range(256)))


def escape(content: bytes) -> bytes:
    """Return ``content`` without a flag in it."""
    wire = bytearray()
    for byte in content:
        wire += bytes([ESCAPE, byte ^ FLIP]) if byte in (FLAG, ESCAPE) else bytes([byte])
    return bytes(wire)


@dataclass(eq=False)
class FrameReader:
    """Bytes from the wire into frames, however they are cut.

    Members
    -------
    damaged : int
        Frames that were not whole, garbage among them.
    """

    damaged: int = 0
    _content: bytearray = field(default_factory=bytearray)
    _escaped: bool = False
    _overlong: bool = False

    def feed(self, data: bytes) -> Iterator[Frame | None]:
        """Yield a frame for each that ends in ``data``, None for one that is damaged."""
        for byte in data:
            if byte == FLAG:
                if self._content or self._escaped or self._overlong:
                    frame = None if self._escaped or self._overlong else self._frame(bytes(self._content))
                    self.damaged += frame is None
                    yield frame
                self._content.clear()
                self._escaped = self._overlong = False
            elif byte == ESCAPE and not self._escaped:
                self._escaped = True
            elif len(self._content) >= HEADER_BYTES + PAYLOAD_LIMIT_BYTES + CHECK_BYTES:
                self._overlong = True  # garbage without a flag takes no memory
            else:
                self._content.append(byte ^ FLIP if self._escaped else byte)
                self._escaped = False

    @staticmethod
    def _frame(content: bytes) -> Frame | None:
        if len(content) < HEADER_BYTES + CHECK_BYTES or fcs(content) != FCS_GOOD:
            return None
        payload = content[HEADER_BYTES:-CHECK_BYTES]
        if int.from_bytes(content[2:4], "little") != len(payload):
            return None
        return Frame(content[0], content[1], payload)


@dataclass(frozen=True)
class Identity:
    """What a board says of itself: the payload of an ``IDENTITY``.

    Parameters
    ----------
    version : int
        Of the protocol.
    image_bytes, result_bytes : int
        Payloads of a ``CLASSIFY`` and of a ``RESULT``.
    digest : str
        SHA-256 of the network, hexadecimal.
    """

    version: int
    image_bytes: int
    result_bytes: int
    digest: str

    def encode(self) -> bytes:
        """Return the payload, but for the count of faults behind it."""
        sizes = self.image_bytes.to_bytes(2, "little") + self.result_bytes.to_bytes(2, "little")
        return SIGNATURE + bytes([self.version]) + sizes + bytes.fromhex(self.digest)

    @classmethod
    def decode(cls, payload: bytes) -> Identity | None:
        """Return what ``payload`` says, None if it is no identity; of a later version its beginning is understood."""
        if len(payload) < IDENTITY_BYTES or not payload.startswith(SIGNATURE):
            return None
        image, result = int.from_bytes(payload[5:7], "little"), int.from_bytes(payload[7:9], "little")
        return cls(payload[4], image, result, payload[9:41].hex())


#: Bytes of an ``IDENTITY``: signature, version, two sizes, SHA-256, and the count of faults.
IDENTITY_BYTES = len(SIGNATURE) + 1 + 2 + 2 + 32 + 1
#: Bytes of a ``FAULT``: which, and the count of faults.
FAULT_BYTES = 2
#: Of the UART: a start bit, eight bits, a stop bit.
BYTE_BITS = 10


def line_cycles(image_bytes: int, bit_cycles: int) -> int:
    """Return the fewest clock cycles from one image to the next on the line: with nothing but its bytes."""
    return image_bytes * BYTE_BITS * bit_cycles


@dataclass(frozen=True, kw_only=True)
class LinkSpec:
    """The link of one network: its images, its results, and how fast bits go.

    A board answers each request once.  Every frame that it refuses is counted (modulo 256, since reset, told with each
    ``FAULT`` and ``IDENTITY``) and answered by a ``FAULT``, unless an earlier answer still waits to be sent.  So a host
    has at most ``WINDOW`` requests under way.

    Parameters
    ----------
    stream : StreamSpec
        Of the network's wrapper; one byte per beat.
    digest : str
        SHA-256 of the network, hexadecimal.
    bit_cycles : int, 4 to 65535
        Clock cycles of one bit of the UART.

    Raises
    ------
    ScheduleError
        If a number is out of range, or an image or a result is too long for a frame.
    """

    stream: StreamSpec
    digest: str
    bit_cycles: int

    def __post_init__(self) -> None:
        if not SHORTEST_BIT_CYCLES <= self.bit_cycles <= LONGEST_BIT_CYCLES:
            expected = f"{SHORTEST_BIT_CYCLES} to {LONGEST_BIT_CYCLES} clock cycles"
            raise ScheduleError("bit of the UART", expected=expected, got=f"{self.bit_cycles}", hint="change the baud")
        if self.stream.beat_bytes != 1:
            raise ScheduleError("bytes of a beat on a link", expected="1", got=f"{self.stream.beat_bytes}")
        if self.stream.buffer is not None and self.stream.buffer.images < WINDOW:
            got = f"{self.stream.buffer.images}"
            raise ScheduleError("images in the buffer of a link", expected=f"{WINDOW}", got=got)
        for what, count in (("image", self.image_bytes), ("result", self.result_bytes)):
            if count > PAYLOAD_LIMIT_BYTES:
                raise ScheduleError(
                    f"{what} on a board's link",
                    expected=f"at most {PAYLOAD_LIMIT_BYTES:,} bytes, the length of a packet has 16 bits",
                    got=f"{count:,}",
                    hint="take smaller ones, or a design of your own: generate --interface axi-stream has no limit",
                )

    @property
    def image_bytes(self) -> int:
        """Payload of a ``CLASSIFY``: the words of the image side by side, word 0 lowest, lowest byte first."""
        return self.stream.beats

    @property
    def result_bytes(self) -> int:
        """Payload of a ``RESULT``: all outputs, each from a byte of its own (``StreamSpec.result_bytes``)."""
        return self.stream.result_beat_bytes

    @property
    def identity(self) -> Identity:
        """What the board says of itself."""
        return Identity(PROTOCOL_VERSION, self.image_bytes, self.result_bytes, self.digest)

    @property
    def byte_cycles(self) -> int:
        """Clock cycles of one byte: a start bit, eight bits, a stop bit."""
        return BYTE_BITS * self.bit_cycles
