"""Sections of a report that show the network itself: its layers, one image in it, its units, how often they spike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from amos_hdl.report import charts
from amos_hdl.report.facts import Facts
from amos_hdl.report.markup import chart, section
from amos_hdl.report.staircase import Staircase
from amos_hdl.schedule import DenseSpec, UnitLayerSpec, estimate

#: Layers whose firing rates are drawn; those of the others are in ``--json``.
RATE_CHARTS = 24
# milliseconds that the whole way through the network takes when played, and the fewest of one clock cycle
_PLAY_MS, _LEAST_MS = 6000, 60


def network(facts: Facts) -> str:
    """Return the operations as blocks, with widths, gates, latency and estimated size."""
    schedule, network = facts.schedule, facts.network
    items, before, spiking = [], None, 0
    for operation in network.operations:
        tensor = network.tensors[operation.name]
        low, high = tensor.interval
        rows = [
            ("words", f"{tensor.units:,} × {tensor.bits} bit{'s' if tensor.bits > 1 else ''}"),
            ("values", f"{low:,}…{high:,}"),
        ]
        kind, style = operation.kind, ""
        spec = schedule.specs.get(operation.name)
        if isinstance(spec, UnitLayerSpec):
            gates = spec.operation.gates
            rows.append(("gates", f"{spec.result.units:,} × {gates}"))
            rows.append(("distinct", f"{len(spec.distinct):,}"))
            style = f' style="--c: {charts.COLOURS[spiking % len(charts.COLOURS)]}"'
            spiking += 1
        if isinstance(spec, DenseSpec):
            rows.append(("adders", f"{len(spec.graph.adders):,}"))
        if spec is not None:
            size = estimate(spec, carries=schedule.options.carries)
            rows += [("latency", f"{spec.latency_cycles} clk"), ("ready", f"clk {schedule.ready[operation.name]}")]
            rows += [("LUT4*", f"{size.luts:,}"), ("FF*", f"{size.flip_flops:,}")]
        sources = operation.reads
        follows = before is not None and sources == (before,)
        from_others = "" if follows or not sources else f'<span class="sub">from {escape(", ".join(sources))}</span>'
        listed = "".join(f"<dt>{what}</dt><dd>{value}</dd>" for what, value in rows)
        classes = " ".join(filter(None, (kind, "next" if follows else "")))
        items.append(
            f'<li class="{classes}"{style}><strong>{escape(operation.name)}</strong><span class="sub">{kind}</span>'
            f"{from_others}<dl>{listed}</dl></li>"
        )
        before = operation.name
    note = (
        '<p class="note" style="margin-top: 12px">distinct: units that differ, each a module of its own; clk: clock '
        "cycles; *: estimated by formula before synthesis.</p>\n"
    )
    text = (
        "Operations in the order in which they are computed. Widths follow from the values that can occur; weights are "
        "sums of shifted words, without a multiplier, and scales and biases are in the thresholds of the units."
    )
    return section("Network", text, f'<ol class="blocks">{"".join(items)}</ol>\n{note}')


def player(raster: Mapping[str, Any]) -> str:
    """Return the raster of one image with its sliders, the image, and the answer."""
    latency, count = raster["latency"], len(raster["images"])
    pace = max(_LEAST_MS, _PLAY_MS // max(latency, 1))
    answered = raster["ready"] is not None
    answer = '<div><span>answer</span><output id="answer"></output></div>' if answered else ""
    scores = '<ol class="scores" id="scores" aria-label="value of each class"></ol>' if answered else ""
    picture = '<canvas id="picture" role="img" aria-label="the image at the input"></canvas>'
    body = f"""<div class="player">
<div class="image">{picture}
<div><div class="classes"><div><span>true class</span><output id="label"></output></div>{answer}</div>
<p class="note" id="about"></p></div>
{scores}
</div>
<div>
<div class="controls">
<label for="image">Image</label>
<input class="wide" id="image" type="range" min="1" max="{count}" value="1" step="1">
<output id="image-text" for="image"></output>
<label for="clock">Clock cycle</label>
<span class="buttons"><button id="back" type="button" aria-label="one clock cycle back">◀</button>
<button id="play" class="play" type="button" data-ms="{pace}">▶ Play</button>
<button id="forward" type="button" aria-label="one clock cycle forward">▶</button></span>
<input id="clock" type="range" min="0" max="{latency}" value="{latency}" step="1">
<output id="clock-text" for="clock"></output>
</div>
{chart("raster", "Spike raster of the chosen image: clock cycles to the right, layers downwards")}
<p class="note doing" id="doing"></p>
</div>
</div>
"""
    text = (
        "Each line is one gate, thick where it spiked; a gate has exactly one clock cycle in which it may spike. Grey "
        "bars are operations without spikes, while they work. Move the sliders, or let it play."
    )
    return section("One image, clock by clock", text, body)


def units(units: Sequence[Staircase]) -> str:
    """Return a sample of the units, each with the function that it follows."""
    if not units:
        return ""
    figures = []
    for number, unit in enumerate(units):
        shared = f"one of {unit.shared_by:,} alike" if unit.shared_by > 1 else "no other is like it"
        circuit, which = unit.circuit, f"{unit.layer}, unit {unit.unit}"
        levels = f"{circuit.gates} gates in {circuit.depth} level{'s' if circuit.depth > 1 else ''}"
        if unit.line is not None:
            follows = f"{unit.line}, within {unit.worst_error:.2g} of it"
        else:
            follows = "the staircase is the function: no other is known"
        figures.append(
            f"<figure><h3>{escape(which)}</h3>"
            f"<figcaption>{levels}; {shared}<br>{escape(follows)}</figcaption>"
            f"{chart(f'stairs{number}', f'staircase of {which}')}"
            f"{chart(f'gates{number}', f'potentials at which the gates of {which} spike')}</figure>\n"
        )
    text = (
        "A unit turns its potential x into spikes; y is what they stand for. "
        '<span class="legend"></span> staircase of the spikes, '
        '<span class="legend dashed"></span> the function it follows (a ReLU is rounded down); '
        "below, the potentials at which each gate spikes. A sample of the distinct units of each layer."
    )
    return section("Units", text, f'<div class="grid">{"".join(figures)}</div>\n')


def rates(facts: Facts) -> str:
    """Return the firing rates of each plane."""
    figures = []
    for number, (name, spikes) in enumerate(list(facts.planes.items())[:RATE_CHARTS]):
        per_image = spikes.sum(axis=(1, 2)).mean()
        text = f"{per_image:,.1f} spikes per image of {spikes.shape[1] * spikes.shape[2]:,} gates"
        drawn = chart(f"rates{number}", f"firing rate of each gate of {name}")
        figures.append(f"<figure><h3>{escape(name)}</h3><figcaption>{text}</figcaption>{drawn}</figure>\n")
    rest = len(facts.planes) - len(figures)
    more = f'<p class="note">{rest} more layers are in the figures of --json.</p>' if rest > 0 else ""
    text = f"Fraction of a layer's units whose gate spikes, by gate, over {len(facts.images):,} test images."
    return section("Firing rates", text, f'<div class="grid">{"".join(figures)}</div>{more}\n') if figures else ""
