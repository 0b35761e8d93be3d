"""Weighted sums by constants as graphs of additions: no multiplier."""

from amos_hdl.schedule.adders.build import adder_graph
from amos_hdl.schedule.adders.graph import ONE, ZERO, Adder, AdderGraph, Bit, Counter
from amos_hdl.schedule.adders.terms import signed_digits

__all__ = ["ONE", "ZERO", "Adder", "AdderGraph", "Bit", "Counter", "adder_graph", "signed_digits"]
