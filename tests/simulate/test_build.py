import shutil
import threading
from pathlib import Path

import pytest

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.build import Build, BuildOptions, build

COMPARE = Path(__file__).parent / "design" / "compare.v"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = COMPARE.read_text()
    assert old in text
    path = tmp_path / "compare.v"
    path.write_text(text.replace(old, new))
    return path


def test_the_same_content_is_not_built_again(
    compare: Build, sim_root: Path, control_file: Path, tmp_path: Path
) -> None:
    before = compare.executable.stat().st_mtime_ns
    copy = shutil.copy(COMPARE, tmp_path / "compare.v")
    again = build([Path(copy)], "compare", root=sim_root, control_files=[control_file])
    assert again.cached
    assert again.key == compare.key
    assert again.executable.stat().st_mtime_ns == before


def test_other_content_or_options_are_another_key(
    compare: Build, sim_root: Path, object_cache: Path, control_file: Path, tmp_path: Path
) -> None:
    source = changed(tmp_path, ">= threshold", "> threshold")
    other = build([source], "compare", root=sim_root, object_cache=object_cache, control_files=[control_file])
    assert not other.cached
    assert other.key != compare.key
    # The run-time objects were taken from the store: make did not compile them.
    assert "verilated_vpi.cpp" not in (other.folder / "build.log").read_text()
    options = BuildOptions(verilator_args=("-O0",))
    with_option = build(
        [COMPARE], "compare", root=sim_root, object_cache=object_cache, control_files=[control_file], options=options
    )
    assert with_option.key not in {compare.key, other.key}


def test_two_builders_of_the_same_content(compare: Build, sim_root: Path, object_cache: Path, tmp_path: Path) -> None:
    source = changed(tmp_path, "8'd1", "8'd3")
    results: list[Build] = []

    def one() -> None:
        results.append(build([source], "compare", root=sim_root, object_cache=object_cache))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert results[0].executable == results[1].executable
    assert results[0].executable.is_file()
    assert not list(sim_root.glob(".building-*"))


def test_broken_verilog_is_one_line_with_the_users_file(sim_root: Path, object_cache: Path, tmp_path: Path) -> None:
    source = changed(tmp_path, "<= value >= threshold;", "<= ;")
    with pytest.raises(
        SimulationError, match=r"^cannot build compare: %Error: \S*compare\.v:13:\d+: .*; log: \S+\.log$"
    ) as got:
        build([source], "compare", root=sim_root, object_cache=object_cache)
    assert str(source) in str(got.value)
    assert "\n" not in str(got.value)
    log = Path(str(got.value).rpartition("log: ")[2])
    assert "%Error" in log.read_text()
    assert not list(sim_root.glob(".building-*"))


def test_a_warning_is_an_error(sim_root: Path, object_cache: Path, tmp_path: Path) -> None:
    source = changed(tmp_path, "count + 8'd1", "count + 9'd1")
    with pytest.raises(SimulationError, match="%Warning-WIDTH"):
        build([source], "compare", root=sim_root, object_cache=object_cache)


def test_sources_that_cannot_be_used_are_refused(sim_root: Path, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match=r"^no Verilog source$"):
        build([], "compare", root=sim_root)
    with pytest.raises(SimulationError, match=r"missing\.v: source cannot be read: No such file"):
        build([tmp_path / "missing.v"], "compare", root=sim_root)
    twin = changed(tmp_path, "8'd1", "8'd2")
    with pytest.raises(SimulationError, match=r"compare\.v: two sources of one name: got .*compare\.v before"):
        build([COMPARE, twin], "compare", root=sim_root)
    with pytest.raises(SimulationError, match="spaces in its path"):
        build([COMPARE], "compare", root=tmp_path / "a folder")
