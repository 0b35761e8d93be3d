"""Components in Amaranth's own simulator."""

from collections.abc import Callable, Coroutine
from typing import Any

from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator


def run(top: Elaboratable, bench: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Run ``bench`` on ``top`` to its end, one clock cycle a microsecond."""
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
