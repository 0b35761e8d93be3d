"""Proves that what synthesis made of a module is that module.

First register by register: Yosys finds the registers of one name in both and proves, by SAT, that equal registers and
equal inputs give equal next values and equal outputs.  All layers are fast that way, large ones too; it fails where
synthesis has removed or changed a register, and says nothing then.

What is not proved so is unrolled, both side by side with the same inputs, any of them, and any reset, from any states
of their own.  A module without state of its own forgets what it held after its latency, so with one cycle more unrolled
and only the last looked at, what is proved holds in every cycle.  One that keeps something (a folded unit its
potential, for as long as none enters) starts from power-up instead, and is proved for so many clock cycles as stand in
the verdict.  A netlist that is wrong ends here with a counterexample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from amos_hdl.errors import SynthesisError
from amos_hdl.synthesize.cell_models import cell_models
from amos_hdl.synthesize.families import Family
from amos_hdl.synthesize.tools import Tool, run_tool

#: Modules that one Yosys looks at: its start takes longer than a small proof.
MODULES_PER_RUN = 8
#: Latencies for which a module that keeps something is followed from power-up.
BOUNDED_LATENCIES = 3
_CELLS = "cells.v"


@dataclass(frozen=True)
class Subject:
    """A module to be proved equal to its netlist.

    Parameters
    ----------
    module : str
    sources : tuple of Path
        Its file, and those of all modules in it.
    latency_cycles : int
    keeps : bool
        What comes out may depend on what came in longer ago than the latency.
    """

    module: str
    sources: tuple[Path, ...]
    latency_cycles: int
    keeps: bool

    @property
    def cycles(self) -> int:
        """Clock cycles that are unrolled."""
        return BOUNDED_LATENCIES * self.latency_cycles if self.keeps else self.latency_cycles + 1


@dataclass(frozen=True)
class NetlistProof:
    """What came of one module.

    Members
    -------
    module : str
    verdict : {"proved", "refuted", "timeout"}
    registers : int
        Bits of registers and outputs that were compared one by one; 0 if it was unrolled instead.
    bound_cycles : int or None
        Clock cycles from power-up for which it is proved; None: for all.
    counterexample : str
        An output that differs: expected, got; empty unless refuted.
    variables, clauses : int
        Size of the problem that the solver got, if it was unrolled.
    """

    module: str
    verdict: Literal["proved", "refuted", "timeout"]
    registers: int
    bound_cycles: int | None
    counterexample: str
    variables: int
    clauses: int


def prove_netlists(
    yosys: Tool, subjects: Sequence[Subject], family: Family, work: Path, timeout_s: int
) -> Iterator[NetlistProof]:
    """Synthesize each of ``subjects`` for ``family``, and yield the proof of each as soon as it is known.

    Raises ToolError if Yosys fails or has no models of the cells, SynthesisError if its log does not say what came of
    a module.
    """
    for start in range(0, len(subjects), MODULES_PER_RUN):
        batch = subjects[start : start + MODULES_PER_RUN]
        synthesize_modules(yosys, batch, family, work)
        yield from prove_equal(yosys, batch, family, work, timeout_s)


def netlist_path(module: str, work: Path) -> Path:
    """Return where the netlist of ``module`` is."""
    return work / f"{module}_netlist.v"


def synthesize_modules(yosys: Tool, subjects: Sequence[Subject], family: Family, work: Path) -> None:
    """Write the netlist of each of ``subjects`` into ``work``, each synthesized alone."""
    work.mkdir(parents=True, exist_ok=True)
    script = []
    for subject in subjects:
        for path in subject.sources:
            (work / path.name).write_bytes(path.read_bytes())
        options = [option for option in (family.no_carry, family.no_block_ram) if option is not None]
        script += [
            "design -reset",
            f"read_verilog {' '.join(path.name for path in subject.sources)}",
            " ".join((*family.synth, *options, "-top", subject.module)),
            f"write_verilog -noattr {netlist_path(subject.module, work).name}",
        ]
    (work / "synthesize.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    run_tool(yosys, ["-q", "-s", "synthesize.ys"], folder=work, log="synthesize.log")


def prove_equal(
    yosys: Tool, subjects: Sequence[Subject], family: Family, work: Path, timeout_s: int
) -> Iterator[NetlistProof]:
    """Yield the proof of each of ``subjects``, whose netlists are in ``work``."""
    (work / _CELLS).write_text(cell_models(yosys, family), encoding="utf-8")
    _run(yosys, work, "compare", [line for subject in subjects for line in _by_register(subject)])
    for subject in subjects:
        status = _log(work, f"{subject.module}_registers.log")
        found = re.search(r"Of those cells (\d+) are proven and (\d+) are unproven", status)
        if found is None:
            raise SynthesisError("Yosys did not say what came of it", where=subject.module, got=repr(status[-200:]))
        if int(found[1]) and not int(found[2]):
            yield NetlistProof(subject.module, "proved", int(found[1]), None, "", 0, 0)
            continue
        _run(yosys, work, f"unroll_{subject.module}", _unrolled(subject, timeout_s))
        yield read_netlist_proof(subject, _log(work, f"{subject.module}.log"))


def _run(yosys: Tool, work: Path, name: str, script: Sequence[str]) -> None:
    (work / f"{name}.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    run_tool(yosys, ["-q", "-s", f"{name}.ys"], folder=work, log=f"{name}.run.log")


def _log(work: Path, name: str) -> str:
    path = work / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _both(subject: Subject) -> list[str]:
    """Return the commands that leave the module as ``gold`` and its netlist as ``gate``."""
    return [
        "design -reset",
        f"read_verilog {' '.join(path.name for path in subject.sources)}",
        *_flat(subject.module, "gold"),
        "design -reset",
        # the netlist has the name of the module, and nothing else of it
        # deferred: one of Lattice's memories, which no module here has, takes minutes to be read
        f"read_verilog -defer {netlist_path(subject.module, Path()).name} {_CELLS}",
        *_flat(subject.module, "gate"),
        "design -reset",
        "design -copy-from gold -as gold gold",
        "design -copy-from gate -as gate gate",
    ]


def _by_register(subject: Subject) -> list[str]:
    """Return the commands that compare registers and outputs one by one."""
    return [
        *_both(subject),
        # a signal of one name need not be there any more: what counts is what registers hold, and what comes out
        "cd gold",
        "select -set kept t:$*dff* %co1:+[Q] w:* %i i:* %u o:* %u",
        "rename -hide w:* @kept %d",
        "cd ..",
        "equiv_make gold gate equiv",
        "hierarchy -top equiv",
        "opt_clean",
        "equiv_simple -undef -short -seq 3",
        "equiv_simple -undef -seq 3",
        f"tee -q -o {subject.module}_registers.log equiv_status",
    ]


def _unrolled(subject: Subject, timeout_s: int) -> list[str]:
    """Return the commands that unroll both."""
    cycles = subject.cycles
    span = f"-seq {cycles}" if subject.keeps else f"-seq {cycles} -prove-skip {cycles - 1}"
    return [
        *_both(subject),
        "miter -equiv -flatten -make_outputs gold gate miter",
        "hierarchy -top miter",
        *([] if subject.keeps else ["setattr -unset init w:*"]),
        f"tee -q -o {subject.module}.log sat {span} -prove trigger 0 -timeout {timeout_s} -show-outputs miter",
    ]


def _flat(module: str, name: str) -> list[str]:
    return [
        f"hierarchy -check -top {module}",
        "proc",
        "flatten",
        "memory",
        "opt_clean",
        "async2sync",
        f"rename {module} {name}",
        f"design -stash {name}",
    ]


def read_netlist_proof(subject: Subject, log: str) -> NetlistProof:
    """Return what the log of one module says.  Raises SynthesisError if it says nothing."""
    size = re.search(r"Solving problem with (\d+) variables and (\d+) clauses", log)
    variables, clauses = (int(size[1]), int(size[2])) if size else (0, 0)
    bound = subject.cycles if subject.keeps else None
    if "no model found: SUCCESS!" in log and size:
        return NetlistProof(subject.module, "proved", 0, bound, "", variables, clauses)
    if "model found: FAIL!" in log:
        return NetlistProof(subject.module, "refuted", 0, bound, _difference(subject, log), variables, clauses)
    if "TIMEOUT" in log:
        return NetlistProof(subject.module, "timeout", 0, bound, "", variables, clauses)
    raise SynthesisError("the solver did not say what came of it", where=subject.module, got=repr(log[-200:]))


def _difference(subject: Subject, log: str) -> str:
    """Return the first output that differs in the solver's counterexample, in words."""
    row = re.compile(r"^\s+(\d+)\s+\\(gold|gate)_(\w+)\s+\S+\s+\S+\s+([01x]+)\s*$", re.MULTILINE)
    values = {(int(cycle), side, port): bits for cycle, side, port, bits in row.findall(log)}
    first = 1 if subject.keeps else subject.cycles
    for (cycle, side, port), expected in sorted(values.items()):
        got = values.get((cycle, "gate", port))
        if side == "gold" and cycle >= first and got is not None and got != expected:
            return f"{port}, clock cycle {cycle}: expected {_short(expected)}, got {_short(got)}"
    raise SynthesisError("the solver's counterexample is not complete", where=subject.module)


def _short(bits: str) -> str:
    return f"{len(bits)}'h{int(bits, 2):x}" if "x" not in bits else f"{len(bits)}'b{bits}"
