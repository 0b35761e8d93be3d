"""What ``amos-hdl evaluate --rtl`` adds: the whole data set through the Verilog, every spike compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amos_hdl.console import Steps
from amos_hdl.project import BUILD, Project

if TYPE_CHECKING:
    from amos_hdl.simulate.batch import BatchSimulator
    from amos_hdl.simulate.design import Design


def batch_simulator(design: Design, work: Path) -> BatchSimulator:
    """Return ``design`` ready for whole data sets; what is made in ``work`` is kept by content.

    Raises ToolError without Yosys or a C++ compiler.
    """
    from amos_hdl.simulate.batch import build_batch
    from amos_hdl.synthesize.elaborate import Elaborator

    return build_batch(design, Elaborator(), root=BUILD / "sim", work=work)


def check_rtl(project: Project, images: npt.NDArray[np.int64], rtl: Path | None, steps: Steps) -> dict[str, Any]:
    """Run ``images`` ``(image, pixel)`` through the Verilog and return figures.

    Raises CheckFailed that names the first differences; EmitError for Verilog of another network.
    """
    from amos_hdl.simulate.design import load_design
    from amos_hdl.simulate.whole_set import check_whole_set

    design = load_design(project.folder, rtl or project.rtl, images)
    with steps.step("reading the Verilog for whole data sets"):
        simulator = batch_simulator(design, project.build("batch"))
    with steps.step(f"simulating {len(images):,} images", len(images)) as bar:
        started = time.perf_counter()
        result = check_whole_set(simulator, images, bar.to)
        seconds = time.perf_counter() - started
    return {
        "images": result.images,
        "results": result.results,
        "spikes": result.spikes,
        "spike_slots_compared": result.slots,
        "images_per_second_of_a_simulator": result.images / result.seconds,
        "images_per_second": result.images / seconds,
    }


def rtl_rows(data: dict[str, Any]) -> list[Sequence[object]]:
    """Return rows of a table that say what ``check_rtl`` found."""
    rate, whole = data["images_per_second_of_a_simulator"], data["images_per_second"]
    return [
        ("images through the Verilog", f"{data['images']:,}", "every result equal"),
        ("spikes and silences", f"{data['spike_slots_compared']:,}", "compared, each at its clock cycle, all equal"),
        ("images per second", f"{rate:,.0f}", f"of processor time, one simulator; {whole:,.0f} with all else"),
    ]
