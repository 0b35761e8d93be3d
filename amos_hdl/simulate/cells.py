"""The operations of Verilog on whole words, as Yosys names them, made of gates on single bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.gates import ONE, ZERO, Gates, Kind

Word = list[int]
"""The bits of a word, lowest first."""
Ports = Mapping[str, Word]
Parameters = Mapping[str, int]


def extended(word: Sequence[int], bits: int, signed: bool) -> Word:
    """Return ``word`` cut or extended to ``bits`` bits: by its sign, or by zeros."""
    fill = word[-1] if signed and word else ZERO
    return [*word[:bits], *[fill] * (bits - len(word))]


def word_of(kind: str, gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    """Return the output of a cell of ``kind`` with the inputs ``ports``.

    Raises SimulationError for a kind that is not known here.
    """
    try:
        make = _CELLS[kind]
    except KeyError:
        raise SimulationError("an operation that the batch simulator has not", got=repr(kind)) from None
    return make(gates, ports, parameters)


def _sides(ports: Ports, parameters: Parameters, bits: int) -> tuple[Word, Word]:
    # Verilog: an operation is signed if both sides are
    signed = bool(parameters["A_SIGNED"] and parameters["B_SIGNED"])
    return extended(ports["A"], bits, signed), extended(ports["B"], bits, signed)


def _add(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    return _sum(gates, *_sides(ports, parameters, parameters["Y_WIDTH"]), ZERO)


def _sum(gates: Gates, a: Word, b: Word, carry: int) -> Word:
    word = []
    for left, right in zip(a, b, strict=True):
        word.append(gates.odd(left, right, carry))
        carry = gates.majority(left, right, carry)
    return word


def _subtract(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    return _difference(gates, *_sides(ports, parameters, parameters["Y_WIDTH"]))


def _negative(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    a = _same(gates, ports, parameters)
    return _difference(gates, [ZERO] * len(a), a)


def _product(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    # both sides as wide as the result: it is right whatever their signs
    a, b = _sides(ports, parameters, parameters["Y_WIDTH"])
    word = [ZERO] * len(a)
    for place, bit in enumerate(b):
        row = [ZERO] * place + [gates.and_(bit, factor) for factor in a[: len(a) - place]]
        word = _sum(gates, word, row, ZERO)
    return word


def _difference(gates: Gates, a: Word, b: Word) -> Word:
    # what was inverted before is added: a - ~b = a + b + 1
    if 2 * sum(gates.kinds[bit] == Kind.NOT for bit in b) >= len(b):
        return _sum(gates, a, [gates.not_(bit) for bit in b], ONE)
    word, borrow = [], ZERO
    for left, right in zip(a, b, strict=True):
        word.append(gates.odd(left, right, borrow))
        borrow = gates.borrow(left, right, borrow)
    return word


def _less_than(swap: bool, inverted: bool) -> Callable[[Gates, Ports, Parameters], Word]:
    """Return what makes a < b; with ``swap`` b < a, and ``inverted`` the opposite: a >= b is not a < b."""

    def make(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
        a, b = _sides(ports, parameters, max(len(ports["A"]), len(ports["B"])))
        if parameters["A_SIGNED"] and parameters["B_SIGNED"]:
            # as if the sign bits were inverted: the highest bits change sides
            a[-1], b[-1] = b[-1], a[-1]
        if swap:
            a, b = b, a
        borrow = ZERO
        for left, right in zip(a, b, strict=True):
            borrow = gates.borrow(left, right, borrow)
        return extended([gates.not_(borrow) if inverted else borrow], parameters["Y_WIDTH"], False)

    return make


def _equal(inverted: bool) -> Callable[[Gates, Ports, Parameters], Word]:
    def make(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
        a, b = _sides(ports, parameters, max(len(ports["A"]), len(ports["B"])))
        differ = gates.any_of([gates.xor(left, right) for left, right in zip(a, b, strict=True)])
        return extended([differ if inverted else gates.not_(differ)], parameters["Y_WIDTH"], False)

    return make


def _bitwise(gate: Callable[[Gates, int, int], int]) -> Callable[[Gates, Ports, Parameters], Word]:
    def make(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
        a, b = _sides(ports, parameters, parameters["Y_WIDTH"])
        return [gate(gates, left, right) for left, right in zip(a, b, strict=True)]

    return make


def _same(_: Gates, ports: Ports, parameters: Parameters) -> Word:
    return extended(ports["A"], parameters["Y_WIDTH"], bool(parameters["A_SIGNED"]))


def _inverse(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    return [gates.not_(bit) for bit in _same(gates, ports, parameters)]


def _single(found: Callable[[Gates, Word], int]) -> Callable[[Gates, Ports, Parameters], Word]:
    def make(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
        return extended([found(gates, ports["A"])], parameters["Y_WIDTH"], False)

    return make


def _logic(gate: Callable[[Gates, int, int], int]) -> Callable[[Gates, Ports, Parameters], Word]:
    def make(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
        found = gate(gates, gates.any_of(ports["A"]), gates.any_of(ports["B"]))
        return extended([found], parameters["Y_WIDTH"], False)

    return make


def _multiplexer(gates: Gates, ports: Ports, _: Parameters) -> Word:
    (select,) = ports["S"]
    return [gates.mux(select, low, high) for low, high in zip(ports["A"], ports["B"], strict=True)]


def _parallel_multiplexer(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    bits, word = parameters["WIDTH"], list(ports["A"])
    for place, select in enumerate(ports["S"]):
        chosen = ports["B"][place * bits : (place + 1) * bits]
        word = [gates.mux(select, low, high) for low, high in zip(word, chosen, strict=True)]
    return word


def _shift_right(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    bits = parameters["Y_WIDTH"]
    word, shifts = extended(ports["A"], max(bits, len(ports["A"])), bool(parameters["A_SIGNED"])), ports["B"]
    # the lowest bit of the shift first: of a table of constants few different gates are made
    for level, select in enumerate(shifts):
        distance = 1 << level
        if distance >= len(word):
            word = [gates.mux(select, bit, ZERO) for bit in word]
            continue
        # no more than what later levels can still bring down
        needed = min(len(word), bits + (1 << len(shifts)) - (distance << 1))
        word = [
            gates.mux(select, word[at], word[at + distance] if at + distance < len(word) else ZERO)
            for at in range(needed)
        ]
    return word[:bits]


def _indexed(gates: Gates, ports: Ports, parameters: Parameters) -> Word:
    if parameters["B_SIGNED"]:
        raise SimulationError("an index that could be negative: the batch simulator has none")
    # beyond the word Verilog has bits that are not known; here they are zeros
    return _shift_right(gates, ports, parameters)


_CELLS: dict[str, Callable[[Gates, Ports, Parameters], Word]] = {
    "$add": _add,
    "$sub": _subtract,
    "$neg": _negative,
    "$mul": _product,
    "$lt": _less_than(swap=False, inverted=False),
    "$ge": _less_than(swap=False, inverted=True),
    "$gt": _less_than(swap=True, inverted=False),
    "$le": _less_than(swap=True, inverted=True),
    "$eq": _equal(inverted=False),
    "$ne": _equal(inverted=True),
    "$and": _bitwise(Gates.and_),
    "$or": _bitwise(Gates.or_),
    "$xor": _bitwise(Gates.xor),
    "$pos": _same,
    "$not": _inverse,
    "$mux": _multiplexer,
    "$pmux": _parallel_multiplexer,
    "$shr": _shift_right,
    "$shiftx": _indexed,
    "$reduce_and": _single(Gates.all_of),
    "$reduce_or": _single(Gates.any_of),
    "$reduce_bool": _single(Gates.any_of),
    "$reduce_xor": _single(Gates.parity),
    "$logic_not": _single(lambda gates, word: gates.not_(gates.any_of(word))),
    "$logic_and": _logic(Gates.and_),
    "$logic_or": _logic(Gates.or_),
}
