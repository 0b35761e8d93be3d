"""The order in which the gates of a circuit are evaluated, as numbers for ``batch.cpp``.

What nothing observed depends on is left out.  Gates of one level read lower levels alone, and those of one kind on a
level stand side by side, so that they are evaluated in one loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import SimulationError
from amos_hdl.simulate.circuit import Circuit, Memory
from amos_hdl.simulate.gates import ONE, ZERO, Kind

Numbers = npt.NDArray[np.int32]
#: A start that is any value.
ANY = -1


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A circuit as numbers; nodes are the constants 0 and 1, reset, valid, the image, registers, then gates.

    Members
    -------
    program : int32 array
        Per run of gates: kind, first node, count, operands of each.  Per read of a memory: kind, first node, bits of a
        word, where the memory starts, its words, bits of the address, address.
    writes : int32 array
        Per port: where the memory starts, its words, bits of a word, bits of the address, address, data, enable.
    next : int32 array ``(register,)``
        The node that a register takes over at the clock edge.
    starts : int8 array ``(register,)``
        0, 1 or ``ANY``.
    memory : int8 array ``(bit,)``
        Of all memories, word after word, likewise.
    observed : int32 array ``(bit,)``
    image_bits, nodes : int
    """

    program: Numbers
    writes: Numbers
    next: Numbers
    starts: npt.NDArray[np.int8]
    memory: npt.NDArray[np.int8]
    observed: Numbers
    image_bits: int
    nodes: int

    @property
    def first_register(self) -> int:
        """The node of the first register: behind the constants, reset, valid and the image."""
        return 4 + self.image_bits


def evaluation_of(circuit: Circuit, image: str, observed: Sequence[str]) -> Evaluation:
    """Return how ``circuit``, with inputs ``rst``, ``in_valid`` and ``image``, is evaluated.

    ``observed`` names its signals that go into the record, the first one in the lowest bits.

    Raises SimulationError for an address space that 32 bits do not hold.
    """
    record = [bit for name in observed for bit in circuit.signals[name]]
    owner = {
        first + bit: memory for memory in circuit.memories for first, _ in memory.reads for bit in range(memory.bits)
    }
    needed = _needed(circuit, owner, record)
    registers = [node for node in circuit.registers if node in needed]
    memories = [memory for memory in circuit.memories if any(first in needed for first, _ in memory.reads)]
    sources = [ZERO, ONE, *circuit.inputs["rst"], *circuit.inputs["in_valid"], *circuit.inputs[image], *registers]
    runs = _runs(circuit, needed)
    number = {node: place for place, node in enumerate([*sources, *chain.from_iterable(nodes for _, nodes in runs)])}
    begins, bits = [], 0
    for memory in memories:
        begins.append(bits)
        bits += memory.words * memory.bits
    if bits >= 1 << 31:
        raise SimulationError("memories of a network", expected="less than 2^31 bits", got=str(bits))
    begin = dict(zip(map(id, memories), begins, strict=True))
    return Evaluation(
        program=_numbers(_program(circuit, runs, number, owner, begin)),
        writes=_numbers(_writes(memories, number, begin)),
        next=_numbers(number[circuit.registers[node][0]] for node in registers),
        starts=_starts(circuit.registers[node][1] for node in registers),
        memory=_starts(value for memory in memories for value in memory.initial),
        observed=_numbers(number[bit] for bit in record),
        image_bits=len(circuit.inputs[image]),
        nodes=len(number),
    )


def _needed(circuit: Circuit, owner: Mapping[int, Memory], record: Iterable[int]) -> set[int]:
    """Return the nodes that ``record`` depends on, now or in an earlier clock cycle."""
    operands, kinds = circuit.gates.operands, circuit.gates.kinds
    needed: set[int] = set()
    seen: set[int] = set()
    left = list(record)
    while left:
        node = left.pop()
        if node in needed:
            continue
        needed.add(node)
        left += operands[node]
        if node in circuit.registers:
            left.append(circuit.registers[node][0])
        elif kinds[node] == Kind.READ and id(owner[node]) not in seen:
            memory = owner[node]
            seen.add(id(memory))
            for first, address in memory.reads:
                left += [*range(first, first + memory.bits), *address]
            for write in memory.writes:
                left += [*write.address, *write.data, *write.enable]
    return needed


def _runs(circuit: Circuit, needed: set[int]) -> list[tuple[Kind, list[int]]]:
    """Return the gates and reads of ``needed`` in an order in which they can be evaluated, those of a kind together."""
    kinds, operands = circuit.gates.kinds, circuit.gates.operands
    level: dict[int, int] = {}
    for node in sorted(needed):
        if kinds[node] != Kind.SOURCE:
            level[node] = 1 + max((level.get(operand, 0) for operand in operands[node]), default=0)
    ordered = sorted(level, key=lambda node: (level[node], kinds[node], node))
    runs = groupby(ordered, key=lambda node: (level[node], kinds[node]))
    return [(Kind(kind), list(nodes)) for (_, kind), nodes in runs]


def _program(
    circuit: Circuit,
    runs: Iterable[tuple[Kind, list[int]]],
    number: Mapping[int, int],
    owner: Mapping[int, Memory],
    begin: Mapping[int, int],
) -> list[int]:
    operands = circuit.gates.operands
    program: list[int] = []
    for kind, nodes in runs:
        if kind != Kind.READ:
            program += [kind, number[nodes[0]], len(nodes)]
            program += [number[operand] for node in nodes for operand in operands[node]]
            continue
        while nodes:
            first, memory = nodes[0], owner[nodes[0]]
            program += [kind, number[first], memory.bits, begin[id(memory)], memory.words, len(operands[first])]
            program += [number[bit] for bit in operands[first]]
            nodes = nodes[memory.bits :]
    return program


def _writes(memories: Iterable[Memory], number: Mapping[int, int], begin: Mapping[int, int]) -> list[int]:
    numbers: list[int] = []
    for memory in memories:
        for write in memory.writes:
            numbers += [begin[id(memory)], memory.words, memory.bits, len(write.address)]
            numbers += [number[bit] for bit in (*write.address, *write.data, *write.enable)]
    return numbers


def _numbers(values: Iterable[int]) -> Numbers:
    return np.fromiter(values, np.int32)


def _starts(values: Iterable[int | None]) -> npt.NDArray[np.int8]:
    return np.fromiter((ANY if value is None else value for value in values), np.int8)
