"""Hardware spec of weighted sums: which additions are made, and in which pipeline stage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amos_hdl.network import Dense, Tensor
from amos_hdl.schedule.adders import AdderGraph, adder_graph

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DenseSpec:
    """Weighted sums as pipelined graphs of additions.

    ``latency_cycles = max(1, ceil(depth / adders_per_stage))`` with depth the adder levels: sums always leave from
    registers.  ``interval_cycles = 1``.

    Parameters
    ----------
    operation : Dense
    source, result : Tensor
    adders_per_stage : int, >= 1
    lut_inputs : int, 2, 4 or 6
    extra_levels : int, >= 0
        As in ``adder_graph``.
    """

    operation: Dense
    source: Tensor
    result: Tensor
    adders_per_stage: int
    lut_inputs: int = 4
    extra_levels: int = 0

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

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from inputs to sums."""
        return self.stage(self.graph.depth)

    def stage(self, level: int) -> int:
        """Return the pipeline stage (from 1) that holds adders of ``level``; inputs belong to stage 1."""
        return max(1, -(-level // self.adders_per_stage))

    def evaluate(self, x: Array) -> Array:
        """Return the sums ``(batch, unit)`` of inputs ``(batch, input)``, through the graph."""
        return self.graph.evaluate(x)
