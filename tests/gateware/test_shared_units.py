"""Units that share comparators on Amaranth's simulator: every spike in its cycle and in no other, every value."""

import re

import numpy as np
import pytest
from amaranth.hdl import Module

from amos_hdl.circuit import ThresholdCircuit, quantizer, relu
from amos_hdl.errors import ScheduleError
from amos_hdl.gateware.shared_units import SharedUnitLayer
from amos_hdl.network import Tensor, Unit
from amos_hdl.schedule import SharedUnitLayerSpec
from tests.gateware.rom import Rom
from tests.gateware.simulated import run
from tests.gateware.test_components import pack, unpack

#: A gate with a negative gain, and values that are no binary code.
MIXED = ThresholdCircuit((1, -2, 1), (3, -1, 2), (1, 2, 3), 1, (5, 3, -4), ((0,) * 3, (4, 0, 0), (-3, 2, 0)))


class WholeLayer(SharedUnitLayer):
    """The layer with its thresholds inside, which the simulator of Amaranth can run."""

    def place(self, lane, **ports):
        m = Module()
        m.submodules.rom = rom = Rom(self.spec.rom(lane), self.spec.word_bits)
        m.d.comb += [rom.address.eq(ports["i_address"]), ports["o_word"].eq(rom.word)]
        return m


def make(circuits, lanes, low=-40, high=50, pitch=None):
    """Return the spec of one unit of each of ``circuits``."""
    operation = Unit("u", "x", circuits, np.arange(len(circuits)))
    source = Tensor(np.full(len(circuits), low), np.full(len(circuits), high))
    result = operation.result(source)
    return SharedUnitLayerSpec(operation, source, result, True, lanes=lanes, pitch_cycles=pitch)


def quantizers(count):
    random = np.random.default_rng(count)
    return tuple(quantizer(np.sort(random.integers(-50, 60, 7)).tolist()) for _ in range(count))


CASES = {
    "one lane": (quantizers(6), 1),
    "some lanes": (quantizers(6), 3),
    "a lane each": (quantizers(4), 4),
    "one unit": (quantizers(1), 1),
    "ReLU": ((relu(4), relu(4, bias=3), relu(4, bias=-9)), 1),
    "gains of both signs": ((MIXED,) * 4, 2),
    "one gate": (tuple(quantizer([threshold]) for threshold in (-3, 0, 60)), 1),
}


@pytest.mark.parametrize("case", CASES)
def test_shared_units_are_what_their_spec_says(case):
    circuits, lanes = CASES[case]
    check(make(circuits, lanes))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("beyond", [1, 2, 9])
def test_potentials_come_in_turn(case, beyond):
    """Each stays just as long as folded sums leave it."""
    circuits, lanes = CASES[case]
    check(make(circuits, lanes, pitch=circuits[0].gates + beyond))


def check(spec):
    circuits = spec.operation.circuits
    random = np.random.default_rng(0)
    low, high = spec.source.interval
    x = random.integers(low, high, (12, len(circuits)), endpoint=True)
    x[0], x[1] = low, high
    spikes, y = spec.evaluate(x)
    entries = (
        np.cumsum(np.where(np.arange(12) < 5, 0, random.integers(0, 4, 12))) + np.arange(12) * spec.interval_cycles
    )
    rows = int(entries[-1]) + spec.latency_cycles + 5
    component, seen, present = WholeLayer(spec, []), [], dict(zip(entries.tolist(), x, strict=True))
    if spec.pitch_cycles is not None:  # (unit,) to (turn, lane)
        present = {
            entry + turn * spec.pitch_cycles: row.reshape(spec.lanes, spec.turns)[:, turn]
            for entry, row in present.items()
            for turn in range(spec.turns)
        }
    stays = {row + later: values for row, values in present.items() for later in range(spec.pitch_cycles or 1)}

    async def bench(ctx):
        for row in range(rows):
            noise = random.integers(low, high, spec.port.count, endpoint=True)
            ctx.set(component.in_valid, int(row in present))
            ctx.set(component.potential, pack(stays.get(row, noise), component.source.word_bits))
            seen.append((ctx.get(component.spikes), ctx.get(component.out_valid), ctx.get(component.y)))
            await ctx.tick()

    run(component, bench)
    gates = spec.operation.gates
    expected = np.zeros((rows, len(circuits), gates), bool)
    for unit, gate in np.ndindex(len(circuits), gates):
        expected[entries + spec.spike_cycles()[unit, gate], unit, gate] = spikes[:, unit, gate]
    for row, (word, _, _) in enumerate(seen):
        bits = [bool(word >> place & 1) for place in range(len(circuits) * gates)]
        assert bits == expected[row].reshape(-1).tolist(), f"cycle {row}"
    due = (entries + spec.latency_cycles).tolist()
    assert [row for row, (_, valid, _) in enumerate(seen) if valid] == due
    port = component.result
    assert [unpack(seen[row][2], port.count, port.word_bits, port.signed) for row in due] == y.tolist()


def test_a_potential_must_stay_for_all_gates():
    with pytest.raises(ScheduleError, match=r"u: units in turn: expected more than 3 clock cycles .*, got 3$"):
        make(quantizers(6), 2, pitch=3)


def test_latency_and_interval_are_the_formulas():
    spec = make(quantizers(6), 2)
    assert (spec.turns, spec.interval_cycles, spec.latency_cycles) == (3, 9, 10)
    assert spec.spike_cycles()[4].tolist() == [5, 6, 7]
    assert (spec.memory.words, len(spec.rom(0))) == (24, 24)


@pytest.mark.parametrize(
    ("circuits", "lanes", "message"),
    [
        (quantizers(6), 4, "u: units at once: expected a divisor of 6, the units, got 4"),
        (quantizers(6), 0, "u: units at once: expected a divisor of 6, the units, got 0"),
        ((relu(3), relu(3, step=2)), 1, "u: units at once: expected units of equal values of spikes, got others"),
    ],
)
def test_units_that_cannot_share(circuits, lanes, message):
    if "values" in message and circuits[0].outputs == circuits[1].outputs:
        circuits = (MIXED, ThresholdCircuit((1,) * 3, (1, 2, 4), (1, 2, 3), 0, (1, 2, 3), ((0,) * 3,) * 3))
    with pytest.raises(ScheduleError, match=f"^{re.escape(message)}$"):
        make(circuits, lanes)
