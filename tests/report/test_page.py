"""The page as text: whole, the same every time, nothing from outside, figures of the results, names only as text."""

import base64
import json
import re
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import vl_convert

from amos_hdl.errors import DataError, ToolError
from amos_hdl.network import Network
from amos_hdl.report.facts import Check, chosen_images, stored_results
from amos_hdl.report.page import render
from amos_hdl.report.raster import FIRST_IMAGES, WRONG_IMAGES, choose, lanes, packed, picture_shape
from amos_hdl.schedule import HardwareOptions, Schedule
from tests.conftest import map_network, small_network
from tests.report.conftest import make_facts


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def without_library(page: str) -> str:
    head, _, rest = page.partition('<script type="module">')
    return head + rest.partition('<script type="module">')[2]


def test_the_same_bytes_every_time():
    assert render(make_facts()) == render(make_facts())


def test_nothing_comes_from_outside():
    page = render(make_facts())
    assert page.count("</script>") == 3, "the data, the library, the page's own: an end tag within one would end it"
    own = without_library(page)
    assert re.findall(r'(?:src|href|action)="([^"]*)"', own) == ["data:,"]
    assert "@import" not in own and "url(" not in own and "http" not in own.replace("http-equiv", "")
    assert "default-src 'none'" in own


def test_every_specification_is_one():
    """Vega-Lite itself compiles each chart."""
    charts = data_of(render(make_facts()))["charts"]
    assert {"raster", "stairs0", "gates0", "rates0", "rates1", "confusion"} <= set(charts)
    for chart in charts.values():
        vl_convert.vegalite_to_vega({**chart, "width": 300})


def test_text_from_files_is_only_text():
    nasty = '</script><script>alert("x")</script>&<img src=x onerror=alert(1)>'
    facts = make_facts(
        checks=[Check(nasty, "failed", {nasty: 1}, nasty)], remarks=[nasty], commands=[f"amos-hdl report {nasty}"]
    )
    page = without_library(render(facts))
    assert nasty not in page and "<img" not in page and "<script>alert" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") == 5
    assert data_of(page)


