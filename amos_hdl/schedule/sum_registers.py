"""Where each bit of weighted sums stands in each pipeline stage: the registers between their additions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amos_hdl.schedule.adders.graph import Bit
from amos_hdl.schedule.dense import DenseSpec


@dataclass(frozen=True, slots=True)
class Held:
    """One value of an adder graph, and the registers that carry it on from stage to stage.

    Parameters
    ----------
    name : str
        ``x<n>`` of inputs, ``sum<n>`` of adders.
    made : int
        The stage that makes it; inputs are of stage 1.
    registers : tuple of tuple of int
        For each register, the bits of the value that it holds, lowest first: those that are read later.  Register n
        takes them at the end of stage ``made + n``.
    """

    name: str
    made: int
    registers: tuple[tuple[int, ...], ...]

    def register(self, number: int) -> str:
        """Return the name of a register, by the stage that ends with it."""
        return f"{self.name}_at_{self.made + number}"

    def find(self, index: int, stage: int) -> tuple[int | None, int]:
        """Return (register, bit in it) of bit ``index`` in ``stage``; no register in the stage that makes it."""
        number = stage - self.made - 1
        return (None, index) if number < 0 else (number, self.registers[number].index(index))


def held_values(spec: DenseSpec) -> list[Held]:
    """Return every value of the sums, inputs first, then the adders in order."""
    graph = spec.graph
    # [value][index]: the last stage in which the bit is read, 0 if in none
    last = [[0] * bits for bits in (*graph.inputs, *(adder.bits for adder in graph.adders))]

    def read(bits: Sequence[Bit], stage: int) -> None:
        for bit in bits:
            if bit.value is not None:
                last[bit.value][bit.index] = max(last[bit.value][bit.index], stage)

    for adder, stage in zip(graph.adders, spec.stages, strict=True):
        read(tuple(adder.reads()), stage)
    for bits in graph.sums:
        read(bits, spec.latency_cycles + 1)
    values = [Held(f"x{number}", 1, _registers(last[number], 1)) for number in range(len(graph.inputs))]
    for number, made in enumerate(spec.stages):
        values.append(Held(f"sum{number}", made, _registers(last[len(values)], made)))
    return values


def _registers(last: Sequence[int], made: int) -> tuple[tuple[int, ...], ...]:
    stages = range(made + 1, max(last, default=0) + 1)
    return tuple(tuple(index for index, until in enumerate(last) if until >= stage) for stage in stages)
