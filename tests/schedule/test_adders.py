from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from amos_hdl.schedule.adders import ONE, ZERO, Adder, AdderGraph, Bit, Counter, adder_graph
from amos_hdl.schedule.adders.counters import bit_cost, choose, forms
from amos_hdl.schedule.adders.heap import Heap, chain_lengths
from amos_hdl.schedule.adders.levels import settle
from amos_hdl.schedule.adders.terms import Terms, Words, signed_digits

WEIGHTS = hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-40, 40))


@given(st.integers(-100_000, 100_000))
def test_signed_digits(weight):
    digits = signed_digits(weight)
    assert sum(sign << shift for sign, shift in digits) == weight
    shifts = [shift for _, shift in digits]
    assert all(later - earlier >= 2 for earlier, later in pairwise(shifts))


def levels_are_in_order(graph: AdderGraph) -> None:
    levels = [0] * len(graph.inputs)
    for adder in graph.adders:
        assert max((levels[value] for value in adder.operands()), default=0) < adder.level <= graph.depth
        levels.append(adder.level)


@given(WEIGHTS, st.data())
def test_graph_is_the_product(weights, data):
    units, inputs = weights.shape
    bias = data.draw(hnp.arrays(np.int64, units, elements=st.integers(-300, 300)))
    low = data.draw(hnp.arrays(np.int64, inputs, elements=st.integers(-9, 5)))
    high = low + data.draw(hnp.arrays(np.int64, inputs, elements=st.integers(0, 9)))
    options = {
        "lut_inputs": data.draw(st.sampled_from([2, 4, 6])),
        "extra_levels": data.draw(st.integers(0, 4)),
        "adders_per_stage": data.draw(st.integers(1, 3)),
    }
    graph = adder_graph(weights, bias, low, high, **options)
    random = np.random.default_rng(0)
    x = np.concatenate([random.integers(low, high, (30, inputs), endpoint=True), low[None], high[None]])
    assert (graph.evaluate(x) == x @ weights.T + bias).all()
    levels_are_in_order(graph)
    for adder in graph.adders:
        columns = [counter.column + place for counter in adder.counters for place in range(counter.outputs)]
        assert len(columns) == len(set(columns)) and adder.counters[0].column == 0
        for counter in adder.counters:
            physical = [bit for bit, _ in counter.bits if bit.value is not None]
            assert len(physical) <= options["lut_inputs"] - 1
            assert counter.outputs <= 3


def random_graph(inputs, units, **options):
    weights = np.random.default_rng(3).integers(-31, 32, (units, inputs))
    zeros = np.zeros(inputs, np.int64)
    return adder_graph(weights, np.zeros(units, np.int64), zeros, zeros + 15, **options)


def test_more_levels_and_wider_tables_cost_less():
    costs = [random_graph(24, 12, lut_inputs=6, extra_levels=extra).cost for extra in (0, 1, 3)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] < 0.9 * random_graph(24, 12, lut_inputs=4, extra_levels=0).cost


def test_rows_of_single_bits_are_of_one_kind():
    """All inverted or none, so that nothing is inverted in front of a carry cell."""
    adders = random_graph(24, 12, lut_inputs=2, extra_levels=1).adders
    rows = [[counter.bits[0][0].inverted for counter in adder.counters] for adder in adders]
    mixed = sum(min(sum(row), len(row) - sum(row)) for row in rows)
    assert all(len(counter.bits) == 1 for adder in adders for counter in adder.counters)
    assert 0.3 < np.mean([row[0] for row in rows]) < 0.7
    assert mixed < 0.1 * sum(map(len, rows))


def test_sharing_pays():
    """Far below one look-up table for each bit of each non-zero digit: no sharing and no counters."""
    weights = np.random.default_rng(3).integers(-31, 32, (32, 64))
    digits = sum(len(signed_digits(int(weight))) for weight in weights.ravel())
    assert random_graph(64, 32, lut_inputs=6, extra_levels=1).cost < 0.55 * 4 * digits


def test_equal_sums_share_what_they_can():
    weights = np.tile(np.array([[1, 2, 4, 8, 3, 5]]), (8, 1))
    one, eight = (
        adder_graph(w, np.zeros(len(w), np.int64), np.zeros(6, np.int64), np.full(6, 15), extra_levels=3)
        for w in (weights[:1], weights)
    )
    assert eight.cost == one.cost and len(set(eight.sums)) == 1


def test_deterministic():
    assert random_graph(12, 7).adders == random_graph(12, 7).adders


