"""Units that answer yes or no: any function of a potential to 0 and 1, as the last spike of a chain of gates."""

from __future__ import annotations

from collections.abc import Sequence

from amos_hdl.circuit.standard import QUANTIZER_BIT_LIMIT, quantizer
from amos_hdl.circuit.threshold import ThresholdCircuit
from amos_hdl.errors import CircuitError


def falls(answers: Sequence[int]) -> list[int]:
    """Return every x >= 1 with ``answers[x - 1]`` 1 and ``answers[x]`` 0."""
    return [x for x in range(1, len(answers)) if answers[x - 1] and not answers[x]]


def gates_of_decision(answers: Sequence[int]) -> int:
    """Return K, how many gates ``decision`` needs for ``answers``: their falls are the borders of 2**(K-1) pieces."""
    return 1 + len(falls(answers)).bit_length()


def decision(answers: Sequence[int], gates: int | None = None) -> ThresholdCircuit:
    """Return the circuit with y = ``answers[x]`` at x = 0, 1, ..., one gate per level.

    The first K-1 gates find by halves in which of 2**(K-1) pieces x lies.  Within a piece answers do not fall, so the
    last gate says all, and its spike alone is y::

        d = (0, ..., 0, 1)      t_K[piece] = least x of the piece with answer 1, beyond it if there is none

    Parameters
    ----------
    answers : sequence of 0 and 1
        No other x may come.
    gates : int, optional
        K; default: as few as these answers need.

    Raises
    ------
    CircuitError
        If there are no answers, one is neither 0 nor 1, K gates are too few, or the table of one would be too long.

    Source: derived; the search is the one of ``quantizer``.
    """
    wrong = [answer for answer in answers if answer not in (0, 1)]
    if wrong or not answers:
        got = repr(wrong[0]) if wrong else "none"
        raise CircuitError("answers of a decision", expected="0 or 1, at least one", got=got)
    borders, needed = falls(answers), gates_of_decision(answers)
    count = needed if gates is None else gates
    if not needed <= count <= QUANTIZER_BIT_LIMIT:
        what = f"gates of a decision that falls {len(borders)} times"
        raise CircuitError(what, expected=f"{needed} to {QUANTIZER_BIT_LIMIT}", got=repr(count))
    beyond = len(answers)
    borders += [beyond] * ((1 << (count - 1)) - 1 - len(borders))
    last = []
    for start, end in zip([0, *borders], [*borders, beyond], strict=True):
        last.append(next((x for x in range(start, end) if answers[x]), beyond))
    search = quantizer(borders).tables if borders else ()
    return ThresholdCircuit(
        (1,) * count, (0,) * (count - 1) + (1,), tuple(range(1, count + 1)), tables=(*search, tuple(last))
    )
