"""How far a network is folded for a board when nothing, and when something, is said of it."""

import pytest

from amos_hdl.errors import ScheduleError
from amos_hdl.project import find_project
from amos_hdl.schedule.board import find_board
from amos_hdl.schedule.link import LinkSpec
from amos_hdl.schedule.stream import StreamOptions, StreamSpec
from amos_hdl.verbs.board import board_schedule


@pytest.fixture(scope="module")
def maps(map_folder):
    return find_project(str(map_folder / "models" / "maps"))


def test_maps_are_folded_to_the_pace_of_the_line(maps):
    """30 bytes of 10 bits of 50 clock cycles each, or of the baud and clock that are asked for."""
    board = find_board("ulx3s-85f")
    schedule = board_schedule(maps, board, {}, 50)
    assert schedule.interval_cycles == 30 * 10 * 50
    assert schedule.options.folds
    assert board_schedule(maps, board, {}, 50, 2_000_000).interval_cycles == 30 * 10 * 25


@pytest.mark.parametrize(("flags", "interval"), [({"interval": 60}, 60), ({"folded": ("gate",)}, 30)])
def test_flags_go_first(maps, flags, interval):
    assert board_schedule(maps, find_board("ulx3s-85f"), flags).interval_cycles == interval


def test_units_stay_as_the_board_wants_them(small_folder):
    small = find_project(str(small_folder / "models" / "small"))
    assert not board_schedule(small, find_board("ulx3s-85f"), {}).options.folds
    assert set(board_schedule(small, find_board("icebreaker"), {}).options.folds) == {"encoder", "hidden"}


def test_a_link_wants_room_for_two_images(maps):
    """One is received while another is played: with room for one alone the line would lose bytes."""
    schedule = board_schedule(maps, find_board("ulx3s-85f"), {}, 50)
    one = StreamSpec.of(schedule, StreamOptions(beat_bytes=1))
    assert one.buffer.images == 1
    with pytest.raises(ScheduleError, match="images in the buffer of a link: expected 2, got 1"):
        LinkSpec(stream=one, digest=schedule.network.digest, bit_cycles=50)
    two = StreamSpec.of(schedule, StreamOptions(beat_bytes=1), least_buffers=2)
    assert LinkSpec(stream=two, digest=schedule.network.digest, bit_cycles=50).image_bytes == 30
