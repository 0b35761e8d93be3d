"""Components in Amaranth's own simulator: what they give, and that their latency is the one of the spec."""

import numpy as np
import pytest

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.gateware.argmax import ArgmaxLayer
from amos_hdl.gateware.delay import DelayLine
from amos_hdl.gateware.dense import DenseLayer
from amos_hdl.gateware.folded import FoldedUnit
from amos_hdl.gateware.gates import GateLayer
from amos_hdl.gateware.unit import AmosUnit
from amos_hdl.network import Argmax, Dense, Tensor
from amos_hdl.schedule import ArgmaxSpec, DelaySpec, DenseSpec, FoldedUnitSpec, HardwareOptions, Schedule, UnitSpec
from tests.conftest import gate_network
from tests.gateware.simulated import run
from tests.units import CIRCUITS, FOLDABLE


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

    run(component, bench)
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


@pytest.mark.parametrize(
    ("adders_per_stage", "lut_inputs", "extra_levels"), [(1, 4, 0), (2, 6, 0), (1, 6, 3), (5, 4, 2), (1, 2, 1)]
)
@pytest.mark.parametrize("interval", [(0, 7), (-4, 3), (2, 2)])
def test_dense(adders_per_stage, lut_inputs, extra_levels, interval):
    random = np.random.default_rng(1)
    weights, bias = random.integers(-8, 8, (5, 7)), random.integers(-20, 20, 5)
    weights[1], weights[2], bias[2] = 0, -np.abs(weights[2]), -5
    operation, source = Dense("d", "x", weights, 4, bias), tensor(7, *interval)
    spec = DenseSpec(operation, source, operation.result(source), adders_per_stage, lut_inputs, extra_levels)
    x = random.integers(interval[0], interval[1] + 1, (40, 7))
    check_layer(spec, DenseLayer(spec), "x", "potential", x)


@pytest.mark.parametrize("values", [2, 3, 4, 5, 9])
def test_argmax(values):
    operation, source = Argmax("a", "x"), tensor(values, -4, 3)
    spec = ArgmaxSpec(operation, source, operation.result(source))
    x = np.random.default_rng(values).integers(-4, 4, (60, values))
    assert (spec.evaluate(x)[:, 0] == x.argmax(axis=1)).all()
    check_layer(spec, ArgmaxLayer(spec), "x", "index", x)


@pytest.mark.parametrize("interval", [(-128, 127), (0, 99), (-60, -1)], ids=["signed", "unsigned", "negative"])
@pytest.mark.parametrize(
    ("circuit", "kind"),
    [pytest.param(circuit, UnitSpec, id=name) for name, circuit in CIRCUITS.items()]
    + [pytest.param(circuit, FoldedUnitSpec, id=f"folded {name}") for name, circuit in FOLDABLE.items()],
)
def test_unit(circuit, kind, interval):
    """All potentials of the interval at full rate: each spike in its cycle and in no other, y when it is due."""
    low, high = interval
    spec = kind(circuit, low, high, *circuit.value_interval(low, high))
    check_unit(spec, np.random.default_rng(0).permutation(np.arange(low, high + 1)))


