"""Circuits that have a closed form: the ReLU as binary code, and the quantizer of any rising function."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError

#: Above this many gates a binary code no longer fits the integers of a circuit.
CODE_GATE_LIMIT = 40
#: Most gates of a table quantizer: 2**16 - 1 thresholds.
QUANTIZER_GATE_LIMIT = 16


def relu(gates: int, *, step: int = 1, bias: int = 0) -> ThresholdCircuit:
    """Return the serial circuit of the clipped ReLU: y is the binary code of (x + bias) / step.

    ::

        y = min(max(floor((x + bias) / step), 0), 2**gates - 1)
        T_i = step·2**(K-i) - bias      H_ij = step·2**(K-j)      d_i = 2**(K-i)

    Parameters
    ----------
    gates : int, 1 to 40
        K; gate 1 is the most significant binary digit.
    step : int, >= 1
        Width of one step of the staircase, in units of the potential; α = step·2**gates.
    bias : int
        Added to x, absorbed in the thresholds.

    Raises
    ------
    CircuitError
        If gates or step is out of range.

    Source
    ------
    arXiv:2001.01682, section 2 (AMOS approximation of the ReLU): T_i = H_ji = d_i = α·2**-i.
    """
    if not 1 <= gates <= CODE_GATE_LIMIT:
        raise CircuitError("gates of a ReLU", expected=f"1 to {CODE_GATE_LIMIT}", got=repr(gates))
    if step < 1:
        raise CircuitError("step of a ReLU", expected=">= 1", got=repr(step))
    digits = [1 << (gates - 1 - i) for i in range(gates)]
    return ThresholdCircuit(
        gains=(1,) * gates,
        outputs=tuple(digits),
        levels=tuple(range(1, gates + 1)),
        thresholds=tuple(step * digit - bias for digit in digits),
        lateral=tuple(tuple(step * digits[j] if j < i else 0 for j in range(gates)) for i in range(gates)),
    )


def quantizer(thresholds: Sequence[int]) -> ThresholdCircuit:
    """Return the serial table circuit that counts thresholds: y = number of ``thresholds`` <= x.

    The K gates search the sorted list by halves, so K spikes are the exact K-bit code of any rising staircase.

    Parameters
    ----------
    thresholds : sequence of int
        2**K - 1 of them, never falling; equal ones skip a code.

    Raises
    ------
    CircuitError
        If their number is not 2**K - 1 with K from 1 to 16, or they fall.

    Source
    ------
    Derived: binary search, of which arXiv:2001.01682's ReLU is the case of equal steps.
    """
    count = len(thresholds)
    gates = (count + 1).bit_length() - 1
    if count + 1 != 1 << gates or not 1 <= gates <= QUANTIZER_GATE_LIMIT:
        raise CircuitError("thresholds of a quantizer", expected="2**K - 1 with K from 1 to 16", got=repr(count))
    if any(a > b for a, b in pairwise(thresholds)):
        raise CircuitError("thresholds of a quantizer", expected="none smaller than the one before")
    tables = []
    for gate in range(gates):
        half = 1 << (gates - 1 - gate)
        # with `prefix` the digits so far, the code is at least (2·prefix + 1)·half from this threshold on
        tables.append(tuple(int(thresholds[(2 * prefix + 1) * half - 1]) for prefix in range(1 << gate)))
    return ThresholdCircuit(
        gains=(1,) * gates,
        outputs=tuple(1 << (gates - 1 - i) for i in range(gates)),
        levels=tuple(range(1, gates + 1)),
        tables=tuple(tables),
    )
