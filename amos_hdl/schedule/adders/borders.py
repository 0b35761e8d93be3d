"""Between which levels of adders registers stand, for the fewest flip-flops."""

from __future__ import annotations

from collections.abc import Sequence

from amos_hdl.schedule.adders.graph import AdderGraph


def level_stages(graph: AdderGraph, delays: Sequence[int], budget: int) -> tuple[int, ...]:
    """Return the stage (from 1) of each adder when stages are whole levels: as few as can be, and the best of those.

    A border behind level l takes a flip-flop for each bit that is made up to there and read later.  Along any path
    within a stage the delays add up to ``budget`` at most, but that a level of more than that has a stage of its own.
    All choices of borders are compared, by the shortest path from border to border: ``cost[l] = min over k of cost[k] +
    (1 stage, flip-flops behind l)`` for all k from which the levels k + 1 to l are one stage.
    """
    live = _live(graph)
    costs: list[tuple[int, int]] = [(0, 0)]  # of each level: stages up to it, and flip-flops of their borders
    before: list[int] = [0]
    reach = [_reach(graph, delays, budget, start) for start in range(graph.depth)]
    for level in range(1, graph.depth + 1):
        able = [start for start in range(level) if reach[start] >= level]
        start = min(able, key=lambda start: costs[start])
        costs.append((costs[start][0] + 1, costs[start][1] + live[level]))
        before.append(start)
    ends, level = [], graph.depth
    while level:
        ends.append(level)
        level = before[level]
    ends.reverse()
    return tuple(next(stage for stage, end in enumerate(ends, start=1) if adder.level <= end) for adder in graph.adders)


def _live(graph: AdderGraph) -> list[int]:
    """Return for each level the bits that are made up to it and read behind it; inputs are made at level 0."""
    made = [0] * len(graph.inputs) + [adder.level for adder in graph.adders]
    last: dict[tuple[int, int], int] = {}
    for adder in graph.adders:
        for bit in adder.reads():
            if bit.value is not None:
                last[bit.value, bit.index] = max(last.get((bit.value, bit.index), 0), adder.level)
    for bits in graph.sums:
        for bit in bits:
            if bit.value is not None:
                last[bit.value, bit.index] = graph.depth + 1
    changes = [0] * (graph.depth + 2)
    for (value, _), until in last.items():
        changes[made[value]] += 1
        changes[until] -= 1
    return [sum(changes[: level + 1]) for level in range(graph.depth + 1)]


def _reach(graph: AdderGraph, delays: Sequence[int], budget: int, start: int) -> int:
    """Return the last level up to which the levels behind ``start`` can be one stage."""
    count = len(graph.inputs)
    arrivals: dict[int, int] = {}
    longest = [0] * (graph.depth + 1)
    for number, adder in enumerate(graph.adders):
        if adder.level <= start or max(longest[start + 2 : adder.level], default=0) > budget:
            continue
        path = max((arrivals.get(value, 0) for value in adder.operands()), default=0) + delays[number]
        arrivals[count + number] = path
        longest[adder.level] = max(longest[adder.level], path)
    level = start + 1
    while level < graph.depth and longest[level + 1] <= budget and longest[level] <= budget:
        level += 1
    return level
