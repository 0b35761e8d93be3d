"""What the README shows of the Verilog is what is committed."""

import re

from tests.conftest import ROOT


def test_the_unit_in_the_readme() -> None:
    (shown,) = re.findall(r"```verilog\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    unit = (ROOT / "rtl_out" / "digits" / "units" / "digits_unit1.v").read_text(encoding="utf-8")
    parts = shown.split("...\n")
    assert len(parts) == 3
    for part in parts:
        assert part in unit
