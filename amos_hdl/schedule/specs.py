"""Hardware specs: for each operation what is built, how wide, and in which clock cycle what appears.

A spec knows no Amaranth.  ``evaluate()`` is the reference of the component that ``gateware/`` builds from it, and
``latency_cycles`` its only source of timing.  Cycle 0 is the clock cycle in which the inputs are valid; a register that
takes them at the end of it shows them in cycle 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ScheduleError
from amos_hdl.network import Argmax, Tensor
from amos_hdl.schedule.dense import DenseSpec
from amos_hdl.schedule.folded_sum import FoldedSumSpec
from amos_hdl.schedule.maps import CollectSpec, ProductSpec, WireSpec
from amos_hdl.schedule.pool import MaxSpec, PoolSpec
from amos_hdl.schedule.unit import UnitLayerSpec

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ArgmaxSpec:
    """A tree of comparisons; of equal values the lower index wins.

    Each level is two steps: compare, then choose.  Of wide values both in one stage were the slowest path of a whole
    network on ECP5.  ``latency_cycles = ceil(2·levels / steps_per_stage)``, ``levels = max(1, ceil(log2(values)))``;
    ``interval_cycles = 1``.

    Parameters
    ----------
    operation : Argmax
    source, result : Tensor
    steps_per_stage : int, >= 1
        Steps between two pipeline registers.
    filled : bool
        Whether these are as many as a clock has time for.
    """

    operation: Argmax
    source: Tensor
    result: Tensor
    steps_per_stage: int = 1
    filled: bool = False

    interval_cycles = 1

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from values to index."""
        return -(-2 * self.levels // self.steps_per_stage)

    def ends_stage(self, step: int) -> bool:
        """Return whether there are registers behind ``step`` (from 1): 2·level - 1 compares, 2·level chooses."""
        return step % self.steps_per_stage == 0 or step == 2 * self.levels

    @property
    def levels(self) -> int:
        """Levels of comparisons."""
        return max(1, (self.source.units - 1).bit_length())

    def evaluate(self, x: Array) -> Array:
        """Return the index ``(batch, 1)`` of the greatest of ``x`` ``(batch, unit)``, by the same tree."""
        best = [(x[:, unit], np.full(len(x), unit, np.int64)) for unit in range(self.source.units)]
        while len(best) > 1:
            pairs = zip(best[::2], best[1::2], strict=False)
            reduced = [(np.maximum(a, b), np.where(a >= b, a_index, b_index)) for (a, a_index), (b, b_index) in pairs]
            best = reduced + best[len(reduced) * 2 :]
        return best[0][1][:, None]


@dataclass(frozen=True)
class DelaySpec:
    """``cycles`` registers in a row: ``latency_cycles = cycles``; ``interval_cycles = 1``."""

    bits: int
    cycles: int

    interval_cycles = 1

    def __post_init__(self) -> None:
        if self.bits < 1 or self.cycles < 1:
            raise ScheduleError("delay line", expected=">= 1 bit and cycle", got=f"{self.bits} and {self.cycles}")

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from input to output."""
        return self.cycles


LayerSpec = (
    DenseSpec | FoldedSumSpec | UnitLayerSpec | ArgmaxSpec | MaxSpec | PoolSpec | CollectSpec | ProductSpec | WireSpec
)
