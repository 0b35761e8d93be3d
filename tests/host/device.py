"""A board in software, at the other end of a line."""

import contextlib
import os
import threading
import time
import tty

import numpy as np

from amos_hdl.host.codec import result_payloads
from amos_hdl.network import golden
from amos_hdl.schedule import Port
from amos_hdl.schedule.link import PROTOCOL_VERSION, Fault, Frame, FrameReader, Identity, Kind
from amos_hdl.simulate.words import unpack


class SoftBoard:
    """Takes bytes and gives the bytes that a board with ``network`` would.

    ``wrong``: numbers of results whose lowest bit is changed.
    """

    def __init__(self, network, *, digest=None, version=PROTOCOL_VERSION, wrong=()):
        self.network, self.wrong = network, set(wrong)
        self.port = Port.of(network.tensors[network.input.name])
        self.image_bytes = -(-self.port.bits // 8)
        result_bytes = sum(-(-Port.of(network.tensors[name]).bits // 8) for name in network.outputs)
        self.identity = Identity(version, self.image_bytes, result_bytes, digest or network.digest)
        self.faults = self.results = 0
        self._reader = FrameReader()

    def feed(self, data):
        return b"".join(self.answer(frame).encode() for frame in self._reader.feed(data))

    def answer(self, frame):
        if frame is None:
            return self.refuse(0, Fault.DAMAGED)
        if frame.kind == Kind.IDENTIFY:
            if frame.payload:
                return self.refuse(frame.sequence, Fault.LENGTH)
            return Frame(Kind.IDENTITY, frame.sequence, self.identity.encode() + bytes([self.faults & 0xFF]))
        if frame.kind != Kind.CLASSIFY:
            return self.refuse(frame.sequence, Fault.UNKNOWN)
        if len(frame.payload) != self.image_bytes:
            return self.refuse(frame.sequence, Fault.LENGTH)
        bits = np.unpackbits(np.frombuffer(frame.payload, np.uint8), bitorder="little")[: self.port.bits]
        image = unpack(bits.astype(bool)[None], self.port.word_bits, self.port.signed)
        (result,) = result_payloads(self.network, golden.run(self.network, image).values)
        self.results += 1
        if self.results - 1 in self.wrong:
            result = bytes([result[0] ^ 1]) + result[1:]
        return Frame(Kind.RESULT, frame.sequence, result)

    def refuse(self, sequence, fault):
        self.faults += 1
        return Frame(Kind.FAULT, sequence, bytes([fault, self.faults & 0xFF]))


class Loop:
    """A transport straight into a board; ``damage`` may change what goes there, and what comes back."""

    def __init__(self, board, to_board=lambda data: data, from_board=lambda data: data):
        self.board, self.to_board, self.from_board, self.waiting = board, to_board, from_board, b""
        self.most_under_way = self.under_way = 0

    def write(self, data):
        self.under_way += len(data) > 2
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.waiting += self.from_board(self.board.feed(self.to_board(data)))

    def read(self, timeout_s):
        self.under_way = 0
        data, self.waiting = self.waiting, b""
        return data

    def now_s(self):
        return time.monotonic()


@contextlib.contextmanager
def serial_port(board):
    """Yield the name of a pseudo terminal with ``board`` at its other end."""
    controller, port = os.openpty()
    tty.setraw(port)
    ending = threading.Event()

    def run():
        while not ending.is_set():
            with contextlib.suppress(BlockingIOError):
                data = os.read(controller, 4096)
                os.write(controller, board.feed(data))
                continue
            ending.wait(0.002)

    os.set_blocking(controller, False)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield os.ttyname(port)
    finally:
        ending.set()
        thread.join()
        os.close(controller)
        os.close(port)
