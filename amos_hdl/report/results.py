"""Sections of a report that show results: answers, hardware, activity, checks, and the commands that made them."""

from __future__ import annotations

from html import escape

from amos_hdl.report.activity import ADD_PJ, MULTIPLY_PJ, Energy
from amos_hdl.report.facts import Facts
from amos_hdl.report.markup import chart, section, table
from amos_hdl.synthesize.result import SynthesisResult


def answers(facts: Facts) -> str:
    """Return accuracy, confusion matrix and the most frequent mistakes; nothing for a network without classes."""
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
    common = table("Most frequent mistakes", ["", "images", "of the class"], rows) if rows else ""
    figure = f"<figure>{chart('confusion', 'confusion matrix')}</figure>"
    body = f'<div class="two">{figure}<div>{kept}</p>{common}</div></div>\n'
    return section("Answers", "", body)


def luts_name(result: SynthesisResult) -> str:
    """Return what the family of a result calls its LUTs."""
    return "logic cells" if result.target.startswith("ice40") else "LUTs"


def hardware(facts: Facts) -> str:
    """Return a table of synthesis results, a column for each target."""
    remarks = "".join(f'<p class="note">{escape(remark)}</p>' for remark in facts.remarks)
    if not facts.synthesis:
        return section("Hardware", "Synthesis was not run.", remarks)
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
    return section("Hardware", "", f'<div class="figures">{table(caption, head, rows)}</div>{remarks}')


def activity(facts: Facts) -> str:
    """Return what happens for one image, and the estimate of energy."""
    activity = facts.activity
    if activity is None:
        return section("Activity", "Nothing was simulated, so there are no toggles to count.", "")
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
    return section("Activity", text, table(caption, head, rows) + _energy(activity.energy))


def _energy(energy: Energy | None) -> str:
    if energy is None:
        return ""
    return f"""<div class="estimate"><span class="tag">estimate</span>
<p>The arithmetic of one image takes about <strong>{energy.ratio:.2f} times</strong> the energy that the same network
with words instead of spikes would take ({energy.spikes_pj:,.1f} pJ against {energy.words_pj:,.1f} pJ with its
{energy.multiplications:,} multiplications).</p>
<p class="note">Spikes: one addition per synaptic operation and one comparison per gate. Words: one multiplication and
one addition per non-zero weight, one comparison per unit. Pools and skips add, products multiply. An addition of b
bits is taken as {ADD_PJ} pJ·b/32, a multiplication of a by b bits as {MULTIPLY_PJ} pJ·a·b/32² (45 nm; M. Horowitz,
ISSCC 2014; scaled to the network's widths). Registers, clock and wires, which are most of an FPGA's power, are in
neither: this compares operations, and nothing was measured.</p></div>
"""


def checks(facts: Facts) -> str:
    """Return what was checked, what came of it, and how much was compared."""
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
    return section("Checks", text, table("", head, rows, text=(1,)))


def commands(facts: Facts) -> str:
    """Return the commands that make all of it again."""
    return section("Again", "What makes all of this again:", f"<pre>{escape(chr(10).join(facts.commands))}</pre>\n")