@pytest.mark.parametrize("inputs", [3, 5])
def test_forms_hold_their_counts(inputs):
    for form in forms(inputs):
        greatest = sum(count << weight for weight, count in enumerate(form.taken))
        assert sum(form.taken) <= inputs and greatest < 1 << form.outputs
        assert greatest >= 1 << form.outputs - 1
    assert bit_cost(inputs) == {3: 2 / 3, 5: 3 / 5}[inputs]


def test_choice_does_not_overlap_and_the_last_row_leaves_nothing_it_could_take():
    chosen = choose((3, 2, 0, 1, 0), (3, 2, 0, 1, 0), rows=1, inputs=5)
    assert [(column, form.taken) for column, form in chosen] == [(0, (3, 2)), (3, (1,))]
    assert choose((1, 0, 0), (1, 0, 0), rows=9, inputs=5) == ()  # a single bit can wait for company


@pytest.mark.parametrize(("chains", "depth", "lengths"), [(1, 4, [4]), (2, 4, [3, 3]), (3, 4, [2, 2, 3])])
def test_chains_end_where_they_are_joined(chains, depth, lengths):
    assert chain_lengths(chains, depth) == lengths


def test_a_heap_that_is_too_high_has_no_plan():
    bits = [(0, 0, Bit(number, 0, True)) for number in range(40)]
    assert Heap(6, bits, 0, 3).plan(2) is None
    assert Heap(6, bits, 0, 3).plan(6) is not None


def test_levels_without_end_are_not_gone_through():
    """2^39 chains would have room in 40 levels, but no more are of use than there are bits."""
    heap = Heap(8, [(column, 0, Bit(8 * column + number, 0, True)) for column in range(2) for number in range(8)], 3, 6)
    plan = heap.plan(40, start=5)
    assert plan is not None and len(plan) == len(heap.plan(6)) == 1
    impossible = Heap(2, [(0, 60, Bit(0, 0, True)), (0, 0, Bit(1, 0, True))], 0, 3)
    assert impossible.plan(40) is None


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shift", [-3, -1, 0, 2, 9])
def test_words_are_exact_and_never_negative(sign, shift):
    words = Words(np.array([0, -8]), np.array([15, 7]))
    number, direction = words.combine(0, 1, shift, sign)
    word = words.words[number]
    graph = AdderGraph(words.widths, tuple(words.adders), (word.bits,), (False,), 1)
    x = np.stack(np.meshgrid(np.arange(16), np.arange(-8, 8)), axis=-1).reshape(-1, 2)
    expected = (x[:, 0] << max(0, -shift)) + sign * (x[:, 1] << max(0, shift))
    assert (graph.evaluate(x)[:, 0] - word.offset == direction * expected).all()
    assert dict(word.factors) == {0: direction << max(0, -shift), 1: direction * sign << max(0, shift)}


def test_terms_are_the_weights():
    weights = np.random.default_rng(0).integers(-40, 40, (5, 6))
    terms, found = Terms.of(weights), np.zeros((5, 6), np.int64)
    np.add.at(found, (terms.row, terms.word), terms.sign << terms.shift)
    assert (found == weights).all()


def wires(value, count, start=0):
    return tuple(Bit(value, index) for index in range(start, start + count))


def plain(left, right, level, bits):
    return Adder(left, tuple(Counter(n, ((bit, 0),), 1) for n, bit in enumerate(right)), ZERO, level, bits)


@pytest.mark.parametrize(("operands_are_read_late", "level"), [(True, 3), (False, 1)])
def test_a_word_is_added_late_where_its_operands_are_kept_anyway(operands_are_read_late, level):
    late = 0 if operands_are_read_late else 2  # what the chain adds beside the word: its operands, or other inputs
    adders = [
        plain(wires(0, 4), wires(1, 4), 1, 5),  # 4: the word
        plain(wires(late, 4), wires(late + 1, 4), 3, 5),  # 5
        plain(wires(5, 5), wires(4, 5), 4, 6),  # 6: the sum
    ]
    settled = settle((4, 4, 4, 4), adders, [wires(6, 6)], 4, 1)
    assert [adder.level for adder in settled] == [level, level, 4]


def test_constant_bits():
    assert Counter(0, ((ONE, 0), (ZERO, 0)), 1).high == 1
    graph = AdderGraph((1,), (), ((ONE, ZERO, ONE),), (True,), 1)
    assert graph.evaluate(np.array([[0], [1]])).tolist() == [[-3], [-3]]
