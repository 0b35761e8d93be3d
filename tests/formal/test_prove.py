"""Every architecture is proved; anything changed in its Verilog is refuted, with a counterexample that holds."""

import re

import pytest

from amos_hdl.circuit import ThresholdCircuit, quantizer, relu
from amos_hdl.emit.generate import render
from amos_hdl.emit.modules import unit_modules
from amos_hdl.errors import CircuitError, SynthesisError
from amos_hdl.formal.golden_module import golden_module
from amos_hdl.formal.prove import prove, read_proof
from amos_hdl.network import store
from amos_hdl.schedule import HardwareOptions, Schedule, UnitSpec
from amos_hdl.synthesize.tools import find_tool
from tests.conftest import ROOT
from tests.units import CIRCUITS, FOLDABLE, units_network


def run(schedule, folder, change=lambda name, text: text):
    """Return the proofs of all units of a schedule, their Verilog passed through ``change``."""
    files, _ = render(schedule)
    units = {name: spec for spec, name in unit_modules(schedule).items()}
    sources = {}
    for name in units:
        sources[name] = folder / f"{name}.v"
        sources[name].write_text(change(name, files[f"units/{name}.v"]))
    return units, list(prove(find_tool("yosys"), units, sources, folder / "work", 300))


@pytest.mark.parametrize("folded", [False, True])
def test_every_architecture_is_proved(tmp_path, folded):
    network = units_network(FOLDABLE if folded else CIRCUITS)
    options = HardwareOptions(folded=network.outputs if folded else ())
    units, proofs = run(Schedule(network, options), tmp_path)
    assert [proof.verdict for proof in proofs] == ["proved"] * len(units)
    assert all(proof.clauses > 0 and not proof.counterexample for proof in proofs)


@pytest.mark.parametrize("folded", [False, True])
def test_units_that_add_weights_are_proved(tmp_path, folded):
    """Also where a table would be smaller."""
    circuits = {n: c for n, c in (FOLDABLE if folded else CIRCUITS).items() if not c.is_table and c.depth > 1}
    network = units_network(circuits)
    schedule = Schedule(network, HardwareOptions(folded=network.outputs if folded else ()))
    for spec in unit_modules(schedule):
        vars(spec).update(lookups=(spec.lookups[0],) + (None,) * (spec.circuit.gates - 1), rom=None)
    _, proofs = run(schedule, tmp_path)
    assert [proof.verdict for proof in proofs] == ["proved"] * len(circuits)


def test_all_units_of_the_digits_are_proved(tmp_path):
    schedule = Schedule(store.load(ROOT / "models" / "digits"), HardwareOptions())
    units, proofs = run(schedule, tmp_path)
    assert len(units) == 32
    assert [proof.verdict for proof in proofs] == ["proved"] * 32


def test_units_that_do_not_look_are_proved_and_refuted(tmp_path):
    """What shows a counterexample stays in the problem, though no spike and no y depends on the potential."""
    always, never = quantizer([-999]), quantizer([999])
    network = units_network(
        {"one": always, "two": never, "three": ThresholdCircuit((0,), (0,), (1,), 3, (1,), ((0,),))}
    )
    schedule = Schedule(network, HardwareOptions())
    _, proofs = run(schedule, tmp_path)
    assert [proof.verdict for proof in proofs] == ["proved"] * 3

    def wrong(name, text):
        # a gate that always spikes, or never does, is no comparison
        silent = text.replace("wire spikes;", "reg spikes = 1'h0;") if "spikes = 1'h0;" in text else text
        silent = silent.replace("assign spikes = 1'h0;", "always @(posedge clk) spikes <= step;")
        return silent.replace("spikes <= fire_1;", "spikes <= ~fire_1;")

    _, proofs = run(schedule, tmp_path, wrong)
    assert [proof.verdict for proof in proofs] == ["refuted"] * 3


def other_constant(match):
    return f"{match[1]}{int(match[2], 16) ^ 1:x}"


