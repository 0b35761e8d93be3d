"""Counters in a memory that one adder serves in turn: no count is lost, at any rate, and no read is torn."""

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, ResetInserter, Signal

from amos_hdl.errors import ScheduleError
from amos_hdl.gateware.counter_bank import CounterBank
from amos_hdl.gateware.ones import count_ones
from amos_hdl.schedule.stream_counters import CounterSpec, spike_lines
from tests.gateware.simulated import run


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 8, 17, 63, 64, 65])
def test_counting_ones(count):
    m, lines = Module(), Signal(count)
    bits = count_ones(m, list(lines), "n")
    number, random = Cat(*(bit.value for bit in bits)), np.random.default_rng(count)
    sent, seen = [], []

    async def bench(ctx):
        for _ in range(60):
            word = int.from_bytes(random.bytes(9), "little") >> (72 - count)
            word = word if random.random() < 0.8 else (1 << count) - 1
            ctx.set(lines, word)
            sent.append(word.bit_count())
            seen.append(ctx.get(number))
            await ctx.tick()

    run(m, bench)
    latest = max(bit.cycle for bit in bits)
    got = [
        sum((seen[cycle + bit.cycle] >> place & 1) << place for place, bit in enumerate(bits))
        for cycle in range(len(seen) - latest)
    ]
    assert got == sent[: len(got)] and (1 << len(bits)) > count


class Bank:
    """A bank of counters, and what it counted."""

    def __init__(self, spec, live_parts=None):
        """``live_parts`` replaces what the spec says, to see that less is not enough."""
        if live_parts is not None:
            spec = Narrow(spec.lines, spec.part_bits, spec.parts, live=live_parts)
        self.spec, self.reset, m = spec, Signal(), Module()
        self.lines = [Signal(count, name=f"lines{number}") for number, count in enumerate(spec.lines)]
        self.bank = CounterBank(m, spec, {f"c{number}": list(lines) for number, lines in enumerate(self.lines)})
        self.top = ResetInserter(self.reset)(m)

    def reads(self, cycles, value, reset_at=None):
        """Return all (clock cycle, counter, value) that came out of it, and counts by clock cycle since reset."""
        found, counts, word = [], [], 0

        async def bench(ctx):
            nonlocal word
            for cycle in range(cycles):
                if cycle == reset_at:
                    ctx.set(self.reset, 1)
                    await ctx.tick()
                    ctx.set(self.reset, 0)
                    counts.clear()
                    found.clear()
                part = ctx.get(self.bank.part)
                word = ctx.get(self.bank.word) << part * self.spec.part_bits | (word if part else 0)
                if part == self.spec.parts - 1:
                    found.append((len(counts), ctx.get(self.bank.counter), word))
                counts.append([])
                for lines in self.lines:
                    ctx.set(lines, high := value(len(lines)))
                    counts[-1].append(high.bit_count())
                await ctx.tick()

        run(self.top, bench)
        return found, counts

    def check(self, found, counts):
        """Compare each value with the sum at one moment, always equally long before; return the largest value."""
        sums = np.cumsum([[0] * len(self.lines), *counts], axis=0)
        for counter in range(len(self.lines)):
            mine = [(cycle, value) for cycle, number, value in found if number == counter]
            modulus = 1 << self.spec.bits
            fits = [
                late
                for late in range(40)
                if all(value == int(sums[max(0, cycle - late)][counter]) % modulus for cycle, value in mine)
            ]
            assert fits, f"counter {counter}: {mine[:5]}"
        return max(value for _, _, value in found)


@dataclass(frozen=True)
class Narrow(CounterSpec):
    """A spec that lies about the width of the live parts."""

    live: tuple[int, ...] = ()

    def live_parts(self, counter):
        return self.live[counter] if self.live else super().live_parts(counter)


