"""The clock of a whole network, before place and route: its slowest stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amos_hdl.schedule.adders.timed import longest_path
from amos_hdl.schedule.clock import Clock, stage_delays
from amos_hdl.schedule.delays import FILLED_PERCENT
from amos_hdl.schedule.dense import DenseSpec
from amos_hdl.schedule.folded_sum import FoldedSumSpec
from amos_hdl.schedule.gates import GateLayerSpec
from amos_hdl.schedule.pool import MaxSpec
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.specs import ArgmaxSpec, LayerSpec
from amos_hdl.schedule.unit import UnitLayerSpec


@dataclass(frozen=True)
class Slowest:
    """The stage that sets the clock.

    Members
    -------
    layer : str
        Of which it is.
    period_ps : int
        What it takes.
    """

    layer: str
    period_ps: int

    @property
    def mhz(self) -> int:
        """The highest clock with such a period, rounded down."""
        return 1_000_000 // self.period_ps


def slowest(specs: Mapping[str, LayerSpec], clock: Clock) -> Slowest | None:
    """Return what sets the clock of layers, of equal ones the first; None if there is nothing that is reckoned.

    The period of ``clock`` does not matter, but for the layers that were made for it.
    """
    paths = {name: path_ps(spec, clock) for name, spec in specs.items()}
    layer = max(paths, key=lambda name: paths[name], default=None)
    if layer is None or not paths[layer]:
        return None
    return Slowest(layer, paths[layer])


def path_ps(spec: LayerSpec, clock: Clock) -> int:
    """Return the period of the longest stage of ``spec`` in ps; 0 of what is not reckoned.

    That are windows, pools of windows side by side, products, comparators that are shared, and tables.  Stages of
    several parts that were filled for a clock count ``FILLED_PERCENT``.
    """
    fabric = clock.fabric
    match spec:
        case DenseSpec():
            delays = clock.adder_delays(spec.graph)
            longest = longest_path(spec.graph, spec.stages, delays)
            return _period(clock.sums_ps, longest, delays, filled=spec.clock is not None)
        case FoldedSumSpec():
            return path_ps(spec.adders, clock)
        case GateLayerSpec():
            return 0
        case UnitLayerSpec():
            if spec.folded:
                return 0
            unit = spec.distinct[0]
            delays = clock.level_delays(unit.circuit, spec.potential.bits)
            longest = max(stage_delays(delays, unit.stages or range(len(delays))))
            return _period(fabric.units_ps, longest, delays, filled=spec.clock is not None)
        case ArgmaxSpec():
            delays = clock.step_delays(spec.levels, Port.of(spec.source).word_bits)
            longest = max(stage_delays(delays, [step // spec.steps_per_stage for step in range(len(delays))]))
            return _period(fabric.argmax_ps, longest, delays, filled=spec.filled)
        case MaxSpec():
            return fabric.argmax_ps + sum(clock.step_delays(1, spec.result.bits))
    return 0


def _period(constant: int, longest: int, delays: Sequence[int], *, filled: bool) -> int:
    """Return the period of a stage whose path takes ``longest``; ``filled`` if it was chosen for a clock."""
    alone = max(delays, default=0)
    if filled and longest > alone:
        return max(constant + alone, (constant + longest) * FILLED_PERCENT // 100)
    return constant + longest
