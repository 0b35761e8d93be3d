"""One cocotb test module on one simulation executable."""

import fcntl
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import amos_hdl
from amos_hdl.errors import CheckFailed, SimulationError, ToolError
from amos_hdl.simulate.build import Build
from amos_hdl.simulate.coverage import Coverage, read_coverage
from amos_hdl.simulate.job import VARIABLE, read_figures, write_job
from amos_hdl.simulate.process import Finished, run_logged
from amos_hdl.simulate.results import TestResult, read_results
from amos_hdl.simulate.tool_log import first_error, last_exception

_LARGEST_SEED = 2**31 - 1
"""Verilator takes seeds from 1 to this."""


@dataclass(frozen=True)
class SimulationResult:
    """What came of one simulation.

    Members
    -------
    tests : tuple of TestResult
        At least one was run.
    figures : Mapping[str, Any]
        What the tests reported.
    seed : int
        The run's seed: the same seed gives the same run.
    wall_s : float
        Seconds, with the start of the simulator.
    work : Path
        Folder of the run.
    log : Path
        All that simulator and cocotb printed.
    waves : Path or None
        The FST file.
    coverage : Coverage or None
        Counts, if the executable counts.
    """

    tests: tuple[TestResult, ...]
    figures: Mapping[str, Any]
    seed: int
    wall_s: float
    work: Path
    log: Path
    waves: Path | None
    coverage: Coverage | None

    @property
    def passed(self) -> bool:
        """No test failed, and at least one passed."""
        return not self.failures and any(test.outcome == "passed" for test in self.tests)

    @property
    def failures(self) -> tuple[TestResult, ...]:
        """The tests that failed."""
        return tuple(test for test in self.tests if test.outcome == "failed")

    @property
    def simulated_ns(self) -> float:
        """Simulated time of all tests, nanoseconds."""
        return sum(test.simulated_ns for test in self.tests)

    def require_pass(self) -> None:
        """Raise CheckFailed with the first failure's text, the seed and the log, unless all passed."""
        for test in self.failures:
            raise CheckFailed(
                test.message, where=f"{test.module}.{test.name}", hint=f"seed {self.seed}, log: {self.log}"
            )


