from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.parsers import expat

import pytest

from amos_hdl.errors import SimulationError
from amos_hdl.files import dump_yaml
from amos_hdl.simulate.build import Build
from amos_hdl.simulate.regression import Entry, read_regression_list, run_regression

HERE = Path(__file__).parent
ENTRY: dict[str, Any] = {"name": "a", "toplevel": "compare", "test_module": "compare_checks", "samples": 20}


def listed(tmp_path: Path, *entries: dict[str, Any], **rest: Any) -> Path:
    path = tmp_path / "list.yaml"
    path.write_text(dump_yaml({"version": 1, "entries": list(entries), **rest}))
    return path


def test_a_list_is_read_with_its_defaults(tmp_path: Path) -> None:
    (entry,) = read_regression_list(listed(tmp_path, ENTRY)).entries
    assert (entry.seeds, entry.waves, entry.coverage, entry.parameters) == ((1,), "none", "off", {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample": 3}, r"entries\[0\].sample: unknown key: expected one of coverage, name"),
        ({"samples": "20"}, r"entries\[0\].samples: Input should be a valid integer: got '20'"),
        ({"samples": 0}, r"entries\[0\].samples: Input should be greater than or equal to 1: got 0"),
        ({"seeds": [1, 0]}, r"entries\[0\].seeds\[1\]: .*greater than or equal to 1: got 0"),
        ({"seeds": [2, 2]}, r"entries\[0\].seeds: .*a seed is listed twice"),
        ({"seeds": []}, r"entries\[0\].seeds: .*at least 1 item"),
        ({"waves": "vcd"}, r"entries\[0\].waves: Input should be 'none' or 'fst': got 'vcd'"),
        ({"coverage": True}, r"entries\[0\].coverage: Input should be 'off', 'line' or 'toggle': got True"),
        ({"timeout_s": 0}, r"entries\[0\].timeout_s: .*greater than 0"),
        ({"name": "../a"}, r"entries\[0\].name: "),
        ({"parameters": {"samples": 3}}, r"entries\[0\].parameters: .*samples is a key of the entry"),
    ],
)
def test_a_bad_entry_is_one_line_with_its_place(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SimulationError, match=rf"^\S*list\.yaml, {message}") as got:
        read_regression_list(listed(tmp_path, {**ENTRY, **change}))
    assert "\n" not in str(got.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2\nentries: []", r"list\.yaml, version: Input should be 1: got 2$"),
        ("entries: []", r"version: Field required$"),
        ("version: 1", r"list\.yaml, entries: Field required$"),
        ("version: 1\nentries: []", r"list\.yaml, entries: .*at least 1 item"),
        ("version: 1\nnames: []\nentries: []", r"list\.yaml, "),
        ("version: 1\nversion: 1", r"list\.yaml:2: not YAML: key 'version' given twice$"),
        ("version: [", r"list\.yaml:\d+: not YAML: "),
        ("- 1", r"list\.yaml: top level: expected a mapping, got list$"),
    ],
)
def test_a_bad_list_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(text)
    with pytest.raises(SimulationError, match=message) as got:
        read_regression_list(path)
    assert "\n" not in str(got.value)


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="two entries named a"):
        read_regression_list(listed(tmp_path, ENTRY, ENTRY))


def test_a_missing_list_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match=r"none\.yaml: cannot be read"):
        read_regression_list(tmp_path / "none.yaml")


def test_all_entries_are_run_and_merged(compare: Build, sim_root: Path, control_file: Path, tmp_path: Path) -> None:
    path = listed(
        tmp_path,
        {**ENTRY, "name": "good", "parameters": {"threshold": 9}, "test_filter": "passes", "seeds": [3, 4]},
        {**ENTRY, "name": "bad", "parameters": {"threshold": 9}, "test_filter": "fails"},
        {**ENTRY, "name": "unbuilt", "toplevel": "missing"},
        {**ENTRY, "name": "empty", "test_filter": "no_such_test"},
    )

    def resolver(entry: Entry) -> tuple[Sequence[Path], Sequence[Path], str]:
        return [HERE / "design" / f"{entry.toplevel}.v"], [control_file], entry.toplevel

    seen: list[str] = []
    got = run_regression(
        read_regression_list(path),
        resolver,
        python_path=[HERE / "cocotb_tests"],
        root=sim_root,
        work=tmp_path / "work",
        prepare=lambda entry, seed, folder: {"from_prepare": [entry.name, seed]},
        on_result=lambda result: seen.append(f"{result.entry.name} {result.seed} {result.passed}"),
    )
    assert seen == ["good 3 True", "good 4 True", "bad 1 False", "unbuilt 1 False", "empty 1 False"]
    assert not got.passed
    good = got.results[0]
    assert good.build is not None and good.build.cached
    assert good.simulation is not None and good.simulation.figures["cycles"] == 20
    assert '"from_prepare": [' in (good.simulation.work / "job.json").read_text()
    assert "source cannot be read" in got.results[3].error
    assert "not one test was run" in got.results[4].error

    elements: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: elements.append((name, attributes))
    parser.Parse(got.junit.read_bytes(), True)
    suites = [attributes for name, attributes in elements if name == "testsuite"]
    counts = {suite["name"]: (suite["tests"], suite["failures"], suite["errors"]) for suite in suites}
    assert counts == {
        "good.seed3": ("1", "0", "0"),
        "good.seed4": ("1", "0", "0"),
        "bad.seed1": ("1", "1", "0"),
        "unbuilt.seed1": ("1", "0", "1"),
        "empty.seed1": ("1", "0", "1"),
    }
    (failure,) = (attributes for name, attributes in elements if name == "failure")
    assert "image 4: expected 0, got 1" in failure["message"]
