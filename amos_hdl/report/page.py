"""The report as one HTML file that needs nothing else: style, charting library and data stand inside it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from amos_hdl import __version__
from amos_hdl.errors import ToolError
from amos_hdl.report import charts
from amos_hdl.report.activity import ADD_PJ, MULTIPLY_PJ, Energy
from amos_hdl.report.facts import Facts
from amos_hdl.report.raster import choose, packed
from amos_hdl.report.staircase import Staircase, staircases
from amos_hdl.schedule import DenseSpec, UnitLayerSpec, estimate
from amos_hdl.synthesize.result import SynthesisResult

#: Layers whose firing rates are drawn; those of the others are in ``--json``.
RATE_CHARTS = 24
#: Milliseconds that the whole way through the network takes when played, and the fewest of one clock cycle.
_PLAY_MS, _LEAST_MS = 6000, 60
# nothing may be fetched, and no text be run as code
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def render(facts: Facts) -> str:
    """Return the page; the same bytes for the same facts and the same charting library.

    Raises ToolError if the charting library is not installed.
    """
    try:
        script = _library()
    except ImportError as failure:
        raise ToolError("vl-convert-python is not installed", hint='pip install "amos-hdl[report]"') from failure
    units = staircases(facts.schedule, facts.fitted)
    numbers = choose(facts.labels, facts.answers)
    raster = packed(facts, numbers)
    drawn = {"raster": charts.raster(raster)}
    for number, unit in enumerate(units):
        drawn |= {f"stairs{number}": charts.staircase(unit), f"gates{number}": charts.gates(unit)}
    for number, (name, spikes) in enumerate(list(facts.planes.items())[:RATE_CHARTS]):
        cycles = facts.schedule.spike_cycles(name).tolist()
        drawn[f"rates{number}"] = charts.rates(name, spikes.mean(axis=(0, 1)).tolist(), cycles, number)
    if facts.confusion is not None:
        drawn["confusion"] = charts.confusion(facts.confusion)
    name = escape(facts.network.name)
    sections = [
        _network(facts),
        _player(raster),
        _units(units),
        _rates(facts),
        _answers(facts),
        _hardware(facts),
        _activity(facts),
        _checks(facts),
        _commands(facts),
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


def _section(title: str, text: str, body: str) -> str:
    anchor = title.lower().replace(",", "").replace(" ", "-")
    intro = f"<p>{text}</p>\n" if text else ""
    heading = f'<h2 id="{anchor}-title">{title}</h2>'
    return f'<section id="{anchor}" aria-labelledby="{anchor}-title">\n{heading}\n{intro}{body}</section>\n'


def _chart(name: str, label: str) -> str:
    return f'<div class="chart" data-chart="{name}" role="img" aria-label="{escape(label)}"></div>'


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], text: Sequence[int] = ()) -> str:
    """Return a table; cells are HTML, columns ``text`` are aligned to the left."""

    def attributes(column: int) -> str:
        return ' class="text"' if column in text else ""

    header = "".join(f'<th scope="col"{attributes(n)}>{cell}</th>' for n, cell in enumerate(head))
    lines = []
    for row in rows:
        cells = "".join(f"<td{attributes(n)}>{cell}</td>" for n, cell in enumerate(row) if n)
        lines.append(f'<tr><th scope="row">{row[0]}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table><caption>{caption}</caption><thead><tr>{header}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>\n"
    )


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
        figures.append((_luts(best), f"{best.luts:,}", escape(best.target)))
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


def _network(facts: Facts) -> str:
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
            size = estimate(spec)
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
    return _section("Network", text, f'<ol class="blocks">{"".join(items)}</ol>\n{note}')


def _player(raster: Mapping[str, Any]) -> str:
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
{_chart("raster", "Spike raster of the chosen image: clock cycles to the right, layers downwards")}
<p class="note doing" id="doing"></p>
</div>
</div>
"""
    text = (
        "Each line is one gate, thick where it spiked; a gate has exactly one clock cycle in which it may spike. Grey "
        "bars are operations without spikes, while they work. Move the sliders, or let it play."
    )
    return _section("One image, clock by clock", text, body)