CHAIN = "serial mixed gains table"
#: name: (circuit, folded, pattern, replacement)
MUTATIONS = {
    "threshold": ("serial table", False, r"(above_1 = .*?\d+'h)([0-9a-f]+)", other_constant),
    "threshold of the last gate": ("serial table", False, r"(threshold_4\w* = .*?\d+'h)([0-9a-f]+)", other_constant),
    ">= into >": ("flash table", False, r"above_7 = (.*) >= ", r"above_7 = \1 > "),
    "staged threshold": ("staged by three", False, r"(threshold_9_\w* = .*?\d+'h)([0-9a-f]+)", other_constant),
    "<= into <": (CHAIN, False, r"above_2 = (.*) <= ", r"above_2 = \1 < "),
    "no delay": ("serial table", False, r"always @\(posedge clk\)\s+spike_1_at_3 <=", "always @* spike_1_at_3 ="),
    "step not looked at": ("flash table", False, r"fire_2 = step & ", "fire_2 = "),
    "step of another gate": ("serial table", False, r"fire_3 = step\[2\] & ", "fire_3 = step[1] & "),
    "value": ("flash not monotone", False, r"(value\w* = .*?\d+'h)([0-9a-f]+)", other_constant),
    "folded threshold": ("serial table", True, r"(threshold_0\w* = .*?\d+'h)([0-9a-f]+)", other_constant),
    "folded >= into >": ("serial table", True, r"reached = (.*) >= ", r"reached = \1 > "),
    "code not started anew": ("serial table", True, r"(\[3:1\] <= 3'h)1", r"\g<1>0"),
    "potential not held": ("serial table", True, r"if \(step\[0\]\) potential_held", "potential_held"),
    "inversion": (CHAIN, True, r"above = reached \^ ", "above = reached | "),
    "two spikes": ("serial table", True, r"fire_2 = step\[1\] & ", "fire_2 = (step[1] | step[2]) & "),
}


def test_mutations_are_refuted(tmp_path):
    """One network per kind, all its mutants at once; the first wrong spike, or y, that is named is wrong indeed."""
    for folded in (False, True):
        chosen = {name: m for name, m in MUTATIONS.items() if m[1] == folded}
        # distinct thresholds, or equal units would share a module: each mutant is of a unit of its own
        circuits = {name: CIRCUITS[m[0]].shift_input(number) for number, (name, m) in enumerate(chosen.items())}
        network = units_network({f"mutant{number}": circuit for number, circuit in enumerate(circuits.values())})
        schedule = Schedule(network, HardwareOptions(folded=network.outputs if folded else ()))
        names = {f"units_unit{number}": name for number, name in enumerate(chosen)}

        def mutate(module, text, chosen=chosen, names=names):
            _, _, pattern, replacement = chosen[names[module]]
            changed, count = re.subn(pattern, replacement, text, count=1)
            assert count == 1, f"{names[module]}: {pattern} not found in\n{text}"
            return changed

        folder = tmp_path / str(folded)
        folder.mkdir()
        _, proofs = run(schedule, folder, mutate)
        for proof in proofs:
            name = names[proof.unit]
            assert proof.verdict == "refuted", name
            check_counterexample(proof.counterexample, circuits[name])


def check_counterexample(text, circuit):
    """The golden model must say of this potential what the counterexample says is due."""
    spike = re.fullmatch(r"x = (-?\d+), gate (\d+), clock cycle (\d+): expected (a|no) spike, got (a|no) spike", text)
    if spike:
        x, gate = int(spike[1]), int(spike[2]) - 1
        assert spike[4] != spike[5] and int(spike[3]) == circuit.level_of(gate)
        # without an image there is none to be due, whatever the potential
        assert spike[4] == "no" or bool(circuit.spikes(x)[gate])
        return
    value = re.fullmatch(r"x = (-?\d+), y, clock cycle (\d+): expected (-?\d+), got (-?\d+)", text)
    assert value, text
    assert int(circuit.value(int(value[1]))) == int(value[3]) != int(value[4])
    assert int(value[2]) == circuit.depth


def test_what_a_log_says():
    spec = UnitSpec(quantizer([3]), 0, 7, 0, 1)
    size = "Solving problem with 12 variables and 34 clauses..\n"
    assert read_proof("u", spec, size + "Interrupted SAT solver: TIMEOUT!").verdict == "timeout"
    # a success without a problem that was solved is none
    for text in ("", "no model found: SUCCESS!", size):
        with pytest.raises(SynthesisError, match="u: the solver did not say what came of it"):
            read_proof("u", spec, text)
    with pytest.raises(SynthesisError, match="counterexample is not complete"):
        read_proof("u", spec, size + "model found: FAIL!")


def test_potentials_without_end_are_refused():
    golden_module(UnitSpec(relu(9), 0, 1 << 40, 0, 511), "u", "g")  # nine gates: the steps are known
    with pytest.raises(CircuitError, match=r"^staircase of a unit: expected at most 1048576 potentials, or"):
        golden_module(UnitSpec(relu(20), 0, 1 << 40, 0, (1 << 20) - 1), "u", "g")