SPECS = [
    CounterSpec((1, 1, 1, 9, 30)),
    CounterSpec((1, 1, 1), part_bits=5, parts=4),
    # so narrow that they wrap several times in a test
    CounterSpec((1, 7, 2), part_bits=3, parts=4),
    CounterSpec((3, 1, 1, 1), part_bits=4, parts=2),
    CounterSpec((1, 2), part_bits=4, parts=2),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_all_lines_high_in_every_clock_cycle(spec):
    bank = Bank(spec)
    found, counts = bank.reads(700, lambda lines: (1 << lines) - 1)
    assert len(found) >= 700 // spec.parts - 1
    bank.check(found, counts)
    # narrow ones have wrapped: all of their parts were counted
    assert spec.bits > 12 or max(map(sum, zip(*counts, strict=True))) > 1 << spec.bits


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_random_rates_and_a_reset(spec, share):
    random = np.random.default_rng(round(100 * share))

    def value(lines):
        return sum(int(bit) << n for n, bit in enumerate(random.random(lines) < share))

    bank = Bank(spec)
    found, counts = bank.reads(700, value, reset_at=200)
    assert bank.check(found, counts) > 0


@pytest.mark.parametrize(("lines", "live"), [((16, 1, 1), (1, 1, 1)), ((1, 1, 4), (1, 1, 1))])
def test_a_live_count_that_does_not_cover_a_round_loses_counts(lines, live):
    """The bound is needed: with as many bits as wrap unseen within a round, the upper parts stay behind."""
    spec = CounterSpec(lines, part_bits=6, parts=4)
    assert [spec.live_parts(number) for number in range(3)] != list(live)
    bank = Bank(spec, live)
    found, counts = bank.reads(700, lambda lines: (1 << lines) - 1)
    with pytest.raises(AssertionError, match="counter "):
        bank.check(found, counts)


@pytest.mark.parametrize("part_bits", [3, 8])
@pytest.mark.parametrize("lines", [1, 2, 3, 10, 127, 128, 65_535])
def test_the_live_count_covers_a_round(part_bits, lines):
    """``lines·round_cycles < 2**(bits - 1)``, and one part less would not do."""
    spec = CounterSpec((1, 1, lines), part_bits=part_bits)
    bits = part_bits * spec.live_parts(2)
    assert lines * spec.round_cycles < 1 << bits - 1
    assert spec.live_parts(2) == 1 or lines * spec.round_cycles >= 1 << bits - part_bits - 1


def test_evaluate():
    assert CounterSpec((3, 1), part_bits=3, parts=2).evaluate([[3, 1]] * 30) == [26, 30]


def test_specs_that_cannot_be():
    with pytest.raises(ScheduleError, match="lines of a counter: expected <= 21, got 22"):
        CounterSpec((1, 22, 1), part_bits=4, parts=2)
    with pytest.raises(ScheduleError, match="counters: expected two or more, lines and bits >= 1, parts a power of 2"):
        CounterSpec((1, 0))
    with pytest.raises(ScheduleError, match="parts a power of 2"):
        CounterSpec((1, 1), parts=3)
    with pytest.raises(ScheduleError, match="counters: expected two or more"):
        CounterSpec((1,))


def naive_collisions(cycles, lines, gap):
    """Return the lines on which two spikes meet, pixels ``gap`` or more cycles apart."""
    met = []
    for line in lines.groups:
        own = [int(cycles[bit]) + place * lines.wait_cycles for place, group in enumerate(line) for bit in group]
        if len(set(own)) < len(own) or max(own) - min(own) >= gap:
            met.append(line)
    return met


@pytest.mark.parametrize("gap", [1, 2, 3, 5, 7, 40])
@pytest.mark.parametrize(
    "cycles", [[4] * 7, [1, 2, 3] * 5, [1, 2, 2, 3, 3, 3, 3], [7, 3, 5, 1], list(range(24)), [0, 0, 9, 9, 9]], ids=str
)
def test_spikes_share_lines_only_where_they_never_meet(cycles, gap):
    cycles = np.array(cycles)
    lines = spike_lines(cycles, gap)
    assert sorted(bit for line in lines.groups for group in line for bit in group) == list(range(len(cycles)))
    assert lines.bits == len(cycles) and not naive_collisions(cycles, lines, gap)
    most = int(np.unique(cycles, return_counts=True)[1].max())
    span = int(np.ptp(cycles)) + 1
    if gap == 1:
        assert len(lines.groups) == len(cycles)
    if gap >= span:
        # no group of one cycle needs more lines than it has spikes, and lines are filled to the last whole group
        assert len(lines.groups) == -(-most // (gap // span))
