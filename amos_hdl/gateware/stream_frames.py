"""Beats of an AXI4-Stream into frames: where each stands, and whether its frame is an image."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.schedule.frames import FrameLayout


def frame_ports(layout: FrameLayout) -> dict[str, Member]:
    """Return the ports of a receiver of frames: the stream, and ``error``, high for one clock cycle per wrong frame."""
    return {
        "s_axis_tdata": In(8 * layout.beat_bytes),
        "s_axis_tvalid": In(1),
        "s_axis_tready": Out(1),
        "s_axis_tlast": In(1),
        "s_axis_tuser": In(1),
        "error": Out(1),
    }


class FrameCheck:
    """Counts beats and judges frames at the ports of a receiver, which says itself when it is ready.

    ``error`` of the receiver is high in the clock cycle after the beat that shows that a frame is no image.

    Members
    -------
    taken : value
        A beat is taken.
    too_long : value
        Register: the frame can be no image any more, whatever comes.
    at_first, at_last : value
        Registers alone: the beat at hand is the first of a frame; the last that an image has.
    word_at_hand : value
        Number of the word to which the beat at hand belongs, until the frame is too long.
    word_ends : value
        The beat at hand is the last of its word.
    right, wrong : Signal
        An image is complete with the beat that is taken; a frame has turned out to be none.
    after_error : value
        Register: the frame before the one at hand was wrong.

    Parameters
    ----------
    m : Module
    port : component with ``frame_ports``
    layout : FrameLayout
    copies : int, 1 or 3
        Of each register of control.
    """

    def __init__(self, m: Module, port: wiring.Component, layout: FrameLayout, copies: int) -> None:
        self._m, self._copies = m, copies
        self.taken, self.at_last = Signal(name="taken"), Signal(name="at_last")
        self.right, self.wrong = Signal(name="right"), Signal(name="wrong")
        complete = Signal(name="complete")
        too_long, lost, counted = (self._control(name) for name in ("too_long", "lost", "counted"))
        self.too_long, self.after_error = too_long.value, lost.value
        self._count(layout, port.s_axis_tlast)
        m.d.comb += [
            self.taken.eq(port.s_axis_tvalid & port.s_axis_tready),
            complete.eq(self.at_last & port.s_axis_tlast & ~port.s_axis_tuser),
            self.right.eq(self.taken & ~self.too_long & complete),
            # short, refused by its sender, or too long; what follows in a frame that is too long is no error of its own
            self.wrong.eq(self.taken & ~self.too_long & ~complete & (self.at_last | port.s_axis_tlast)),
        ]
        with m.If(self.wrong | self.right):
            m.d.sync += lost.eq(self.wrong)
        with m.If(self.taken & (self.at_last | port.s_axis_tlast)):
            m.d.sync += too_long.eq(~port.s_axis_tlast)
        m.d.sync += counted.eq(self.wrong)
        m.d.comb += port.error.eq(counted.value)

    def _control(self, name: str, count: int = 2) -> ControlRegister:
        return ControlRegister(self._m, range(count), name, copies=self._copies)

    def _count(self, layout: FrameLayout, tlast: Value) -> None:
        """Count words, and beats in each; both stay at the last in a frame that is too long."""
        m = self._m
        beat = self._control("beat", layout.word_beats) if layout.word_beats > 1 else None
        word = self._control("word", layout.words) if layout.words > 1 else None
        self.word_at_hand = Const(0) if word is None else word.value
        self.word_ends = Const(1) if beat is None else beat.value == layout.word_beats - 1
        begins = Const(1) if beat is None else beat.value == 0
        self.at_first = (self.word_at_hand == 0) & begins & ~self.too_long
        is_last = self.word_at_hand == layout.words - 1
        m.d.comb += self.at_last.eq(is_last & self.word_ends)
        with m.If(self.taken):
            if beat is not None:
                following = Mux(self.word_ends, Mux(is_last, beat.value, 0), beat.value + 1)
                m.d.sync += beat.eq(Mux(tlast, 0, following))
            if word is not None:
                m.d.sync += word.eq(Mux(tlast, 0, word.value + (self.word_ends & ~is_last)))


def gathered(m: Module, data: Value, beats: int, taken: Value, name: str) -> Value:
    """Return the last ``beats`` beats side by side, with the one at hand on top: registers for all but that."""
    if beats == 1:
        return data
    before = Signal(len(data) * (beats - 1), name=name, reset_less=True)
    both = Cat(before, data)
    with m.If(taken):
        m.d.sync += before.eq(both[len(data) :])
    return both
