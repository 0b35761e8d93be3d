"""The modules of the AXI4-Stream wrapper, and the comments that describe its protocol."""

from __future__ import annotations

from amos_hdl.emit.headers import describe, header, when
from amos_hdl.emit.modules import EmittedModule
from amos_hdl.gateware.stream import StreamNetwork
from amos_hdl.schedule import Port, Schedule
from amos_hdl.schedule.frames import FrameLayout
from amos_hdl.schedule.stream import RESULT_CYCLES, StreamSpec
from amos_hdl.schedule.stream_registers import RegisterMap

_TITLES = {
    "images": "Receiver of images: checks frames, lets an image in when there is room for its result.",
    "results": "FIFO of results, and the credits that keep it from overflowing.",
    "registers": "Identity and counters over AXI4-Lite.",
}


def stream_modules(schedule: Schedule, spec: StreamSpec) -> list[EmittedModule]:
    """Return the modules around the network, the new top module ``<name>_stream`` last."""
    network = schedule.network
    top = f"{network.name}_stream"
    names = {"network": network.name, **{part: f"{top}_{part}" for part in _TITLES}}
    component = StreamNetwork(network, spec, names)
    bodies = {"images": _images(spec), "results": _results(spec), "registers": _registers(spec, network.digest)}
    modules = [
        EmittedModule(names[part], inner, header(_TITLES[part], bodies[part], schedule))
        for part, inner in component.parts.items()
    ]
    return [*modules, EmittedModule(top, component, _protocol(schedule, spec))]


def _protocol(schedule: Schedule, spec: StreamSpec) -> str:
    """Return the header of the top module."""
    network = schedule.network
    code, layout = Port.of(network.tensors[network.input.name]), spec.layout
    image = f"{spec.beats} beats" if spec.beats > 1 else "1 beat"
    what, pixels = "image", ""
    if spec.pixels is not None:
        what = "pixel"
        pixels = f"  Pixels come row by row, {_how_many(layout)}, the first lowest."
    body = [
        "clk: everything happens at its rising edge.  rst: synchronous; everything inside is dropped, credits and "
        "counters are as at power-up.  Nothing that is exchanged in a clock cycle with rst high counts.",
        "",
        f"Images, s_axis, {spec.beat_bytes} bytes wide: {image} each, tlast in the last.{pixels}  Beat 0 holds the "
        f"lowest bytes; bits beyond those of {what}s are not looked at.",
        f"  {what}: {describe(code)}; other values must not be sent, they are not checked.",
        "  A frame is what stands between two tlast.  Dropped as a whole, and one error, is each frame that is too "
        "short or too long, or whose tuser is high in its last beat (its sender takes it back).  The next frame starts "
        "after the next tlast.  Nothing else is ever dropped.",
        "  error: high for one clock cycle per error.",
        "",
        f"Results, m_axis, {spec.result_beat_bytes} bytes wide: one beat each, in the order of their images, tlast "
        "always high.  Each output starts at a byte of its own; bits beyond it are 0.",
    ]
    body += [
        f"  byte {first}: {name}, {describe(Port.of(network.tensors[name]))}"
        for name, (first, _) in spec.result_bytes.items()
    ]
    body += [
        "  tuser: high if there was an error between the image of the result before and the image of this one.",
        "",
        f"Latency {spec.latency_cycles} clock cycles from an image's last beat to its result, one image every "
        f"{spec.interval_cycles} at full rate.  At most {spec.images_inside} images are inside; then the "
        f"{'last' if spec.buffer is None else 'first'} beat of the next one waits until a result is taken.  The "
        "network itself never stalls.  No output depends on an input within one clock cycle.",
    ]
    if spec.spikes is not None:
        body += ["", "Registers, s_axil, read only, 32 bits: see the module of the registers."]
    return header(f"Network {network.name} with AXI4-Streams for images and results.", body, schedule)


def _how_many(layout: FrameLayout) -> str:
    """Return how pixels and beats belong together, in words."""
    if layout.word_beats > 1:
        return f"{layout.word_beats} beats each"
    return f"{layout.word_pixels} to a beat" if layout.word_pixels > 1 else "one to a beat"


def _images(spec: StreamSpec) -> list[str]:
    frame = f"A frame of {spec.beats} beats of {spec.beat_bytes} bytes is an image of {spec.layout.image_bits} bits."
    if spec.buffer is None:
        return [
            frame,
            "enter: an image is complete and takes a credit; it is at the output in the next cycle, with image_valid "
            "high.",
            f"At least {spec.interval_cycles} clock cycles lie between two images.",
        ]
    timing, before = spec.buffer.timing, "one" if spec.buffer.images == 1 else "two"
    return [
        frame,
        f"Images in the buffer: {spec.buffer.images}, {spec.buffer.depth} words of {spec.layout.word_bits} bits.  The "
        f"first beat of an image waits until the image {before} before is read up to word {spec.buffer.release_word}.",
        "enter: an image is complete and takes a credit; its first pixel is at the output two cycles later, with "
        f"image_valid high.  {when(timing)}  The next image follows after {spec.buffer.interval_cycles} or more.",
    ]


def _results(spec: StreamSpec) -> list[str]:
    cycles = RESULT_CYCLES
    return [
        f"free: credits that are left, {spec.credits} at first; an image takes one when it enters, its result gives it "
        "back when it is taken.  room is high while free != 0.",
        f"Latency {cycles} clock cycles from result_valid to m_axis_tvalid, one result per clock.",
    ]


def _registers(spec: StreamSpec, digest: str) -> list[str]:
    map = RegisterMap(spec, digest)
    body = [
        f"A read is answered at most {map.read_cycles} clock cycles after its address; SLVERR where there is no "
        "register, and to every write.",
        f"Counters have {map.counters.bits} bits and wrap: reading the lower word, at the offset below, freezes the "
        "upper one, at the offset + 4; both are of one clock cycle.  Reset sets them to 0.",
        f"They are kept in a memory: in each clock cycle {map.counters.part_bits} bits of one of them are at work, all "
        f"bits of all of them within {map.counters.round_cycles}.",
        "",
    ]
    for register in map.registers:
        value = "counter" if register.value is None else f"0x{register.value:08x}"
        body.append(f"  0x{register.offset:02x}  {register.name}  {value}")
    return body
