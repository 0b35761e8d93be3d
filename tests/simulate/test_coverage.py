from pathlib import Path

import pytest

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.coverage import read_coverage

HEAD = "# SystemC::Coverage-3\n"
POINT = (
    "C '\x01f\x02sources/a.v\x01l\x02{line}\x01n\x0210\x01t\x02toggle\x01page\x02v_toggle/top"
    "\x01o\x02z[0]:0->1\x01h\x02.top' {count}\n"
)


def test_counts_of_several_runs_are_summed(tmp_path: Path) -> None:
    first, second = tmp_path / "1.dat", tmp_path / "2.dat"
    first.write_text(HEAD + POINT.format(line=3, count=0) + POINT.format(line=4, count=0))
    second.write_text(HEAD + POINT.format(line=3, count=5) + POINT.format(line=4, count=0))
    coverage = read_coverage(first, second)
    assert [(point.line, point.count) for point in coverage.points] == [(3, 5), (4, 0)]
    assert coverage.percent == 50.0
    assert [point.line for point in coverage.never_reached()] == [4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "left no coverage"),
        ("", "no coverage file"),
        (HEAD, "no coverage counted"),
        (HEAD + "C 'x\n", "damaged coverage line"),
        (HEAD + "C '\x01f\x02a.v' 1\n", "coverage line without 'page'"),
    ],
)
def test_files_that_say_nothing_are_errors(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "coverage.dat"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SimulationError, match=message):
        read_coverage(path)
