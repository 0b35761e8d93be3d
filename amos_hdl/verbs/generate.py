"""``amos-hdl generate``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amos_hdl.console import Steps
from amos_hdl.errors import ScheduleError
from amos_hdl.project import Project
from amos_hdl.schedule.stream import Protection, StreamOptions
from amos_hdl.verbs.outcome import Outcome


def wanted_stream(
    interface: str, stream_bytes: int | None, registers: bool, protect: Protection = "none"
) -> StreamOptions | None:
    """Return how the network is to be wrapped, None for ``plain``.

    Raises ScheduleError for options of a wrapper that is not asked for, or out of range.
    """
    if interface == "axi-stream":
        return StreamOptions(beat_bytes=stream_bytes, registers=registers, protect=protect)
    if stream_bytes is not None or registers:
        raise ScheduleError("--stream-bytes and --registers", expected="--interface axi-stream", got=interface)
    return None


def generate(
    project: Project,
    flags: Mapping[str, Any],
    rtl: Path | None,
    steps: Steps,
    stream: StreamOptions | None = None,
    protect: Protection = "none",
) -> Outcome:
    """Write the Verilog of a network, and of its AXI4-Stream wrapper if asked; ``protect`` is of one without."""
    from amos_hdl.emit.generate import generate as emit

    folder = rtl or project.rtl
    with steps.step(f"generating {folder}"):
        started = time.perf_counter()
        manifest = emit(project.schedule(flags), folder, stream, protect)
        seconds = time.perf_counter() - started
    data = {
        "network": project.name,
        "folder": str(folder),
        "modules": len(manifest.files),
        "latency_cycles": manifest.latency_cycles,
        "interval_cycles": manifest.interval_cycles,
        "network_sha256": manifest.network_sha256,
        "stream": None if manifest.stream is None else manifest.stream.model_dump(exclude_none=True),
        "seconds": seconds,
    }
    text = f"{len(manifest.files)} Verilog modules in {folder}, latency {manifest.latency_cycles} clock cycles"
    if manifest.interval_cycles > 1:
        text += f", a new image every {manifest.interval_cycles}"
    if manifest.stream is not None:
        wrapper = manifest.stream
        text += f"; {wrapper.top}: {wrapper.beats} beats of {wrapper.beat_bytes} bytes, {wrapper.credits} credits"
    return Outcome(data, lambda: steps.done(text))
