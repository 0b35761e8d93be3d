"""Components in Amaranth's own simulator: what they give, and that their latency is the one of the spec."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from amos_hdl.circuit import ThresholdCircuit, quantizer, relu
from amos_hdl.gateware.argmax import ArgmaxLayer
from amos_hdl.gateware.delay import DelayLine
from amos_hdl.gateware.dense import DenseLayer
from amos_hdl.gateware.unit import AmosUnit
from amos_hdl.network import Argmax, Dense, Tensor
from amos_hdl.schedule import ArgmaxSpec, DelaySpec, DenseSpec, UnitSpec


def tensor(units, low, high):
    return Tensor(np.full(units, low), np.full(units, high))


def pack(values, bits):
    return sum((int(value) & ((1 << bits) - 1)) << (n * bits) for n, value in enumerate(values))


def unpack(word, count, bits, signed):
    values = [(word >> (n * bits)) & ((1 << bits) - 1) for n in range(count)]
    return [value - (1 << bits) if signed and value >> (bits - 1) else value for value in values]


def stream(component, source, words, result, rows):
    """Return (out_valid, result) of each cycle while ``words`` enter one per clock from cycle 0 on."""
    seen = []

    async def bench(ctx):
        for row in range(rows):
            ctx.set(component.in_valid, int(row < len(words)))
            ctx.set(getattr(component, source), words[row] if row < len(words) else 0)
            seen.append((ctx.get(component.out_valid), ctx.get(getattr(component, result))))
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def check_layer(spec, component, source, result, x):
    """Compare a stream of inputs ``(batch, input)`` with ``spec.evaluate``, each result due after the latency."""
    expected = spec.evaluate(x)
    words = [pack(row, component.source.word_bits) for row in x]
    rows = stream(component, source, words, result, len(x) + spec.latency_cycles + 3)
    valid = [row for row, (is_valid, _) in enumerate(rows) if is_valid]
    assert valid == list(range(spec.latency_cycles, spec.latency_cycles + len(x)))
    assert spec.interval_cycles == 1
    port = component.result
    for number, row in enumerate(valid):
        assert unpack(rows[row][1], port.count, port.word_bits, port.signed) == expected[number].tolist()


@pytest.mark.parametrize("adders_per_stage", [1, 2, 5])
@pytest.mark.parametrize("interval", [(0, 7), (-4, 3), (2, 2)])
def test_dense(adders_per_stage, interval):
    random = np.random.default_rng(1)
    weights, bias = random.integers(-8, 8, (5, 7)), random.integers(-20, 20, 5)
    weights[1], weights[2], bias[2] = 0, -np.abs(weights[2]), -5
    operation, source = Dense("d", "x", weights, 4, bias), tensor(7, *interval)
    spec = DenseSpec(operation, source, operation.result(source), adders_per_stage)
    x = random.integers(interval[0], interval[1] + 1, (40, 7))
    check_layer(spec, DenseLayer(spec), "x", "potential", x)


@pytest.mark.parametrize("values", [2, 3, 4, 5, 9])
def test_argmax(values):
    operation, source = Argmax("a", "x"), tensor(values, -4, 3)
    spec = ArgmaxSpec(operation, source, operation.result(source))
    x = np.random.default_rng(values).integers(-4, 4, (60, values))
    assert (spec.evaluate(x)[:, 0] == x.argmax(axis=1)).all()
    check_layer(spec, ArgmaxLayer(spec), "x", "index", x)


ODD = ThresholdCircuit(
    gains=(2, -3, 0, -1),
    outputs=(5, -7, 1, 3),
    levels=(1, 1, 2, 3),
    offset=-4,
    thresholds=(3, -2, 0, -9),
    lateral=((0,) * 4, (0,) * 4, (4, -6, 0, 0), (1, 2, -3, 0)),
)
FLASH = ThresholdCircuit((1,) * 3, (1, -2, 4), (1,) * 3, 2, (-3, 0, 2), ((0,) * 3,) * 3)


@pytest.mark.parametrize(
    "circuit",
    [relu(3), relu(9, bias=3), quantizer([-5, -5, 0, 1, 2, 6, 99]), ODD, ODD.to_table(), FLASH],
    ids=["relu", "relu of 9 gates", "quantizer", "linear of 3 levels", "table of 3 levels", "flash"],
)
@pytest.mark.parametrize("interval", [(-8, 7), (0, 15), (-8, -1)])
def test_unit(circuit, interval):
    low, high = interval
    spec = UnitSpec(circuit, low, high, *circuit.value_interval(low, high))
    component, x = AmosUnit(spec), np.random.default_rng(0).permutation(np.arange(low, high + 1))
    spikes, y = spec.evaluate(x)
    seen = []

    async def bench(ctx):
        for row in range(len(x) + spec.latency_cycles + 2):
            ctx.set(component.potential, int(x[row]) if row < len(x) else low)
            ctx.set(component.step, sum((0 <= row - n < len(x)) << n for n in range(circuit.depth)))
            seen.append((ctx.get(component.spikes), ctx.get(component.y)))
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    for row, (word, value) in enumerate(seen):
        for gate in range(circuit.gates):
            image = row - spec.spike_cycle(gate)
            expected = bool(spikes[image, gate]) if 0 <= image < len(x) else False
            assert bool(word >> gate & 1) == expected, f"gate {gate + 1}, cycle {row}"
        if 0 <= row - spec.latency_cycles < len(x):
            assert value == y[row - spec.latency_cycles]


def test_delay_line():
    component = DelayLine(DelaySpec(bits=8, cycles=3))
    seen = []

    async def bench(ctx):
        for value in range(1, 12):
            ctx.set(component.x, value)
            seen.append(ctx.get(component.delayed))
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [0, 0, 0, *range(1, 9)]
