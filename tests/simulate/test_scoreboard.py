"""The scoreboard must fail for each way in which hardware can be wrong, and name it."""

import numpy as np
import pytest

from amos_hdl.simulate.scoreboard import Traffic, check_at_most_once, check_outputs, check_spikes

CYCLES = np.array([2, 3])


@pytest.fixture
def scene():
    """Ten images with a gap, two units of two gates; the record is what it must be."""
    random = np.random.default_rng(0)
    spikes = random.random((10, 2, 2)) < 0.5
    traffic = Traffic(np.array([0, 1, 2, 3, 4, 9, 10, 11, 12, 13]), np.zeros(24, bool))
    record = np.zeros((24, 2, 2), bool)
    for image, entry in enumerate(traffic.entries):
        for gate, cycle in enumerate(CYCLES):
            record[entry + cycle, :, gate] = spikes[image, :, gate]
    return spikes, traffic, record


def check(scene, record):
    spikes, traffic, _ = scene
    return check_spikes("layer", record.reshape(24, 4), spikes, CYCLES, traffic)


def test_a_right_record_passes_and_is_counted(scene):
    assert check(scene, scene[2]) == scene[0].sum()


@pytest.mark.parametrize("row", range(24))
def test_any_flipped_bit_is_found_and_named(scene, row):
    for unit, gate in np.ndindex(2, 2):
        record = scene[2].copy()
        record[row, unit, gate] ^= True
        with pytest.raises(AssertionError) as caught:
            check(scene, record)
        message = str(caught.value)
        assert f"layer layer, unit {unit}, gate {gate + 1}, clock cycle {row}: expected" in message
        entered = row - CYCLES[gate]
        if entered in scene[1].entries:
            assert f"image {list(scene[1].entries).index(entered)}," in message
        else:
            assert "no image, layer" in message


def test_a_late_record_is_found(scene):
    with pytest.raises(AssertionError, match="wrong spikes"):
        check(scene, np.roll(scene[2], 1, axis=0))


def test_swapped_units_are_found(scene):
    with pytest.raises(AssertionError, match="wrong spikes"):
        check(scene, scene[2][:, ::-1])


def test_reset_drops_what_is_in_flight():
    traffic = Traffic(np.arange(6), np.array([False] * 3 + [True] + [False] * 8))
    # reset in row 3: images 0 to 3 are dropped where they would show in row 4 or later
    assert traffic.survives(2).tolist() == [True, True, False, False, True, True]
    assert traffic.visible(2)[0].tolist() == [0, 1, 4, 5]
    assert traffic.survives(1).tolist() == [True, True, True, False, True, True]


def test_a_second_spike_is_found():
    traffic = Traffic(np.array([0, 6]), np.zeros(14, bool))
    record = np.zeros((14, 1, 2), bool)
    record[2, 0, 0] = record[9, 0, 1] = True
    check_at_most_once("layer", record.reshape(14, 2), 2, CYCLES, traffic)
    record[4, 0, 0] = True
    with pytest.raises(
        AssertionError, match=r"image 0, layer layer, unit 0, gate 1: expected at most one spike, got 2"
    ):
        check_at_most_once("layer", record.reshape(14, 2), 2, CYCLES, traffic)
    with pytest.raises(AssertionError, match=r"too close"):
        check_at_most_once("layer", record.reshape(14, 2), 2, CYCLES, Traffic(np.array([0, 2]), np.zeros(14, bool)))


def outputs():
    traffic = Traffic(np.array([0, 1, 5]), np.zeros(12, bool))
    valid, record = np.zeros(12, bool), np.full((12, 1), 99)
    valid[[4, 5, 9]], record[[4, 5, 9], 0] = True, [3, 1, 2]
    return valid, record, np.array([[3], [1], [2]]), traffic


def test_right_outputs_pass():
    valid, record, expected, traffic = outputs()
    assert check_outputs("winner", valid, record, expected, 4, traffic) == 3


@pytest.mark.parametrize("row", range(12))
def test_surplus_and_missing_outputs_are_found(row):
    valid, record, expected, traffic = outputs()
    valid[row] ^= True
    with pytest.raises(AssertionError, match=rf"wrong valids at winner; .*clock cycle {row}: expected"):
        check_outputs("winner", valid, record, expected, 4, traffic)


def test_wrong_outputs_are_found():
    valid, record, expected, traffic = outputs()
    record[5] = 7
    with pytest.raises(AssertionError, match=r"image 1, winner\[0\], clock cycle 5: expected 1, got 7"):
        check_outputs("winner", valid, record, expected, 4, traffic)
