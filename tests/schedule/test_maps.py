"""Networks of maps as schedules: timings by hand, intervals, and what is refused in one line."""

import numpy as np
import pytest

from amos_hdl.circuit import relu
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Conv2d, Flatten, Input, MaxPool, Network, Pad, Slice, SumPool, Unit
from amos_hdl.schedule import CollectSpec, HardwareOptions, MapTiming, PoolSpec, Schedule, WireSpec
from amos_hdl.schedule.matrices import conv_matrix
from tests.conftest import map_network


def one(operation, *more, shape=(1, 4, 6)):
    last = more[-1] if more else operation
    return Network("one", (Input("x", shape, 0, 3), operation, *more), (last.name,))


def conv(name="c", source="x", channels=1, inputs=1, kernel=3, **options):
    return Conv2d(name, source, np.ones((channels, inputs, kernel, kernel), int), 2, **options)


def test_a_convolution_follows_its_input():
    schedule = Schedule(one(conv(padding=1)), HardwareOptions())
    assert schedule.interval_cycles == 24
    window = schedule.layers["c"].window
    # one row and two pixels until the first window is complete, and two cycles of reading
    assert window.output == MapTiming(4, 6, 6 + 2 + 2, 6, 1)
    assert schedule.timings["c"].start == window.output.start + schedule.specs["c"].latency_cycles
    assert schedule.latency_cycles == schedule.timings["c"].cycle(3, 5)


def test_strides_space_pixels_out():
    schedule = Schedule(one(MaxPool("p", "x", 2)), HardwareOptions())
    timing = schedule.timings["p"]
    assert (timing.rows, timing.columns, timing.row_cycles, timing.column_cycles) == (2, 3, 12, 2)


def test_pointwise_convolutions_and_units_keep_nothing():
    network = one(conv(kernel=1), Unit("u", "c", (relu(2),), np.zeros(1, int)))
    schedule = Schedule(network, HardwareOptions())
    assert schedule.layers["c"].window is None
    first = schedule.ready["c"]
    assert schedule.spike_cycles("u").tolist() == [first + 1, first + 2]


def test_a_skip_waits_for_exactly_what_it_skips():
    schedule = Schedule(map_network(), HardwareOptions())
    skip = schedule.layers["skip"]
    early, late = skip.buffers
    assert late is None
    assert early.latency_cycles == schedule.ready["deep"] - schedule.ready["hidden"]
    assert early.depth == early.latency_cycles  # a pixel in every cycle, rows without a gap
    gated = schedule.layers["gated"]
    assert gated.spec.kept
    # the gate is taken in one cycle and meets the first pixel in the next
    assert gated.timing.start - gated.spec.latency_cycles == schedule.ready["gate"] + 1


def test_whole_maps():
    schedule = Schedule(one(SumPool("g", "x"), Flatten("f", "g")), HardwareOptions())
    assert isinstance(schedule.specs["g"], PoolSpec)
    assert schedule.ready["g"] == 24  # the last pixel, and a register
    assert isinstance(schedule.specs["f"], WireSpec)
    assert isinstance(Schedule(one(Flatten("f", "x")), HardwareOptions()).specs["f"], CollectSpec)


def test_weights_of_groups_are_a_block_each():
    weights = np.arange(2 * 1 * 1 * 2).reshape(2, 1, 1, 2)
    operation = Conv2d("c", "x", weights, 4, groups=2)
    # tap by tap, in each both channels
    assert conv_matrix(operation).tolist() == [[0, 0, 1, 0], [0, 2, 0, 3]]


@pytest.mark.parametrize(("interval", "taken"), [(24, 24), (27, 24), (28, 28), (50, 48), (100, 100)])
def test_the_interval_is_the_most_rows_allow(interval, taken):
    schedule = Schedule(one(conv(padding=1)), HardwareOptions(interval=interval))
    assert schedule.interval_cycles == taken
    assert schedule.input_timing.column_cycles == taken // 24


def test_more_rows_than_came_need_a_longer_interval():
    padded = one(Pad("p", "x", ((0, 0), (1, 1), (1, 1))))
    schedule = Schedule(padded, HardwareOptions())
    assert schedule.interval_cycles >= 6 * 8
    assert schedule.interval_cycles - 4 < 6 * 8  # and no row is longer than it must be
    with pytest.raises(ScheduleError, match=r"p: interval: expected at least 48 clock cycles for 6 rows .*, got 24"):
        _ = Schedule(padded, HardwareOptions(interval=24)).layers


def test_folded_units_get_the_time_they_need():
    network = one(conv(padding=1), Unit("u", "c", (relu(5, step=1),), np.zeros(1, int)))
    schedule = Schedule(network, HardwareOptions(folded=("u",)))
    assert schedule.interval_cycles == 5 * 24
    with pytest.raises(ScheduleError, match="u: interval: expected 5 clock cycles from one pixel to the next, got 2"):
        _ = Schedule(network, HardwareOptions(folded=("u",), interval=48)).layers


def test_a_map_that_grows_has_its_pixels_evenly_spread():
    """A row's last pixel and the next row's first are no closer than those within a row, so that folds find time."""
    grown = Pad("p", "x", ((0, 0), (1, 1), (0, 3)))
    network = one(grown, Unit("u", "p", (relu(5, step=1),), np.zeros(1, int)), shape=(1, 2, 1))
    schedule = Schedule(network, HardwareOptions(folded=("u",)))
    timing = schedule.timings["p"]
    assert timing.row_cycles - 3 * timing.column_cycles >= timing.column_cycles >= 5
    assert schedule.interval_cycles <= 4 * 4 * 5 + 8


def test_fewer_cycles_than_pixels_are_refused():
    with pytest.raises(
        ScheduleError, match="one: interval: expected at least 24 clock cycles, one for each pixel, got 23"
    ):
        _ = Schedule(one(conv()), HardwareOptions(interval=23)).layers


def test_wires_from_input_to_output_pass_a_register():
    schedule = Schedule(one(Slice("s", "x", ((0, 1, 1), (0, 4, 1), (0, 6, 1)))), HardwareOptions())
    assert isinstance(schedule.specs["s"], WireSpec)
    assert schedule.ready["s"] == 1
