"""Netlists are proved equal to their Verilog; a netlist with one table or one wire changed is refuted."""

import re

import pytest

from amos_hdl.emit.generate import generate
from amos_hdl.emit.manifest import load_schedule
from amos_hdl.errors import SynthesisError
from amos_hdl.formal.netlist import Subject, netlist_path, prove_equal, prove_netlists, read_netlist_proof
from amos_hdl.network import store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.synthesize.families import FAMILIES
from amos_hdl.synthesize.tools import find_tool
from amos_hdl.verbs.prove_netlist import subjects_of

#: What the first parameter of a table is called in each family, and how wide it is.
TABLES = {"ecp5": r"\.INIT\(16'h([0-9a-f]{4})\)", "ice40": r"\.LUT_INIT\(16'h([0-9a-f]{4})\)"}


@pytest.fixture(scope="module")
def subjects(small_folder):
    rtl = small_folder / "rtl_out" / "small"
    manifest, schedule = load_schedule(store.load(small_folder / "models" / "small"), rtl)
    return subjects_of(manifest, schedule, rtl, ["sums", "winner"])


@pytest.mark.parametrize("family", ["ecp5", "ice40", "xilinx"])
def test_units_and_small_layers_are_proved(subjects, family, tmp_path):
    proofs = list(prove_netlists(find_tool("yosys"), subjects, FAMILIES[family], tmp_path, 120))
    assert [proof.module for proof in proofs] == [subject.module for subject in subjects]
    assert {proof.verdict for proof in proofs} == {"proved"}
    assert all(proof.registers > 0 or proof.clauses > 0 for proof in proofs)
    assert all(proof.bound_cycles is None and not proof.counterexample for proof in proofs)


@pytest.mark.parametrize("family", sorted(TABLES))
def test_changed_tables_are_refuted(subjects, family, tmp_path):
    """In a unit and in the layer that chooses the winner: another table, another reset, another bit of a port."""
    unit, winner = next(s for s in subjects if s.latency_cycles == 3 and "unit" in s.module), subjects[-1]
    yosys = find_tool("yosys")
    list(prove_netlists(yosys, [unit, winner], FAMILIES[family], tmp_path, 120))
    for subject in (unit, winner):
        path = netlist_path(subject.module, tmp_path)
        text = path.read_text()
        tables = list(re.finditer(TABLES[family], text))
        found = tables[len(tables) // 2]
        path.write_text(text[: found.start(1)] + f"{int(found[1], 16) ^ 0xFFFF:04x}" + text[found.end(1) :])
        (proof,) = prove_equal(yosys, [subject], FAMILIES[family], tmp_path, 120)
        assert proof.verdict == "refuted"
        assert re.fullmatch(r"\w+, clock cycle \d+: expected \d+'[hb]\w+, got \d+'[hb]\w+", proof.counterexample)


def test_a_folded_unit_is_proved_from_power_up(small, tmp_path):
    schedule = Schedule(small, HardwareOptions(folded=("hidden",)))
    manifest = generate(schedule, tmp_path / "rtl")
    folded = [subject for subject in subjects_of(manifest, schedule, tmp_path / "rtl", []) if subject.keeps]
    assert folded
    (proof,) = prove_netlists(find_tool("yosys"), folded[:1], FAMILIES["ice40"], tmp_path / "work", 120)
    assert proof.verdict == "proved"
    assert proof.registers > 0 or proof.bound_cycles == 3 * folded[0].latency_cycles


def test_a_log_that_says_nothing_is_no_proof(tmp_path):
    subject = Subject("m", (), 2, False)
    with pytest.raises(SynthesisError, match=r"^m: the solver did not say what came of it: got ''$"):
        read_netlist_proof(subject, "")
    with pytest.raises(SynthesisError, match="counterexample is not complete"):
        read_netlist_proof(subject, "SAT proof finished - model found: FAIL!")
    assert read_netlist_proof(subject, "Interrupted SAT solver: TIMEOUT!").verdict == "timeout"


def test_an_unknown_layer_is_named(small, tmp_path):
    schedule = Schedule(small, HardwareOptions())
    manifest = generate(schedule, tmp_path / "rtl")
    with pytest.raises(SynthesisError, match=r"layer: expected encoder, sums, .*, got 'other'$"):
        subjects_of(manifest, schedule, tmp_path / "rtl", ["other"])
