from pathlib import Path

import pytest

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.control_file import Waiver, control_file_text, write_control_file


def test_the_text_is_sorted_and_each_register_once(tmp_path: Path) -> None:
    waiver = Waiver("UNUSEDSIGNAL", "The cell models keep\nunused pins.", file="*cells_sim.v", match="*GSR*")
    path = write_control_file(tmp_path / "x.vlt", [("top", "z"), ("l0", "z$1"), ("top", "z")], [waiver])
    assert path.read_text().splitlines() == [
        "`verilator_config",
        'public_flat_rd -module "l0" -var "z$1"',
        'public_flat_rd -module "top" -var "z"',
        "// The cell models keep unused pins.",
        'lint_off -rule UNUSEDSIGNAL -file "*cells_sim.v" -match "*GSR*"',
    ]


def test_what_cannot_stand_in_a_control_file_is_refused() -> None:
    with pytest.raises(SimulationError, match=r"^waiver of WIDTH without a reason$"):
        Waiver("WIDTH", " ")
    with pytest.raises(SimulationError, match="unknown rule: expected a name such as WIDTHEXPAND, got 'no rule'"):
        Waiver("no rule", "because")
    with pytest.raises(SimulationError, match="cannot stand in a control file"):
        control_file_text([("top", 'z"')])
