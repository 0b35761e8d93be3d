"""Draws the pictures of the README: a unit, and an image travelling through the pipeline.  ``make pictures``."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from amos_hdl.circuit import relu
from amos_hdl.network import golden
from amos_hdl.project import find_project
from amos_hdl.schedule import UnitLayerSpec

FOLDER = Path(__file__).resolve().parent
# equal bytes on every run: no random identifiers, no date
matplotlib.rcParams.update({"svg.hashsalt": "amos-hdl", "font.size": 10, "svg.fonttype": "path"})
COLOURS = ["#2a6f97", "#e07a5f", "#3d9970", "#8d6a9f"]


def save(figure: pyplot.Figure, name: str) -> None:
    """Write ``name``.svg."""
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None}, facecolor="white", bbox_inches="tight")


def draw_unit() -> None:
    """Draw four gates as a chain, the staircase they make, and which of them spike for which potential."""
    circuit = relu(4)
    x = np.arange(-6, 22)
    spikes, y = circuit.spikes(x), circuit.value(x)
    figure, (chain, stairs, planes) = pyplot.subplots(1, 3, figsize=(12, 3.1), width_ratios=[1.5, 1, 1])
    draw_chain(chain)
    stairs.plot(x, np.maximum(x, 0), color="#999999", linewidth=1, label="ReLU(x)")
    stairs.step(x, y, where="post", color="black", label="y of the spikes")
    stairs.set(xlabel="potential x", ylabel="y", title="4 spikes = 16 values")
    stairs.legend(frameon=False, loc="upper left")
    for gate in range(4):
        fired = x[spikes[:, gate]]
        planes.scatter(fired, np.full(len(fired), gate + 1), marker="|", s=180, color=COLOURS[gate])
    planes.set(xlabel="potential x", yticks=range(1, 5), ylim=(4.6, 0.4), xlim=(-7, 22), title="which gates spike")
    planes.set_yticklabels([f"gate {n}, step {n}" for n in range(1, 5)])
    figure.tight_layout()
    save(figure, "unit")


def draw_chain(axes: Axes) -> None:
    """Draw the gates of a serial unit and the lateral weights between them."""
    for gate in range(4):
        left = gate * 2.4
        axes.add_patch(FancyBboxPatch((left, 0), 1.5, 1, boxstyle="round,pad=0.08", color=COLOURS[gate], alpha=0.85))
        axes.text(left + 0.75, 0.5, f"$z_{gate + 1}$\n$\\geq {8 >> gate}$", ha="center", va="center", color="white")
        axes.annotate("", (left + 0.75, 1.1), (left + 0.75, 1.8), arrowprops={"arrowstyle": "->"})
        axes.text(left + 0.75, 1.9, "x", ha="center")
        axes.annotate("", (left + 0.75, -0.9), (left + 0.75, -0.1), arrowprops={"arrowstyle": "->"})
        axes.text(left + 0.75, -1.3, f"$+{8 >> gate}$", ha="center", color=COLOURS[gate])
        for later in range(gate + 1, 4):
            style = {
                "arrowstyle": "-[, widthB=0.2",
                "connectionstyle": "arc3,rad=0.25",
                "color": COLOURS[gate],
                "alpha": 0.6,
            }
            axes.annotate("", (later * 2.4 + 0.3, -0.08), (left + 1.3, -0.08), arrowprops=style)
    axes.text(4.4, -2.2, "each spike raises the thresholds behind it (lateral inhibition)", ha="center", fontsize=9)
    axes.set(xlim=(-0.3, 9.2), ylim=(-2.5, 2.4), title="a unit: K threshold gates, each spikes at most once")
    axes.axis("off")


def draw_pipeline() -> None:
    """Draw every spike of the digits network for one test image, at its clock cycle."""
    project = find_project("models/digits.yaml")
    dataset, schedule = project.dataset(), project.schedule()
    if dataset is None:
        raise SystemExit("models/digits.yaml has no data")
    image = dataset.images[dataset.test[:1]]
    trace = golden.run(project.network, image, schedule)
    figure, (picture, raster) = pyplot.subplots(1, 2, figsize=(12, 3.9), width_ratios=[1, 4.4])
    picture.imshow(image.reshape(8, 8), cmap="gray_r")
    picture.set(title="one image", xticks=[], yticks=[])
    base, ticks = 0, []
    for number, (layer, spikes) in enumerate(trace.spikes.items()):
        for gate, cycle in enumerate(trace.spike_cycles[layer]):
            units = np.flatnonzero(spikes[0, :, gate])
            silent = np.flatnonzero(~spikes[0, :, gate])
            raster.scatter(np.full(len(silent), cycle), base + silent, s=2, color="#cccccc")
            raster.scatter(np.full(len(units), cycle), base + units, s=9, color=COLOURS[number])
        ticks.append((base + spikes.shape[1] / 2, f"{layer}\n{spikes.shape[1]} units"))
        base += spikes.shape[1] + 8
    for name, spec in schedule.specs.items():
        start, end = schedule.ready[spec.operation.source], schedule.ready[name]
        raster.axvspan(start + 0.5, end + 0.5, color="#000000", alpha=0.05 if isinstance(spec, UnitLayerSpec) else 0)
        raster.text((start + end + 1) / 2, base, name.replace("_", "\n"), ha="center", va="bottom", fontsize=8)
    result = int(trace.values[project.network.outputs[-1]][0, 0])
    raster.text(schedule.latency_cycles + 0.4, base / 2, f"{result}", fontsize=26, va="center")
    raster.set(
        xlabel="clock cycle after the image entered", xlim=(0, schedule.latency_cycles + 2), ylim=(-4, base + 14)
    )
    raster.set_yticks([position for position, _ in ticks], [label for _, label in ticks])
    raster.set_xticks(range(0, schedule.latency_cycles + 1, 2))
    figure.tight_layout()
    save(figure, "pipeline")


if __name__ == "__main__":
    draw_unit()
    draw_pipeline()