def run(
    build: Build,
    test_module: str,
    *,
    python_path: Sequence[Path],
    job: Mapping[str, Any],
    seed: int,
    work: Path,
    timeout_s: float,
    test_filter: str | None = None,
) -> SimulationResult:
    """Run the cocotb tests of ``test_module`` on ``build``.

    Parameters
    ----------
    build : Build
        The executable.
    test_module : str
        Name to import.
    python_path : sequence of Path
        Folders in which the simulator process finds it.
    job : Mapping[str, Any]
        Plain JSON data that the tests get from :func:`amos_hdl.simulate.job.load_job`.
    seed : int
        The run's one seed, 1 to 2^31 - 1: of cocotb's random numbers, of registers without initial value,
        and of the job.
    work : Path
        Folder for all files of the run; made if missing, files of an earlier run there are replaced.
    timeout_s : float
        Seconds after which the simulator is killed.
    test_filter : str, optional
        Regular expression; only tests whose full name matches are run.

    Raises
    ------
    SimulationError
        No test was run, the simulator crashed or did not end in time, or left no results.  A failing test raises
        nothing here: it is in the result.
    """
    if not 1 <= seed <= _LARGEST_SEED:
        raise SimulationError("seed out of range", expected=f"1 to {_LARGEST_SEED}", got=repr(seed))
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    with _alone(work):
        return _run_alone(build, test_module, python_path, job, seed, work, timeout_s, test_filter)


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Hold the folder of a run.  Raises SimulationError if another run holds it: their results would mix."""
    with (work / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            hint = "wait for it, or work in another folder"
            raise SimulationError("another simulation runs here", where=str(work), hint=hint) from error
        yield


def _run_alone(
    build: Build,
    test_module: str,
    python_path: Sequence[Path],
    job: Mapping[str, Any],
    seed: int,
    work: Path,
    timeout_s: float,
    test_filter: str | None,
) -> SimulationResult:
    log, results, waves, coverage = (work / name for name in ("run.log", "results.xml", "waves.fst", "coverage.dat"))
    for path in (log, results, waves, coverage):
        # What an earlier run left must never pass for a result of this one.
        path.unlink(missing_ok=True)
    environment = _environment(build, test_module, python_path, seed, results, test_filter)
    environment[VARIABLE] = str(write_job(work, job, seed))
    command = [*build.interpreter, str(build.executable), "+verilator+rand+reset+2", f"+verilator+seed+{seed}"]
    if build.options.waves == "fst":
        command += ["--trace", "--trace-file", str(waves)]
    if build.options.coverage != "off":
        command.append(f"+verilator+coverage+file+{coverage}")
    ended = run_logged(command, cwd=work, env=environment, log=log, timeout_s=timeout_s)
    _refuse_bad_end(ended, build, log, timeout_s)
    return SimulationResult(
        tests=_read_results(results, log),
        figures=read_figures(work),
        seed=seed,
        wall_s=ended.wall_s,
        work=work,
        log=log,
        waves=_existing(waves) if build.options.waves == "fst" else None,
        coverage=read_coverage(coverage) if build.options.coverage != "off" else None,
    )


def _environment(
    build: Build, test_module: str, python_path: Sequence[Path], seed: int, results: Path, test_filter: str | None
) -> dict[str, str]:
    try:
        import cocotb_tools.config as config
        import find_libpython
    except ImportError as error:
        raise ToolError("cocotb is not installed", hint='install it with: pip install "amos-hdl[sim]"') from error
    library = find_libpython.find_libpython()
    if library is None:
        raise ToolError(
            "this Python has no shared library, which cocotb needs",
            got=sys.executable,
            hint="use a Python built with --enable-shared, such as the distribution's",
        )
    # Settings for other cocotb runs do not reach into this one: the call alone decides.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("COCOTB_", "GPI_", "PYGPI_"))
    }
    folders = [*(path.resolve() for path in python_path), Path(amos_hdl.__file__).resolve().parent.parent]
    inherited = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    environment |= {
        "PYTHONPATH": os.pathsep.join([*map(str, folders), *inherited]),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYGPI_PYTHON_BIN": sys.executable,
        "GPI_USERS": f"{library};{config.pygpi_entry_point()}",
        "TOPLEVEL_LANG": "verilog",
        "NO_COLOR": "1",
        "COCOTB_ANSI_OUTPUT": "0",
        "COCOTB_TOPLEVEL": build.toplevel,
        "COCOTB_TEST_MODULES": test_module,
        "COCOTB_RANDOM_SEED": str(seed),
        "COCOTB_RESULTS_FILE": str(results),
        # Verilator applies writes as Verilog does; cocotb need not delay them itself, and is faster for it.
        "COCOTB_TRUST_INERTIAL_WRITES": "0" if build.interpreter else "1",
    }
    if test_filter is not None:
        environment["COCOTB_TEST_FILTER"] = test_filter
    return environment


def _refuse_bad_end(ended: Finished, build: Build, log: Path, timeout_s: float) -> None:
    if ended.timed_out:
        raise SimulationError(f"simulation of {build.toplevel} did not end in {timeout_s:g} s", hint=f"log: {log}")
    if ended.exit_code != 0:
        how = f"killed by signal {-ended.exit_code}" if ended.exit_code < 0 else f"exit code {ended.exit_code}"
        raise SimulationError(f"simulation of {build.toplevel} crashed, {how}: {first_error(log)}", hint=f"log: {log}")


def _read_results(path: Path, log: Path) -> tuple[TestResult, ...]:
    try:
        return read_results(path)
    except SimulationError as error:
        why = last_exception(log)
        what = f"{error.what}: {why}" if why else error.what
        raise SimulationError(what, expected=error.expected, got=error.got, hint=f"log: {log}") from error


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise SimulationError("the simulation left no waves", where=str(path))
    return path
