"""The two wires of a simulated board, as a transport for the host's own code."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import cocotb
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import Event, FallingEdge, SimTimeoutError, Timer, with_timeout
from cocotb.utils import get_sim_time

CLOCK_NS = 10
Result = TypeVar("Result")


class Line:
    """Sends bytes to ``dut.rx``, collects those of ``dut.tx``; a ``Transport`` within ``host``.

    Parameters
    ----------
    bit_cycles : int
        Clock cycles of one bit.
    pace : float
        Length of the host's bits, of the board's.

    Members
    -------
    tamper : callable
        What becomes of each piece that is written: the bytes that really go over the wire.
    """

    def __init__(self, dut, bit_cycles: int, pace: float = 1.0) -> None:
        self.dut = dut
        self.bit_ns = bit_cycles * CLOCK_NS
        self.host_bit_ns = round(self.bit_ns * pace, 3)
        self.tamper: Callable[[bytes], bytes] = lambda data: data
        self.received: deque[int] = deque()
        self.wrong_stops = 0
        self._sending: deque[int] = deque()
        self._to_send, self._came = Event(), Event()

    async def start(self) -> None:
        """Start the clock, hold reset for some clock cycles, and look at the wires from then on."""
        self.dut.rx.value = 1
        self.clock = Clock(self.dut.clk, CLOCK_NS, "ns")
        self.clock.start()
        self.dut.rst.value = 1
        await Timer(5 * CLOCK_NS, "ns")
        self.dut.rst.value = 0
        self.tasks = [cocotb.start_soon(self._send()), cocotb.start_soon(self._receive())]

    def stop(self) -> None:
        """End everything that runs."""
        for task in self.tasks:
            if task.done():
                task.result()
            task.cancel()
        self.clock.stop()

    @property
    def byte_ns(self) -> int:
        """How long a byte takes."""
        return 10 * self.bit_ns

    async def idle(self, count: int) -> None:
        """Wait until all is sent, and the time of ``count`` bytes longer."""
        while self._sending:
            await Timer(self.byte_ns, "ns")
        await Timer((count + 1) * self.byte_ns, "ns")

    async def host(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Run blocking code of the host, which waits in simulated time."""
        return await bridge(work)(*arguments)

    def write(self, data: bytes) -> None:
        """Queue ``data``, as the driver of a serial port does."""
        self._sending.extend(self.tamper(data))
        self._to_send.set()

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, after waiting for a first byte; only within ``host``."""
        resume(self._wait)(timeout_s)
        data = bytes(self.received)
        self.received.clear()
        return data

    def now_s(self) -> float:
        """Return simulated seconds; only within ``host``."""
        return resume(self._now)()

    async def _now(self) -> float:
        return float(get_sim_time("sec"))

    async def _wait(self, timeout_s: float) -> None:
        self._came.clear()
        if not self.received:
            try:
                await with_timeout(self._came.wait(), round(timeout_s * 1e9), "ns")
            except SimTimeoutError:
                pass

    async def _send(self) -> None:
        while True:
            while self._sending:
                # it counts as being sent until it has been
                await self._byte(self._sending[0])
                self._sending.popleft()
            self._to_send.clear()
            await self._to_send.wait()

    async def _byte(self, byte: int) -> None:
        for bit in (0, *(byte >> place & 1 for place in range(8)), 1):
            self.dut.rx.value = bit
            await Timer(self.host_bit_ns, "ns", round_mode="round")

    async def _receive(self) -> None:
        edge: Any = FallingEdge(self.dut.tx)
        while True:
            await edge
            await Timer(self.bit_ns // 2, "ns")
            assert self.dut.tx.value == 0, "a start bit shorter than half a bit"
            byte = 0
            for place in range(8):
                await Timer(self.bit_ns, "ns")
                byte |= int(self.dut.tx.value) << place
            await Timer(self.bit_ns, "ns")
            assert self.dut.tx.value == 1, "no stop bit"
            self.received.append(byte)
            self._came.set()