@pytest.mark.parametrize("per_stage", [2, 3, 9])
@pytest.mark.parametrize("name", [name for name, circuit in CIRCUITS.items() if circuit.depth > 1])
def test_units_of_several_levels_in_a_stage(name, per_stage):
    """Gates see spikes of their own stage before their registers; with the border ignored they would see none."""
    circuit = CIRCUITS[name]
    stages = tuple(-(-level // per_stage) for level in range(1, circuit.depth + 1))
    spec = UnitSpec(circuit, -128, 127, *circuit.value_interval(-128, 127), stages)
    assert spec.latency_cycles == -(-circuit.depth // per_stage)
    check_unit(spec, np.random.default_rng(0).permutation(np.arange(-128, 128)))


@pytest.mark.parametrize("name", [name for name, circuit in CIRCUITS.items() if not circuit.is_table])
@pytest.mark.parametrize("kind", [UnitSpec, FoldedUnitSpec])
def test_units_that_add_weights_although_a_table_is_known(name, kind):
    circuit = CIRCUITS[name]
    if kind is FoldedUnitSpec and name not in FOLDABLE:
        return
    spec = kind(circuit, -128, 127, *circuit.value_interval(-128, 127))
    vars(spec).update(lookups=(spec.lookups[0],) + (None,) * (circuit.gates - 1), rom=None)
    check_unit(spec, np.random.default_rng(0).permutation(np.arange(-128, 128)))


@pytest.mark.parametrize("kind", [UnitSpec, FoldedUnitSpec])
def test_lateral_weights_are_added_where_no_table_is_known(kind):
    """So many gates and potentials that only sums are left; gains of both signs, no multiplier."""
    random = np.random.default_rng(3)
    gates, low, high = 20, -(1 << 19), 1 << 19
    lateral = np.tril(random.integers(-90_000, 90_000, (gates, gates)), -1)
    circuit = ThresholdCircuit(
        tuple(random.choice([-3, -1, 1, 1, 5], gates).tolist()),
        tuple(random.integers(-9, 10, gates).tolist()),
        tuple(range(1, gates + 1)),
        3,
        tuple(random.integers(-300_000, 300_000, gates).tolist()),
        tuple(map(tuple, lateral.tolist())),
    )
    spec = kind(circuit, low, high, *circuit.value_interval(low, high))
    assert spec.pieces is None and spec.decoder is None
    check_unit(spec, random.integers(low, high, 60, endpoint=True))


def check_unit(spec, x):
    circuit, interval = spec.circuit, spec.interval_cycles
    component = FoldedUnit(spec) if spec.folded else AmosUnit(spec)
    spikes, y = spec.evaluate(x)
    entries = np.arange(len(x)) * interval
    noise = np.random.default_rng(1).integers(spec.low, spec.high, len(x) * interval + spec.latency_cycles + 2)
    noise[entries] = x
    seen = []

    async def bench(ctx):
        for row, potential in enumerate(noise.tolist()):
            ctx.set(component.potential, potential)
            ctx.set(component.step, sum(int(row - n in present) << n for n in range(spec.latency_cycles)))
            seen.append((ctx.get(component.spikes), ctx.get(component.y)))
            await ctx.tick()

    present = set(entries.tolist())
    run(component, bench)
    expected = np.zeros((len(noise), circuit.gates), bool)
    for gate in range(circuit.gates):
        expected[entries + spec.spike_cycle(gate), gate] = spikes[:, gate]
    for row, (word, _) in enumerate(seen):
        assert [bool(word >> gate & 1) for gate in range(circuit.gates)] == expected[row].tolist(), f"cycle {row}"
    assert [seen[row][1] for row in (entries + spec.latency_cycles).tolist()] == y.tolist()


def test_delay_line():
    component = DelayLine(DelaySpec(bits=8, cycles=3))
    seen = []

    async def bench(ctx):
        for value in range(1, 12):
            ctx.set(component.x, value)
            seen.append(ctx.get(component.delayed))
            await ctx.tick()

    run(component, bench)
    assert seen == [0, 0, 0, *range(1, 9)]


@pytest.mark.parametrize("layer", ["hidden", "last"])
def test_gates_that_are_tables(layer):
    """Every spike and y one cycle after its inputs; nothing spikes where no image is, nor during a reset."""
    spec = Schedule(gate_network(), HardwareOptions()).specs[layer]
    component = GateLayer(spec)
    x = np.random.default_rng(1).integers(spec.source.low, spec.source.high, (200, spec.source.units), endpoint=True)
    there = np.arange(len(x)) % 5 != 0
    spikes, y = spec.evaluate(x)
    port = component.result

    async def bench(ctx):
        for number, row in enumerate(x):
            ctx.set(component.in_valid, int(there[number]))
            ctx.set(component.x, pack(row, component.source.word_bits))
            await ctx.tick()
            assert ctx.get(component.out_valid) == there[number]
            due = spikes[number].reshape(-1) & there[number]
            assert unpack(ctx.get(component.spikes), due.size, 1, False) == due.tolist()
            if there[number]:
                assert unpack(ctx.get(component.y), port.count, port.word_bits, port.signed) == y[number].tolist()

    assert spikes.any() and spec.latency_cycles == 1
    run(component, bench)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 64])
def test_argmax_in_fewer_stages(steps):
    source = tensor(10, -4, 5)
    spec = ArgmaxSpec(Argmax("w", "x"), source, tensor(1, 0, 9), steps)
    assert spec.latency_cycles == {1: 8, 2: 4, 3: 3, 4: 2, 8: 1, 64: 1}[steps]
    x = np.random.default_rng(steps).integers(-4, 6, (80, 10))
    assert (spec.evaluate(x)[:, 0] == x.argmax(axis=1)).all()
    check_layer(spec, ArgmaxLayer(spec), "x", "index", x)
