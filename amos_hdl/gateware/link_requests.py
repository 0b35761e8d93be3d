"""Frames from a host: images on to the network, and what each frame is to be answered with."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from amos_hdl.gateware.fcs import fcs_step
from amos_hdl.schedule.link import (
    CHECK_BYTES,
    ESCAPE,
    FCS_GOOD,
    FCS_INIT,
    FLAG,
    FLIP,
    HEADER_BYTES,
    Fault,
    Kind,
    LinkSpec,
)

_SHORTEST = HEADER_BYTES + CHECK_BYTES


class LinkRequests(wiring.Component):
    """Takes frames apart, gives an image to the network byte by byte, and says what is to be answered.

    The last byte of an image is held back until its frame has turned out to be right, or not: then it goes with
    ``tuser`` high and the network drops the image.  A frame is never waited for: whatever comes, the next flag ends it.

    Members
    -------
    data : In(8), valid : In(1), broken : In(1)
        From the UART.
    image_tdata : Out(8), image_tvalid, image_tlast, image_tuser : Out(1), image_tready : In(1)
        To the receiver of images.  Bytes but the last are always taken, or but the first where there is a buffer.
    request : Out(1)
        There is something to be answered: what stands in the next three.
    identify : Out(1)
        The identity is asked for; else an image.
    fault : Out(3)
        The frame is refused, and why; 0 if it is not.
    number : Out(8)
        Sequence number of the frame.
    take : In(1)
        The request is being answered; only while ``request`` is high.
    faults : Out(8)
        Frames refused since reset; it wraps.
    """

    def __init__(self, spec: LinkSpec) -> None:
        self.spec = spec
        super().__init__(
            {
                "data": In(8),
                "valid": In(1),
                "broken": In(1),
                "image_tdata": Out(8),
                "image_tvalid": Out(1),
                "image_tready": In(1),
                "image_tlast": Out(1),
                "image_tuser": Out(1),
                "request": Out(1),
                "identify": Out(1),
                "fault": Out(3),
                "number": Out(8),
                "take": In(1),
                "faults": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the bytes of a frame, their check, the way of an image, and the request."""
        m = Module()
        places = self.spec.image_bytes + _SHORTEST
        # bytes of the frame so far, one more than an image's at the most
        self._place = place = Signal(range(places + 2), name="place")
        escaped, bad, ended = Signal(name="escaped"), Signal(name="bad"), Signal(name="ended")
        check = Signal(16, name="check", init=FCS_INIT)
        content, taken = Signal(8, name="content"), Signal(name="taken")
        is_flag, is_escape = Signal(name="is_flag"), Signal(name="is_escape")
        m.d.comb += [
            is_flag.eq(self.data == FLAG),
            is_escape.eq((self.data == ESCAPE) & ~escaped),
            content.eq(Mux(escaped, self.data ^ FLIP, self.data)),
            taken.eq(self.valid & ~self.broken & ~is_flag & ~is_escape),
        ]
        # judged in the clock cycle after the flag, when nothing can come
        m.d.sync += ended.eq(self.valid & ~self.broken & is_flag)
        with m.If(ended):
            m.d.sync += [place.eq(0), escaped.eq(0), bad.eq(0), check.eq(FCS_INIT)]
        with m.Elif(self.valid & self.broken):
            m.d.sync += bad.eq(1)
        with m.Elif(self.valid & is_escape):
            m.d.sync += escaped.eq(1)
        with m.Elif(taken):
            m.d.sync += [check.eq(fcs_step(check, content)), escaped.eq(0)]
            with m.If(place != places + 1):
                m.d.sync += place.eq(place + 1)
        begun, whole = Signal(name="begun"), Signal(name="whole")
        m.d.comb += [
            begun.eq((place != 0) | bad | escaped),
            whole.eq((place >= _SHORTEST) & (check == FCS_GOOD) & ~bad & ~escaped),
        ]
        self._judge(m, content, taken, ended & begun, whole)
        return m

    def _judge(self, m: Module, content: Value, taken: Value, ended: Value, whole: Value) -> None:
        """Read the header, and say at the end of a frame what is to be answered."""
        place, size = self._place, self.spec.image_bytes
        classify, identify = Signal(name="is_classify"), Signal(name="is_identify")
        # of the length so far: it is that of an image, or 0
        as_image, as_nothing = Signal(name="as_image"), Signal(name="as_nothing")
        number = Signal(8, name="frame_number", reset_less=True)
        with m.If(taken):
            with m.Switch(place):
                with m.Case(0):
                    m.d.sync += [classify.eq(content == Kind.CLASSIFY), identify.eq(content == Kind.IDENTIFY)]
                with m.Case(1):
                    m.d.sync += number.eq(content)
                with m.Case(2):
                    m.d.sync += [as_image.eq(content == size & 0xFF), as_nothing.eq(content == 0)]
                with m.Case(3):
                    m.d.sync += [
                        as_image.eq(as_image & (content == size >> 8)),
                        as_nothing.eq(as_nothing & (content == 0)),
                    ]
        fits, right, pending = Signal(name="fits"), Signal(name="right"), Signal(name="pending")
        image_fits = as_image & (place == size + _SHORTEST)
        m.d.comb += fits.eq(Mux(classify, image_fits, as_nothing & (place == _SHORTEST)))
        accept = classify & as_image & ~pending
        if self.spec.stream.buffer is not None:
            # with its first byte an image has a place in the buffer, or none; later bytes are always taken
            accept &= self.image_tready
        forwarding = self._forward(m, content, taken, accept, ended, right)
        fault = Signal(3, name="verdict")
        with m.If(~whole):
            m.d.comb += fault.eq(Fault.DAMAGED)
        with m.Elif(~classify & ~identify):
            m.d.comb += fault.eq(Fault.UNKNOWN)
        with m.Elif(~fits):
            m.d.comb += fault.eq(Fault.LENGTH)
        with m.Elif(classify & ~forwarding):
            m.d.comb += fault.eq(Fault.BUSY)
        m.d.comb += [right.eq(fault == 0), self.request.eq(pending)]
        with m.If(self.take):
            m.d.sync += pending.eq(0)
        with m.If(ended):
            with m.If(~pending):
                m.d.sync += [pending.eq(1), self.identify.eq(identify), self.fault.eq(fault), self.number.eq(number)]
            with m.If(pending | ~right):
                m.d.sync += self.faults.eq(self.faults + 1)

    def _forward(self, m: Module, content: Value, taken: Value, accept: Value, ended: Value, right: Value) -> Signal:
        """Pass an image on; return whether this frame's is being passed on."""
        forwarding, waiting = Signal(name="forwarding"), Signal(name="waiting")
        last, beat = HEADER_BYTES + self.spec.image_bytes - 1, Signal(name="beat")
        m.d.sync += beat.eq(0)
        with m.If(taken & (self._place == HEADER_BYTES)):
            m.d.sync += forwarding.eq(accept & ~waiting)
        # the first byte decides whether its image is passed on, and is passed on itself
        passing = Mux(self._place == HEADER_BYTES, accept & ~waiting, forwarding)
        with m.If(taken & passing & (self._place >= HEADER_BYTES) & (self._place <= last)):
            m.d.sync += [self.image_tdata.eq(content), beat.eq(self._place != last)]
        with m.If(ended):
            m.d.sync += [waiting.eq(forwarding), self.image_tuser.eq(~right), forwarding.eq(0)]
        with m.Elif(self.image_tready):
            m.d.sync += waiting.eq(0)
        m.d.comb += [self.image_tvalid.eq(beat | waiting), self.image_tlast.eq(waiting)]
        return forwarding
