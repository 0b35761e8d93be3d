import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from amos_hdl.errors import CheckFailed, SimulationError
from amos_hdl.simulate.build import Build, build
from amos_hdl.simulate.job import load_job, read_figures
from amos_hdl.simulate.results import read_results
from amos_hdl.simulate.run import SimulationResult, run

Simulate = Callable[..., SimulationResult]


def gone(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_pass_comes_back_as_data(simulate: Simulate) -> None:
    result = simulate("passes")
    assert result.passed
    result.require_pass()
    (test,) = result.tests
    assert (test.module, test.name, test.outcome, test.message) == ("compare_checks", "passes", "passed", "")
    assert test.simulated_ns == 215.0
    assert result.seed == 7
    assert result.figures["cycles"] == 20
    assert result.figures["seed_seen"] == 7


def test_a_failure_brings_its_whole_text(simulate: Simulate) -> None:
    result = simulate("fails|passes")
    assert not result.passed
    (failure,) = result.failures
    assert failure.name == "fails"
    assert failure.message.splitlines() == [
        "image 3, layer l0, unit 2, gate 1, cycle 17: expected 1, got 0",
        "image 4: expected 0, got 1",
    ]
    assert "compare_checks.py" in failure.traceback
    with pytest.raises(
        CheckFailed, match=r"^compare_checks.fails: image 3, layer l0, unit 2.*; seed 7, log: .*run\.log$"
    ):
        result.require_pass()


def test_an_inner_register_is_readable_through_the_control_file(simulate: Simulate) -> None:
    assert simulate("reads_inside").passed


def test_an_inner_register_is_hidden_without_it(
    simulate: Simulate, sim_root: Path, object_cache: Path, compare: Build
) -> None:
    plain = build([compare.folder / "sources" / "compare.v"], "compare", root=sim_root, object_cache=object_cache)
    (failure,) = simulate("reads_inside", on=plain).failures
    assert "count" in failure.message or "inner" in failure.message


def test_registers_start_at_random_from_the_seed(simulate: Simulate) -> None:
    starts = [simulate("reads_start", seed=seed).figures["start"] for seed in (7, 7, 8, 9)]
    assert starts[0] == starts[1]
    assert len(set(starts)) > 1


def test_no_test_found_is_an_error(simulate: Simulate) -> None:
    with pytest.raises(SimulationError, match=r"^not one test was run: expected at least 1, got 0; log: "):
        simulate("no_such_test")


def test_an_unknown_test_module_is_an_error(compare: Build, tmp_path: Path) -> None:
    with pytest.raises(
        SimulationError, match=r"left no results: ModuleNotFoundError: No module named 'no_such_module'; log: "
    ):
        run(compare, "no_such_module", python_path=[], job={}, seed=1, work=tmp_path, timeout_s=60)


def test_a_crash_is_an_error(simulate: Simulate) -> None:
    with pytest.raises(SimulationError, match=r"^simulation of compare crashed, killed by signal 11: .*log: "):
        simulate("crashes")


def test_a_test_that_never_ends_is_killed(simulate: Simulate, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match=r"^simulation of compare did not end in 3 s; log: "):
        simulate("never_ends", timeout_s=3)
    assert gone(read_figures(tmp_path / "work")["pid"])


def test_ctrl_c_leaves_no_simulator_behind(compare: Build, tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(
        "import pickle, signal, sys, threading, time, os\n"
        "from pathlib import Path\n"
        "from amos_hdl.simulate.build import Build, BuildOptions\n"
        "from amos_hdl.simulate.run import run\n"
        "work, folder, tests = map(Path, sys.argv[1:])\n"
        "def interrupt():\n"
        "    while not (work / 'figures.jsonl').exists(): time.sleep(0.05)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=interrupt, daemon=True).start()\n"
        "build = Build(folder, folder / 'simulator', 'compare', '', True, 0.0, BuildOptions())\n"
        "run(build, 'compare_checks', python_path=[tests], job={}, seed=1, work=work, timeout_s=60,\n"
        "    test_filter='never_ends')\n"
    )
    work = tmp_path / "work"
    tests = Path(__file__).parent / "cocotb_tests"
    command = [sys.executable, str(script), str(work), str(compare.folder), str(tests)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "KeyboardInterrupt" in ended.stderr
    assert gone(read_figures(work)["pid"])


def test_a_figure_reported_twice_fails_the_test(simulate: Simulate) -> None:
    (failure,) = simulate("reports_twice").failures
    assert failure.message == "figure reported twice: got cycles; prefix it with the test's name"


def test_an_earlier_result_is_never_taken_for_this_one(simulate: Simulate) -> None:
    assert simulate("passes").passed
    with pytest.raises(SimulationError):
        simulate("crashes")


def test_waves_and_coverage(simulate: Simulate, compare_measured: Build) -> None:
    result = simulate("passes", on=compare_measured)
    assert result.waves is not None
    assert result.waves.name == "waves.fst"
    assert result.waves.stat().st_size > 100
    assert result.coverage is not None
    assert 50 < result.coverage.percent < 100
    assert set(result.coverage.percent_by_module) == {"compare", "counter"}
    never = {(point.kind, point.what) for point in result.coverage.never_reached()}
    assert ("toggle", "count[7]:0->1") in never  # 20 cycles do not count to 128
    annotated = result.coverage.annotate(compare_measured.folder / "sources" / "compare.v")
    assert "%0   reg [7:0] count;" in annotated
    assert "%0" not in annotated.splitlines()[2]  # the clock


def test_no_waves_and_no_coverage_unless_asked(simulate: Simulate) -> None:
    result = simulate("passes")
    assert (result.waves, result.coverage) == (None, None)


@pytest.mark.parametrize("seed", [0, 2**31])
def test_a_seed_out_of_range_is_refused(simulate: Simulate, seed: int) -> None:
    with pytest.raises(SimulationError, match=rf"^seed out of range: expected 1 to 2147483647, got {seed}$"):
        simulate("passes", seed=seed)


def test_a_job_that_is_not_plain_data_is_refused(compare: Build, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="not plain JSON data"):
        run(compare, "compare_checks", python_path=[], job={"x": {1}}, seed=1, work=tmp_path, timeout_s=60)


def test_a_job_outside_of_a_simulation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMOS_HDL_JOB", raising=False)
    with pytest.raises(SimulationError, match=r"^no job: expected a job file named by AMOS_HDL_JOB"):
        load_job()


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (None, "the simulation left no results"),
        ("", "results are damaged"),
        ("<testsuites><testsuite>", "results are damaged"),
        ("<testsuites/>", "not one test was run: expected at least 1, got 0"),
        (
            '<a><testcase name="n" classname="m" time="0"><skipped/></testcase></a>',
            "not one test was run.*1, all skipped",
        ),
        ('<a><testcase classname="m" time="0"><failure sim_time_ns="1"/></testcase></a>', "without 'name'"),
        ('<a><testcase name="n" classname="m" time="0"/></a>', "no simulated time of test n"),
    ],
)
def test_results_that_say_nothing_are_errors(tmp_path: Path, xml: str | None, message: str) -> None:
    path = tmp_path / "results.xml"
    if xml is not None:
        path.write_text(xml)
    with pytest.raises(SimulationError, match=message):
        read_results(path)
