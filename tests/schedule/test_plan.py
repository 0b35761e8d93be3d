import re

import numpy as np
import pytest

from amos_hdl.circuit import quantizer, relu
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Argmax, Dense, Input, Network, Unit, golden
from amos_hdl.schedule import DelaySpec, HardwareOptions, Schedule, UnitLayerSpec, UnitSpec, estimate
from amos_hdl.schedule.lookup import Choice, evaluate
from tests.conftest import small_network


@pytest.mark.parametrize("adders_per_stage", [1, 2, 3, 64])
def test_specs_evaluate_to_the_golden_model(adders_per_stage):
    network = small_network()
    schedule = Schedule(network, HardwareOptions(adders_per_stage=adders_per_stage))
    trace = golden.run(network, np.random.default_rng(0).integers(0, 17, (200, 9)))
    for name, spec in schedule.specs.items():
        result = spec.evaluate(trace.values[spec.operation.source])
        if isinstance(spec, UnitLayerSpec):
            spikes, result = result
            assert (spikes == trace.spikes[name]).all()
        assert (result == trace.values[name]).all()


def test_cycles_add_up(small):
    schedule = Schedule(small, HardwareOptions())
    cycle = 0
    for name, spec in schedule.specs.items():
        assert spec.latency_cycles >= 1
        cycle += spec.latency_cycles
        assert schedule.ready[name] == cycle
    assert schedule.latency_cycles == cycle and schedule.interval_cycles == 1
    delay = schedule.output_delays["logits"]
    assert delay.cycles == schedule.specs["winner"].latency_cycles
    assert delay.bits == 5 * small.tensors["logits"].bits
    assert list(schedule.output_delays) == ["logits"]


def test_more_adders_per_stage_make_fewer_stages(small):
    latencies = [Schedule(small, HardwareOptions(adders_per_stage=n)).specs["sums"].latency_cycles for n in (1, 2, 9)]
    depth = Schedule(small, HardwareOptions()).specs["sums"].graph.depth
    assert latencies == [depth, -(-depth // 2), 1]


def test_flash_gates_spike_together():
    from amos_hdl.circuit import ThresholdCircuit

    flash = ThresholdCircuit((1,) * 3, (1,) * 3, (1,) * 3, thresholds=(1, 2, 3), lateral=((0,) * 3,) * 3)
    network = Network("flash", (Input("x", 1, 0, 5), Unit("u", "x", (flash,), np.array([0]))), ("u",))
    assert Schedule(network, HardwareOptions()).spike_cycles("u").tolist() == [1, 1, 1]


def test_a_layer_that_does_not_spike_has_no_spike_cycles(small):
    with pytest.raises(KeyError):
        Schedule(small, HardwareOptions()).spike_cycles("sums")


def test_thresholds_out_of_reach_are_clipped_without_changing_spikes():
    circuit = quantizer([-1000, 0, 1000])
    spec = UnitSpec(circuit, -8, 7, 0, 3)
    assert spec.lookups == (0, Choice(0, -8, 8))
    x = np.arange(-8, 8)
    for gate, tree in enumerate(spec.lookups):
        assert ((x >= evaluate(tree, circuit.spikes(x))) == circuit.spikes(x)[:, gate]).all()


def test_equal_circuits_share_a_module():
    units = Unit("u", "x", (relu(2), relu(2)), np.array([1, 0, 1]))
    network = Network("n", (Input("x", 3, 0, 9), units, Argmax("w", "u")), ("w",))
    assert len(set(Schedule(network, HardwareOptions()).specs["u"].distinct)) == 1


@pytest.mark.parametrize("value", [0, 65, -1, 1.5, True])
def test_options_out_of_range(value):
    with pytest.raises(ScheduleError, match=f"^adders_per_stage: expected 1 to 64, got {re.escape(repr(value))}$"):
        HardwareOptions(adders_per_stage=value)


@pytest.mark.parametrize(
    ("name", "value"), [("lut_inputs", 5), ("extra_adder_levels", -1), ("extra_adder_levels", 1.0)]
)
def test_options_of_sums_out_of_range(name, value):
    with pytest.raises(ScheduleError, match=f"^{name}: expected .*, got {re.escape(repr(value))}$"):
        HardwareOptions(**{name: value})


@pytest.mark.parametrize("lut_inputs", [2, 4, 6])
def test_sums_of_any_option_evaluate_to_the_golden_model(lut_inputs):
    network = small_network()
    spec = Schedule(network, HardwareOptions(lut_inputs=lut_inputs, extra_adder_levels=3)).specs["sums"]
    trace = golden.run(network, np.random.default_rng(0).integers(0, 17, (200, 9)))
    assert (spec.evaluate(trace.values[spec.operation.source]) == trace.values["sums"]).all()
    assert spec.latency_cycles == Schedule(network, HardwareOptions()).specs["sums"].latency_cycles + 3


def test_a_delay_of_nothing_is_refused():
    with pytest.raises(ScheduleError, match=r"^delay line: expected >= 1 bit and cycle, got 8 and 0$"):
        DelaySpec(8, 0)


def test_estimates_grow_with_the_layer(small):
    schedule = Schedule(small, HardwareOptions())
    for spec in schedule.specs.values():
        assert estimate(spec).luts > 0 and estimate(spec).flip_flops > 0
    fewer = Dense("sums", "encoder", small["sums"].weights // 2, 4)
    smaller = Network("s", (*small.operations[:2], fewer), ("sums",))
    assert estimate(Schedule(smaller, HardwareOptions()).specs["sums"]).luts < estimate(schedule.specs["sums"]).luts
