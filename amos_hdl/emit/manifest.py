"""``manifest.yaml``: what stands in a folder of Verilog, for people and for tools."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from amos_hdl import __version__
from amos_hdl.emit.verilog import tool_versions
from amos_hdl.errors import EmitError
from amos_hdl.files import Strict, read_yaml
from amos_hdl.network import Network
from amos_hdl.schedule import HardwareOptions, MapTiming, PlacedLayer, Port, Schedule, UnitLayerSpec, WireSpec
from amos_hdl.schedule.stream import Protection, StreamOptions, StreamSpec
from amos_hdl.schedule.stream_registers import RegisterMap

MANIFEST = "manifest.yaml"


class PortEntry(Strict):
    """One port of the top module.  Data ports hold ``words`` words side by side, word 0 in the lowest bits."""

    name: str
    direction: Literal["input", "output"]
    bits: int
    words: int | None = None
    word_bits: int | None = None
    signed: bool | None = None
    low: int | None = None
    high: int | None = None


class TimingEntry(Strict):
    """When the pixels of a map are there: ``start + row*row_cycles + column*column_cycles``."""

    rows: int
    columns: int
    start: int
    row_cycles: int
    column_cycles: int

    @classmethod
    def of(cls, timing: MapTiming) -> TimingEntry:
        """Return ``timing`` as data."""
        return cls(**asdict(timing))


class LayerEntry(Strict):
    """One layer; cycles count from the clock cycle in which the image, or its first pixel, is at the input.

    ``units`` are those of one pixel.  A layer of wires has no module.
    """

    name: str
    kind: str
    module: str | None = None
    instance: str | None = None
    latency_cycles: int
    interval_cycles: int
    ready_cycle: int
    units: int
    gates: int | None = None
    spike_cycles: list[int] | list[list[int]] | None = None
    timing: TimingEntry | None = None
    rows_kept: int | None = None
    buffered_pixels: list[int] | None = None


class RegisterEntry(Strict):
    """One register; a counter, which has two words, if it has no value."""

    name: str
    offset: int
    value: int | None = None


class StreamEntry(Strict):
    """The AXI4-Stream wrapper.  ``result_bytes`` is the first byte of each output in ``m_axis_tdata``."""

    top: str
    beat_bytes: int
    beats: int
    result_beat_bytes: int
    result_bytes: dict[str, int]
    latency_cycles: int
    interval_cycles: int
    credits: int
    registers: list[RegisterEntry] | None = None
    protect: Protection | None = None


class Manifest(Strict):
    """The whole manifest: no dates and no absolute paths, so that equal networks give equal bytes.

    ``protect`` is of a network without a wrapper.
    """

    format: Literal["amos-rtl"]
    version: Literal[1]
    top: str
    network_sha256: str
    options: dict[str, int | str | list[str]]
    options_sha256: str
    tools: dict[str, str]
    interval_cycles: int
    latency_cycles: int
    ports: list[PortEntry]
    layers: list[LayerEntry]
    stream: StreamEntry | None = None
    protect: Protection | None = None
    files: dict[str, str]


def make_manifest(
    schedule: Schedule, texts: Mapping[str, str], stream: StreamOptions | None, protect: Protection = "none"
) -> Manifest:
    """Return the manifest of a network written as the files ``texts`` (path to contents), sources before users."""
    network = schedule.network
    ports = [PortEntry(name=name, direction="input", bits=1) for name in ("clk", "rst", "in_valid")]
    ports.append(_port(f"in_{network.input.name}", "input", Port.of(network.tensors[network.input.name])))
    valids = [f"valid_{name}" for name in network.outputs] if schedule.gives_maps else ["out_valid"]
    ports += [PortEntry(name=name, direction="output", bits=1) for name in valids]
    ports += [_port(f"out_{name}", "output", Port.of(network.tensors[name])) for name in network.outputs]
    wrapper = None if stream is None else StreamSpec.of(schedule, stream)
    if wrapper is not None:
        ports += [
            PortEntry(name=f"spikes_{layer}", direction="output", bits=bits)
            for layer, bits in wrapper.spike_bits.items()
        ]
    layers = []
    for name, placed in schedule.layers.items():
        spec = placed.spec
        wires = isinstance(spec, WireSpec)
        layers.append(
            LayerEntry(
                name=name,
                kind=placed.operation.kind,
                module=None if wires else f"{network.name}_{name}",
                instance=None if wires else f"{name}_layer",
                latency_cycles=spec.latency_cycles,
                interval_cycles=spec.interval_cycles,
                ready_cycle=schedule.ready[name],
                units=network.tensors[name].channels,
                gates=spec.operation.gates if isinstance(spec, UnitLayerSpec) else None,
                spike_cycles=schedule.spike_cycles(name).tolist() if isinstance(spec, UnitLayerSpec) else None,
                timing=TimingEntry.of(placed.timing) if schedule.has_maps else None,
                rows_kept=None if placed.window is None else placed.window.rows_kept,
                buffered_pixels=_buffered(placed),
            )
        )
    options = schedule.options.as_dict()
    return Manifest(
        format="amos-rtl",
        version=1,
        top=network.name,
        network_sha256=network.digest,
        options=options,
        options_sha256=hashlib.sha256(repr(sorted(options.items())).encode()).hexdigest(),
        tools={"amos-hdl": __version__, **tool_versions()},
        interval_cycles=schedule.interval_cycles,
        latency_cycles=schedule.latency_cycles,
        ports=ports,
        layers=layers,
        stream=None if wrapper is None else _stream(network, wrapper),
        protect=None if wrapper is not None or protect == "none" else protect,
        files={path: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()},
    )


def _buffered(placed: PlacedLayer) -> list[int] | None:
    """Return the pixels that are kept of each branch, where branches meet."""
    if not any(placed.buffers):
        return None
    depths = [0 if buffer is None else buffer.latency_cycles for buffer in placed.buffers]
    return [
        buffer.depth if buffer is not None and not buffer.is_registers else depth
        for buffer, depth in zip(placed.buffers, depths, strict=True)
    ]


def _port(name: str, direction: Literal["input", "output"], port: Port) -> PortEntry:
    return PortEntry(
        name=name,
        direction=direction,
        bits=port.bits,
        words=port.count,
        word_bits=port.word_bits,
        signed=port.signed,
        low=port.low,
        high=port.high,
    )


def _stream(network: Network, spec: StreamSpec) -> StreamEntry:
    registers = None
    if spec.spikes is not None:
        registers = [
            RegisterEntry(name=register.name, offset=register.offset, value=register.value)
            for register in RegisterMap(spec, network.digest).registers
        ]
    return StreamEntry(
        top=f"{network.name}_stream",
        beat_bytes=spec.beat_bytes,
        beats=spec.beats,
        result_beat_bytes=spec.result_beat_bytes,
        result_bytes={name: first for name, (first, _) in spec.result_bytes.items()},
        latency_cycles=spec.latency_cycles,
        interval_cycles=spec.interval_cycles,
        credits=spec.credits,
        registers=registers,
        protect=None if spec.protect == "none" else spec.protect,
    )


def stream_options(manifest: Manifest) -> StreamOptions | None:
    """Return how the network of ``manifest`` is wrapped, or None if it is not.

    Raises ScheduleError for a number out of range.
    """
    entry = manifest.stream
    if entry is None:
        return None
    return StreamOptions(
        beat_bytes=entry.beat_bytes, registers=entry.registers is not None, protect=entry.protect or "none"
    )


def load_schedule(network: Network, folder: Path) -> tuple[Manifest, Schedule]:
    """Return the manifest of ``folder`` and the schedule of ``network`` with the options the Verilog was made with.

    Raises EmitError if the manifest or a file is damaged, the Verilog was made from another network, or the manifest
    does not say what that schedule says; ScheduleError for options that are none.
    """
    manifest, where = load_manifest(folder), str(folder / MANIFEST)
    if manifest.network_sha256 != network.digest:
        raise EmitError(
            "Verilog of another network",
            where=str(folder),
            expected=f"SHA-256 {network.digest} of {network.name}",
            got=manifest.network_sha256,
            hint="generate it again",
        )
    schedule = Schedule(network, HardwareOptions.from_dict(manifest.options, where=where))
    expected = make_manifest(schedule, manifest.files, stream_options(manifest), manifest.protect or "none")
    for key in ("top", "options_sha256", "interval_cycles", "latency_cycles", "ports", "layers", "stream"):
        if getattr(manifest, key) != getattr(expected, key):
            raise EmitError(f"{key} differs from the schedule of its network", where=where, hint="generate it again")
    return manifest, schedule


def load_manifest(folder: Path) -> Manifest:
    """Read the manifest of ``folder``.

    Raises EmitError, naming the file, if the manifest is missing or damaged, or a Verilog file is missing or is not the
    one that was generated.
    """
    if not (folder / MANIFEST).exists():
        raise EmitError(
            "cannot be read: no such file", where=str(folder / MANIFEST), hint="amos-hdl generate NETWORK makes it"
        )
    manifest = read_yaml(folder / MANIFEST, Manifest, EmitError)
    for path, expected in manifest.files.items():
        if not (folder / path).resolve().is_relative_to(folder.resolve()):
            raise EmitError("path outside the folder", where=str(folder / MANIFEST), got=repr(path))
        try:
            found = hashlib.sha256((folder / path).read_bytes()).hexdigest()
        except OSError as failure:
            raise EmitError(f"cannot be read: {failure.strerror}", where=str(folder / path)) from failure
        if found != expected:
            hint = "generate it again; Verilog is not edited by hand"
            where = str(folder / path)
            raise EmitError("file differs from its manifest", where=where, expected=expected, got=found, hint=hint)
    return manifest
