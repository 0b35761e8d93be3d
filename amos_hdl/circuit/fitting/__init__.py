"""Fitting: the circuit of an architecture that comes nearest to an activation function.

============== ======================= =========================================================================
architecture   form                    method
============== ======================= =========================================================================
flash          table (or linear, the   dynamic programming: the best staircase of 2**K levels, for any function
               same for one level)
any            table                   exact thresholds of the equally spaced quantizer; one turn: shortest path
                                       of codes (``table``)
any            linear                  closed form where it is as good as the exact quantizer (ReLU, identity, sign
                                       and the like); else search (``search``), exact descent (``descent``)
============== ======================= =========================================================================
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from amos_hdl.circuit.activations import Activation
from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.distribution import Distribution, Uniform
from amos_hdl.circuit.fitting.flash import fit_flash
from amos_hdl.circuit.fitting.linear import fit_linear
from amos_hdl.circuit.fitting.problem import Problem, potential
from amos_hdl.circuit.fitting.search import Effort, Progress
from amos_hdl.circuit.fitting.table import fit_table
from amos_hdl.circuit.fitting.unit import FittedUnit
from amos_hdl.circuit.threshold import TABLE_LIMIT
from amos_hdl.errors import CircuitError

__all__ = ["DEFAULT_EFFORT", "Effort", "FittedUnit", "Form", "fit", "potential"]

Form = Literal["linear", "table"]

DEFAULT_EFFORT = Effort(rounds=80)
#: Most bits of each way; more would take hours, or tables of more than ``TABLE_LIMIT`` entries.
FLASH_BITS, TABLE_BITS, LINEAR_BITS = 8, 12, 20
#: Most gates of a search.
LINEAR_GATES = 64


def fit(
    activation: Activation,
    bits: int,
    architecture: Architecture,
    *,
    form: Form | None = None,
    low: float | None = None,
    high: float | None = None,
    potential_bits: int = 14,
    distribution: Distribution | None = None,
    effort: Effort = DEFAULT_EFFORT,
    progress: Progress | None = None,
) -> FittedUnit:
    """Fit ``activation`` on ``low`` to ``high``.

    Parameters
    ----------
    activation : Activation
        One of ``ACTIVATIONS``, or one made of any function of NumPy arrays.
    bits : int
        K: 2**K values; ``serial`` and ``folded`` have K gates.
    architecture : Architecture
    form : {"linear", "table"}, optional
        Default: table for ``flash`` (one level: there is no difference but in writing), else linear.
    low, high : float, optional
        The activation's own range by default.
    potential_bits : int, 4 to 24
        The range is divided in 2**potential_bits steps; T, H are integers of that scale, d of the span of y likewise.
    distribution : Distribution, optional
        Uniform by default.
    effort : Effort
        Of the searches, for the linear form and for tables with a turn; the same effort gives the same circuit.
    progress : callable, optional
        Called with the number of tasks done and of all tasks.

    Raises
    ------
    CircuitError
        For a range that is reversed, empty or not finite, bits out of range, an activation that is not finite on the
        range, or one that turns too often for the table form.
    """
    low, high = activation.low if low is None else low, activation.high if high is None else high
    form = form or ("table" if architecture.name == "flash" else "linear")
    _check(bits, architecture, form)
    problem = Problem(activation, low, high, potential_bits, distribution or Uniform())
    if architecture.name == "flash":
        solution = fit_flash(problem, bits)
        if form == "linear":
            solution = replace(solution, circuit=solution.circuit.to_linear())
    elif form == "table":
        solution = fit_table(problem, bits, architecture, effort.rounds, effort.seed)
    else:
        solution = fit_linear(problem, bits, architecture, effort, progress)
    return solution.measured(problem, architecture)


def _check(bits: int, architecture: Architecture, form: Form) -> None:
    """Refuse what would take hours, or more memory than there is, before anything is made."""
    most = FLASH_BITS if architecture.name == "flash" else TABLE_BITS if form == "table" else LINEAR_BITS
    where = f"{architecture}, {form} form"
    if not 1 <= bits <= most:
        raise CircuitError("gates", where=where, expected=f"1 to {most}", got=repr(bits))
    digit = architecture.digit_bits(bits)
    if architecture.name != "staged":
        return
    if form == "linear" and (digit > 6 or architecture.gates(bits) > LINEAR_GATES):
        raise CircuitError("gates", where=where, expected=f"(K/m)·(2**m - 1) of at most {LINEAR_GATES}")
    earlier = architecture.gates(bits - digit) if bits > digit else 0
    if form == "table" and (digit > FLASH_BITS or 1 << min(earlier, 64) > TABLE_LIMIT):
        raise CircuitError("gates", where=where, expected="at most 16 gates before the last level, 255 in all")
