"""``amos-hdl faults``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amos_hdl.console import Steps, note, table
from amos_hdl.errors import SimulationError
from amos_hdl.project import BUILD, Project
from amos_hdl.verbs.outcome import Outcome

if TYPE_CHECKING:
    from amos_hdl.simulate.campaign import Campaign, Group

#: Images that are drawn where the project has none.
DRAWN_IMAGES = 1000


def faults(
    project: Project,
    flips: int,
    seed: int,
    devices: Sequence[str],
    images: Path | None,
    rtl: Path | None,
    steps: Steps,
) -> Outcome:
    """Run a campaign of ``flips`` bit flips on each of ``devices``, all that there are if none is named."""
    from amos_hdl.emit.manifest import stream_options
    from amos_hdl.schedule.stream import StreamSpec
    from amos_hdl.simulate.campaign import run_campaign
    from amos_hdl.simulate.design import load_design
    from amos_hdl.simulate.fault_simulator import build_fault_simulator

    dataset = project.dataset(images)
    design = load_design(project.folder, rtl or project.rtl, None if dataset is None else dataset.images)
    options = stream_options(design.manifest)
    if "stream" in devices and options is None:
        raise SimulationError(
            "no stream wrapper", where=str(design.rtl), hint="amos-hdl generate --interface axi-stream makes it"
        )
    protect = design.manifest.protect if options is None else options.protect
    campaigns: dict[str, tuple[Campaign, float]] = {}
    for device in dict.fromkeys(devices or ("network", *(("stream",) if options is not None else ()))):
        spec = None if device == "network" or options is None else StreamSpec.of(design.schedule, options)
        with steps.step(f"building {device}"):
            simulator = build_fault_simulator(design, spec, root=BUILD / "sim", work=project.build("faults") / device)
        with steps.step(f"flipping bits of {device}", flips) as bar:
            started = time.perf_counter()
            campaign = run_campaign(simulator, design.some_images(DRAWN_IMAGES, seed), flips, seed, bar.to)
            campaigns[device] = campaign, time.perf_counter() - started
    data = {
        "network": project.name,
        "passed": all(campaign.passed for campaign, _ in campaigns.values()),
        "flips": flips,
        "seed": seed,
        "protect": protect or "none",
        "latency_cycles": design.manifest.latency_cycles,
        "devices": {device: _data(campaign) for device, (campaign, _) in campaigns.items()},
    }

    def show() -> None:
        for device, (campaign, seconds) in campaigns.items():
            title = f"{project.name}, {device}: {flips:,} flips of {campaign.total.bits:,} bits"
            columns = ["part", "kind", "bits", "flips", "masked", "class", "images", "lost", "cycles", "outlived"]
            groups = [*campaign.groups, campaign.total]
            table(f"{title}, {flips / seconds:,.0f} per second", columns, [_row(g) for g in groups], right=columns[2:])
            for example in campaign.examples:
                steps.failed(f"{device}: {example}")
            if not campaign.passed and data["protect"] == "none":
                note("amos-hdl generate --protect tmr keeps what counts and steers three times")
            if campaign.passed:
                steps.done(f"{device}: no flip outlived the pipeline, stalled it, or moved a result to another image")

    return Outcome(data, show, passed=bool(data["passed"]))


def _row(group: Group) -> Sequence[object]:
    share = f"{group.masked / group.flips:.1%}" if group.flips else None
    classes = f"{group.classes / group.flips:.2%}" if group.flips else None
    lost, outlived = group.lost + group.surplus, group.outlived + group.stalled
    place = group.place
    cells = (group.worst_images, lost, group.longest_cycles, outlived)
    return (place.part, place.kind, group.bits, group.flips, share, classes, *cells)


def _data(campaign: Campaign) -> dict[str, Any]:
    return {
        "passed": campaign.passed,
        "total": _group_data(campaign.total),
        "groups": [_group_data(group) for group in campaign.groups],
        "examples": list(campaign.examples),
    }


def _group_data(group: Group) -> dict[str, Any]:
    figures = asdict(group)
    place = figures.pop("place")
    return {**place, **figures}
