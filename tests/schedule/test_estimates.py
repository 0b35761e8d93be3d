"""What is estimated of each layer before synthesis against what Yosys makes of it: within 15 %."""

import numpy as np
import pytest

from amos_hdl.network import Dense, Input, Network
from amos_hdl.project import find_project
from amos_hdl.schedule import Estimate, HardwareOptions, Schedule, estimate
from benchmarks.estimates import WHOLE, estimated, synthesized
from tests.conftest import small_network

#: By ``benchmarks/estimates.py``; they are not synthesized again here.
MEASURED = {
    "digits": {
        "encoder": Estimate(194, 386),
        "hidden1_sums": Estimate(2384, 1753),
        "hidden1": Estimate(540, 742),
        "logits": Estimate(1390, 894),
        "winner": Estimate(222, 309),
    },
    "digits_swish": {
        "encoder": Estimate(194, 386),
        "hidden1_sums": Estimate(2216, 1771),
        "hidden1": Estimate(1186, 1188),
        "logits": Estimate(2316, 1434),
        "winner": Estimate(253, 393),
    },
}


#: Of ``small_network``, whole, by the log of Yosys 0.70.
SLOWEST_PS = 1948


def check(size: Estimate, made: Estimate, name: str) -> None:
    """Check that an estimate is within 15 % of what was made."""
    assert abs(size.luts - made.luts) <= 0.15 * made.luts, f"{name}: {size}, {made}"
    assert abs(size.flip_flops - made.flip_flops) <= 0.15 * made.flip_flops, f"{name}: {size}, {made}"
    assert size.block_rams == made.block_rams, f"{name}: {size}, {made}"


@pytest.mark.parametrize("network", MEASURED)
def test_each_layer_is_near_what_was_measured(network):
    sizes = estimated(find_project(network).schedule({}))
    assert list(sizes) == list(MEASURED[network])
    for name, made in MEASURED[network].items():
        check(sizes[name], made, name)


def test_each_layer_is_near_what_yosys_makes(tmp_path):
    schedule = Schedule(small_network(), HardwareOptions())
    sizes, made = estimated(schedule), synthesized(schedule, tmp_path, SLOWEST_PS)
    assert list(made) == [*sizes, WHOLE]
    for name, size in sizes.items():
        check(size, made[name], name)


@pytest.mark.parametrize(
    ("sums", "inputs", "code_bits", "weight_bits", "made"),
    [(4, 8, 4, 4, {4: 281, 2: 292}), (8, 64, 1, 3, {4: 1066, 2: 1418}), (16, 16, 3, 6, {4: 2180, 2: 2719})],
)
def test_unfolded_sums_in_carry_cells_are_near_what_was_measured(sums, inputs, code_bits, weight_bits, made):
    """Made by ``synth`` for ECP5 with Yosys 0.70, LUT4 and two for each CCU2C, by inputs of the tables meant."""
    random, most = np.random.default_rng(sums), (1 << weight_bits - 1) - 1
    dense = Dense("s", "x", random.integers(-most, most + 1, (sums, inputs)), weight_bits)
    network = Network("c", (Input("x", inputs, 0, (1 << code_bits) - 1), dense), ("s",))
    for lut_inputs, luts in made.items():
        spec = Schedule(network, HardwareOptions(lut_inputs=lut_inputs)).specs["s"]
        assert abs(estimate(spec, carries=True).luts / luts - 1) < 0.1
    spec = Schedule(network, HardwareOptions()).specs["s"]
    assert estimate(spec).luts > 1.2 * made[4]  # with look-ahead in place of carry cells
