"""The charts of a report, as Vega-Lite specifications; colours are names of the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.report.staircase import Staircase

Chart = dict[str, Any]
#: Colours of layers, in turn.
COLOURS = ("var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)")
#: Most classes of which a confusion matrix shows numbers.
NUMBERED_CLASSES = 20
# axes of names instead of numbers
_NAMED = {"grid": False, "labelOverlap": True}
# axes of charts that stand above each other begin at the same place
_ALIGNED = {"minExtent": 34, "maxExtent": 34}


def raster(data: dict[str, Any]) -> Chart:
    """Return the raster: a bar while an operation works, a line for each gate, thick where it spiked.

    The page fills ``slots`` (all gates) and ``spikes`` (of one image) and moves the parameter ``now``.
    """
    latency, height = data["latency"], data["height"]
    title = "clock cycle after the image entered"
    x = {"type": "quantitative", "scale": {"domain": [-0.5, latency + 0.5], "nice": False}, "title": title}
    y = {"type": "quantitative", "scale": {"domain": [0, height], "reverse": True, "nice": False}, "axis": None}
    lanes = [
        {
            **{key: lane[key] for key in ("name", "caption", "start", "end", "top", "bottom")},
            "spiking": bool(lane["units"]),
        }
        for lane in data["lanes"]
    ]
    late = f"datum.start > {latency * 0.55}"
    ranks = [lane["name"] for lane in data["lanes"] if lane["units"]]
    colour = {
        "field": "lane",
        "type": "nominal",
        "scale": {"domain": ranks, "range": [COLOURS[number % len(COLOURS)] for number in range(len(ranks))]},
        "legend": None,
    }
    gate = {"x": {"field": "from", **x}, "x2": {"field": "to"}, "y": {"field": "y", **y}}
    tip = [
        {"field": "lane", "title": "layer"},
        {"field": "unit", "title": "unit"},
        {"field": "gate", "title": "gate"},
        {"field": "cycle", "title": "clock cycle"},
    ]
    axis = {"grid": True, "tickMinStep": 1, "format": "d"}
    return {
        "description": "Spike raster: clock cycles to the right, layers downwards, one line per gate that spikes.",
        "width": "container",
        "height": height,
        "params": [{"name": "now", "value": latency}],
        "data": {"name": "lanes", "values": lanes},
        "layer": [
            {
                "mark": {"type": "rect", "color": "var(--lane)", "cornerRadius": 3},
                "encoding": {
                    "x": {"field": "start", **x, "axis": axis},
                    "x2": {"field": "end"},
                    "y": {"field": "top", **y},
                    "y2": {"field": "bottom"},
                },
            },
            {
                "transform": [
                    {"filter": "!datum.spiking"},
                    {"calculate": "clamp(now, datum.start, datum.end)", "as": "done"},
                ],
                "mark": {"type": "rect", "color": "var(--work)", "cornerRadius": 3},
                "encoding": {
                    "x": {"field": "start", **x},
                    "x2": {"field": "done"},
                    "y": {"field": "top", **y},
                    "y2": {"field": "bottom"},
                },
            },
            *[
                {
                    "transform": [{"filter": late if align == "right" else f"!({late})"}],
                    "mark": {"type": "text", "align": align, "baseline": "bottom", "dy": -3, "color": "var(--ink)"},
                    "encoding": {
                        "x": {"field": "end" if align == "right" else "start", **x},
                        "y": {"field": "top", **y},
                        "text": {"field": "caption", "type": "nominal"},
                    },
                }
                for align in ("left", "right")
            ],
            {
                "name": "slots",
                "data": {"name": "slots", "values": []},
                "mark": {"type": "rule", "strokeWidth": 1, "color": "var(--silent)", "aria": False},
                "encoding": gate,
            },
            {
                "name": "spikes",
                "data": {"name": "spikes", "values": []},
                "mark": {"type": "rule", "aria": False},
                "encoding": {
                    **gate,
                    "color": colour,
                    "strokeWidth": {"condition": {"test": "datum.cycle === now", "value": 4}, "value": 2.6},
                    "opacity": {"condition": {"test": "datum.cycle <= now", "value": 1}, "value": 0},
                    "tooltip": tip,
                },
            },
            {
                "data": {"name": "clock", "values": [{}]},
                "mark": {"type": "rule", "color": "var(--accent)", "strokeWidth": 1.5},
                "encoding": {"x": {"datum": {"expr": "now"}, **x}},
            },
        ],
    }


def staircase(unit: Staircase) -> Chart:
    """Return the staircase of a unit over its function."""
    x, y = unit.corners()
    across = {"field": "x", **_potential(x), "title": None, "axis": {"labels": False}}
    upwards = {
        "field": "y",
        "type": "quantitative",
        "title": "y",
        "axis": {"tickMinStep": 1, "tickCount": 5, **_ALIGNED},
    }
    layers: list[Chart] = []
    if unit.line is not None:
        points = unit.line.points(x[0], x[-1])
        layers.append(
            {
                "data": {"values": [{"x": at, "y": round(float(unit.line(at)), 6)} for at in points]},
                "mark": {"type": "line", "color": "var(--muted)", "strokeWidth": 1.5, "strokeDash": [5, 3]},
                "encoding": {"x": across, "y": upwards},
            }
        )
    layers.append(
        {
            "data": {"values": [{"x": a, "y": b} for a, b in zip(x, y, strict=True)]},
            "mark": {"type": "line", "interpolate": "step-after", "color": "var(--accent)", "strokeWidth": 2},
            "encoding": {"x": across, "y": upwards},
        }
    )
    return {
        "description": f"Staircase of {unit.layer}, unit {unit.unit}: value over potential.",
        "width": "container",
        "height": 120,
        "layer": layers,
    }


def gates(unit: Staircase) -> Chart:
    """Return the potentials at which each gate of a unit spikes."""
    x, _ = unit.corners()
    # a gate spikes from its first potential up to, not with, the one after its last
    runs = [{"gate": gate + 1, "from": a, "to": min(b + 1, x[-1])} for gate, a, b in unit.runs()]
    numbers = list(range(1, unit.circuit.gates + 1))
    return {
        "description": f"Potentials at which each gate of {unit.layer}, unit {unit.unit} spikes.",
        "width": "container",
        "height": max(30, min(90, 14 * len(numbers))),
        "data": {"values": runs},
        "mark": {"type": "bar", "color": "var(--c2)", "cornerRadius": 2, "height": {"band": 0.7}},
        "encoding": {
            "x": {"field": "from", **_potential(x), "title": "potential x"},
            "x2": {"field": "to"},
            "y": {
                "field": "gate",
                "type": "ordinal",
                "title": "gate",
                "scale": {"domain": numbers},
                "axis": {**_NAMED, **_ALIGNED},
            },
            "tooltip": [{"field": "gate"}, {"field": "from"}, {"field": "to"}],
        },
    }


def _potential(x: Sequence[int]) -> Chart:
    return {"type": "quantitative", "scale": {"domain": [x[0], x[-1]], "nice": False}}


def rates(layer: str, per_gate: Sequence[float], cycles: Sequence[int], colour: int) -> Chart:
    """Return the firing rate of each plane of a layer."""
    values = [
        {"gate": gate + 1, "rate": round(rate, 6), "cycle": cycle}
        for gate, (rate, cycle) in enumerate(zip(per_gate, cycles, strict=True))
    ]
    return {
        "description": f"Firing rate of each gate of {layer}.",
        "width": "container",
        "height": 130,
        "data": {"values": values},
        "mark": {"type": "bar", "color": COLOURS[colour % len(COLOURS)], "cornerRadiusEnd": 2, "width": {"band": 0.6}},
        "encoding": {
            "x": {"field": "gate", "type": "ordinal", "title": "gate", "axis": {**_NAMED, "labelAngle": 0}},
            "y": {
                "field": "rate",
                "type": "quantitative",
                "title": "units that spike",
                "scale": {"domain": [0, 1]},
                "axis": {"format": "%", "tickCount": 4},
            },
            "tooltip": [
                {"field": "gate"},
                {"field": "rate", "format": ".2%"},
                {"field": "cycle", "title": "clock cycle"},
            ],
        },
    }


def confusion(matrix: npt.NDArray[np.int64]) -> Chart:
    """Return the matrix ``(true class, answer)`` as a heat map; right answers blue, mistakes red."""
    classes = len(matrix)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    values = [
        {"true": t, "answer": a, "images": int(matrix[t, a]), "share": round(float(share[t, a]), 4)}
        for t in range(classes)
        for a in range(classes)
        if matrix[t, a]
    ]
    domain = list(range(classes))
    classed = {"type": "ordinal", "scale": {"domain": domain}}
    place = {
        "x": {"field": "answer", **classed, "title": "the network's answer", "axis": {**_NAMED, "labelAngle": 0}},
        "y": {"field": "true", **classed, "title": "true class", "axis": _NAMED},
    }
    right = {"condition": {"test": "datum.true === datum.answer", "value": "var(--c1)"}, "value": "var(--c2)"}
    layers: list[Chart] = [
        {
            "mark": {"type": "rect", "cornerRadius": 2},
            "encoding": {
                **place,
                "color": right,
                # few mistakes must be seen too
                "opacity": {
                    "field": "share",
                    "type": "quantitative",
                    "legend": None,
                    "scale": {"domain": [0, 1], "range": [0.15, 1], "type": "sqrt"},
                },
                "tooltip": [
                    {"field": "true"},
                    {"field": "answer"},
                    {"field": "images"},
                    {"field": "share", "format": ".1%"},
                ],
            },
        }
    ]
    if classes <= NUMBERED_CLASSES:
        layers.append(
            {
                "mark": {"type": "text", "fontSize": 11},
                "encoding": {
                    **place,
                    "text": {"field": "images", "type": "quantitative"},
                    "color": {"condition": {"test": "datum.share > 0.5", "value": "var(--on)"}, "value": "var(--ink)"},
                },
            }
        )
    return {
        "description": "Confusion matrix: images by true class and by the network's answer.",
        "width": "container",
        "height": max(180, min(420, 30 * classes)),
        "data": {"values": values},
        "layer": layers,
    }
