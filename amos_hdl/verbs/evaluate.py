"""``amos-hdl evaluate``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amos_hdl.console import Steps, table
from amos_hdl.errors import DataError
from amos_hdl.network import Argmax, golden
from amos_hdl.project import Project
from amos_hdl.verbs.outcome import Outcome
from amos_hdl.verbs.rtl import check_rtl, rtl_rows


def evaluate(
    project: Project, images: Path | None, steps: Steps, *, on_rtl: bool = False, rtl: Path | None = None
) -> Outcome:
    """Count right answers and spikes over all images, by the golden model; ``on_rtl``: by the Verilog as well."""
    network, dataset = project.network, project.dataset(images)
    if dataset is None:
        raise DataError("no images", where=project.name, hint="give some with --images")
    classes = next(
        (op.name for op in network.operations if isinstance(op, Argmax) and op.name in network.outputs), None
    )
    with steps.step(f"evaluating {len(dataset.images):,} images"):
        started = time.perf_counter()
        trace = golden.run(network, dataset.images)
        seconds = time.perf_counter() - started
    accuracy = {}
    if classes is not None:
        right = trace.values[classes][:, 0] == dataset.labels
        accuracy = {name: float(right[part].mean()) for name, part in dataset.splits.items()}
    gates = sum(spikes.shape[1] * spikes.shape[2] for spikes in trace.spikes.values())
    rates = {name: spikes.mean(axis=(0, 1)).tolist() for name, spikes in trace.spikes.items()}
    per_image = trace.spike_count / trace.images
    data: dict[str, Any] = {
        "network": project.name,
        "images": trace.images,
        "accuracy": accuracy,
        "test_images": len(dataset.test),
        "gates": gates,
        "spikes_per_image": per_image,
        "spikes_per_gate": per_image / gates if gates else 0.0,
        "firing_rate_per_plane": rates,
        "images_per_second": trace.images / seconds,
    }
    if on_rtl:
        data["rtl"] = check_rtl(project, golden.check_images(network, dataset.images), rtl, steps)

    def show() -> None:
        rows: list[Sequence[object]] = [
            (f"accuracy, {name}", f"{100 * accuracy[name]:.2f} %", f"{len(part):,} images")
            for name, part in dataset.splits.items()
            if name in accuracy
        ]
        rows += [("spikes per image", f"{per_image:.1f}", f"of {gates:,} gates")]
        rows += [
            (f"firing rates of {name}", " ".join(f"{rate:.2f}" for rate in values), "gate 1 first")
            for name, values in rates.items()
        ]
        if on_rtl:
            rows += rtl_rows(data["rtl"])
        table(f"{project.name}, {trace.images:,} images, golden model", ["", "value", "of"], rows)

    return Outcome(data, show)
