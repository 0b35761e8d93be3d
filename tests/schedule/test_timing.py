"""Timings of maps."""

import pytest

from amos_hdl.errors import ScheduleError
from amos_hdl.schedule.timing import MapTiming


def test_pixels_are_at_their_cycles():
    timing = MapTiming(3, 4, 7, 10, 2)
    assert timing.cycle(2, 3) == 7 + 20 + 6
    assert timing.cycles().tolist()[1] == [17, 19, 21, 23]
    assert timing.span_cycles == 27
    assert timing.later(5).start == 12


@pytest.mark.parametrize(("interval", "gap"), [(27, 1), (28, 2), (100, 2)])
def test_least_gap(interval, gap):
    assert MapTiming(3, 4, 7, 10, 2).least_gap(interval) == gap


def test_least_gap_from_row_to_row():
    assert MapTiming(3, 4, 0, 10, 3).least_gap(100) == 1
    assert MapTiming(1, 1, 0, 9, 9).least_gap(9) == 9


def test_rows_longer_than_their_distance_are_refused():
    with pytest.raises(ScheduleError, match="at least 7 clock cycles per row, got 6"):
        MapTiming(2, 4, 0, 6, 2)
