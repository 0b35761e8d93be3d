"""What a unit must do, as Verilog that shares nothing with the unit's: a staircase, and delays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amos_hdl.errors import CircuitError
from amos_hdl.schedule import UnitSpec
from amos_hdl.schedule.pieces import Pieces

#: Up to this many potentials the golden model is tried on each of them; of more, on both sides of each step.
TRIED_POTENTIALS = 1 << 20


def golden_module(spec: UnitSpec, unit: str, name: str) -> str:
    """Return a Verilog module ``name`` in which the module ``unit`` is compared with the golden model.

    Its output ``wrong`` is high if a spike or y differs from what is due.  Inputs are free: ``request`` an image (it is
    taken unless that would break the interval or the potential's), ``reset``, and any potential.  Which spikes are due
    is a staircase of the potential, written as comparisons with the potentials at which the golden model changes.

    Raises CircuitError if there are too many potentials to know those.
    """
    stairs, depth, width, name_of_x = staircase(spec), spec.latency_cycles, spec.potential.word_bits, "x_{}".format
    cast = "$signed({})".format if spec.potential.signed else "{}".format
    low, high = _constant(spec.low, spec), _constant(spec.high, spec)
    due = []
    for gate in range(spec.circuit.gates):
        cycle = spec.spike_cycle(gate)
        fires = tree(stairs, stairs.spikes[:, gate].astype(int).tolist(), cast(name_of_x(cycle)), 1, spec)
        due.append(f"  assign due_spikes[{gate}] = at[{cycle - 1}] & {fires};")
    values, last = spec.circuit.decode(stairs.spikes), cast(name_of_x(depth))
    known = ((values >= spec.result_low) & (values <= spec.result_high)).astype(int).tolist()
    y = tree(stairs, values.clip(spec.result_low, spec.result_high).tolist(), last, spec.value.word_bits, spec)
    entering = "request & in_range"
    if spec.interval_cycles > 1:
        entering += f" & ~|at[{spec.interval_cycles - 2}:0]"
    lines = [
        f"module {name}(input clk, input request, input reset, input [{width - 1}:0] x_0, output wrong);",
        f"  reg [{depth - 1}:0] at;  // at[n]: an image entered n + 1 clocks ago and is still there",
        f"  wire in_range = {cast('x_0')} >= {low} && {cast('x_0')} <= {high};",
        f"  wire entering = {entering};",
        f"  wire [{depth}:0] steps = {{at, entering}};",
        f"  wire [{depth - 1}:0] step = reset ? {depth}'d0 : steps[{depth - 1}:0];",
        # kept, to be shown in a counterexample, even if no spike and no y depends on them
        f"  (* keep *) reg [{width - 1}:0] {', '.join(map(name_of_x, range(1, depth + 1)))};",
        "  always @(posedge clk) begin",
        "    at <= step;",
        *(f"    {name_of_x(cycle + 1)} <= {name_of_x(cycle)};" for cycle in range(depth)),
        "  end",
        f"  (* keep *) wire [{spec.circuit.gates - 1}:0] spikes, due_spikes;",
        f"  (* keep *) wire [{spec.value.word_bits - 1}:0] y, due_y;",
        f"  {unit} unit(.clk(clk), .step(step), .potential(x_0), .spikes(spikes), .y(y));",
        *due,
        f"  assign due_y = {y};",
        f"  (* keep *) wire y_is_due = at[{depth - 1}] & {tree(stairs, known, last, 1, spec)};",
        "  assign wrong = (spikes != due_spikes) | (y_is_due & (y != due_y));",
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


def staircase(spec: UnitSpec) -> Pieces:
    """Return the pieces on which the golden model gives the same spikes."""
    if spec.high - spec.low < TRIED_POTENTIALS:
        x = np.arange(spec.low, spec.high + 1)
        spikes = spec.circuit.spikes(x)
        changes = np.flatnonzero((spikes[1:] != spikes[:-1]).any(axis=1)) + 1
        return Pieces(x[np.append(0, changes)], x[np.append(changes - 1, len(x) - 1)], spikes[np.append(0, changes)])
    if spec.pieces is None:
        expected = f"at most {TRIED_POTENTIALS} potentials, or at most 16 gates before the last level"
        raise CircuitError("staircase of a unit", expected=expected, got=f"{spec.low} to {spec.high}")
    return spec.pieces


def tree(stairs: Pieces, values: Sequence[int], x: str, bits: int, spec: UnitSpec) -> str:
    """Return an expression that is ``values[n]`` on piece n, by comparisons of ``x`` with where values change."""
    runs = [0] + [n for n in range(1, len(values)) if values[n] != values[n - 1]]

    def between(low: int, high: int) -> str:
        if high - low == 1:
            return f"{bits}'d{values[runs[low]] % (1 << bits)}"
        middle = (low + high) // 2
        start = _constant(int(stairs.first[runs[middle]]), spec)
        return f"({x} >= {start} ? {between(middle, high)} : {between(low, middle)})"

    return between(0, len(runs))


def _constant(value: int, spec: UnitSpec) -> str:
    """Return a constant as wide as the potential, with its sign."""
    bits = spec.potential.word_bits
    return f"{bits}'{'s' if spec.potential.signed else ''}d{value}" if value >= 0 else f"-{bits}'sd{-value}"
