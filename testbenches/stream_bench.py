"""Source and sink of a wrapped network, and a watch that compares all that is exchanged with the references.

The watch sees every handshake by itself: it needs neither the source's nor the sink's word for what was exchanged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from amos_hdl.schedule.frames import FrameReference
from amos_hdl.schedule.stream import StreamSpec

#: Clock cycles at the end in which nothing may happen, beyond the latency.
IDLE_CYCLES = 20
#: Clock cycles.
LONGEST_PAUSE = 80


@dataclass(eq=False)
class Watch:
    """What was exchanged, clock cycle by clock cycle.

    Members
    -------
    entries : list of int
        Clock cycle of the last beat of each image.
    results : list of (int, int, int)
        Clock cycle, tdata and tuser of each result.
    errors : int
        Pulses of ``error``.
    dropped : int
        Images that a reset took.
    """

    spec: StreamSpec
    answers: Mapping[int, int]
    cycle: int = 0
    entries: list[int] = field(default_factory=list)
    results: list[tuple[int, int, int]] = field(default_factory=list)
    errors: int = 0
    dropped: int = 0

    def __post_init__(self) -> None:
        self.frames = FrameReference(self.spec.layout)
        self.errors_due = 0
        self.due: deque[tuple[int, int]] = deque()
        self._stalled: tuple[int, int, int] | None = None

    async def run(self, dut) -> None:
        """Look at every falling edge: there everything is as the next rising edge will take it."""
        edge = FallingEdge(dut.clk)
        while True:
            await edge
            self.cycle += 1
            # a pulse belongs to the beat of the clock cycle before
            self.errors += int(dut.error.value)
            if dut.rst.value == 1:
                self.dropped += len(self.due)
                self.due.clear()
                self.errors_due += self.frames.errors
                self.frames = FrameReference(self.spec.layout)
                self._stalled = None
                continue
            self._look_at_result(dut)
            if dut.s_axis_tvalid.value == 1 and dut.s_axis_tready.value == 1:
                beat = (int(dut.s_axis_tdata.value), dut.s_axis_tlast.value == 1, dut.s_axis_tuser.value == 1)
                taken = self.frames.beat(*beat)
                if taken is not None:
                    image, after_error = taken
                    self.entries.append(self.cycle)
                    self.due.append((self.answers[image], int(after_error)))
                    most = self.spec.images_inside
                    assert len(self.due) <= most, f"more than {most} images inside"

    def _look_at_result(self, dut) -> None:
        if dut.m_axis_tvalid.value != 1:
            assert dut.m_axis_tvalid.value == 0, f"clock cycle {self.cycle}: tvalid is {dut.m_axis_tvalid.value}"
            assert self._stalled is None, f"clock cycle {self.cycle}: tvalid fell while the result was stalled"
            return
        offered = (int(dut.m_axis_tdata.value), int(dut.m_axis_tuser.value), int(dut.m_axis_tlast.value))
        if self._stalled is not None:
            wrong = f"clock cycle {self.cycle}: result changed while stalled: expected {self._stalled}, got {offered}"
            assert offered == self._stalled, wrong
        self._stalled = offered
        if dut.m_axis_tready.value == 1:
            number = len(self.results)
            assert self.due, f"clock cycle {self.cycle}: result {number}: expected none, got {offered[0]:#x}"
            expected = (*self.due.popleft(), 1)
            wrong = (
                f"clock cycle {self.cycle}: result {number}: expected {expected}, got {offered} (tdata, tuser, tlast)"
            )
            assert offered == expected, wrong
            self.results.append((self.cycle, *offered[:2]))
            self._stalled = None

    @property
    def outstanding(self) -> int:
        """Images inside."""
        return len(self.due)


class Bench:
    """Clock, reset, source, sink and watch of one test."""

    def __init__(self, dut, spec: StreamSpec, answers: Mapping[int, int], random: np.random.Generator) -> None:
        self.dut, self.spec, self.random = dut, spec, random
        self.clock = Clock(dut.clk, 10, "ns")
        self.clock.start()
        dut.rst.value = 1
        for name in ("s_axil_awvalid", "s_axil_wvalid", "s_axil_bready", "s_axil_arvalid", "s_axil_rready"):
            if hasattr(dut, name):
                getattr(dut, name).value = 0
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)
        for end in (self.source, self.sink):
            end.log.setLevel("WARNING")
        self.watch = Watch(spec, answers)
        self.task = cocotb.start_soon(self.watch.run(dut))

    async def clocks(self, count: int) -> None:
        """Wait; a failure of the watch is raised here."""
        edge = RisingEdge(self.dut.clk)
        for _ in range(count):
            await edge
            if self.task.done():
                self.task.result()

    async def reset(self, cycles: int) -> None:
        """Hold reset for some clock cycles."""
        await self.clocks(1)
        self.dut.rst.value = 1
        await self.clocks(cycles)
        self.dut.rst.value = 0

    def send(self, frame: bytes, *, refused: bool = False) -> None:
        """Queue one frame."""
        user = [0] * (len(frame) - 1) + [int(refused)]
        self.source.send_nowait(AxiStreamFrame(frame, tuser=user))

    async def drain(self) -> None:
        """Wait until all that was queued has left; then nothing may happen any more."""
        watch, still, seen = self.watch, 0, None
        longest = self.spec.latency_cycles + self.spec.interval_cycles + LONGEST_PAUSE + IDLE_CYCLES
        while still < longest:
            await self.clocks(1)
            now = (len(watch.results), len(watch.entries), watch.frames.beats, self.source.count())
            still, seen = (still + 1 if now == seen else 0), now
        assert self.source.empty() and self.source.idle(), "the source still holds frames"
        assert watch.outstanding == 0, f"{watch.outstanding} results are missing"
        assert self.dut.m_axis_tvalid.value == 0, "a result too many"
        assert len(watch.entries) == len(watch.results) + watch.dropped
        assert watch.errors == watch.errors_due + watch.frames.errors, "errors counted by the hardware"

    def stop(self) -> None:
        """End everything that runs."""
        self.task.cancel()
        for end in (self.source, self.sink):
            end.clear_pause_generator()
        self.clock.stop()


def pauses(random: np.random.Generator, share: float) -> Iterator[bool]:
    """Return stalls, some of them long, and runs between them, of random length; ``share`` of the time is stalled."""
    longest_run = round(8 * (1 - share) / share)
    while True:
        paused = int(random.integers(1, 4)) if random.random() < 0.95 else int(random.integers(10, LONGEST_PAUSE))
        yield from [True] * paused
        yield from [False] * int(random.integers(1, longest_run + 2))
