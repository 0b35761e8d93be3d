"""Layers of gates that are tables are proved; a table, a clear or a wire that is changed is refuted."""

import re

import pytest

from amos_hdl.emit.generate import render
from amos_hdl.formal.golden_gates import groups
from amos_hdl.formal.prove import GROUP_UNITS, prove
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.synthesize.tools import find_tool
from tests.conftest import gate_network


def run(folder, change=lambda text: text, group_units=GROUP_UNITS, timeout_s=300):
    """Return the proofs of both layers, the Verilog of the first passed through ``change``."""
    schedule = Schedule(gate_network(), HardwareOptions())
    files, _ = render(schedule)
    layers = {"gates_hidden": schedule.specs["hidden"], "gates_last": schedule.specs["last"]}
    sources = {name: folder / f"{name}.v" for name in layers}
    for name, path in sources.items():
        path.write_text(change(files[f"{name}.v"]) if name == "gates_hidden" else files[f"{name}.v"])
    return list(prove(find_tool("yosys"), layers, sources, folder / "work", timeout_s, group_units))


def test_tables_are_proved(tmp_path):
    proofs = run(tmp_path)
    assert [(proof.verdict, proof.counterexample) for proof in proofs] == [("proved", "")] * 2
    assert all(proof.clauses > 0 for proof in proofs)


@pytest.mark.parametrize("size", [1, 4, 6, 64])
def test_every_unit_is_in_one_group(size):
    spec = Schedule(gate_network(), HardwareOptions()).specs["hidden"]
    found = groups(spec, size)
    assert [unit for group in found for unit in group] == list(range(len(spec.modules)))
    assert sum(map(len, found)) == spec.result.units == 6
    assert all(len(group) == size for group in found[:-1])


def test_every_group_is_proved(tmp_path):
    """Six units in groups of four and two, five in four and one: each of the four has a problem of its own."""
    whole, grouped = run(tmp_path), run(tmp_path, group_units=4)
    logs = sorted(path.name for path in (tmp_path / "work").glob("*_units*.log"))
    assert logs == [
        "gates_hidden_units0.log",
        "gates_hidden_units4.log",
        "gates_last_units0.log",
        "gates_last_units4.log",
    ]
    assert [(proof.unit, proof.verdict) for proof in grouped] == [(proof.unit, "proved") for proof in whole]
    # what the groups share, the valid bit and the reset, is in each of them
    assert all(parts.clauses > one.clauses for parts, one in zip(grouped, whole, strict=True))


def other_entry(match):
    return f"{match[1]}{int(match[2], 16) ^ 1:x}"


@pytest.mark.parametrize(
    ("pattern", "replacement", "words"),
    [
        (r"(TABLE_0_2 = \d+'h)([0-9a-f]+)", other_entry, r"unit 0, gate 2, clock cycle 1: expected"),
        (
            r"spike_1_2 <= 1'h0;",
            "spike_1_2 <= fires_1_2;",
            r"unit 1, gate 2, clock cycle 1: expected no spike, got a spike",
        ),
        (r"(TABLE_5_1 = \d+'h)([0-9a-f]+)", other_entry, r"unit 5, gate 1, clock cycle 1: expected"),
        (r"(y\[17:15\] = )", r"\1~", r"y of units \d to 5, clock cycle 1: expected \d+, got \d+$"),
        (r"out_valid <= step", "out_valid <= in_valid", r"^out_valid, clock cycle 1: expected 0, got 1$"),
    ],
    ids=["an entry", "a clear", "an entry of the last unit", "y of the last unit", "a valid bit in reset"],
)
@pytest.mark.parametrize("group_units", [GROUP_UNITS, 4])
def test_anything_changed_is_refuted(tmp_path, pattern, replacement, words, group_units):
    def change(text):
        changed, count = re.subn(pattern, replacement, text)
        assert count == 1
        return changed

    first, second = run(tmp_path, change, group_units)
    assert (first.verdict, second.verdict) == ("refuted", "proved")
    assert re.search(words, first.counterexample), first.counterexample
