"""A circuit of gates on single bits, made gate by gate: constants folded, equal gates made once.

A bit is the number of the node that drives it.  Gates are made after what they read, so numbers rise along every path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

#: The nodes that never change.
ZERO, ONE = 0, 1


class Kind(IntEnum):
    """What a node is; for gates on a, b, c the value is beside it.  ``batch.cpp`` has the same numbers."""

    SOURCE = 0  # a constant, an input, a register
    READ = 1  # a bit of a word of a memory
    NOT = 2  # ~a
    AND = 3  # a & b
    AND_NOT = 4  # a & ~b
    OR = 5  # a | b
    OR_NOT = 6  # a | ~b
    XOR = 7  # a ^ b
    MUX = 8  # c if a, else b
    ODD = 9  # a ^ b ^ c
    MAJORITY = 10  # at least two of a, b, c
    BORROW = 11  # at least two of ~a, b, c


#: Operands of each kind of gate.
OPERANDS = {
    Kind.NOT: 1,
    **dict.fromkeys((Kind.AND, Kind.AND_NOT, Kind.OR, Kind.OR_NOT, Kind.XOR), 2),
    **dict.fromkeys((Kind.MUX, Kind.ODD, Kind.MAJORITY, Kind.BORROW), 3),
}


class Gates:
    """The gates so far.

    Members
    -------
    kinds : list of int
        ``Kind`` of each node.
    operands : list of tuple of int
        The nodes that each node reads: those of a gate, or the address of a read, lowest bit first.
    """

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.operands: list[tuple[int, ...]] = []
        self._made: dict[tuple[int, ...], int] = {}
        self.sources(2)

    def sources(self, count: int) -> list[int]:
        """Return ``count`` new nodes, side by side, that nothing here drives."""
        return self._append([Kind.SOURCE] * count, ())

    def reads(self, count: int, address: Sequence[int]) -> list[int]:
        """Return new nodes, side by side, for the ``count`` bits of the word at ``address``."""
        return self._append([Kind.READ] * count, tuple(address))

    def _append(self, kinds: list[Kind], operands: tuple[int, ...]) -> list[int]:
        first = len(self.kinds)
        self.kinds += kinds
        self.operands += [operands] * len(kinds)
        return list(range(first, len(self.kinds)))

    def _gate(self, kind: Kind, *operands: int) -> int:
        key = (kind, *operands)
        node = self._made.get(key)
        if node is None:
            node = self._made[key] = self._append([kind], operands)[0]
        return node

    def is_inverse(self, a: int, b: int) -> bool:
        """Return whether one of ``a`` and ``b`` was made as the inverse of the other."""
        return (self.kinds[a] == Kind.NOT and self.operands[a][0] == b) or (
            self.kinds[b] == Kind.NOT and self.operands[b][0] == a
        )

    def not_(self, a: int) -> int:
        """Return ~a."""
        if a in (ZERO, ONE):
            return ONE - a
        return self.operands[a][0] if self.kinds[a] == Kind.NOT else self._gate(Kind.NOT, a)

    def and_(self, a: int, b: int) -> int:
        """Return a & b."""
        if a > b:
            a, b = b, a
        if a in (ZERO, b):
            return a
        if a == ONE:
            return b
        if self.is_inverse(a, b):
            return ZERO
        for one, other in ((a, b), (b, a)):
            if self.kinds[one] == Kind.NOT:
                return self._gate(Kind.AND_NOT, other, self.operands[one][0])
        return self._gate(Kind.AND, a, b)

    def or_(self, a: int, b: int) -> int:
        """Return a | b."""
        if a > b:
            a, b = b, a
        if a in (ONE, b):
            return a
        if a == ZERO:
            return b
        if self.is_inverse(a, b):
            return ONE
        for one, other in ((a, b), (b, a)):
            if self.kinds[one] == Kind.NOT:
                return self._gate(Kind.OR_NOT, other, self.operands[one][0])
        return self._gate(Kind.OR, a, b)

    def xor(self, a: int, b: int) -> int:
        """Return a ^ b."""
        if a > b:
            a, b = b, a
        if a == b:
            return ZERO
        if a == ZERO:
            return b
        if a == ONE:
            return self.not_(b)
        if self.is_inverse(a, b):
            return ONE
        for one, other in ((a, b), (b, a)):
            if self.kinds[one] == Kind.NOT:
                return self.not_(self.xor(self.operands[one][0], other))
        return self._gate(Kind.XOR, a, b)

    def mux(self, select: int, low: int, high: int) -> int:
        """Return ``high`` if ``select``, else ``low``."""
        if select in (ZERO, ONE):
            return high if select else low
        if low == high:
            return low
        if low == ZERO or low == select:
            return self.and_(select, high)
        if high == ZERO:
            return self.and_(self.not_(select), low)
        if high == ONE or high == select:
            return self.or_(select, low)
        if low == ONE:
            return self.or_(self.not_(select), high)
        if self.is_inverse(low, high):
            return self.xor(select, low)
        return self._gate(Kind.MUX, select, low, high)

    def odd(self, a: int, b: int, c: int) -> int:
        """Return a ^ b ^ c."""
        a, b, c = sorted((a, b, c))
        if a == b or a in (ZERO, ONE):
            return self.xor(self.xor(a, b), c)
        if b == c:
            return a
        return self._gate(Kind.ODD, a, b, c)

    def majority(self, a: int, b: int, c: int) -> int:
        """Return whether at least two of ``a``, ``b`` and ``c`` are high."""
        a, b, c = sorted((a, b, c))
        if a == b:
            return a
        if b == c:
            return b
        if a == ZERO:
            return self.and_(b, c)
        if a == ONE:
            return self.or_(b, c)
        return self._gate(Kind.MAJORITY, a, b, c)

    def borrow(self, a: int, b: int, c: int) -> int:
        """Return whether at least two of ~a, ``b`` and ``c`` are high: what a - b - c borrows."""
        b, c = sorted((b, c))
        if b in (ZERO, ONE) or a in (ZERO, ONE, b, c) or b == c or self.kinds[a] == Kind.NOT:
            return self.majority(self.not_(a), b, c)
        return self._gate(Kind.BORROW, a, b, c)

    def all_of(self, bits: Sequence[int]) -> int:
        """Return whether all ``bits`` are high."""
        return self._reduce(self.and_, bits, ONE)

    def any_of(self, bits: Sequence[int]) -> int:
        """Return whether one of ``bits`` is high."""
        return self._reduce(self.or_, bits, ZERO)

    def parity(self, bits: Sequence[int]) -> int:
        """Return whether an odd number of ``bits`` is high."""
        return self._reduce(self.xor, bits, ZERO)

    @staticmethod
    def _reduce(gate: Callable[[int, int], int], bits: Sequence[int], empty: int) -> int:
        left = list(bits)
        while len(left) > 1:
            left = [gate(*left[at : at + 2]) if at + 1 < len(left) else left[at] for at in range(0, len(left), 2)]
        return left[0] if left else empty
