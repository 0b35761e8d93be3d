"""Circuits that have a closed form, in every architecture: the ReLU as a code, the quantizer of any rising function."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from amos_hdl.circuit.architecture import SERIAL, Architecture
from amos_hdl.circuit.threshold import GATE_LIMIT, TABLE_LIMIT, ThresholdCircuit
from amos_hdl.errors import CircuitError

#: Above this many bits a code no longer fits the integers of a circuit.
CODE_BIT_LIMIT = 40
#: Most bits of a quantizer: 2**16 - 1 thresholds.
QUANTIZER_BIT_LIMIT = 16


def relu(gates: int, *, step: int = 1, bias: int = 0, architecture: Architecture = SERIAL) -> ThresholdCircuit:
    """Return the circuit of the clipped ReLU: y is the code of (x + bias) / step.

    With one gate per level the code is binary::

        y = min(max(floor((x + bias) / step), 0), 2**K - 1)
        T_i = step·2**(K-i) - bias      H_ij = step·2**(K-j)      d_i = 2**(K-i)

    ``staged(m)`` writes it in digits of m bits, each the number of spikes of its level: gate k of the level whose
    spikes are worth d has T = step·k·d - bias.  Always the linear form.

    Parameters
    ----------
    gates : int, 1 to 40
        K, the bits of y; the number of gates of the chain.  Gate 1 is of the most significant digit.
    step : int, >= 1
        Width of one step of the staircase, in units of the potential; α = step·2**K.
    bias : int
        Added to x, absorbed in the thresholds.
    architecture : Architecture

    Raises
    ------
    CircuitError
        If gates or step is out of range, or the architecture does not make so many bits.

    Source
    ------
    arXiv:2001.01682, section 2 (AMOS approximation of the ReLU): T_i = H_ji = d_i = α·2**-i; digits of m bits derived.
    """
    if not 1 <= gates <= CODE_BIT_LIMIT:
        raise CircuitError("gates of a ReLU", expected=f"1 to {CODE_BIT_LIMIT}", got=repr(gates))
    if step < 1:
        raise CircuitError("step of a ReLU", expected=">= 1", got=repr(step))
    levels, worths, counts = digits_of(gates, architecture)
    total = len(levels)
    lateral = tuple(tuple(step * worths[j] if levels[j] < levels[i] else 0 for j in range(total)) for i in range(total))
    thresholds = tuple(step * count * worth - bias for count, worth in zip(counts, worths, strict=True))
    return ThresholdCircuit((1,) * total, worths, levels, thresholds=thresholds, lateral=lateral)


def quantizer(
    thresholds: Sequence[int], architecture: Architecture = SERIAL, *, form: Literal["table", "linear"] = "table"
) -> ThresholdCircuit:
    """Return the circuit that counts thresholds: y = number of ``thresholds`` <= x.

    The K-bit code of any rising staircase, exactly.  ``serial`` and ``folded`` search the sorted list by halves,
    ``staged(m)`` by 2**m-ths, ``flash`` compares with all.  The gates of one level fire in order, so their tables are
    only ever looked up where the spikes of each level are a thermometer (1..1 0..0); other entries go by the count.

    Parameters
    ----------
    thresholds : sequence of int
        2**K - 1 of them, never falling; equal ones skip a code.
    architecture : Architecture
    form : {"table", "linear"}
        ``linear`` exists for equally spaced thresholds alone (``evenly_spaced``), has no limit on earlier spikes.

    Raises
    ------
    CircuitError
        If their number is not 2**K - 1 with K from 1 to 16, they fall, the architecture does not make K bits or needs
        more than 255 gates, a table would be longer than 2**16, or there is no linear form.

    Source
    ------
    Derived: binary search, of which arXiv:2001.01682's ReLU is the case of equal steps.
    """
    count = len(thresholds)
    bits = (count + 1).bit_length() - 1
    if count + 1 != 1 << bits or not 1 <= bits <= QUANTIZER_BIT_LIMIT:
        raise CircuitError("thresholds of a quantizer", expected="2**K - 1 with K from 1 to 16", got=repr(count))
    if any(a > b for a, b in pairwise(thresholds)):
        raise CircuitError("thresholds of a quantizer", expected="none smaller than the one before")
    if form == "linear":
        if not evenly_spaced(thresholds):
            expected = "thresholds with one distance > 0"
            raise CircuitError("linear form of a quantizer", expected=expected, hint="use the table form")
        step = int(thresholds[1]) - int(thresholds[0]) if count > 1 else 1
        return relu(bits, step=step, bias=step - int(thresholds[0]), architecture=architecture)
    levels, worths, counts = digits_of(bits, architecture)
    tables: list[tuple[int, ...]] = []
    for gate, (worth, number) in enumerate(zip(worths, counts, strict=True)):
        earlier = worths[: levels.index(levels[gate])]
        if 1 << len(earlier) > TABLE_LIMIT:
            hint = "use more bits per level" if architecture.name == "staged" else None
            raise CircuitError(
                f"table of gate {gate + 1}",
                where=str(architecture),
                expected=f"at most {TABLE_LIMIT} entries",
                hint=hint,
            )
        prefixes = [0]
        for other in earlier:  # the last gate is the least significant digit of an entry's number
            prefixes = [value for prefix in prefixes for value in (prefix, prefix + other)]
        # with `prefix` counted by earlier levels, gate `number` of this one stands for `number·worth` more
        tables.append(tuple(int(thresholds[prefix + number * worth - 1]) for prefix in prefixes))
    return ThresholdCircuit((1,) * len(levels), worths, levels, tables=tuple(tables))


def evenly_spaced(thresholds: Sequence[int]) -> bool:
    """Return whether all neighbours have one distance > 0, so that the quantizer has a linear form."""
    steps = {b - a for a, b in pairwise(thresholds)}
    return len(steps) <= 1 and all(step > 0 for step in steps)


def digits_of(bits: int, architecture: Architecture) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return for each gate its level, the worth of its spike, and its number (from 1) within the level."""
    digit = architecture.digit_bits(bits)
    total = bits // digit * ((1 << min(digit, GATE_LIMIT)) - 1)
    if total > GATE_LIMIT:
        raise CircuitError(
            "gates", where=f"{architecture}, {bits} bits", expected=f"at most {GATE_LIMIT}", got=str(total)
        )
    levels = architecture.levels(bits)
    counts = tuple(range(1, 1 << digit)) * levels[-1]
    return levels, tuple(1 << (bits - digit * level) for level in levels), counts
