"""One small design, its cocotb tests, and one folder of built executables for the whole session."""

from collections.abc import Callable
from pathlib import Path

import pytest

from amos_hdl.simulate.build import Build, BuildOptions, build
from amos_hdl.simulate.control_file import write_control_file
from amos_hdl.simulate.run import SimulationResult, run

HERE = Path(__file__).parent
COCOTB_TESTS = HERE / "cocotb_tests"
COMPARE = HERE / "design" / "compare.v"


@pytest.fixture(scope="session")
def sim_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sim")


@pytest.fixture(scope="session")
def object_cache(pytestconfig: pytest.Config) -> Path:
    """Objects of Verilator's run-time library, kept from one pytest run to the next: most of a build's time."""
    return pytestconfig.cache.mkdir("verilator-objects")


@pytest.fixture(scope="session")
def control_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_control_file(tmp_path_factory.mktemp("control") / "visible.vlt", [("counter", "count")])


@pytest.fixture(scope="session")
def compare(sim_root: Path, object_cache: Path, control_file: Path) -> Build:
    return build([COMPARE], "compare", root=sim_root, object_cache=object_cache, control_files=[control_file])


@pytest.fixture(scope="session")
def compare_measured(sim_root: Path, object_cache: Path, control_file: Path) -> Build:
    options = BuildOptions(waves="fst", coverage="toggle")
    return build(
        [COMPARE], "compare", root=sim_root, object_cache=object_cache, control_files=[control_file], options=options
    )


@pytest.fixture
def simulate(compare: Build, tmp_path: Path) -> Callable[..., SimulationResult]:
    def call(test_filter: str, *, on: Build = compare, seed: int = 7, timeout_s: float = 60) -> SimulationResult:
        return run(
            on,
            "compare_checks",
            python_path=[COCOTB_TESTS],
            job={"threshold": 5, "samples": 20},
            seed=seed,
            work=tmp_path / "work",
            timeout_s=timeout_s,
            test_filter=test_filter,
        )

    return call
