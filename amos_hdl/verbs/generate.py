"""``amos-hdl generate``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amos_hdl.console import Steps
from amos_hdl.project import Project
from amos_hdl.verbs.outcome import Outcome


def generate(project: Project, flags: Mapping[str, Any], rtl: Path | None, steps: Steps) -> Outcome:
    """Write the Verilog of a network."""
    from amos_hdl.emit.generate import generate as emit

    folder = rtl or project.rtl
    with steps.step(f"generating {folder}"):
        started = time.perf_counter()
        manifest = emit(project.schedule(flags), folder)
        seconds = time.perf_counter() - started
    data = {
        "network": project.name,
        "folder": str(folder),
        "modules": len(manifest.files),
        "latency_cycles": manifest.latency_cycles,
        "interval_cycles": manifest.interval_cycles,
        "network_sha256": manifest.network_sha256,
        "seconds": seconds,
    }
    text = f"{len(manifest.files)} Verilog modules in {folder}, latency {manifest.latency_cycles} clock cycles"
    if manifest.interval_cycles > 1:
        text += f", a new image every {manifest.interval_cycles}"
    return Outcome(data, lambda: steps.done(text))
