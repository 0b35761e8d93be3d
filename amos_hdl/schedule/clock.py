"""A target clock: how many additions, gates and comparisons its period takes, by the delays of a fabric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.schedule.adders import AdderGraph
from amos_hdl.schedule.delays import FABRICS, FILLED_PERCENT, SPREAD_LUTS, Fabric
from amos_hdl.schedule.options import FABRIC, HardwareOptions


@dataclass(frozen=True)
class Clock:
    """Delays within a stage, and how far stages are filled.

    All times in ps.  What is longer than ``filled_ps`` stands in a stage of its own; whether it is longer than the
    period too, is for who sees the whole network to say.

    Parameters
    ----------
    fabric_name : str
        Key of ``FABRICS``.
    mhz : int, >= 1
    carry : bool
        Whether sums are in carry cells.
    """

    fabric_name: str
    mhz: int
    carry: bool = False

    @classmethod
    def of(cls, options: HardwareOptions, mhz: int) -> Clock:
        """Return a clock for networks of ``options``, those of its fabric or of the default one.

        Sums are in carry cells where ``synth`` takes them.
        """
        fabric = options.fabric or FABRIC
        return cls(fabric, mhz, options.carries and FABRICS[fabric].carry is not None)

    @property
    def fabric(self) -> Fabric:
        """The delays."""
        return FABRICS[self.fabric_name]

    @property
    def filled_ps(self) -> int:
        """What a stage of several parts may take.

        Where all stages are filled as far as they can be, all are critical, and place and route does not meet what it
        meets where a few are.
        """
        return 100_000_000 // (self.mhz * FILLED_PERCENT)

    @property
    def sums_ps(self) -> int:
        """What a stage of sums takes beside its adders."""
        return self.fabric.carries_ps if self.carry else self.fabric.sums_ps

    def adder_delays(self, graph: AdderGraph) -> tuple[int, ...]:
        """Return the delay of each adder, by the bits of its sum, and by the size of all.

        A bit takes about two LUTs, in a carry cell one.
        """
        fabric, bits = self.fabric, sum(adder.bits for adder in graph.adders)
        if self.carry and fabric.carry is not None:
            delay, spread, luts = fabric.carry, fabric.carries_spread, bits
        else:
            delay, spread, luts = fabric.adder, fabric.spread, 2 * bits
        longer = 1 + spread * math.log2(max(1, luts / SPREAD_LUTS))
        return tuple(round(longer * delay.ps(adder.bits)) for adder in graph.adders)

    def level_delays(self, circuit: ThresholdCircuit, bits: int) -> tuple[int, ...]:
        """Return the delay of each level of a unit whose potential has ``bits`` bits."""
        earlier = [circuit.levels.index(level) for level in range(1, circuit.depth + 1)]
        return tuple(self.fabric.gate.ps(bits) + self.fabric.spike_ps * count for count in earlier)

    def unit_stages(self, circuit: ThresholdCircuit, bits: int) -> tuple[int, ...]:
        """Return the stage of each level of a unit: as many levels in each as there is time for."""
        return _filled(self.level_delays(circuit, bits), self.filled_ps - self.fabric.units_ps)

    def step_delays(self, levels: int, bits: int) -> tuple[int, ...]:
        """Return the delay of each step of an argmax: it compares and chooses in turn."""
        return (self.fabric.compare.ps(bits), self.fabric.choose_ps) * levels

    def argmax_steps(self, levels: int, bits: int) -> int:
        """Return the steps of an argmax in a stage, at least 1: for the fewest stages, and of those the fewest."""
        delays, budget = self.step_delays(levels, bits), self.filled_ps - self.fabric.argmax_ps
        able = [
            steps
            for steps in range(1, len(delays) + 1)
            if max(stage_delays(delays, [place // steps for place in range(len(delays))])) <= budget
        ]
        return min(able, key=lambda steps: (-(-len(delays) // steps), steps), default=1)


def stage_delays(delays: Sequence[int], stages: Sequence[int]) -> list[int]:
    """Return for each stage the sum of the delays of the parts that are of it, in order of the stages."""
    return [
        sum(delay for delay, other in zip(delays, stages, strict=True) if other == stage)
        for stage in dict.fromkeys(stages)
    ]


def _filled(delays: Sequence[int], budget: int) -> tuple[int, ...]:
    """Return stages (from 1) of parts in a row, each as early as it can be."""
    stages: list[int] = []
    spent = stage = 0
    for delay in delays:
        if not stage or spent + delay > budget:
            stage, spent = stage + 1, 0
        spent += delay
        stages.append(stage)
    return tuple(stages)
