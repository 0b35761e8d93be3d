"""Layers of gates that are tables are proved; a table, a clear or a wire that is changed is refuted."""

import re

import pytest

from amos_hdl.emit.generate import render
from amos_hdl.formal.prove import prove
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.synthesize.tools import find_tool
from tests.conftest import gate_network


def run(folder, change=lambda text: text):
    """Return the proofs of both layers, the Verilog of the first passed through ``change``."""
    schedule = Schedule(gate_network(), HardwareOptions())
    files, _ = render(schedule)
    layers = {"gates_hidden": schedule.specs["hidden"], "gates_last": schedule.specs["last"]}
    sources = {name: folder / f"{name}.v" for name in layers}
    for name, path in sources.items():
        path.write_text(change(files[f"{name}.v"]) if name == "gates_hidden" else files[f"{name}.v"])
    return list(prove(find_tool("yosys"), layers, sources, folder / "work", 300))


def test_tables_are_proved(tmp_path):
    proofs = run(tmp_path)
    assert [(proof.verdict, proof.counterexample) for proof in proofs] == [("proved", "")] * 2
    assert all(proof.clauses > 0 for proof in proofs)


def other_entry(match):
    return f"{match[1]}{int(match[2], 16) ^ 1:x}"


@pytest.mark.parametrize(
    ("pattern", "replacement", "words"),
    [
        (r"(TABLE_0_2 = \d+'h)([0-9a-f]+)", other_entry, r"unit 0, gate 2, clock cycle 1: expected"),
        (
            r"if \(!step\) spike_1_2 <= 1'h0;\s+else ",
            "",
            r"unit 1, gate 2, clock cycle 1: expected no spike, got a spike",
        ),
    ],
    ids=["an entry", "a clear"],
)
def test_anything_changed_is_refuted(tmp_path, pattern, replacement, words):
    def change(text):
        changed, count = re.subn(pattern, replacement, text)
        assert count == 1
        return changed

    first, second = run(tmp_path, change)
    assert (first.verdict, second.verdict) == ("refuted", "proved")
    assert re.search(words, first.counterexample), first.counterexample