def test_spikes_of_the_raster_are_those_of_the_golden_model():
    facts = make_facts()
    data = packed(facts, np.arange(20))
    spiking = [lane for lane in data["lanes"] if lane["units"]]
    for number, shown in enumerate(data["images"]):
        bits = np.unpackbits(np.frombuffer(base64.b64decode(shown["spikes"]), np.uint8), bitorder="little")
        at = 0
        for lane in spiking:
            spikes = facts.trace.spikes[lane["name"]][number]
            assert bits[at : at + spikes.size].reshape(spikes.shape).tolist() == spikes.astype(int).tolist()
            assert lane["cycles"] == facts.schedule.spike_cycles(lane["name"]).tolist()
            at += spikes.size
        assert shown["count"] == bits.sum() == sum(s[number].sum() for s in facts.trace.spikes.values())
        assert shown["answer"] == facts.trace.values["winner"][number, 0]
        assert shown["scores"] == facts.trace.values["logits"][number].tolist()
        picture = np.frombuffer(base64.b64decode(shown["picture"]), np.uint8)
        assert picture.tolist() == (facts.images[number] * 255 // 16).tolist()
    assert data["ready"] == {"scores": facts.schedule.ready["logits"], "answer": facts.schedule.latency_cycles}


def test_lanes_follow_the_schedule_and_large_layers_are_sampled(monkeypatch):
    schedule = Schedule(small_network(), HardwareOptions())
    made = lanes(schedule)
    assert [lane.name for lane in made] == list(schedule.specs)
    for lane in made:
        assert lane.end == schedule.ready[lane.name]
        assert lane.end - lane.start == schedule.specs[lane.name].latency_cycles
    assert all(below.top > above.bottom for above, below in pairwise(made))
    monkeypatch.setattr("amos_hdl.report.raster.UNITS_SHOWN", 3)
    hidden = next(lane for lane in lanes(schedule) if lane.name == "hidden")
    assert hidden.shown.tolist() == [0, 2, 5] and hidden.caption == "hidden · 6 units × 3 gates, 3 of them shown"


@pytest.mark.parametrize(
    ("network", "options"),
    [(map_network(), HardwareOptions()), (map_network(), HardwareOptions(interval=300)),
     (small_network(), HardwareOptions(folded=("sums=1x3", "hidden=2")))],
    ids=["maps", "maps, folded", "units that share comparators"],
)  # fmt: skip
def test_each_spike_of_the_raster_is_at_its_own_clock_cycle(network, options):
    facts = replace(make_facts(network, shape=(1, 1, network.input.units)), schedule=Schedule(network, options))
    data = packed(facts, np.arange(5))
    spiking = [lane for lane in data["lanes"] if lane["units"]]
    for number, shown in enumerate(data["images"]):
        bits = np.unpackbits(np.frombuffer(base64.b64decode(shown["spikes"]), np.uint8), bitorder="little").tolist()
        for lane in spiking:
            name = lane["name"]
            cycles, pixels = facts.schedule.spike_cycles(name), facts.schedule.timings[name].cycles()
            # (channel, row, column, gate), of units that are no map one row and column
            spikes = facts.trace.spikes[name][number]
            spikes = spikes.reshape(-1, *pixels.shape, spikes.shape[-1])
            assert len(lane["units"]) == len(set(lane["units"])) == min(64, spikes[..., 0].size)
            assert lane["later"][0] == 0 and lane["end"] == facts.schedule.ready[name] + pixels[-1, -1] - pixels[0, 0]
            for unit, later in zip(lane["units"], lane["later"], strict=True):
                channel, row, column = np.unravel_index(unit, spikes.shape[:-1])
                for gate, cycle in enumerate(lane["cycles"]):
                    at = cycles[gate] if cycles.ndim == 1 else cycles[channel, gate]
                    assert cycle + later == at + pixels[row, column] - pixels[0, 0]
                    assert bits.pop(0) == spikes[channel, row, column, gate]
    assert max(later for lane in spiking for later in lane["later"]) > 0


def test_images_that_are_wrong_are_among_those_shown():
    answers = np.zeros(100, np.int64)
    labels = answers.copy()
    labels[[3, *range(40, 60)]] = 1
    shown = choose(labels, answers)
    assert shown.tolist() == [*range(FIRST_IMAGES), *range(40, 40 + WRONG_IMAGES)]
    assert choose(labels[:5], None).tolist() == [0, 1, 2, 3, 4]


def test_figures_are_those_of_the_facts():
    facts = make_facts(count=48)
    original = facts.labels.copy()
    original[:12] = (original[:12] + 1) % 5
    facts = replace(facts, reference=original)
    page = render(facts)
    agreement = sum(a == b for a, b in zip(original, facts.answers, strict=True)) / 48
    right = int((facts.answers == facts.labels).sum())
    assert facts.confusion.sum() == 48 and np.trace(facts.confusion) == right == round(48 * facts.accuracy)
    counts = Counter(zip(facts.labels.tolist(), facts.answers.tolist(), strict=True))
    assert {place: int(facts.confusion[place]) for place in counts} == counts
    assert f"{100 * facts.accuracy:.2f} %" in page and f"{right} of 48 test images are right" in page
    assert f"{75 - 100 * facts.accuracy:.2f} points less than the 75.00 % of the original network" in page
    assert facts.agreement == agreement and f"answer to {100 * agreement:.2f} % of them" in page
    assert "<strong>0.25 times</strong>" in page and '<span class="tag">estimate</span>' in page
    assert "Synthesis was not run." in page
    data = facts.as_dict()
    assert json.loads(json.dumps(data))["confusion"] == facts.as_dict()["confusion"]
    assert data["activity"]["energy"] == {
        "spikes_pj": 1.0, "words_pj": 4.0, "multiplications": 54, "is": "estimate", "ratio": 0.25,
    }  # fmt: skip


def test_a_network_without_a_class_has_no_answers():
    operations, facts = small_network().operations[:-1], make_facts()
    scored = Network("sample", operations, ("logits",))
    assert (replace(facts, schedule=Schedule(scored, HardwareOptions())).answers == facts.answers).all()
    network = Network("sample", operations, ("hidden", "logits"))
    bare = replace(facts, schedule=Schedule(network, HardwareOptions()), activity=None)
    page = render(bare)
    assert bare.accuracy is None and "confusion" not in data_of(page)["charts"]
    assert 'id="answers"' not in page and "Nothing was simulated" in page


def test_no_images_and_other_images_are_refused():
    with pytest.raises(DataError, match="no images"):
        chosen_images(None, "small")
    assert picture_shape(small_network(), None) == (1, 3, 3)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ToolError, match=r"vl-convert-python is not installed.*amos-hdl\[report\]"):
        render(make_facts())


def test_results_of_other_verilog_are_left_out(tmp_path):
    assert stored_results(tmp_path, [], tmp_path) == ([], [])
    (tmp_path / "ecp5-25k").mkdir()
    (tmp_path / "ecp5-25k" / "result.json").write_text("{}")
    found, remarks = stored_results(tmp_path, [], tmp_path)
    assert found == [] and "not a synthesis result" in remarks[0]
