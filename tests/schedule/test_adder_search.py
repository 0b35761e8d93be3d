"""What makes the search for additions quick, against what does the same slowly."""

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amos_hdl.schedule.adders.counters import choose, forms
from amos_hdl.schedule.adders.graph import Bit
from amos_hdl.schedule.adders.heap import Heap
from amos_hdl.schedule.adders.pairs import Pairs
from amos_hdl.schedule.adders.room import row_room
from amos_hdl.schedule.adders.terms import Terms

TERM = st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 4), st.sampled_from([1, -1]))
HEIGHTS = st.lists(st.integers(0, 14), min_size=1, max_size=6)


def terms_of(rows):
    return Terms(*np.array(sorted(rows, key=lambda term: term[0]), np.int64).reshape(-1, 4).T)


def patterns(terms, usable):
    """Return the pairs of each pattern, one after the other."""
    found = defaultdict(list)
    for one, other in combinations(np.flatnonzero(usable).tolist(), 2):
        if terms.row[one] != terms.row[other]:
            continue
        first, second = sorted((one, other), key=lambda n: (terms.word[n], terms.shift[n], n))
        shift = terms.shift[second] - terms.shift[first]
        opposite = terms.sign[first] != terms.sign[second]
        found[terms.word[first], terms.word[second], shift, opposite].append((first, second))
    return found


@given(st.lists(st.tuples(TERM, st.booleans()), max_size=24))
def test_pairs_are_found_and_counted(drawn):
    drawn = sorted(drawn, key=lambda one: one[0][0])
    terms, usable = terms_of([term for term, _ in drawn]), np.array([use for _, use in drawn], bool)
    expected = {pattern: pairs for pattern, pairs in patterns(terms, usable).items() if len(pairs) > 1}
    pairs = Pairs(terms, usable)
    keys, counts = pairs.repeated()
    found = list(zip(*(part.tolist() for part in pairs.pattern(keys)), strict=True))
    assert found == sorted(expected)
    assert counts.tolist() == [len(expected[pattern]) for pattern in found]
    # those of a few of the patterns are found as those of all are
    for some in (slice(None), slice(0, None, 2), slice(0, 0)):
        assert pairs.places(keys[some]) == [expected[pattern] for pattern in found[some]]


def test_long_rows_are_looked_at_in_windows():
    terms = terms_of([(0, n % 7, n % 5, 1) for n in range(700)] + [(1, 0, 0, 1)])
    pairs = Pairs(terms, np.ones(701, bool))
    assert [end - start for start, end in pairs.windows] == [233, 233, 234, 1]
    assert pairs.repeated()[1].sum() == len(pairs.keys) == 2 * 233 * 232 // 2 + 234 * 233 // 2


@pytest.mark.parametrize(("words", "kind"), [(300, np.uint32), (40_000, np.uint64)])
def test_keys_hold_all_words(words, kind):
    """Each word beside the last, twice: as many words as there are, none taken for another."""
    rows = [(row, word, shift, -1) for row in range(words - 1) for word, shift in ((row // 2 * 2, 0), (words - 1, 3))]
    pairs = Pairs(terms_of(rows), np.ones(len(rows), bool))
    assert pairs.keys.dtype == kind
    keys, counts = pairs.repeated()
    a, b, shift, opposite = pairs.pattern(keys)
    last = words - 1 if words % 2 else words - 2
    assert a.tolist() == list(range(0, last - last % 2, 2))
    assert set(b.tolist()) == {words - 1} and set(shift.tolist()) == {3} and not opposite.any()
    assert set(counts.tolist()) == {2}


def most_taken(columns, inputs, start):
    """Return the most bits that counters from column ``start`` on take of ``columns`` full ones: all ways tried."""
    if start >= columns:
        return 0
    best = most_taken(columns, inputs, start + 1)
    for form in forms(inputs):
        inside = sum(count for place, count in enumerate(form.taken, start) if 0 <= place < columns)
        best = max(best, inside + most_taken(columns, inputs, start + form.outputs))
    return best


@pytest.mark.parametrize("inputs", [1, 3, 5])
def test_the_room_of_a_row_is_the_most_that_counters_take_and_a_carry(inputs):
    for columns in range(1, 5):
        assert row_room(columns, inputs) == most_taken(columns, inputs, -2) + 1


@given(HEIGHTS, st.sampled_from([3, 5]))
def test_no_row_takes_more_than_its_room(heights, inputs):
    taken = [0] * (len(heights) + 3)
    for column, form in choose(tuple(heights), tuple(heights), 1, inputs):
        for place, count in enumerate(form.taken, column):
            taken[place] += count
    for columns in range(1, len(heights) + 1):
        for start in range(len(heights)):
            assert sum(taken[start : start + columns]) < row_room(columns, inputs)


def heap_of(heights, levels, inputs):
    bits = [(column, levels[n % len(levels)], n) for column, height in enumerate(heights) for n in range(height)]
    numbered = [(column, level, Bit(number, 0, n % 3 == 0)) for number, (column, level, n) in enumerate(bits)]
    return Heap(len(heights), numbered, 0, inputs)


DRAWN = st.builds(heap_of, HEIGHTS, st.lists(st.integers(0, 3), min_size=1, max_size=4), st.sampled_from([1, 3, 5]))


@given(DRAWN, st.integers(1, 5))
def test_chains_that_are_not_tried_would_fail(heap, depth):
    full = heap.full
    for chains in range(1, (1 << depth - 1) + 1):
        heap.full = []  # nothing is ruled out
        tried = heap._chains(chains, depth)
        heap.full = full
        assert heap._chains(chains, depth) == tried


@given(DRAWN, st.integers(1, 5), st.integers(0, 20))
def test_wherever_the_search_for_chains_starts_all_bits_are_held(heap, depth, start):
    plan, from_one = heap.plan(depth, start), heap.plan(depth)
    assert (plan is None) == (from_one is None)
    if plan is None:
        return
    counted = [bit for chain in plan for row in chain.rows for tally in row.counters.values() for bit, _ in tally.bits]
    beside = [bit for chain in plan for bit in (*chain.first, *(row.carry for row in chain.rows))]
    values = [bit.value for bit in (*counted, *beside) if bit.value is not None]
    assert sorted(values) == list(range(sum(map(len, heap.columns))))
