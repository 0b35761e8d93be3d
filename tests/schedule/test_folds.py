import re

import numpy as np
import pytest

from amos_hdl.errors import ScheduleError
from amos_hdl.network import Dense, Input, Network
from amos_hdl.schedule import Fold, FoldedSumSpec, HardwareOptions, Schedule, estimate
from tests.conftest import small_network


@pytest.mark.parametrize(
    ("text", "fold"),
    [
        ("hidden", Fold("hidden")),
        ("conv1=4x9", Fold("conv1", 4, 9)),
        ("a-b=1x1", Fold("a-b", 1, 1)),
        ("units=2", Fold("units", 2)),
    ],
)
def test_folds_are_read_and_written(text, fold):
    assert Fold.parse(text) == fold and str(fold) == text


@pytest.mark.parametrize("text", ["", "=1x2", "a=", "a=1x", "a=x2", "a=-1x2", "a=1x2x3", "a=12345678x1"])
def test_texts_that_are_no_folds(text):
    with pytest.raises(
        ScheduleError, match=rf"^fold: expected LAYER or LAYER=UNITS of units, or .*, got {re.escape(repr(text))}$"
    ):
        HardwareOptions(folded=(text,))


def test_a_layer_is_folded_once():
    with pytest.raises(ScheduleError, match=r"^folded: expected each layer once, got"):
        HardwareOptions(folded=("sums=1x1", "sums=2x1"))


def test_folded_sums_take_their_interval():
    network = small_network()
    schedule = Schedule(network, HardwareOptions(folded=("sums=2x3", "logits=5x2")))
    assert isinstance(schedule.specs["sums"], FoldedSumSpec)
    assert [schedule.specs[name].interval_cycles for name in ("sums", "logits")] == [9, 3]
    assert schedule.interval_cycles == 9
    assert HardwareOptions.from_dict(schedule.options.as_dict(), where="here") == schedule.options


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden=1x1", "sample: folded layer: expected weighted sums: sums, logits, got 'hidden'"),
        ("sums=4x3", "sums: sums at once: expected a divisor of 6, the sums, got 4"),
        ("sums=2x2", "sums: inputs at once: expected a divisor of 9, the inputs of a sum, got 2"),
    ],
)
def test_folds_that_a_network_cannot_have(text, message):
    with pytest.raises(ScheduleError, match=f"^{re.escape(message)}$"):
        _ = Schedule(small_network(), HardwareOptions(folded=(text,))).specs


def test_the_estimate_of_folded_sums_is_near_what_yosys_makes():
    """The figures are those of ``benchmarks/folds.py``, ECP5 with carry cells; they are not synthesized again here."""
    random = np.random.default_rng(16 * 144)
    network = Network(
        "folds", (Input("code", 144, 0, 15), Dense("sums", "code", random.integers(-8, 8, (16, 144)), 4)), ("sums",)
    )
    for fold, luts, flip_flops, block_rams in [("1x1", 673, 866, 1), ("1x9", 1007, 1159, 1), ("4x9", 2142, 2121, 4)]:
        size = estimate(Schedule(network, HardwareOptions(folded=(f"sums={fold}",))).specs["sums"])
        assert size.block_rams == block_rams
        assert abs(size.luts / luts - 1) < 0.15 and abs(size.flip_flops / flip_flops - 1) < 0.15
