"""``amos-hdl simulate``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amos_hdl.console import StepProgress, Steps, note, table
from amos_hdl.errors import SimulationError
from amos_hdl.project import BUILD, Project
from amos_hdl.verbs.outcome import Outcome

if TYPE_CHECKING:
    from amos_hdl.simulate.design import Design
    from amos_hdl.simulate.netlist import NetlistDesign
    from amos_hdl.simulate.regression import EntryResult, Simulator


def simulate(
    project: Project,
    layers: bool,
    lists: Sequence[Path],
    images: Path | None,
    rtl: Path | None,
    waves: str,
    coverage: str,
    steps: Steps,
    netlist: str | None = None,
    simulator: Simulator = "verilator",
) -> Outcome:
    """Run regression lists on the Verilog of a network, or on its netlist in cells of the family ``netlist``."""
    from amos_hdl.simulate.design import layer_list, load_design, testbench_folder
    from amos_hdl.simulate.regression import read_regression_list, run_regression
    from amos_hdl.simulate.waves import write_save_files

    if simulator == "icarus" and (waves != "none" or coverage != "off"):
        raise SimulationError("--waves and --coverage", expected="--simulator verilator", got="icarus")
    testbenches = testbench_folder()
    given = {path.stem: read_regression_list(path) for path in lists}
    dataset = project.dataset(images)
    design = load_design(project.folder, rtl or project.rtl, None if dataset is None else dataset.images)
    usual = ["network"] if design.manifest.stream is None or netlist is not None else ["network", "stream"]
    regressions = given or {name: read_regression_list(testbenches / f"{name}.yaml") for name in usual}
    work = project.build("simulate") if simulator == "verilator" else project.build("simulate") / simulator
    subject: Design | NetlistDesign = design
    if netlist is not None:
        if layers:
            raise SimulationError("--layers and --netlist", expected="one of them: a netlist has no layers any more")
        subject, work = synthesized(project, design, netlist, steps), work / f"netlist-{netlist}"
    results: list[EntryResult] = []
    junit: list[str] = []
    if layers:
        regressions["layers"] = layer_list(design)
    for name, regression in regressions.items():
        # a flag wins over the list; what is not given stays as the list says
        flags = {"waves": waves} if waves != "none" else {}
        flags |= {"coverage": coverage} if coverage != "off" else {}
        entries = tuple(entry.model_copy(update=flags) for entry in regression.entries)
        runs = sum(len(entry.seeds) for entry in entries)
        with steps.step(f"building and simulating {name}", runs if runs > 1 else None) as bar:
            outcome = run_regression(
                regression.model_copy(update={"entries": entries}),
                lambda entry: subject.resolve(entry, work),
                python_path=[testbenches],
                root=BUILD / "sim",
                work=work / name,
                prepare=subject.job,
                simulator=simulator,
                on_result=_mover(bar),
            )
        results += outcome.results
        for result in outcome.results:
            found = None if result.simulation is None else result.simulation.waves
            # in a netlist the spikes have lost their names
            if found is not None and netlist is None and result.entry.toplevel == "network":
                write_save_files(design, found)
        junit.append(str(outcome.junit))
    data = {
        "network": project.name,
        "netlist": netlist,
        "simulator": simulator,
        "passed": all(result.passed for result in results),
        "junit": junit,
        "runs": [_run_data(result) for result in results],
    }

    def show() -> None:
        rows: list[Sequence[object]] = []
        for result in results:
            figures: Mapping[str, Any] = {} if result.simulation is None else result.simulation.figures
            for test in () if result.simulation is None else result.simulation.tests:
                images_run = figures.get(f"{test.name}.images")
                seconds = figures.get(f"{test.name}.seconds")
                rate = f"{images_run / seconds:,.0f}" if seconds and images_run else None
                spikes = figures.get(f"{test.name}.spikes")
                rows.append((result.entry.name, test.name, test.outcome, images_run, spikes, rate, result.seed))
            if result.simulation is None:
                rows.append((result.entry.name, "", "not run", None, None, None, result.seed))
        columns = ["entry", "test", "outcome", "images", "spikes", "images/s", "seed"]
        what = project.name if netlist is None else f"netlist of {project.name} in cells of {netlist}"
        table(f"{what} on {simulator.capitalize()}", columns, rows, right=columns[3:])
        for result in results:
            covered = _coverage_data(result)
            if covered is not None:
                reached = f"{covered['percent']:.1f} % covered, {covered['never_reached']:,} points never"
                note(f"{result.entry.name}: {reached}")
            if result.simulation is not None and result.simulation.waves is not None:
                note(f"{result.entry.name}: waves in {_shown(result.simulation.waves)}")
            for test in () if result.simulation is None else result.simulation.failures:
                steps.failed(f"{result.entry.name}, {test.name}, seed {result.seed}: {test.message}")
            if result.error:
                steps.failed(f"{result.entry.name}, seed {result.seed}: {result.error}")

    return Outcome(data, show, passed=bool(data["passed"]))


def synthesized(project: Project, design: Design, family: str, steps: Steps) -> NetlistDesign:
    """Return the netlist of ``design`` in cells of ``family``, synthesized if it has not been yet."""
    from amos_hdl.emit.manifest import load_schedule
    from amos_hdl.simulate.netlist import NetlistDesign
    from amos_hdl.synthesize.netlist import netlist

    schedule = load_schedule(project.network, design.rtl)[1]
    sources = [design.rtl / path for path in design.manifest.files]
    with steps.step(f"synthesizing for {family}") as bar:
        verilog, cells = netlist(
            sources,
            design.manifest.top,
            family,
            project.build("netlist") / family,
            latency_cycles=design.manifest.latency_cycles,
            folded=schedule.options.carries,
            progress=bar.say,
        )
    return NetlistDesign(design, verilog, cells)


def _mover(bar: StepProgress) -> Callable[[EntryResult], None]:
    """Return what moves ``bar`` on with each result."""
    return lambda _: bar.advance()


def _shown(waves: Path) -> str:
    """Return the path of waves with the files beside it that a viewer opens."""
    beside = [path.name for path in (waves.with_suffix(".gtkw"), waves.with_suffix(".sucl")) if path.exists()]
    return f"{waves}" + (f", with {' for GTKWave and '.join(beside)} for Surfer" if beside else "")


def _run_data(result: EntryResult) -> dict[str, Any]:
    simulation = result.simulation
    tests = () if simulation is None else simulation.tests
    return {
        "entry": result.entry.name,
        "seed": result.seed,
        "passed": result.passed,
        "error": result.error,
        "tests": [{"name": t.name, "outcome": t.outcome, "message": t.message} for t in tests],
        "figures": {} if simulation is None else dict(simulation.figures),
        "build": None if result.build is None else {"cached": result.build.cached, "seconds": result.build.wall_s},
        "waves": None if simulation is None or simulation.waves is None else str(simulation.waves),
        "coverage": _coverage_data(result),
    }


def _coverage_data(result: EntryResult) -> dict[str, Any] | None:
    """Return the figures of a coverage count, without the points themselves, which are many."""
    coverage = None if result.simulation is None else result.simulation.coverage
    if coverage is None:
        return None
    return {
        "percent": coverage.percent,
        "percent_by_module": dict(coverage.percent_by_module),
        "never_reached": len(coverage.never_reached()),
    }
