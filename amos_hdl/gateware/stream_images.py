"""Beats of an AXI4-Stream into images."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, ShapeLike, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.gateware.stream_frames import FrameCheck, frame_ports
from amos_hdl.schedule.stream import StreamSpec


def entry_ports(spec: StreamSpec) -> dict[str, Member]:
    """Return the ports through which images enter: to the credits, and to the network.

    ``room``: there is a credit.  ``enter``: an image takes one with this clock edge; ``after_error`` then: there was an
    error after the image before.  ``image_valid``: the image, or a pixel of it, is at ``image``.
    """
    return {
        "room": In(1),
        "enter": Out(1),
        "after_error": Out(1),
        "image_valid": Out(1),
        "image": Out(spec.input_bits),
    }


class ImageReceiver(wiring.Component):
    """Checks frames, puts their beats side by side, and lets an image in when there is room for its result.

    ``s_axis_tready`` depends on registers alone.  Only the beat that can complete an image ever waits for room.

    Members
    -------
    s_axis_tdata : In(beat bytes), s_axis_tvalid, s_axis_tlast, s_axis_tuser : In(1), s_axis_tready : Out(1)
        Frames; see ``FrameLayout``.  ``tuser`` counts in the last beat.
    error : Out(1)
        A frame has turned out to be no image: one clock cycle after the beat that shows it.
    room, enter, after_error, image_valid, image
        As ``entry_ports`` says: ``enter`` in the clock cycle of the last beat, the image one later.
    """

    def __init__(self, spec: StreamSpec) -> None:
        self.spec, self.keep_registers = spec, spec.copies > 1
        super().__init__({**frame_ports(spec.layout), **entry_ports(spec)})

    def elaborate(self, platform: object) -> Module:
        """Build the check of frames and the register of the image."""
        m = Module()
        frames = FrameCheck(m, self, self.spec.layout, self.spec.copies)
        entered = self._control(m, 1, "entered")
        m.d.sync += entered.eq(self.enter)
        m.d.comb += [
            self.s_axis_tready.eq(~frames.at_last | frames.too_long | self._may_enter(m)),
            self.enter.eq(frames.right),
            self.after_error.eq(frames.after_error),
            self.image_valid.eq(entered.value),
            self.image.eq(self._frame(m, frames.taken)),
        ]
        return m

    def _control(self, m: Module, shape: ShapeLike, name: str) -> ControlRegister:
        return ControlRegister(m, shape, name, copies=self.spec.copies)

    def _may_enter(self, m: Module) -> Value:
        """Return whether an image may enter: there is room, and the network's interval has passed."""
        cycles = self.spec.network_interval_cycles
        if self.spec.beats >= cycles:
            return self.room
        pause = self._control(m, range(cycles), "pause")
        with m.If(self.enter):
            m.d.sync += pause.eq(cycles - 1)
        with m.Elif(pause.value != 0):
            m.d.sync += pause.eq(pause.value - 1)
        return self.room & (pause.value == 0)

    def _frame(self, m: Module, taken: Value) -> Value:
        """Return the register into which beats are shifted from the top, so that beat 0 ends up lowest."""
        beat_bits = 8 * self.spec.beat_bytes
        if self.spec.beats == 1:
            frame, beats = Signal(self.spec.input_bits, name="frame", reset_less=True), self.s_axis_tdata
        else:
            frame = Signal(beat_bits * self.spec.beats, name="frame", reset_less=True)
            beats = Cat(frame, self.s_axis_tdata)[beat_bits:]
        with m.If(taken):
            m.d.sync += frame.eq(beats)
        return frame[: self.spec.input_bits]
