"""Boards and the dividers of their PLLs."""

from fractions import Fraction

import pytest

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.board import BOARDS, find_board
from amos_hdl.schedule.pll import PllSpec


@pytest.mark.parametrize("name", list(BOARDS))
def test_each_board_has_its_clock_and_baud(name):
    board = find_board(name)
    clock, pll = board.clock(None)
    assert clock == board.clock_mhz
    assert (pll is None) == (board.clock_mhz == board.oscillator_mhz)
    cycles = board.bit_cycles(clock, None)
    assert abs(float(clock) * 1e6 / cycles - board.baud) <= 0.02 * board.baud
    assert board.bit_cycles(clock, 115_200) == round(float(clock) * 1e6 / 115_200)


# made by: ecppll -i 25 -o 100; ecppll -i 48 -o 96; icepll -i 12 -o 24; icepll -i 12 -o 39.75; gowin_pll -i 27 -o 54,
# which takes the slowest oscillator
@pytest.mark.parametrize(
    ("kind", "input_mhz", "output_mhz", "dividers"),
    [
        ("ecp5", 25, 100, (1, 4, 6)),
        ("ecp5", 48, 96, (1, 2, 6)),
        ("ice40", 12, 24, (1, 64, 32)),
        ("ice40", 12, 39.75, (1, 53, 16)),
        ("gowin", 27, 54, (1, 2, 16)),
    ],
)
def test_dividers_of_the_makers_tools(kind, input_mhz, output_mhz, dividers):
    pll = PllSpec.near(kind, Fraction(input_mhz), Fraction(output_mhz))
    assert (pll.input_divider, pll.feedback_divider, pll.output_divider) == dividers
    assert pll.output_mhz == Fraction(output_mhz)


@pytest.mark.parametrize(("kind", "input_mhz"), [("ecp5", 25), ("ecp5", 48), ("ice40", 12), ("gowin", 27)])
def test_many_clocks_are_within_the_limits(kind, input_mhz):
    low, high = {"ecp5": (400, 800), "ice40": (533, 1066), "gowin": (400, 1200)}[kind]
    made = 0
    for wanted in range(20, 180, 3):
        try:
            pll = PllSpec.near(kind, Fraction(input_mhz), Fraction(wanted))
        except ScheduleError as error:
            assert "at best" in str(error)
            continue
        made += 1
        assert abs(pll.output_mhz - wanted) <= wanted / 100
        assert low <= pll.oscillator_mhz <= high
    assert made >= 35


def test_filter_of_an_ice40():
    assert PllSpec("ice40", Fraction(12), 1, 64, 32).filter_range == 1
    assert PllSpec("ice40", Fraction(48), 1, 16, 32).filter_range == 4


def test_what_cannot_be():
    with pytest.raises(ScheduleError, match=r"unknown board: expected one of icebreaker, .*, got 'icebraker'"):
        find_board("icebraker")
    with pytest.raises(ScheduleError, match="clock from 12 MHz by a PLL: expected 1000 MHz"):
        find_board("icebreaker").clock(1000)
    with pytest.raises(ScheduleError, match=r"baud: expected within 2 % .* got 5000000, the nearest is 6000000"):
        find_board("icebreaker").bit_cycles(Fraction(12), 5_000_000)
