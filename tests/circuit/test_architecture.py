import re

import pytest

from amos_hdl.circuit import FLASH, FOLDED, SERIAL, Architecture
from amos_hdl.errors import CircuitError


@pytest.mark.parametrize("text", ["serial", "flash", "folded", "staged(2)", "staged(16)"])
def test_spelling_round_trips(text):
    assert str(Architecture.parse(text)) == text


@pytest.mark.parametrize(
    ("architecture", "bits", "gates", "levels"),
    [
        (SERIAL, 5, 5, (1, 2, 3, 4, 5)),
        (FOLDED, 3, 3, (1, 2, 3)),
        (FLASH, 3, 7, (1,) * 7),
        (Architecture("staged", 2), 6, 9, (1, 1, 1, 2, 2, 2, 3, 3, 3)),
        (Architecture("staged", 3), 3, 7, (1,) * 7),
        (Architecture("staged", 4), 8, 30, (1,) * 15 + (2,) * 15),
    ],
)
def test_gates_and_levels_are_those_of_the_formula(architecture, bits, gates, levels):
    assert architecture.gates(bits) == gates
    assert architecture.levels(bits) == levels


SPELLINGS = "architecture: expected serial, flash, staged(m) with m >= 2, or folded, got "


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Architecture.parse("tree"), SPELLINGS + "'tree'"),
        (lambda: Architecture.parse("staged"), SPELLINGS + "'staged'"),
        (lambda: Architecture.parse("staged(1)"), SPELLINGS + "'staged(1)'"),
        (lambda: Architecture.parse("staged(02)"), SPELLINGS + "'staged(02)'"),
        (lambda: Architecture.parse("staged(2)\n"), SPELLINGS + "'staged(2)\\n'"),
        (lambda: Architecture("serial", 2), SPELLINGS + "'serial(2)'"),
        (lambda: Architecture("staged"), SPELLINGS + "'staged(0)'"),
        (lambda: Architecture("tree"), SPELLINGS + "'tree'"),
        (lambda: SERIAL.gates(0), "serial: bits of a unit: expected >= 1, got 0"),
        (lambda: Architecture("staged", 2).gates(5), "staged(2): bits of a unit: expected a multiple of 2, got 5"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(CircuitError, match=f"^{re.escape(message)}$"):
        make()
