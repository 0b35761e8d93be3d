"""``amos-hdl host``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from amos_hdl.console import Steps, table
from amos_hdl.emit.board import shown_output
from amos_hdl.errors import DataError
from amos_hdl.project import Project
from amos_hdl.schedule import Port
from amos_hdl.schedule.frames import FrameLayout
from amos_hdl.verbs.outcome import Outcome

#: What an answer may take beyond the time on the line: the network, the host's driver, its scheduler.
PATIENCE_S = 1.0


def host(project: Project, port: str, baud: int, images: Path | None, most: int | None, steps: Steps) -> Outcome:
    """Send images to a board and compare every output with the golden model."""
    from amos_hdl.host.check import check_board
    from amos_hdl.host.client import BoardClient
    from amos_hdl.host.transport import SerialTransport

    dataset = project.dataset(images)
    if dataset is None:
        raise DataError("no images", where=project.name, hint="give some with --images")
    chosen, labels = dataset.images[:most], dataset.labels
    # two images may be under way, each byte escaped
    network = project.network
    image_bytes = FrameLayout.of(network.tensors[network.input.name], 1).beats
    result_bytes = sum(Port.of(network.tensors[name]).bits // 8 + 1 for name in network.outputs)
    bytes_under_way = 4 * (image_bytes + result_bytes + 100)
    transport = SerialTransport(port, baud)
    try:
        client = BoardClient(transport, PATIENCE_S + 10 * bytes_under_way / baud)
        with steps.step(f"sending {len(chosen):,} images to {port}", len(chosen)) as bar:
            started = time.perf_counter()
            check = check_board(client, network, chosen, bar.to)
            seconds = time.perf_counter() - started
        client.identify()  # and what it has counted meanwhile
    finally:
        transport.close()
    counts = client.counts
    name = shown_output(network)
    classes = check.values[name]
    correct = None
    if labels is not None and classes.shape[1] == 1:
        correct = float(np.mean(classes[:, 0] == labels[: len(classes)]))
    passed = not len(check.different)
    data: dict[str, Any] = {
        "network": project.name,
        "network_sha256": check.identity.digest,
        "port": port,
        "baud": baud,
        "images": len(chosen),
        "different": len(check.different),
        "passed": passed,
        "accuracy": correct,
        "images_per_second": len(chosen) / seconds,
        "link": {**asdict(counts), "faults": dict(counts.faults)},
        "differences": list(check.lines),
    }

    def show() -> None:
        refused = ", ".join(f"{count} {fault}" for fault, count in sorted(counts.faults.items())) or "none"
        rows: list[Sequence[object]] = [
            ("images", len(chosen), "every output equal to the golden model" if passed else ""),
            ("different", len(check.different), ""),
            ("images per second", f"{data['images_per_second']:,.0f}", f"{baud} baud"),
            ("sent again", counts.repeated, f"{counts.timeouts} waits in vain"),
            ("refused by the board", counts.faults.total(), f"{refused}; it has counted {counts.device_faults}"),
            ("answers damaged, stray", f"{counts.damaged}, {counts.stray}", ""),
        ]
        if correct is not None:
            rows.insert(1, ("right class", f"{100 * correct:.2f} %", "by the labels"))
        table(f"{project.name} at {port}", ["", "value", ""], rows)
        for line in check.lines:
            steps.failed(line)

    return Outcome(data, show, passed=passed)
