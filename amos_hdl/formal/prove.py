"""Runs the proofs: Yosys' SAT solver on each unit's Verilog beside its golden module.

The unit is unrolled for one clock cycle more than its latency, from any state of its registers (values at power-up are
taken away) and with any legal traffic and resets; only the last cycle is looked at.  So what is proved holds in every
cycle: those before it are the past of some run, whatever it was.

A layer of units that are tables is proved in groups of units, each with the whole layer, of which Yosys drops what the
group does not see: thousands of gates in one problem are more than memory and time allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from amos_hdl.errors import SynthesisError
from amos_hdl.formal.golden_gates import golden_gates, groups
from amos_hdl.formal.golden_module import golden_module
from amos_hdl.schedule import GateLayerSpec, Port, UnitSpec
from amos_hdl.synthesize.tools import Tool, run_tool

#: Units that one Yosys looks at: its start takes longer than a small proof.
UNITS_PER_RUN = 8
#: Units of a layer of tables in one problem: with more of them the problem grows, with fewer the layer is flattened
#: more often.
GROUP_UNITS = 64
_WORST_FIRST = ("refuted", "timeout", "proved")


@dataclass(frozen=True)
class Proof:
    """What came of one unit, or of a layer of units that are tables.

    Members
    -------
    unit : str
        Name of its module.
    verdict : {"proved", "refuted", "timeout"}
    counterexample : str
        What differs, for which potential: gate, clock cycle after its entry, expected, got; empty unless refuted.
    variables, clauses : int
        Size of the problem that the solver got; of a layer, of those of all its groups together.
    """

    unit: str
    verdict: Literal["proved", "refuted", "timeout"]
    counterexample: str
    variables: int
    clauses: int


@dataclass(frozen=True)
class _Problem:
    """What the solver gets at once: a unit, or ``units`` of a layer; ``name`` is that of its files."""

    name: str
    spec: UnitSpec | GateLayerSpec
    units: range


def prove(
    yosys: Tool,
    units: Mapping[str, UnitSpec | GateLayerSpec],
    sources: Mapping[str, Path],
    work: Path,
    timeout_s: int,
    group_units: int = GROUP_UNITS,
) -> Iterator[Proof]:
    """Yield the proof of every unit, in order, as soon as it is known.

    Parameters
    ----------
    yosys : Tool
    units : mapping of module name to UnitSpec, or to GateLayerSpec: units that are tables are proved layer by layer
    sources : mapping of module name to Path
        The Verilog file of each.
    work : Path
        Folder for golden modules, scripts and logs; made if missing.
    timeout_s : int
        Seconds for each unit, and for each group of units.
    group_units : int
        Units of a layer in one group, 1 or more.

    Raises
    ------
    CircuitError
        If a unit has too many potentials and gates for its golden module.
    ToolError
        If Yosys fails.
    SynthesisError
        If its log does not say what came of a unit.
    """
    work.mkdir(parents=True, exist_ok=True)
    names = list(units)
    for start in range(0, len(names), UNITS_PER_RUN):
        batch = names[start : start + UNITS_PER_RUN]
        problems = {name: _problems(name, units[name], group_units) for name in batch}
        script = []
        for name in batch:
            (work / f"{name}.v").write_bytes(sources[name].read_bytes())
            # read once for all groups, of which each takes a copy
            script += ["design -reset", f"read_verilog {name}.v", "proc", "opt_clean", "design -save module"]
            for problem in problems[name]:
                (work / f"{problem.name}_golden.v").write_text(_golden(name, problem), encoding="utf-8")
                (work / f"{problem.name}.log").unlink(missing_ok=True)
                script += _commands(problem, timeout_s)
        (work / "prove.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
        run_tool(yosys, ["-q", "-s", "prove.ys"], folder=work, log=f"yosys{start}.log")
        for name in batch:
            yield _whole(name, [_outcome(problem, work / f"{problem.name}.log") for problem in problems[name]])


def _problems(name: str, spec: UnitSpec | GateLayerSpec, group_units: int) -> list[_Problem]:
    """Return what is proved of a unit or a layer."""
    if isinstance(spec, GateLayerSpec):
        return [_Problem(f"{name}_units{units.start}", spec, units) for units in groups(spec, group_units)]
    return [_Problem(name, spec, range(1))]


def _golden(name: str, problem: _Problem) -> str:
    if isinstance(problem.spec, GateLayerSpec):
        return golden_gates(problem.spec, name, f"{problem.name}_golden", problem.units)
    return golden_module(problem.spec, name, f"{problem.name}_golden")


def _commands(problem: _Problem, timeout_s: int) -> list[str]:
    """Return the Yosys commands of one proof."""
    name, cycles = problem.name, problem.spec.latency_cycles
    shown = ["due_spikes", "spikes", "y_is_due", "due_y", "y", *(f"x_{cycle}" for cycle in range(1, cycles + 1))]
    shown += ["valid"] if isinstance(problem.spec, GateLayerSpec) else []
    return [
        "design -load module",
        f"read_verilog {name}_golden.v",
        f"prep -flatten -top {name}_golden",
        "setattr -unset init w:*",
        f"tee -q -o {name}.log sat -seq {cycles + 1} -prove-skip {cycles} -prove wrong 0 "
        f"-timeout {timeout_s} -show {','.join(shown)} {name}_golden",
    ]


def _outcome(problem: _Problem, log: Path) -> Proof:
    text = log.read_text(encoding="utf-8") if log.is_file() else ""
    return read_proof(problem.name, problem.spec, text, problem.units)


def _whole(name: str, proofs: Sequence[Proof]) -> Proof:
    """Return the worst of ``proofs``, of which all must hold, as that of ``name``."""
    worst = min(proofs, key=lambda proof: _WORST_FIRST.index(proof.verdict))
    variables, clauses = sum(proof.variables for proof in proofs), sum(proof.clauses for proof in proofs)
    return replace(worst, unit=name, variables=variables, clauses=clauses)


def read_proof(name: str, spec: UnitSpec | GateLayerSpec, log: str, units: range = range(1)) -> Proof:
    """Return what the log of one problem says, of a layer that of ``units``.  Raises SynthesisError if it is silent."""
    size = re.search(r"Solving problem with (\d+) variables and (\d+) clauses", log)
    variables, clauses = (int(size[1]), int(size[2])) if size else (0, 0)
    if "no model found: SUCCESS!" in log and size:
        return Proof(name, "proved", "", variables, clauses)
    if "model found: FAIL!" in log:
        if isinstance(spec, GateLayerSpec):
            found = _gates_counterexample(spec, units, log)
        else:
            found = _counterexample(spec, log)
        return Proof(name, "refuted", found, variables, clauses)
    if "TIMEOUT" in log:
        return Proof(name, "timeout", "", variables, clauses)
    raise SynthesisError("the solver did not say what came of it", where=name, got=repr(log[-200:]))


def _last_row(cycle: int, log: str) -> dict[str, str]:
    """Return the bits of each signal in the clock cycle that is looked at."""
    row = re.compile(rf"^\s+{cycle + 1}\s+\\(\w+)\s+\S+\s+\S+\s+([01]+)\s*$", re.MULTILINE)
    return dict(row.findall(log))


def _counterexample(spec: UnitSpec, log: str) -> str:
    """Return the first difference that the solver found, in words."""
    bits = _last_row(spec.latency_cycles, log)
    try:
        for gate in range(spec.circuit.gates):
            due, got = (bits[key][-1 - gate] for key in ("due_spikes", "spikes"))
            if due != got:
                cycle = spec.spike_cycle(gate)
                x = _number(bits[f"x_{cycle}"], spec.potential.signed)
                words = ["no spike", "a spike"]
                place = f"x = {x}, gate {gate + 1}, clock cycle {cycle}"
                return f"{place}: expected {words[int(due)]}, got {words[int(got)]}"
        x = _number(bits[f"x_{spec.latency_cycles}"], spec.potential.signed)
        due, got = (str(_number(bits[key], spec.value.signed)) for key in ("due_y", "y"))
    except (KeyError, IndexError) as error:
        raise SynthesisError("the solver's counterexample is not complete", expected=str(error)) from error
    return f"x = {x}, y, clock cycle {spec.latency_cycles}: expected {due}, got {got}"


def _gates_counterexample(spec: GateLayerSpec, units: range, log: str) -> str:
    """Return the first spike that differs, in words; the bits that its sum sees are those of the layer's inputs."""
    bits = _last_row(spec.latency_cycles, log)
    try:
        due, got, x = (bits[key][::-1] for key in ("due_spikes", "spikes", "x_1"))
        number = next((n for n, pair in enumerate(zip(due, got, strict=True)) if pair[0] != pair[1]), None)
        if number is None and bits["valid"] != bits["y_is_due"]:
            return f"out_valid, clock cycle {spec.latency_cycles}: expected {bits['y_is_due']}, got {bits['valid']}"
        if number is None:
            these = f"units {units[0]} to {units[-1]}"
            return f"y of {these}, clock cycle {spec.latency_cycles}: expected {bits['due_y']}, got {bits['y']}"
        nth, gate = divmod(number, spec.operation.gates)
        unit = units[nth]
        width = Port.of(spec.source).word_bits
        words = np.flatnonzero(spec.sums.weights[unit]).tolist()
        seen = ", ".join(
            f"x{word} = {_number(x[word * width : (word + 1) * width][::-1], spec.source.signed)}" for word in words
        )
    except (KeyError, IndexError) as error:
        raise SynthesisError("the solver's counterexample is not complete", expected=str(error)) from error
    spike = ["no spike", "a spike"]
    place = f"unit {unit}, gate {gate + 1}, clock cycle {spec.latency_cycles}"
    return f"{seen}, {place}: expected {spike[int(due[number])]}, got {spike[int(got[number])]}"


def _number(bits: str, signed: bool) -> int:
    value = int(bits, 2)
    return value - (1 << len(bits)) if signed and bits[0] == "1" else value
