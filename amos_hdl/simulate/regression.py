"""Running a list of simulations, and one JUnit XML for all of them."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from amos_hdl.errors import AmosError, ToolError
from amos_hdl.simulate.build import Build, build
from amos_hdl.simulate.icarus import build_icarus
from amos_hdl.simulate.regression_list import Entry, RegressionList, read_regression_list
from amos_hdl.simulate.run import SimulationResult, run
from amos_hdl.simulate.verilator import Verilator, find_verilator

__all__ = [
    "Entry",
    "EntryResult",
    "RegressionList",
    "RegressionResult",
    "read_regression_list",
    "run_regression",
    "write_junit",
]

Simulator = Literal["verilator", "icarus"]
"""What runs the Verilog under the testbenches."""

Resolver = Callable[[Entry], tuple[Sequence[Path], Sequence[Path], str]]
"""Entry to (Verilog sources, control files, top module)."""

Prepare = Callable[[Entry, int, Path], Mapping[str, Any]]
"""(Entry, seed, folder of the run) to more keys of the job, such as the name of a file of expected spikes."""


@dataclass(frozen=True)
class EntryResult:
    """One entry with one seed.

    Members
    -------
    entry : Entry
        What was run.
    seed : int
        With which seed.
    build : Build or None
        None if it could not be built.
    simulation : SimulationResult or None
        None if it could not be built or run to its end.
    error : str
        Why there is no simulation; empty if there is one.
    """

    entry: Entry
    seed: int
    build: Build | None
    simulation: SimulationResult | None
    error: str = ""

    @property
    def passed(self) -> bool:
        """It was run to its end and all its tests passed."""
        return self.simulation is not None and self.simulation.passed


@dataclass(frozen=True)
class RegressionResult:
    """All entries with all seeds, in the order of the list, and where the XML is."""

    results: tuple[EntryResult, ...]
    junit: Path

    @property
    def passed(self) -> bool:
        """Everything was run and passed."""
        return bool(self.results) and all(result.passed for result in self.results)


def run_regression(
    regression: RegressionList,
    resolver: Resolver,
    *,
    python_path: Sequence[Path],
    root: Path,
    work: Path,
    junit: Path | None = None,
    prepare: Prepare | None = None,
    verilator: Verilator | None = None,
    simulator: Simulator = "verilator",
    on_result: Callable[[EntryResult], None] | None = None,
) -> RegressionResult:
    """Run every entry with every seed; one that cannot be built or run is recorded, and the others go on.

    Parameters
    ----------
    regression : RegressionList
        What to run.
    resolver : callable
        Entry to (sources, control files, top module).
    python_path : sequence of Path
        Where the test modules are.
    root : Path
        Folder of cached executables, as of :func:`amos_hdl.simulate.build.build`.
    work : Path
        Each run has its folder ``work/<name>/seed<seed>/``.
    junit : Path, optional
        The merged XML; ``work/results.xml`` if not given.
    prepare : callable, optional
        (Entry, seed, folder) to more keys of the job, beside the entry's parameters and ``samples``.
    verilator : Verilator, optional
        The one to use; found when not given.
    simulator : {"verilator", "icarus"}
        What runs the Verilog.
    on_result : callable, optional
        Called after each run, for progress.

    Raises
    ------
    ToolError
        Verilator or Icarus, cocotb or the compiler are missing: nothing at all can be run.
    """
    if simulator == "verilator":
        verilator = verilator or find_verilator()
    results = []
    for entry in regression.entries:
        for seed in entry.seeds:
            folder = work / entry.name / f"seed{seed}"
            result = _run_entry(entry, seed, resolver, python_path, root, folder, prepare, verilator, simulator)
            results.append(result)
            if on_result is not None:
                on_result(result)
    junit = junit or work / "results.xml"
    write_junit(junit, results)
    return RegressionResult(tuple(results), junit)


def _run_entry(
    entry: Entry,
    seed: int,
    resolver: Resolver,
    python_path: Sequence[Path],
    root: Path,
    folder: Path,
    prepare: Prepare | None,
    verilator: Verilator | None,
    simulator: Simulator,
) -> EntryResult:
    built = None
    try:
        sources, control_files, toplevel = resolver(entry)
        options = entry.build_options()
        if simulator == "icarus":
            built = build_icarus(sources, toplevel, root=root, options=options)
        else:
            built = build(
                sources,
                toplevel,
                root=root,
                control_files=control_files,
                options=options,
                verilator=verilator,
            )
        folder.mkdir(parents=True, exist_ok=True)
        job = {**entry.parameters, "samples": entry.samples, **(prepare(entry, seed, folder) if prepare else {})}
        simulation = run(
            built,
            entry.test_module,
            python_path=python_path,
            job=job,
            seed=seed,
            work=folder,
            timeout_s=entry.timeout_s,
            test_filter=entry.test_filter,
        )
    except ToolError:
        raise
    except AmosError as error:
        return EntryResult(entry, seed, built, None, str(error))
    return EntryResult(entry, seed, built, simulation)


def write_junit(path: Path, results: Sequence[EntryResult]) -> None:
    """Write one JUnit XML: a suite for each entry and seed, an ``error`` where there is no simulation."""
    root = ElementTree.Element("testsuites")
    for result in results:
        suite = ElementTree.SubElement(root, "testsuite", name=f"{result.entry.name}.seed{result.seed}")
        tests = result.simulation.tests if result.simulation else ()
        failures = sum(test.outcome == "failed" for test in tests)
        skipped = sum(test.outcome == "skipped" for test in tests)
        errors = int(result.simulation is None)
        counts = {"tests": len(tests) + errors, "failures": failures, "errors": errors, "skipped": skipped}
        suite.attrib.update({name: str(count) for name, count in counts.items()})
        for test in tests:
            name = f"{test.name}[seed{result.seed}]"
            case = ElementTree.SubElement(suite, "testcase", classname=f"{result.entry.name}.{test.module}", name=name)
            case.set("time", f"{test.wall_s:.3f}")
            if test.outcome != "passed":
                tag = "failure" if test.outcome == "failed" else "skipped"
                ElementTree.SubElement(case, tag, message=_printable(test.message)).text = _printable(test.traceback)
        if errors:
            case = ElementTree.SubElement(
                suite, "testcase", classname=result.entry.name, name=f"run[seed{result.seed}]"
            )
            case.set("time", "0.000")
            ElementTree.SubElement(case, "error", message=_printable(result.error))
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _printable(text: str) -> str:
    """Replace control characters, which XML cannot hold."""
    return "".join(character if character.isprintable() or character in "\n\t" else "?" for character in text)