def _units(units: Sequence[Staircase]) -> str:
    if not units:
        return ""
    figures = []
    for number, unit in enumerate(units):
        shared = f"{unit.shared_by:,} units are like it" if unit.shared_by > 1 else "no other is like it"
        circuit, which = unit.circuit, f"{unit.layer}, unit {unit.unit}"
        levels = f"{circuit.gates} gates in {circuit.depth} level{'s' if circuit.depth > 1 else ''}"
        if unit.line is not None:
            follows = f"{unit.line}, error at most {unit.worst_error:.2g}"
        else:
            follows = "the staircase is the function: no other is known"
        figures.append(
            f"<figure><h3>{escape(which)}</h3>"
            f"<figcaption>{levels}; {shared}<br>{escape(follows)}</figcaption>"
            f"{_chart(f'stairs{number}', f'staircase of {which}')}"
            f"{_chart(f'gates{number}', f'potentials at which the gates of {which} spike')}</figure>\n"
        )
    text = (
        "A unit turns its potential x into spikes; y is what they stand for. "
        '<span class="legend"></span> staircase of the spikes, '
        '<span class="legend dashed"></span> the function it follows (a ReLU is rounded down); '
        "below, the potentials at which each gate spikes. A sample of the distinct units of each layer."
    )
    return _section("Units", text, f'<div class="grid">{"".join(figures)}</div>\n')


def _rates(facts: Facts) -> str:
    figures = []
    for number, (name, spikes) in enumerate(list(facts.planes.items())[:RATE_CHARTS]):
        per_image = spikes.sum(axis=(1, 2)).mean()
        text = f"{per_image:,.1f} spikes per image of {spikes.shape[1] * spikes.shape[2]:,} gates"
        chart = _chart(f"rates{number}", f"firing rate of each gate of {name}")
        figures.append(f"<figure><h3>{escape(name)}</h3><figcaption>{text}</figcaption>{chart}</figure>\n")
    rest = len(facts.planes) - len(figures)
    more = f'<p class="note">{rest} more layers are in the figures of --json.</p>' if rest > 0 else ""
    text = f"Fraction of a layer's units whose gate spikes, by gate, over {len(facts.images):,} test images."
    return _section("Firing rates", text, f'<div class="grid">{"".join(figures)}</div>{more}\n') if figures else ""


def _answers(facts: Facts) -> str:
    if facts.confusion is None or facts.accuracy is None:
        return ""
    matrix, total = facts.confusion, len(facts.images)
    wrong = [
        (int(matrix[t, a]), t, a) for t in range(len(matrix)) for a in range(len(matrix)) if t != a and matrix[t, a]
    ]
    wrong.sort(key=lambda entry: (-entry[0], *entry[1:]))
    rows = [(f"{t} taken for {a}", f"{count:,}", f"{100 * count / matrix[t].sum():.1f} %") for count, t, a in wrong[:8]]
    right = total - sum(count for count, *_ in wrong)
    kept = f"<p><strong>{100 * facts.accuracy:.2f} %</strong>: {right:,} of {total:,} test images are right."
    if facts.ann_accuracy is not None and facts.agreement is not None:
        lost = 100 * (facts.ann_accuracy - facts.accuracy)
        change = f"{abs(lost):.2f} points {'less' if lost > 0 else 'more'} than"
        kept += f" That is {change} the {100 * facts.ann_accuracy:.2f} % of the original network, which gives the same "
        kept += f"answer to {100 * facts.agreement:.2f} % of them."
    else:
        kept += " The answers of an original network were not given (<code>--reference</code>)."
    common = _table("Most frequent mistakes", ["", "images", "of the class"], rows) if rows else ""
    figure = f"<figure>{_chart('confusion', 'confusion matrix')}</figure>"
    body = f'<div class="two">{figure}<div>{kept}</p>{common}</div></div>\n'
    return _section("Answers", "", body)


def _luts(result: SynthesisResult) -> str:
    return "logic cells" if result.target.startswith("ice40") else "LUTs"


