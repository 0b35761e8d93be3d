"""The receiver of images that enter the network pixel by pixel: a buffer between stalls and a fixed pace."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, MemoryData, MemoryInstance, Module, Mux, Signal, Value
from amaranth.lib import wiring

from amos_hdl.gateware.control import ControlRegister
from amos_hdl.gateware.stream_frames import FrameCheck, frame_ports, gathered
from amos_hdl.gateware.stream_images import entry_ports
from amos_hdl.schedule.image_buffer import ImageBufferSpec
from amos_hdl.schedule.stream import StreamSpec
from amos_hdl.schedule.timing import MapTiming


class BufferedReceiver(wiring.Component):
    """Checks frames, collects an image, and plays it once it is complete and there is room for its result.

    ``s_axis_tready`` depends on registers alone, and only the first beat of a frame ever waits: for a free place in the
    buffer.  A wrong frame leaves its place free.

    Members
    -------
    s_axis_tdata : In(beat bytes), s_axis_tvalid, s_axis_tlast, s_axis_tuser : In(1), s_axis_tready : Out(1)
        Frames; see ``FrameLayout``.  ``tuser`` counts in the last beat.
    error : Out(1)
        A frame has turned out to be no image: one clock cycle after the beat that shows it.
    room, enter, after_error, image_valid, image
        As ``entry_ports`` says: ``enter`` one clock cycle after the last beat or later, the first pixel two after that,
        the others at the cycles of ``spec.pixels``.

    Raises
    ------
    ValueError
        If images enter the network of ``spec`` as a whole.
    """

    def __init__(self, spec: StreamSpec) -> None:
        if spec.buffer is None:
            raise ValueError("images that enter as a whole need no buffer")
        self.spec, self.buffer, self.keep_registers = spec, spec.buffer, spec.copies > 1
        super().__init__({**frame_ports(spec.layout), **entry_ports(spec)})

    def elaborate(self, platform: object) -> Module:
        """Build the check of frames, the memory, what counts images in it, and the player."""
        m = Module()
        buffer, layout = self.buffer, self.spec.layout
        frames = FrameCheck(m, self, layout, self.spec.copies)
        player = _Player(m, buffer, self.spec.copies)
        # images that take a place; those that are complete and have not entered
        places, waiting = (self._counter(m, buffer.images + 1, name) for name in ("places_taken", "images_waiting"))
        into, out_of = self._slot(m, "into", frames.right), self._slot(m, "out_of", player.ends)
        m.d.comb += [
            self.s_axis_tready.eq(~frames.at_first | (places.value != buffer.images)),
            player.may_begin.eq((waiting.value != 0) & self.room),
            self.enter.eq(player.begins),
            self.after_error.eq(self._flag(m, frames, into, out_of)),
        ]
        m.d.sync += [
            places.eq(places.value + frames.right - player.releases),
            waiting.eq(waiting.value + frames.right - player.begins),
        ]
        word = gathered(m, self.s_axis_tdata, layout.word_beats, frames.taken, "word_so_far")
        stored = self._memory(
            m,
            word[: layout.word_bits],
            self._address(frames.word_at_hand, into),
            frames.taken & frames.word_ends & ~frames.too_long,
            self._address(player.word, out_of),
            player.reads,
        )
        self._pixels(m, stored, player)
        return m

    def _counter(self, m: Module, count: int, name: str) -> ControlRegister:
        return ControlRegister(m, range(count), name, copies=self.spec.copies)

    def _slot(self, m: Module, name: str, after: Value) -> Value:
        """Return which of two images is written or read, nothing where there is one; the next follows ``after``."""
        if self.buffer.images == 1:
            return Const(0, 0)
        slot = self._counter(m, 2, name)
        with m.If(after):
            m.d.sync += slot.eq(~slot.value)
        return slot.value

    def _address(self, word: Value, image: Value) -> Value:
        """Return where a word of an image is: its number has no bits where there is one word alone."""
        bits = self.buffer.place_bits
        return Cat(Cat(word, Const(0, bits))[:bits], image)

    def _flag(self, m: Module, frames: FrameCheck, into: Value, out_of: Value) -> Value:
        """Return whether there was an error before the image that is to enter: kept for each one in the buffer."""
        flags = [self._counter(m, 2, f"after_error_{image}") for image in range(self.buffer.images)]
        for image, flag in enumerate(flags):
            with m.If(frames.right & (into == image)):
                m.d.sync += flag.eq(frames.after_error)
        return flags[0].value if len(flags) == 1 else Mux(out_of, flags[1].value, flags[0].value)

    def _memory(self, m: Module, data: Value, write: Value, write_enable: Value, read: Value, reads: Value) -> Signal:
        """Build the memory; return the word that was read last."""
        got = Signal(len(data), name="word_read")
        memory = MemoryInstance(data=MemoryData(shape=len(data), depth=max(2, self.buffer.depth), init=[]))
        memory.write_port(domain="sync", addr=write, data=data, en=write_enable)
        memory.read_port(domain="sync", addr=read, data=got, en=reads, transparent_for=())
        m.submodules["stored_images"] = memory
        return got

    def _pixels(self, m: Module, stored: Signal, player: _Player) -> None:
        """Take words apart: a pixel is at the network two clock cycles after its step."""
        bits, copies = self.spec.input_bits, self.spec.copies
        stepped, entered = (ControlRegister(m, 1, name, copies=copies) for name in ("stepped", "entered"))
        pixel, word = Signal(bits, name="pixel_at_hand", reset_less=True), stored[:bits]
        if self.spec.layout.word_pixels > 1:
            fresh = ControlRegister(m, 1, "fresh", copies=copies)
            rest = Signal(len(stored) - bits, name="rest_of_word", reset_less=True)
            word = Mux(fresh.value, stored[:bits], rest[:bits])
            m.d.sync += fresh.eq(player.reads)
            with m.If(stepped.value):
                m.d.sync += rest.eq(Mux(fresh.value, stored[bits:], rest[bits:]))
        m.d.sync += [stepped.eq(player.steps), entered.eq(stepped.value), pixel.eq(word)]
        m.d.comb += [self.image_valid.eq(entered.value), self.image.eq(pixel)]


class _Player:
    """Counts the pixels of an image out, each at its clock cycle.

    Members
    -------
    may_begin : Signal
        To be given: an image may begin.
    steps, begins, ends : Signal
        A pixel; the first and the last of an image.
    reads : Signal
        The pixel is the first of a word, which is to be read.
    releases : Signal
        The memory of this image may be written again.
    word : value
        Number of the word.
    """

    def __init__(self, m: Module, buffer: ImageBufferSpec, copies: int) -> None:
        self._m, self._copies = m, copies
        layout, timing = buffer.layout, buffer.timing
        names = ("may_begin", "steps", "begins", "ends", "reads", "releases")
        self.may_begin, self.steps, self.begins, self.ends, self.reads, self.releases = (
            Signal(name=name) for name in names
        )
        word, pixel = self._counter(layout.words, "reading"), self._counter(layout.word_pixels, "pixel")
        wait = self._wait(timing)
        is_last, at_first = Signal(name="pixel_is_last"), Signal(name="pixel_is_first")
        last_pixel, word_ends = (layout.pixels - 1) % layout.word_pixels, pixel.value == layout.word_pixels - 1
        self.word = word.value
        m.d.comb += [
            is_last.eq((word.value == layout.words - 1) & (pixel.value == last_pixel)),
            at_first.eq((word.value == 0) & (pixel.value == 0)),
            self.steps.eq((wait == 0) & (~at_first | self.may_begin)),
            self.begins.eq(self.steps & at_first),
            self.ends.eq(self.steps & is_last),
            self.reads.eq(self.steps & (pixel.value == 0)),
            self.releases.eq(self.reads & (word.value == buffer.release_word)),
        ]
        with m.If(self.steps):
            m.d.sync += pixel.eq(Mux(is_last | word_ends, 0, pixel.value + 1))
            m.d.sync += word.eq(Mux(is_last, 0, word.value + word_ends))

    def _counter(self, count: int, name: str) -> ControlRegister:
        """Return a register for 0 to ``count - 1``, none where that is 0 alone."""
        return ControlRegister(self._m, range(count), name, copies=self._copies if count > 1 else 1)

    def _wait(self, timing: MapTiming) -> Value:
        """Return the clock cycles that are left until the next pixel."""
        m, last_of_row = self._m, Signal(name="last_of_row")
        rest_of_row = timing.row_cycles - (timing.columns - 1) * timing.column_cycles
        wait = self._counter(max(timing.column_cycles, rest_of_row), "wait")
        if rest_of_row != timing.column_cycles:
            column = self._counter(timing.columns, "column")
            m.d.comb += last_of_row.eq(column.value == timing.columns - 1)
            with m.If(self.steps):
                m.d.sync += column.eq(Mux(last_of_row, 0, column.value + 1))
        with m.If(self.steps):
            m.d.sync += wait.eq(Mux(last_of_row, rest_of_row - 1, timing.column_cycles - 1))
        with m.Elif(wait.value != 0):
            m.d.sync += wait.eq(wait.value - 1)
        return wait.value
