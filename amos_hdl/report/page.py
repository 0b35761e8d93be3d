"""The report as one HTML file that needs nothing else: style, charting library and data stand inside it."""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from amos_hdl import __version__
from amos_hdl.errors import ToolError
from amos_hdl.report import charts, layers, results
from amos_hdl.report.facts import Facts
from amos_hdl.report.raster import choose, packed
from amos_hdl.report.staircase import staircases

# nothing may be fetched, and no text be run as code
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def render(facts: Facts) -> str:
    """Return the page; the same bytes for the same facts and the same charting library.

    Raises ToolError if the charting library is not installed.
    """
    check_library()
    script = _library()
    units = staircases(facts.schedule, facts.fitted)
    numbers = choose(facts.labels, facts.answers)
    raster = packed(facts, numbers)
    drawn = {"raster": charts.raster(raster)}
    for number, unit in enumerate(units):
        drawn |= {f"stairs{number}": charts.staircase(unit), f"gates{number}": charts.gates(unit)}
    for number, (name, spikes) in enumerate(list(facts.planes.items())[: layers.RATE_CHARTS]):
        cycles = np.atleast_2d(facts.schedule.spike_cycles(name))[0].tolist()
        drawn[f"rates{number}"] = charts.rates(name, spikes.mean(axis=(0, 1)).tolist(), cycles, number)
    if facts.confusion is not None:
        drawn["confusion"] = charts.confusion(facts.confusion)
    name = escape(facts.network.name)
    sections = [
        layers.network(facts),
        layers.player(raster),
        layers.units(units),
        layers.rates(facts),
        results.answers(facts),
        results.hardware(facts),
        results.activity(facts),
        results.checks(facts),
        results.commands(facts),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{name} · amos-hdl report</title>
<style>
{_asset("page.css")}</style>
</head>
<body>
{_header(facts)}
<main>
{"".join(section for section in sections if section)}</main>
<footer>
<p>Made by amos-hdl {escape(__version__)} from network {name}, <span class="hash">SHA-256 {facts.network.digest}</span>.
This file needs no network: nothing is fetched.</p>
</footer>
<noscript><p style="padding: 24px">A script draws the charts of this page; it is switched off here.</p></noscript>
<script type="application/json" id="data">{_json({"raster": raster, "charts": drawn})}</script>
<script type="module">{script}</script>
<script type="module">
{_asset("page.js")}</script>
</body>
</html>
"""


def check_library() -> None:
    """Raise ToolError if the charting library is not installed."""
    if importlib.util.find_spec("vl_convert") is None:
        raise ToolError("vl-convert-python is not installed", hint='pip install "amos-hdl[report]"')


@functools.cache
def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script; putting it together takes seconds."""
    import vl_convert

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # an end tag within a string of the script would end it
    return script.replace("</script", "<\\/script")


def _asset(name: str) -> str:
    return (files("amos_hdl.report") / name).read_text(encoding="utf-8")


def _json(data: Mapping[str, Any]) -> str:
    """Return ``data`` as JSON that is text to HTML, whatever names are in it."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _header(facts: Facts) -> str:
    schedule, name = facts.schedule, escape(facts.network.name)
    rhythm = f"a new image {_how_often(schedule.interval_cycles)}"
    figures: list[tuple[str, str, str]] = []
    if facts.accuracy is not None:
        known = f"; original network {100 * facts.ann_accuracy:.2f} %" if facts.ann_accuracy is not None else ""
        figures.append(("accuracy", f"{100 * facts.accuracy:.2f} %", f"of {len(facts.images):,} test images{known}"))
    figures.append(("spikes per image", f"{facts.spikes_per_image:,.1f}", f"of {facts.gates:,} gates"))
    best = next((result for result in facts.synthesis if result.fmax_mhz is not None), None)
    time = f"{best.latency_ns:,.1f} ns, " if best is not None else ""
    figures.append(("latency", f"{schedule.latency_cycles} cycles", f"{time}{rhythm}"))
    if best is not None:
        rate = f"{(best.images_per_second or 0) / 1e6:,.1f} M"
        figures.append(("images per second", rate, f"at {best.fmax_mhz:,.1f} MHz"))
        figures.append((results.luts_name(best), f"{best.luts:,}", escape(best.target)))
    compared = sum(value for check in facts.checks for key, value in check.counts.items() if key == "compared")
    if compared:
        failed = sum(check.outcome == "failed" for check in facts.checks)
        figures.append(
            ("spikes and silences", _short(compared), f"{failed} checks failed" if failed else "compared, all equal")
        )
    cards = "".join(f"<div><dt>{what}</dt><dd>{value}<small>{of}</small></dd></div>" for what, value, of in figures)
    units = sum(spikes.shape[1] for spikes in facts.planes.values())
    return f"""<header>
<h1>{name}</h1>
<p class="lead">A spiking network in which every neuron spikes at most once per image: {units:,} units of
{facts.gates:,} threshold gates, a pipeline of {schedule.latency_cycles} clock cycles.</p>
<dl class="key">{cards}</dl>
</header>"""


def _how_often(interval_cycles: int) -> str:
    return "every clock" if interval_cycles == 1 else f"every {interval_cycles} clocks"


def _short(number: int) -> str:
    return f"{number / 1e6:,.1f} M" if number >= 1_000_000 else f"{number:,}"
