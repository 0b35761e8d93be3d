"""The picture of a noise study: the figure against the level of each kind of noise, and by disturbed gate."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amos_hdl.circuit.noise import NoiseStudy
from amos_hdl.report.picture import pyplot, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#2a6f97", "#e07a5f", "#3d9970", "#8d6a9f", "#c9a227", "#555555")
MARKERS = "osD^vP"
AXES = {
    "potential": "noise on the potential,\nstandard deviation / spread",
    "threshold": "error of thresholds,\nstandard deviation / spread",
    "drop": "probability that\na spike is dropped",
    "insert": "probability that\na spike is inserted",
}


def _ticker() -> Any:
    from matplotlib import ticker

    return ticker


def plot_noise(study: NoiseStudy, path: Path) -> None:
    """Draw ``study`` into ``path``, whose ending says the format: .svg, .png or .pdf.

    Raises ToolError if matplotlib is not installed, AmosError if the file cannot be written.
    """
    kinds = list(dict.fromkeys(point.kind for point in study.points))
    figure, axes = pyplot().subplots(
        2, len(kinds), figsize=(3.6 * len(kinds) + 1, 6.8), squeeze=False, sharey="row", layout="constrained"
    )
    for column, kind in enumerate(kinds):
        _draw_levels(axes[0, column], study, kind)
        _draw_gates(axes[1, column], study, kind)
    unit = ", %" if study.higher_is_better else ""
    for row, what in ((0, "all gates"), (1, "one gate alone")):
        axes[row, 0].set_ylabel(f"{study.figure}{unit}\n{what} disturbed")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    save_picture(figure, path)


def _style(study: NoiseStudy, architecture: str) -> dict[str, Any]:
    number = study.architectures.index(architecture)
    # folded mostly lies on serial: the dashes let both be seen
    dashes = "--" if architecture == "folded" else "-"
    return {"color": COLOURS[number % 6], "marker": MARKERS[number % 6], "markersize": 4, "linestyle": dashes}


def _scale(study: NoiseStudy) -> float:
    return 100.0 if study.higher_is_better else 1.0


def _draw_levels(axes: Axes, study: NoiseStudy, kind: str) -> None:
    for architecture in study.architectures:
        points = [p for p in study.points if (p.architecture, p.kind, p.gate) == (architecture, kind, "")]
        if not study.higher_is_better:
            points = [point for point in points if point.level > 0 and point.mean > 0]  # the axes are logarithmic
        levels, scale = [point.level for point in points], _scale(study)
        means = [scale * point.mean for point in points]
        style = _style(study, architecture)
        axes.plot(levels, means, label=architecture, **style)
        # a tenth of the mean at least, for a logarithm has no place for less
        low = [scale * max(p.mean - p.deviation, p.mean / 10) for p in points]
        high = [scale * (p.mean + p.deviation) for p in points]
        axes.fill_between(levels, low, high, color=style["color"], alpha=0.12, linewidth=0)
    axes.set(xlabel=AXES[kind], title=kind)
    axes.grid(alpha=0.3)
    if not study.higher_is_better:
        axes.set(xscale="log", yscale="log")
        levels = sorted({point.level for point in study.points if point.kind == kind and point.level > 0})
        axes.set_xticks(levels, [f"{level:g}" for level in levels])
        axes.minorticks_off()


def _draw_gates(axes: Axes, study: NoiseStudy, kind: str) -> None:
    layers: dict[str, None] = {}
    for architecture in study.architectures:
        points = [p for p in study.points if (p.architecture, p.kind) == (architecture, kind) and p.gate]
        rows: dict[str, list[tuple[int, float]]] = {}
        for point in points:
            layer, _, gate = point.gate.rpartition(" ")
            rows.setdefault(layer, []).append((int(gate), _scale(study) * point.mean))
        layers |= dict.fromkeys(rows)
        for layer, found in rows.items():
            style = _style(study, architecture)
            if list(layers).index(layer) % 2 == 0 and len(rows) > 1:
                style["markerfacecolor"] = "white"
            axes.plot([gate for gate, _ in found], [mean for _, mean in found], **style)
    if study.higher_is_better:
        axes.axhline(_scale(study) * study.exact, color="#999999", linewidth=0.8)
    else:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.xaxis.set_major_locator(_ticker().MaxNLocator(integer=True))
    hollow = f" (hollow: {', '.join(list(layers)[::2])})" if len(layers) > 1 else ""
    axes.set(xlabel=textwrap.fill(f"gate{hollow}", 42), title=f"{kind} {study.gate_level:g}")
