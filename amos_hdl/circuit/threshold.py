"""One AMOS unit as integers: which gates there are, what each compares, and what its spikes stand for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import CircuitError

if TYPE_CHECKING:
    from amos_hdl.circuit.bank import CircuitBank

#: Largest magnitude of any parameter or gained potential, so that every sum below is exact in 64-bit integers.
MAGNITUDE_LIMIT = 1 << 55
#: Most gates of one unit; the largest in the literature is the 40-gate product unit (arXiv:2001.01682).
GATE_LIMIT = 255
#: Most entries of one gate's table.
TABLE_LIMIT = 1 << 16

Integers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class ThresholdCircuit:
    """K threshold gates that see one integer potential x and each spike at most once.

    For gates i = 1..K in level order::

        z_i = 1  if  c_i·x >= t_i  else 0
        y   = d_0 + Σ_i d_i·z_i

    In the *linear* form ``t_i = T_i + Σ_{j<i} H_ij·z_j``.  In the *table* form ``t_i = tables[i][p]``, where p is the
    number whose binary digits are the spikes of all gates of earlier levels, the first gate the most significant.

    Parameters
    ----------
    gains : tuple of int
        c, one per gate.
    outputs : tuple of int
        d_1..d_K, in units of the output scale.
    levels : tuple of int
        Level of each gate: 1 for the first, never falling, no level left out.  Gates of one level do not see
        each other; level n is evaluated at time step n.
    offset : int
        d_0, the value of a silent unit.
    thresholds, lateral : tuple of int, tuple of K rows of K int
        T and H of the linear form; ``lateral[i][j]`` is zero unless gate j is of an earlier level than gate i.
    tables : tuple of K tuples of int
        The table form: ``2**(number of gates of earlier levels)`` thresholds for each gate.

    Raises
    ------
    CircuitError
        If the sizes do not fit, a gate sees one of its own or a later level, or an integer is out of range.

    Source
    ------
    C. Stöckl, W. Maass, arXiv:2001.01682, section 2; the table form is derived: H is constant, so the threshold is a
    function of the earlier spikes alone.
    """

    gains: tuple[int, ...]
    outputs: tuple[int, ...]
    levels: tuple[int, ...]
    offset: int = 0
    thresholds: tuple[int, ...] = ()
    lateral: tuple[tuple[int, ...], ...] = ()
    tables: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        count = len(self.gains)
        if not 1 <= count <= GATE_LIMIT:
            raise CircuitError("number of gates", expected=f"1 to {GATE_LIMIT}", got=repr(count))
        for name, value in (("outputs", self.outputs), ("levels", self.levels)):
            if len(value) != count:
                raise CircuitError(f"length of {name}", expected=f"{count}, one per gate", got=repr(len(value)))
        steps = {later - level for level, later in pairwise((0, *self.levels))}
        if self.levels[0] != 1 or not steps <= {0, 1}:
            raise CircuitError("levels", expected="1 first, never falling, none left out", got=repr(self.levels))
        if self.is_table == bool(self.thresholds or self.lateral):
            raise CircuitError("form of a circuit", expected="thresholds and lateral, or tables, not both")
        if self.is_table:
            self._check_tables()
        else:
            self._check_lateral()
        self._check_integers()

    def _check_tables(self) -> None:
        if len(self.tables) != self.gates:
            raise CircuitError("length of tables", expected=f"{self.gates}, one per gate", got=repr(len(self.tables)))
        for gate, table in enumerate(self.tables):
            size = 1 << min(self.earlier(gate), TABLE_LIMIT.bit_length())
            if size > TABLE_LIMIT:
                raise CircuitError(f"table of gate {gate + 1}", expected=f"at most {TABLE_LIMIT} entries")
            if len(table) != size:
                raise CircuitError(f"table of gate {gate + 1}", expected=f"{size} entries", got=repr(len(table)))

    def _check_lateral(self) -> None:
        if len(self.thresholds) != self.gates:
            got = repr(len(self.thresholds))
            raise CircuitError("length of thresholds", expected=f"{self.gates}, one per gate", got=got)
        if [len(row) for row in self.lateral] != [self.gates] * self.gates:
            raise CircuitError("shape of lateral", expected=f"{self.gates} rows of {self.gates}")
        for gate, row in enumerate(self.lateral):
            seen = [j + 1 for j in range(self.earlier(gate), self.gates) if row[j] != 0]
            if seen:
                raise CircuitError(
                    f"lateral weight of gate {gate + 1} (level {self.levels[gate]})",
                    expected="non-zero only from gates of earlier levels",
                    got=f"gate {seen[0]} (level {self.levels[seen[0] - 1]})",
                )

    def _check_integers(self) -> None:
        rows = chain.from_iterable((*self.lateral, *self.tables))
        everything = [*self.gains, *self.outputs, self.offset, *self.thresholds, *rows]
        limit = MAGNITUDE_LIMIT // GATE_LIMIT
        # types and extremes at the speed of C: tables hold thousands of numbers, networks thousands of tables
        if set(map(type, everything)) == {int} and -limit < min(everything) and max(everything) < limit:
            return
        wrong = next(value for value in everything if type(value) is not int or abs(value) >= limit)
        raise CircuitError("parameter", expected=f"an int of magnitude below {limit}", got=repr(wrong))

    @property
    def gates(self) -> int:
        """K, the number of gates."""
        return len(self.gains)

    @property
    def depth(self) -> int:
        """Number of levels, which is the number of time steps until the last spike."""
        return self.levels[-1]

    @property
    def is_table(self) -> bool:
        """Whether thresholds are given as tables of the earlier spikes."""
        return bool(self.tables)

    def earlier(self, gate: int) -> int:
        """Return how many gates are of earlier levels than ``gate`` (0-based); they are the first ones."""
        return self.levels.index(self.levels[gate])

    def level_of(self, gate: int) -> int:
        """Return the level of ``gate`` (0-based): the time step at which it may spike."""
        return self.levels[gate]

    @cached_property
    def _bank(self) -> CircuitBank:
        from amos_hdl.circuit.bank import CircuitBank  # bank imports this module

        return CircuitBank((self,), np.zeros(1, np.int64))

    def spikes(self, x: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return the spikes for potentials ``x`` of any shape, as an array of shape ``(*x.shape, gate)``.

        Raises CircuitError if x is not of an integer type or so large that a sum could wrap.
        """
        potentials = np.asarray(x)
        return self._bank.spikes(potentials.reshape(-1, 1)).reshape(*potentials.shape, self.gates)

    def value(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return y for potentials ``x`` of any shape; the same shape, int64."""
        return self.decode(self.spikes(x))

    def decode(self, spikes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Return y = d_0 + Σ d_i·z_i for spikes of shape ``(..., gate)``."""
        return spikes @ np.array(self.outputs, np.int64) + np.int64(self.offset)

    def to_table(self) -> ThresholdCircuit:
        """Return the same circuit in table form.

        Raises CircuitError if a table would be longer than ``TABLE_LIMIT``.
        """
        if self.is_table:
            return self
        tables = []
        for gate in range(self.gates):
            count = self.earlier(gate)
            if count >= TABLE_LIMIT.bit_length():
                raise CircuitError(f"table of gate {gate + 1}", expected=f"at most {TABLE_LIMIT} entries")
            # (entry, earlier gate): the binary digits of the entry's number, first gate the most significant
            digits = np.arange(1 << count)[:, None] >> np.arange(count - 1, -1, -1) & 1
            row = self.thresholds[gate] + digits @ np.array(self.lateral[gate][:count], np.int64)
            tables.append(tuple(int(value) for value in row))
        return ThresholdCircuit(self.gains, self.outputs, self.levels, self.offset, tables=tuple(tables))

    def to_linear(self) -> ThresholdCircuit:
        """Return the same circuit in linear form.

        Raises CircuitError if no lateral weights give these tables: table entries must be sums of one weight per spike.
        """
        if not self.is_table:
            return self
        thresholds = tuple(table[0] for table in self.tables)
        rows = []
        for gate, table in enumerate(self.tables):
            count = self.earlier(gate)
            row = [table[1 << (count - 1 - j)] - table[0] for j in range(count)]
            rows.append(tuple(row + [0] * (self.gates - count)))
        linear = ThresholdCircuit(self.gains, self.outputs, self.levels, self.offset, thresholds, tuple(rows))
        if linear.to_table() != self:
            raise CircuitError("linear form of a table circuit", expected="tables that are sums of lateral weights")
        return linear

    def shift_input(self, shift: int) -> ThresholdCircuit:
        """Return the circuit u with ``u(x) = self(x + shift)``: a bias absorbed in the thresholds, c_i·shift each."""
        moved = [gain * shift for gain in self.gains]
        if self.is_table:
            tables = tuple(tuple(t - m for t in table) for table, m in zip(self.tables, moved, strict=True))
            return ThresholdCircuit(self.gains, self.outputs, self.levels, self.offset, tables=tables)
        thresholds = tuple(t - m for t, m in zip(self.thresholds, moved, strict=True))
        return ThresholdCircuit(self.gains, self.outputs, self.levels, self.offset, thresholds, self.lateral)

    def value_interval(self, low: int, high: int) -> tuple[int, int]:
        """Return the least and the greatest y over all integers x with ``low <= x <= high``.

        Exact over up to 65,536 potentials, and for table circuits; else the bounds d_0 + (sum of negative d, sum of
        positive d).
        """
        from amos_hdl.circuit.segments import segments  # segments imports this module

        if high - low >= 1 << 16 and not self.is_table:
            negative, positive = (sum(d for d in self.outputs if d * sign > 0) for sign in (-1, 1))
            return self.offset + negative, self.offset + positive
        try:
            values = segments(self, low, high).values
        except CircuitError:  # too many of them
            values = self.value(self._steps_within(low, high))
        return int(values.min()), int(values.max())

    def _steps_within(self, low: int, high: int) -> Integers:
        """Return ``low``, ``high`` and every x between at which a comparison of a table can change."""
        steps = {low, high}
        for gain, table in zip(self.gains, self.tables, strict=True):
            if gain:
                # c·x >= t changes at ceil(t/c) for c > 0, just above floor(t/c) for c < 0
                edges = (-(-t // gain) if gain > 0 else t // gain + 1 for t in table)
                steps.update(edge for edge in edges if low <= edge <= high)
        return np.array(sorted(steps), np.int64)
