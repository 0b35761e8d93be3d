"""The planner: every plan is placed in time, balanced, and as small as it says; what cannot be is said in one line."""

import re

import numpy as np
import pytest

from amos_hdl.circuit import quantizer
from amos_hdl.errors import DoesNotFitError, ScheduleError
from amos_hdl.frontend.architectures.structure import StructureOptions
from amos_hdl.network import Argmax, Conv2d, Dense, Flatten, Input, Network, Unit, golden
from amos_hdl.project import STRUCTURES
from amos_hdl.schedule import Estimate, FoldedSumSpec, HardwareOptions, Schedule, placed_estimate
from amos_hdl.schedule.folding import Planner
from amos_hdl.synthesize.devices import device_count, devices_needed, plan
from amos_hdl.synthesize.targets import find_target
from tests.conftest import small_network


def convolutional(groups: int = 1) -> Network:
    """Return a small network with strides, padding and a dense layer behind a map."""
    random = np.random.default_rng(groups)
    encoder = tuple(quantizer(np.sort(random.integers(0, 256, 7)).tolist()) for _ in range(2))
    units = tuple(quantizer(np.sort(random.integers(-20, 40, 7)).tolist()) for _ in range(8))
    return Network(
        "maps",
        (
            Input("pixels", (2, 12, 12), 0, 255),
            Unit("encoder", "pixels", encoder, np.arange(2)),
            Conv2d("conv1", "encoder", random.integers(-3, 4, (8, 2, 3, 3)), 4, stride=2, padding=1),
            Unit("units1", "conv1", units, np.arange(8)),
            Conv2d("conv2", "units1", random.integers(-3, 4, (8, 8 // groups, 3, 3)), 4, padding=1, groups=groups),
            Unit("units2", "conv2", units, np.arange(8)[::-1].copy()),
            Flatten("flat", "units2"),
            Dense("logits", "flat", random.integers(-7, 8, (10, 288)), 4, random.integers(-99, 99, 10)),
            Argmax("winner", "logits"),
        ),
        ("winner",),
    )


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("interval", [144, 500, 3000, 30_000])
def test_a_plan_keeps_its_interval(groups, interval):
    """No layer needs longer for its windows than lie between them, and the image's distance is what was asked for."""
    network = convolutional(groups)
    options = Planner(network, HardwareOptions()).for_interval(interval).options
    schedule = Schedule(network, options)  # refuses what is not in time
    assert interval - 12 < schedule.interval_cycles <= interval
    assert HardwareOptions.of(options.as_dict()) == options


def test_sums_of_wide_codes_are_not_folded():
    """The value of each bit of a code is a weight of a lane's adders: 16 bits with the sign."""
    for high, folds in ((32_767, ["sums=1x1"]), (65_535, [])):
        network = Network("wide", (Input("x", 8, 0, high), Dense("sums", "x", np.ones((8, 8), int), 4)), ("sums",))
        options = Planner(network, HardwareOptions()).for_interval(64).options
        assert list(options.folded) == folds
        assert Schedule(network, options).interval_cycles <= 64


def test_the_longer_the_interval_the_smaller_the_network():
    network = convolutional()
    planner = Planner(network, HardwareOptions())
    sizes = []
    for interval in (144, 600, 2500, 10_000):
        schedule = Schedule(network, planner.for_interval(interval).options)
        sizes.append(sum(placed_estimate(layer).luts for layer in schedule.layers.values()))
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < sizes[0] / 3


def test_the_size_by_formula_is_near_that_of_the_specs():
    network = convolutional()
    found = Planner(network, HardwareOptions()).for_interval(2500)
    by_spec = {name: placed_estimate(layer) for name, layer in Schedule(network, found.options).layers.items()}
    for name in ("conv1", "conv2", "logits"):
        assert abs(found.layers[name].luts / by_spec[name].luts - 1) < 0.25, name


def test_what_is_pinned_stays():
    network = convolutional()
    pinned = HardwareOptions(folded=("conv2=8x2",))
    assert "conv2=8x2" in Planner(network, pinned).for_interval(3000).options.folded


def test_a_dense_layer_behind_a_map_is_summed_pixel_by_pixel():
    """As many words of weights as steps of all pixels, no register for the map, and the sums of the golden model."""
    network = convolutional()
    schedule = Schedule(network, HardwareOptions(folded=("logits=5x4",), interval=1200))
    spec = schedule.specs["logits"]
    assert isinstance(spec, FoldedSumSpec) and spec.parts == 36 and spec.interval_cycles == 4
    assert len(spec.rom) == 36 * 4
    trace = golden.run(network, np.random.default_rng(0).integers(0, 256, (20, 2 * 144)))
    flat = trace.values["flat"].reshape(20, 8, 36).swapaxes(1, 2).reshape(20, -1)
    assert (spec.evaluate(flat) == trace.values["logits"]).all()


@pytest.mark.parametrize(
    ("goals", "message"),
    [
        ({"interval": 100}, "maps: interval: expected at least 144 clock cycles, one for each pixel, got 100"),
        ({"luts": 50}, "--luts: expected at least about [0-9,]+, which maps takes however far it is folded, got 50"),
        ({"luts": 50, "interval": 1000}, "--luts: expected no --interval and no --device beside it"),
    ],
)
def test_goals_that_cannot_be_reached(goals, message):
    with pytest.raises(ScheduleError, match=f"^{message}$"):
        plan(convolutional(), HardwareOptions(), **goals)


def test_a_pinned_layer_that_is_too_slow():
    message = "conv2: interval: expected 576 clock cycles from one pixel to the next, got "
    with pytest.raises(ScheduleError, match=f"^{re.escape(message)}"):
        Planner(convolutional(), HardwareOptions(folded=("conv2=1x1",))).for_interval(3000)


def test_a_device_that_is_too_small():
    """The numbers of both, and how many devices would hold it."""
    network = STRUCTURES["efficientnet-b0"](StructureOptions(size=32, gates=4)).network
    message = (
        r"does not fit ice40-up5k however far it is folded: got about [0-9,]+ of 5,280 luts, [0-9,]+ of 5,280 flip "
        r"flops, [0-9,]+ of 30 block rams; [0-9,]+ devices would hold it$"
    )
    with pytest.raises(DoesNotFitError, match=message):
        plan(network, HardwareOptions(), device="ice40-up5k")


def test_flip_flops_that_no_luts_lead_to_take_luts_on_gowin():
    """The first was placed on a GW1N-9, the second was not, though it would have had a quarter of the LUTs free."""
    target = find_target("gowin-gw1n9")
    assert device_count(Estimate(5174, 4849, 18), target) == 1
    assert device_count(Estimate(6144, 5193, 19), target) == 2
    assert device_count(Estimate(6144, 5193, 19), find_target("ecp5-25k")) == 1


def test_devices_of_a_large_network():
    found = devices_needed(STRUCTURES["efficientnet-b0"](StructureOptions(size=64)).network, HardwareOptions(), "85k")
    assert found.target == "ecp5-85k" and found.count > 1 and found.interval_cycles > 64 * 64


def test_a_flat_network_is_folded_for_luts():
    small = plan(small_network(), HardwareOptions(), luts=100_000).options
    assert small.interval == 1 and not small.folded
