"""Registers placed by delays: stages of adders on graphs made by hand, and of random layers."""

from itertools import chain as every
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.schedule.adders import ZERO, Adder, AdderGraph, Bit, Counter, adder_graph, timed
from amos_hdl.schedule.adders.borders import level_stages
from amos_hdl.schedule.adders.timed import longest_path, timed_stages


def wires(value, count):
    return tuple(Bit(value, index) for index in range(count))


def plain(left, right, level, bits):
    """Return an adder of two rows of bits."""
    return Adder(left, tuple(Counter(n, ((bit, 0),), 1) for n, bit in enumerate(right)), ZERO, level, bits)


def chain(*widths):
    """Return a graph of adders one after another, each of the sum so far and an input of 4 bits."""
    inputs = len(widths) + 1
    adders, before = [], wires(0, 4)
    for number, bits in enumerate(widths):
        adders.append(plain(before, wires(number + 1, 4), number + 1, bits))
        before = wires(inputs + number, bits)
    return AdderGraph((4,) * inputs, tuple(adders), (before,), (False,), len(widths))


@pytest.mark.parametrize(
    ("delays", "budget", "stages"),
    [
        ((2, 2, 2, 6), 6, (1, 1, 1, 2)),  # three short adders, or a long one
        ((6, 2, 2, 2), 6, (1, 2, 2, 2)),
        ((3, 4, 3, 4), 7, (1, 1, 2, 2)),
        ((3, 3, 3, 3), 5, (1, 2, 3, 4)),
        ((1, 1, 1, 1), 100, (1, 1, 1, 1)),
        ((9, 1, 1, 9), 5, (1, 2, 2, 3)),  # what is too long has a stage of its own
    ],
)
def test_a_chain_is_cut_where_its_time_is_up(delays, budget, stages):
    assert timed_stages(chain(5, 6, 7, 8), delays, budget) == stages


def test_a_cut_is_where_fewest_bits_cross():
    """Two stages will do for either cut; behind the narrow sum fewer flip-flops stand than behind the wide one."""
    # the second input is wide: adding it late keeps 4 bits of the first sum and 16 of the input
    inputs, adders = (4, 4, 16, 4), []
    adders.append(plain(wires(0, 4), wires(1, 4), 1, 5))  # 4
    adders.append(plain(wires(2, 16), wires(4, 5), 2, 17))  # 5
    adders.append(plain(wires(5, 17), wires(3, 4), 3, 18))  # 6
    graph = AdderGraph(inputs, tuple(adders), (wires(6, 18),), (False,), 3)
    # cut behind adder 4: 5 + 16 + 4 bits wait; behind adder 5: 17 + 4
    assert timed_stages(graph, (2, 2, 2), 4) == (1, 1, 2)
    # and the other way round where the last two are together narrower to begin with
    narrow = AdderGraph((4, 4, 4, 4), chain(5, 17, 18).adders, (wires(6, 18),), (False,), 3)
    assert timed_stages(narrow, (2, 2, 2), 4) == (1, 2, 2)


def test_the_longest_path_is_that_of_a_stage():
    graph = chain(5, 6, 7)
    assert longest_path(graph, (1, 1, 1), (2, 3, 4)) == 9
    assert longest_path(graph, (1, 1, 2), (2, 3, 4)) == 5
    assert longest_path(graph, (1, 2, 3), (2, 3, 4)) == 4
    assert longest_path(AdderGraph((4,), (), (wires(0, 4),), (False,), 1), (), ()) == 0


def random_graph(seed, lut_inputs=4, extra=0):
    random = np.random.default_rng(seed)
    units, inputs = random.integers(1, 7), random.integers(2, 10)
    weights = random.integers(-15, 16, (units, inputs))
    zeros = np.zeros(inputs, np.int64)
    return adder_graph(weights, np.zeros(units, np.int64), zeros, zeros + 7, lut_inputs=lut_inputs, extra_levels=extra)


def naive_paths(graph, stages, delays):
    """Yield (delay, adders) of every path of adders within a stage, found by following each back to its start."""
    count = len(graph.inputs)

    def back(number):
        before = [v - count for v in set(graph.adders[number].operands()) if v >= count]
        same = [other for other in before if stages[other] == stages[number]]
        for other in same:
            for length, adders in back(other):
                yield length + delays[number], adders + 1
        if not same:
            yield delays[number], 1

    for number in range(len(graph.adders)):
        yield from back(number)


