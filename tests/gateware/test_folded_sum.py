"""Folded sums on Amaranth's simulator: every sum equal, at its clock cycle, at exactly the interval."""

import re
from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Fragment, Module

from amos_hdl.errors import ScheduleError
from amos_hdl.gateware.folded_sum import FoldedSum, SumLane
from amos_hdl.network import Dense, Tensor
from amos_hdl.schedule import FoldedSumSpec
from tests.gateware import simulated
from tests.gateware.rom import Rom
from tests.gateware.test_components import pack, unpack


class WholeSum(FoldedSum):
    """A folded sum with its modules inside, which the simulator of Amaranth can run."""

    def place(self, part, **ports):
        m = Module()
        component = Rom(self.spec.rom, self.spec.rom_bits) if part == "weights" else SumLane(self.spec)
        m.submodules.inner = component
        for name, value in ports.items():
            port = getattr(component, name[2:])
            m.d.comb += port.eq(value) if name.startswith("i_") else value.eq(port)
        return m


def make(units=6, words=8, *, lanes=2, inputs=4, low=0, high=7, groups=1, parts=1, bias=False, order=None, stages=1):
    """Return the spec of random sums; ``order`` is a seed of a random order of the words of the port."""
    random = np.random.default_rng(units * words + lanes)
    weights = random.integers(-7, 8, (units, words * parts))
    taps = None
    if groups > 1 or order is not None:
        places = np.arange(words) if order is None else np.random.default_rng(order).permutation(words)
        taps = places.reshape(groups, -1)
        group = np.repeat(np.arange(groups), units // groups)
        mask = np.zeros((units, words), bool)
        for unit in range(units):
            mask[unit, taps[group[unit]]] = True
        weights = (weights.reshape(units, parts, words) * mask[:, None]).reshape(units, -1)
    biases = random.integers(-40, 40, units) if bias else None
    operation = Dense("d", "x", weights, 4, biases)
    whole = Tensor(np.full(words * parts, low), np.full(words * parts, high))
    source = Tensor(np.full(words, low), np.full(words, high))
    return FoldedSumSpec(operation, source, operation.result(whole), lanes, inputs, groups, taps, parts, stages)


CASES = {
    "one sum and one input at once": {"lanes": 1, "inputs": 1},
    "some": {},
    "all sums": {"lanes": 6, "inputs": 2},
    "all inputs": {"lanes": 2, "inputs": 8},
    "signed": {"low": -4, "high": 3, "bias": True},
    "one bit": {"high": 1, "lanes": 3},
    "biased": {"bias": True, "lanes": 1, "inputs": 2},
    "two adders per stage": {"stages": 2, "lanes": 3, "inputs": 8},
    "in another order": {"order": 1},
    "groups": {"groups": 2, "lanes": 2, "inputs": 2, "order": 2},
    "groups of two lanes": {"groups": 2, "lanes": 6, "inputs": 1},
    "depthwise": {"units": 8, "words": 24, "groups": 8, "lanes": 2, "inputs": 3, "order": 3, "bias": True},
    "depthwise, all at once": {"units": 4, "words": 12, "groups": 4, "lanes": 4, "inputs": 1},
    "parts": {"parts": 3},
    "biased parts": {"parts": 5, "lanes": 1, "inputs": 8, "bias": True},
    "parts in one step": {"parts": 4, "lanes": 6, "inputs": 8, "bias": True},
    "parts and slices": {"parts": 2, "lanes": 6, "inputs": 2},
}


@pytest.mark.parametrize("case", CASES)
def test_a_folded_sum_is_what_its_spec_says(case):
    """Vectors at exactly the interval, then with gaps, with noise at the input between them."""
    spec = make(**CASES[case])
    random = np.random.default_rng(0)
    images, words = 7, spec.source.units
    low, high = spec.source.interval
    x = random.integers(low, high, (images, spec.parts * words), endpoint=True)
    x[0], x[1] = high, low
    expected = x @ spec.operation.weights.T + spec.operation.biases
    assert (spec.evaluate(x) == expected).all()
    gaps = np.where(np.arange(images * spec.parts) < 3 * spec.parts, 0, random.integers(0, 3, images * spec.parts))
    entries = (np.cumsum(gaps) + np.arange(images * spec.parts) * spec.interval_cycles).tolist()
    seen = run(spec, dict(zip(entries, x.reshape(-1, words), strict=True)), entries[-1] + spec.latency_cycles + 5)
    due = [entries[image * spec.parts + spec.parts - 1] + spec.latency_cycles for image in range(images)]
    assert [row for row, (valid, _) in enumerate(seen) if valid] == due
    port = spec.potential
    assert [unpack(seen[row][1], port.count, port.word_bits, port.signed) for row in due] == expected.tolist()


@pytest.mark.parametrize("case", [case for case, options in CASES.items() if "parts" not in options])
def test_sums_leave_in_turn(case):
    """Each sum has its own out_valid, and stays until the next of its lane."""
    spec = replace(make(**CASES[case]), in_turn=True)
    assert spec.latency_cycles == spec.slices + spec.adders.latency_cycles + 1
    random, entries = np.random.default_rng(2), (np.arange(5) * spec.interval_cycles + [0, 0, 0, 1, 4]).tolist()
    x = random.integers(*spec.source.interval, (5, spec.source.units), endpoint=True)
    seen = run(spec, dict(zip(entries, x, strict=True)), entries[-1] + spec.latency_cycles + spec.interval_cycles)
    due = [entry + spec.latency_cycles + fold * spec.slices for entry in entries for fold in range(spec.folds)]
    assert [row for row, (valid, _) in enumerate(seen) if valid] == due
    # (image, lane, fold) to (image, fold, lane)
    expected = spec.evaluate(x).reshape(5, spec.lanes, spec.folds).swapaxes(1, 2).reshape(-1, spec.lanes)
    port = spec.potential
    for first, sums in zip(due, expected.tolist(), strict=True):
        for row in range(first, first + spec.slices):
            assert unpack(seen[row][1], port.count, port.word_bits, port.signed) == sums, f"cycle {row}"


def test_sums_of_parts_do_not_leave_in_turn():
    with pytest.raises(ScheduleError, match=r"^d: sums in turn: expected 1 part, got 3$"):
        replace(make(parts=3), in_turn=True)


def run(spec, vectors, rows, resets=()):
    """Return (out_valid, potential) of every clock cycle; ``vectors`` are by the cycle in which they enter."""
    component, seen = WholeSum(spec, {}), []
    random = np.random.default_rng(1)
    low, high = spec.source.interval

    async def bench(ctx):
        for row in range(rows):
            noise = random.integers(low, high, spec.source.units, endpoint=True)
            ctx.set(component.in_valid, int(row in vectors))
            ctx.set(component.x, pack(vectors.get(row, noise), component.source.word_bits))
            seen.append((ctx.get(component.out_valid), ctx.get(component.potential)))
            await ctx.tick()

    simulated.run(component, bench)
    return seen


def test_latency_and_interval_are_the_formulas():
    spec = make(lanes=2, inputs=4)
    assert spec.interval_cycles == (6 // 2) * (8 // 4)
    assert spec.latency_cycles == spec.interval_cycles + spec.adders.latency_cycles + 1
    assert spec.adders.latency_cycles == spec.adders.graph.depth


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lanes": 4}, "d: sums at once: expected a divisor of 6, the sums, got 4"),
        ({"lanes": 0}, "d: sums at once: expected a divisor of 6, the sums, got 0"),
        ({"inputs": 3}, "d: inputs at once: expected a divisor of 8, the inputs of a sum, got 3"),
        (
            {"groups": 2, "lanes": 1},
            "d: sums at once: expected 6 divided by a divisor of 3, the sums of a group, got 1",
        ),
        ({"high": 1 << 15}, "d: folded sums: expected inputs of at most 15 bits, got 16 bits"),
    ],
)
def test_folds_that_do_not_divide(change, message):
    with pytest.raises(ScheduleError, match=f"^{re.escape(message)}$"):
        make(**change)


def test_lanes_are_told_only_what_they_look_at():
    """Verilator refuses ports that nothing reads: a sum made in one step has no other step to begin at."""
    for name, options in {"first": {"bias": True}, "clear": {}}.items():
        assert {"first", "clear"} & ports(make(inputs=4, **options)) == {name}
        assert not {"first", "clear"} & ports(make(inputs=8, **options))


def ports(spec):
    lane = SumLane(spec)
    Fragment.get(lane, None)
    return set(lane.signature.members)
