"""Beats of an AXI4-Stream into images."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, ShapeLike, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.schedule.stream import StreamSpec


class ImageReceiver(wiring.Component):
    """Checks frames, puts their beats side by side, and lets an image in when there is room for its result.

    ``s_axis_tready`` depends on registers alone.  Only the beat that can complete an image ever waits for room.

    Members
    -------
    s_axis_tdata : In(beat bytes), s_axis_tvalid, s_axis_tlast, s_axis_tuser : In(1), s_axis_tready : Out(1)
        Frames; see ``StreamSpec``.  ``tuser`` counts in the last beat.
    room : In(1)
        There is a credit.
    enter : Out(1)
        An image is complete, and takes a credit with this clock edge.
    after_error : Out(1)
        With ``enter``: there was an error after the image before.
    error : Out(1)
        A frame has turned out to be no image: one clock cycle after the beat that shows it.
    image_valid : Out(1)
        ``enter``, one clock cycle later.
    image : Out(image bits)
        Valid with ``image_valid``.
    """

    def __init__(self, spec: StreamSpec) -> None:
        self.spec, self.keep_registers = spec, spec.copies > 1
        super().__init__(
            {
                "s_axis_tdata": In(8 * spec.beat_bytes),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "s_axis_tuser": In(1),
                "room": In(1),
                "enter": Out(1),
                "after_error": Out(1),
                "error": Out(1),
                "image_valid": Out(1),
                "image": Out(spec.image_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the check of frames and the register of the image."""
        m = Module()
        taken, at_last, complete = Signal(name="taken"), Signal(name="at_last"), Signal(name="complete")
        bad, too_long, lost = Signal(name="bad"), self._control(m, 1, "too_long"), self._control(m, 1, "lost")
        m.d.comb += [
            self.s_axis_tready.eq(~at_last | too_long.value | self._may_enter(m)),
            taken.eq(self.s_axis_tvalid & self.s_axis_tready),
            at_last.eq(self._at_last(m, taken)),
            complete.eq(at_last & self.s_axis_tlast & ~self.s_axis_tuser),
            self.enter.eq(taken & ~too_long.value & complete),
            # short, refused by its sender, or too long; what follows in a frame that is too long is no error of its own
            bad.eq(taken & ~too_long.value & ~complete & (at_last | self.s_axis_tlast)),
            self.after_error.eq(lost.value),
        ]
        with m.If(bad | self.enter):
            m.d.sync += lost.eq(bad)
        with m.If(taken & (at_last | self.s_axis_tlast)):
            m.d.sync += too_long.eq(~self.s_axis_tlast)
        entered, counted = self._control(m, 1, "entered"), self._control(m, 1, "counted")
        m.d.sync += [entered.eq(self.enter), counted.eq(bad)]
        m.d.comb += [
            self.error.eq(counted.value),
            self.image_valid.eq(entered.value),
            self.image.eq(self._frame(m, taken)),
        ]
        return m

    def _control(self, m: Module, shape: ShapeLike, name: str) -> ControlRegister:
        return ControlRegister(m, shape, name, copies=self.spec.copies)

    def _at_last(self, m: Module, taken: Value) -> Value:
        """Return whether the beat at hand is the last that an image has; it stays so in a frame that is too long."""
        if self.spec.beats == 1:
            return Const(1)
        beat, last = self._control(m, range(self.spec.beats), "beat"), self.spec.beats - 1
        with m.If(taken):
            with m.If(self.s_axis_tlast):
                m.d.sync += beat.eq(0)
            with m.Elif(beat.value != last):
                m.d.sync += beat.eq(beat.value + 1)
        return beat.value == last

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
        if self.spec.beats == 1:
            frame, beats = Signal(self.spec.image_bits, name="frame", reset_less=True), self.s_axis_tdata
        else:
            frame = Signal(8 * self.spec.beat_bytes * self.spec.beats, name="frame", reset_less=True)
            beats = Cat(frame, self.s_axis_tdata)[8 * self.spec.beat_bytes :]
        with m.If(taken):
            m.d.sync += frame.eq(beats)
        return frame[: self.spec.image_bits]