def as_soon_as_possible(graph, delays, budget):
    """Return how many stages there must be: each adder as early as it can be."""
    count, at = len(graph.inputs), {}
    for number, adder in enumerate(graph.adders):
        before = [at[v] for v in adder.operands() if v >= count]
        stage = max((s for s, _ in before), default=1)
        end = max((e for s, e in before if s == stage), default=0) + delays[number]
        alone = all(s < stage for s, _ in before)
        at[count + number] = (stage, end) if end <= budget or alone else (stage + 1, delays[number])
    return max((s for s, _ in at.values()), default=1)


@given(st.integers(0, 10_000), st.integers(1, 40), st.sampled_from([2, 4, 6]), st.integers(0, 3))
def test_stages_are_as_few_as_can_be_and_short_enough(seed, budget, lut_inputs, extra):
    graph = random_graph(seed, lut_inputs, extra)
    delays = [adder.bits for adder in graph.adders]
    stages = timed_stages(graph, delays, budget)
    paths = list(naive_paths(graph, stages, delays))
    assert longest_path(graph, stages, delays) == max((length for length, _ in paths), default=0)
    assert all(length <= budget or adders == 1 for length, adders in paths)  # one too long for any stage stands alone
    assert max(stages, default=1) == as_soon_as_possible(graph, delays, budget)
    made = (1,) * len(graph.inputs) + stages
    for adder, stage in zip(graph.adders, stages, strict=True):
        assert all(made[value] <= stage for value in adder.operands())


def test_a_border_that_is_ignored_is_seen(monkeypatch):
    graph, budget = random_graph(5), 20
    delays = [adder.bits for adder in graph.adders]
    assert max(naive_paths(graph, timed_stages(graph, delays, budget), delays))[0] <= budget
    monkeypatch.setattr(timed._Stages, "_fits", lambda self, number, tail: True)
    assert max(naive_paths(graph, timed_stages(graph, delays, budget), delays))[0] > budget


def flip_flops(graph, stages):
    """Return the registers of a graph, counted as the Verilog has them: bit by bit, stage by stage."""
    made = [1] * len(graph.inputs) + list(stages)
    end, last = max(stages, default=1) + 1, {}
    for adder, stage in zip(graph.adders, stages, strict=True):
        for bit in adder.reads():
            last[bit] = max(last.get(bit, 0), stage)
    for bits in graph.sums:
        for bit in bits:
            last[bit] = end
    plainly = {}
    for bit, stage in last.items():
        if bit.value is not None:
            plainly[bit.value, bit.index] = max(plainly.get((bit.value, bit.index), 0), stage)
    return sum(stage - made[value] for (value, _), stage in plainly.items())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("budget", [12, 20, 35])
def test_borders_between_levels_are_the_best_there_are(seed, budget):
    """All choices of borders, tried one by one."""
    graph = random_graph(seed, extra=1)
    delays = [adder.bits for adder in graph.adders]
    sizes = []
    for ends in every(*(combinations(range(1, graph.depth), borders) for borders in range(graph.depth))):
        stages = [1 + sum(adder.level > end for end in ends) for adder in graph.adders]
        starts = [0, *ends, graph.depth]
        lone = {stage for stage in range(1, len(starts)) if starts[stage] - starts[stage - 1] == 1}
        inside = [0 if stage in lone else delay for stage, delay in zip(stages, delays, strict=True)]
        if longest_path(graph, stages, inside) <= budget:
            sizes.append((len(starts) - 1, flip_flops(graph, stages)))
    found = level_stages(graph, delays, budget)
    assert (max(found), flip_flops(graph, found)) == min(sizes)


def test_single_adders_that_move_save_more_than_borders_between_levels():
    by_levels, moved = [], []
    for seed in range(8):
        graph = random_graph(seed)
        delays = [1] * len(graph.adders)
        for budget in (1, 2, 3):
            by_levels.append(flip_flops(graph, level_stages(graph, delays, budget)))
            moved.append(flip_flops(graph, timed_stages(graph, delays, budget)))
    assert all(a <= b for a, b in zip(moved, by_levels, strict=True)) and sum(moved) < sum(by_levels)
