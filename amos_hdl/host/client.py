"""Requests to a board, their answers, and what to do where one is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from amos_hdl.errors import LinkError
from amos_hdl.host.transport import Transport
from amos_hdl.schedule.link import FLAG, PROTOCOL_VERSION, WINDOW, Fault, Frame, FrameReader, Identity, Kind

#: Times that a request is sent before the board is given up.
ATTEMPTS = 5
#: Bytes without an answer among them after which a line that never falls silent counts as one that is.
NOISE_LIMIT_BYTES = 1 << 17


@dataclass
class LinkCounts:
    """What happened on a line.

    Members
    -------
    answers : int
        Requests that were answered.
    repeated : int
        Requests that were sent again.
    timeouts : int
        Waits that ended without an answer.
    damaged : int
        Frames of the board that did not arrive whole.
    stray : int
        Answers to nothing that was asked.
    faults : Counter of str
        Frames that the board refused, by the name of the fault.
    device_faults : int
        What the board itself has counted since its reset, modulo 256.
    """

    answers: int = 0
    repeated: int = 0
    timeouts: int = 0
    damaged: int = 0
    stray: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    device_faults: int = 0


class BoardClient:
    """One board.

    Parameters
    ----------
    transport : Transport
    timeout_s : float
        How long an answer may take.

    Members
    -------
    counts : LinkCounts
    """

    def __init__(self, transport: Transport, timeout_s: float) -> None:
        self.counts = LinkCounts()
        self._transport, self._timeout_s = transport, timeout_s
        self._reader, self._sequence = FrameReader(), 0
        # ends whatever a program before this one left unfinished
        transport.write(bytes([FLAG, FLAG]))

    def identify(self) -> Identity:
        """Return what the board says of itself.

        Raises
        ------
        LinkError
            If nothing that could be a board answers, or it speaks another version.
        """
        (payload,) = self._ask(Kind.IDENTIFY, Kind.IDENTITY, [b""], None)
        identity = Identity.decode(payload)
        if identity is None:
            raise LinkError("what answers is no board of amos-hdl", got=payload[:8].hex())
        if identity.version != PROTOCOL_VERSION:
            raise LinkError("version of the protocol", expected=f"{PROTOCOL_VERSION}", got=f"{identity.version}")
        self.counts.device_faults = payload[-1]
        return identity

    def require(self, digest: str) -> Identity:
        """Return the identity of a board that holds the network ``digest``.

        Raises
        ------
        LinkError
            If it holds another, or as ``identify``.
        """
        identity = self.identify()
        if identity.digest != digest:
            raise LinkError(
                "the board holds another network",
                expected=f"SHA-256 {digest}",
                got=identity.digest,
                hint="load the bitstream that amos-hdl board makes of this one",
            )
        return identity

    def classify(self, images: Sequence[bytes], progress: Callable[[int], None] | None = None) -> list[bytes]:
        """Return the result of each of ``images``, at most ``WINDOW`` of them under way at a time.

        Raises
        ------
        LinkError
            If an image is refused for its size, or is not answered after ``ATTEMPTS`` times.
        """
        return self._ask(Kind.CLASSIFY, Kind.RESULT, images, progress)

    def _ask(
        self, kind: Kind, answer: Kind, payloads: Sequence[bytes], progress: Callable[[int], None] | None
    ) -> list[bytes]:
        answers: list[bytes | None] = [None] * len(payloads)
        # sequence number: which payload, and how often it was sent
        under_way: dict[int, tuple[int, int]] = {}
        sent = done = noise = 0
        since = self._transport.now_s()
        while done < len(payloads):
            while sent < len(payloads) and len(under_way) < WINDOW:
                under_way[self._sequence] = (sent, 0)
                self._send(kind, self._sequence, payloads, under_way)
                self._sequence = (self._sequence + 1) & 0xFF
                sent += 1
            data = self._transport.read(self._timeout_s)
            noise += len(data)
            # what trickles in for ever is no answer either
            late = self._transport.now_s() - since > 2 * self._timeout_s
            if not data or noise > NOISE_LIMIT_BYTES or late:
                noise, since = 0, self._transport.now_s()
                self.counts.timeouts += 1
                for sequence in list(under_way):
                    self._send(kind, sequence, payloads, under_way)
            for frame in self._reader.feed(data):
                if frame is None:
                    self.counts.damaged += 1
                elif frame.kind == Kind.FAULT and len(frame.payload) == 2:
                    self._refused(kind, frame, payloads, under_way)
                elif frame.kind == answer and frame.sequence in under_way:
                    number, _ = under_way.pop(frame.sequence)
                    answers[number] = frame.payload
                    self.counts.answers += 1
                    done, noise, since = done + 1, 0, self._transport.now_s()
                    if progress is not None:
                        progress(done)
                else:
                    self.counts.stray += 1
        return [payload for payload in answers if payload is not None]

    def _send(
        self, kind: Kind, sequence: int, payloads: Sequence[bytes], under_way: dict[int, tuple[int, int]]
    ) -> None:
        """Send a request, for the first time or again."""
        number, times = under_way[sequence]
        if times == ATTEMPTS:
            raise LinkError(
                f"no answer to {kind.name}",
                expected=f"one within {self._timeout_s:g} s",
                got=f"none after {ATTEMPTS} times" + self._story(),
                hint="check port and baud, and that the bitstream is loaded",
            )
        self.counts.repeated += times > 0
        under_way[sequence] = (number, times + 1)
        self._transport.write(Frame(kind, sequence, payloads[number]).encode())

    def _refused(
        self, kind: Kind, frame: Frame, payloads: Sequence[bytes], under_way: dict[int, tuple[int, int]]
    ) -> None:
        """Take note of a refused frame; send it again where it was damaged on its way."""
        name = next((fault.name for fault in Fault if fault == frame.payload[0]), f"fault {frame.payload[0]}")
        self.counts.faults[name] += 1
        self.counts.device_faults = frame.payload[1]
        if frame.sequence not in under_way:
            return  # its number was damaged too, or it was sent by someone else
        if frame.payload[0] in (Fault.LENGTH, Fault.UNKNOWN):
            size = len(payloads[under_way[frame.sequence][0]])
            raise LinkError(f"the board refuses {kind.name}", got=f"{name} for {size} bytes")
        self._send(kind, frame.sequence, payloads, under_way)

    def _story(self) -> str:
        """Return what did happen meanwhile, if anything."""
        seen = {"damaged": self.counts.damaged, "stray": self.counts.stray, "refused": self.counts.faults.total()}
        told = ", ".join(f"{count} {what}" for what, count in seen.items() if count)
        return f" ({told} frames)" if told else ""
