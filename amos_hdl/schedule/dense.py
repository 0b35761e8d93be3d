"""Hardware spec of weighted sums: which additions are made, and in which pipeline stage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Dense, Tensor
from amos_hdl.schedule.adders import Adder, AdderGraph, adder_graph
from amos_hdl.schedule.adders.timed import timed_stages
from amos_hdl.schedule.clock import Clock

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DenseSpec:
    """Weighted sums as pipelined graphs of additions.

    Sums always leave from registers.  Without a clock ``latency_cycles = max(1, ceil(depth / adders_per_stage))`` with
    depth the adder levels; with one, as many stages as its period takes.  ``interval_cycles = 1``.

    Parameters
    ----------
    operation : Dense
    source, result : Tensor
    adders_per_stage : int, >= 1
    lut_inputs : int, 2, 4 or 6
    extra_levels : int, >= 0
        As in ``adder_graph``.
    clock : Clock, optional
        By whose period the stages are chosen, instead of by levels.
    """

    operation: Dense
    source: Tensor
    result: Tensor
    adders_per_stage: int
    lut_inputs: int = 4
    extra_levels: int = 0
    clock: Clock | None = None

    interval_cycles = 1

    @cached_property
    def graph(self) -> AdderGraph:
        """The additions."""
        return adder_graph(
            self.operation.weights,
            self.operation.biases,
            self.source.low,
            self.source.high,
            lut_inputs=self.lut_inputs,
            extra_levels=self.extra_levels,
            adders_per_stage=self.adders_per_stage,
        )

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """The pipeline stage (from 1) of each adder; inputs belong to stage 1."""
        if self.clock is None:
            return tuple(max(1, -(-adder.level // self.adders_per_stage)) for adder in self.graph.adders)
        budget = self.clock.filled_ps - self.clock.sums_ps
        return timed_stages(self.graph, self.clock.adder_delays(self.graph), budget)

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from inputs to sums."""
        if self.clock is None:
            return max(1, -(-self.graph.depth // self.adders_per_stage))
        return max(self.stages, default=1)

    def is_difference(self, adder: Adder) -> bool:
        """Return whether an addition is written as ``left - ~row``, which takes an inverter for each bit of the row.

        Counters take that in, and so do tables of 6 inputs.  Of two rows of bits in carry cells, each bit that is as
        the form wants it needs no table: it is the form that more of them are in.
        """
        if self.lut_inputs == 6 or self.graph.counts:
            return adder.counts
        bits = [counter.bits[0][0] for counter in adder.counters]
        return sum(bit.inverted for bit in bits) > sum(counter.is_wire for counter in adder.counters)

    def evaluate(self, x: Array) -> Array:
        """Return the sums ``(batch, unit)`` of inputs ``(batch, input)``, through the graph."""
        return self.graph.evaluate(x)