def _hardware(facts: Facts) -> str:
    remarks = "".join(f'<p class="note">{escape(remark)}</p>' for remark in facts.remarks)
    if not facts.synthesis:
        return _section("Hardware", "Synthesis was not run.", remarks)
    results, nothing = facts.synthesis, '<span class="unit-of">–</span>'

    def of(result: SynthesisResult, key: str, value: int) -> str:
        share = (result.percent or {}).get(key)
        return f"{value:,}" + (f' <span class="unit-of">{share:.1f} %</span>' if share is not None else "")

    def placed(value: float | None, unit: str, digits: int = 1) -> str:
        return nothing if value is None else f'{value:,.{digits}f} <span class="unit-of">{unit}</span>'

    rows: list[list[str]] = [
        ["LUTs (iCE40: logic cells)", *(of(r, "luts", r.luts) for r in results)],
        ["flip-flops", *(of(r, "flip_flops", r.flip_flops) for r in results)],
        ["carry cells", *(f"{r.carry_cells:,}" for r in results)],
        ["block RAMs", *(f"{r.block_rams:,}" for r in results)],
        ["DSP blocks", *(f"{r.dsps:,}" for r in results)],
        ["network alone, LUTs after Yosys", *(f"{r.network.lut_sites:,}" if r.network else nothing for r in results)],
        ["Fmax", *(placed(r.fmax_mhz, "MHz") for r in results)],
        ["aimed at", *(placed(r.frequency_mhz, "MHz", 0) for r in results)],
        ["latency", *(placed(r.latency_ns, f"ns, {r.latency_cycles} cycles") for r in results)],
        ["images per second", *(placed(r.images_per_second, "", 0) for r in results)],
    ]
    head = ["", *(f"{escape(r.target)}<br>{escape(r.device)}" for r in results)]
    tools = sorted({f"{name} {version}" for result in results for name, version in result.tools.items()})
    counted = {
        "nextpnr": "as placed and routed, within a harness with few pins",
        "yosys": "after Yosys alone, an estimate",
    }
    how = "; ".join(f"{escape(r.target)} {counted.get(r.counted_by, escape(r.counted_by))}" for r in results)
    caption = f"{how}. {escape(', '.join(tools))}"
    return _section("Hardware", "", f'<div class="figures">{_table(caption, head, rows)}</div>{remarks}')


def _activity(facts: Facts) -> str:
    activity = facts.activity
    if activity is None:
        return _section("Activity", "Nothing was simulated, so there are no toggles to count.", "")
    rows = [
        [
            escape(layer.name),
            f"{layer.gates:,}",
            f"{layer.spikes:,.1f}",
            f"{layer.spikes / layer.gates:.3f}",
            f"{layer.toggles:,.1f}",
            f"{layer.synaptic_operations:,.1f}",
        ]
        for layer in activity.layers
    ]
    if len(rows) > 1:
        gates = sum(layer.gates for layer in activity.layers)
        total = [f"{gates:,}", f"{activity.spikes:,.1f}", f"{activity.spikes / gates:.3f}", f"{activity.toggles:,.1f}"]
        rows.append(["all", *total, f"{activity.synaptic_operations:,.1f}"])
    head = ["layer", "gates", "spikes", "spikes per gate", "toggles", "synaptic operations"]
    caption = f"Per image, from {activity.images:,} images back to back through the compiled Verilog"
    text = (
        "A toggle is a change of a spike's wire: a gate that spikes for two images in a row stays high between them. A "
        "synaptic operation is the addition that a spike causes at each non-zero weight behind it."
    )
    return _section("Activity", text, _table(caption, head, rows) + _energy(activity.energy))


def _energy(energy: Energy | None) -> str:
    if energy is None:
        return ""
    return f"""<div class="estimate"><span class="tag">estimate</span>
<p>The arithmetic of one image takes about <strong>{energy.ratio:.2f} times</strong> the energy that the same network
with words instead of spikes would take ({energy.spikes_pj:,.1f} pJ against {energy.words_pj:,.1f} pJ with its
{energy.multiplications:,} multiplications).</p>
<p class="note">Spikes: one addition per synaptic operation and one comparison per gate. Words: one multiplication and
one addition per non-zero weight, one comparison per unit. An addition of b bits is taken as {ADD_PJ} pJ·b/32, a
multiplication of a by b bits as {MULTIPLY_PJ} pJ·a·b/32² (45 nm; M. Horowitz, ISSCC 2014; scaled to the network's
widths). Registers, clock and wires, which are most of an FPGA's power, are in neither: this compares operations, and
nothing was measured.</p></div>
"""


def _checks(facts: Facts) -> str:
    keys = list(dict.fromkeys(key for check in facts.checks for key in check.counts))
    rows = []
    for check in facts.checks:
        message = f'<br><span class="sub">{escape(check.message)}</span>' if check.message else ""
        counts = [f"{check.counts[key]:,}" if key in check.counts else "" for key in keys]
        rows.append(
            [
                escape(check.name) + message,
                f'<span class="{check.outcome.replace(" ", "-")}">{check.outcome}</span>',
                *counts,
            ]
        )
    text = (
        "Integers, compared for equality: every spike of every layer in its clock cycle. A spike that is missing, "
        "wrong, early, late or surplus fails."
    )
    head = ["check", "outcome", *(escape(key) for key in keys)]
    return _section("Checks", text, _table("", head, rows, text=(1,)))


def _commands(facts: Facts) -> str:
    return _section("Again", "What makes all of this again:", f"<pre>{escape(chr(10).join(facts.commands))}</pre>\n")
