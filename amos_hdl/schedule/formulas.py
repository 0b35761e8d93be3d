"""How large parts of a network are: formulas of a few numbers, whether those are known exactly or reckoned themselves.

``estimate`` has the numbers of specs, which say how each part is built; ``sizes`` those of the network alone, where
nothing is built, so that any network has an answer and the planner can try thousands of folds.
"""

from __future__ import annotations

from dataclasses import dataclass

from amos_hdl.schedule.memory import Memory, MemoryKind

#: LUTs and flip-flops of what counts the pixels of a window; and with the pauses and rows of one that is read in steps.
_WINDOW_CELLS, _WINDOW_STEPS_CELLS = (85, 49), (205, 76)
#: Of thresholds in LUTs whose next address hangs on the last comparison.
_LOOP_TABLE = 1.5
#: LUTs per bit of an adder of a lane, its products included, with carry chains.
_LANE_BIT = 2.11


@dataclass(frozen=True)
class Estimate:
    """Estimated cells of one layer; ``luts`` are LUTs of 4 inputs, in sums of as many as they were made for."""

    luts: int
    flip_flops: int
    block_rams: int = 0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.luts + other.luts, self.flip_flops + other.flip_flops, self.block_rams + other.block_rams)


def memory_estimate(memory: Memory, memories: MemoryKind) -> Estimate:
    """Return the estimated size of a memory, with the register behind it where that is not in the block."""
    place, count = memories.place(memory)
    if place == "block":
        return Estimate(0, 0, count)
    if place == "small" and memories.small is not None:
        luts, beside = memories.small
        return Estimate(luts * count, memory.bits + beside * count)
    stored = 0 if memory.is_table else memory.words * memory.bits
    return Estimate(count, memory.bits + stored)


def lanes_size(
    *,
    held_bits: int,
    lanes: int,
    adder_bits: float,
    registers: float,
    word_bits: int,
    kept: int,
    accumulates: bool,
    goes_on: bool,
    biased: bool,
    in_parts: bool,
    weights: Memory,
    memories: MemoryKind,
) -> Estimate:
    """Return the size of folded sums.

    Per lane ``_LANE_BIT`` LUTs for a bit of its adders, one per bit of the sum at work, and one more each: where a sum
    goes on from something other than zero, for biases, and for what the part before has left; each bit of an input that
    waits is a flip-flop, and a LUT where inputs are taken in turn.

    Parameters
    ----------
    held_bits : int
        Of inputs that wait.
    lanes : int
    adder_bits, registers : float
        Of the adders of one lane: their bits, and flip-flops between them.
    word_bits : int
        Of a sum.
    kept : int
        Sums that each lane keeps.
    accumulates, goes_on : bool
        Whether a sum takes several steps; whether it then begins with something other than zero.
    biased, in_parts : bool
        Whether biases are chosen, of more than two; whether inputs come in parts.
    weights : Memory
        A word for each step.
    memories : MemoryKind
    """
    counters = 3 * weights.words.bit_length()
    lane = _LANE_BIT * adder_bits + word_bits * (1 + goes_on + biased + in_parts)
    lane_flip_flops = registers + word_bits * (kept + accumulates)
    turned = held_bits * accumulates
    size = Estimate(round(turned + lanes * lane) + counters, round(held_bits + lanes * lane_flip_flops) + counters)
    return size + memory_estimate(weights, memories)


def windows_size(
    *,
    bits: int,
    kernel: tuple[int, int],
    padded_taps: int,
    columns: int,
    kept: int,
    in_steps: bool,
    memories: MemoryKind,
) -> Estimate:
    """Return the size of sliding windows: a memory for each row that is kept, or one of all, and the taps.

    Per bit of a pixel, a choice among the row memories for each row of taps, and a LUT for each tap that the padding
    reaches.  Read in steps, all rows are one memory, and there is no choice.

    Source: five windows of mnist_cnn, 2 to 80 bits a pixel, three read in steps, three rows of 7 to 28 pixels: within
    10 % of Yosys.

    Parameters
    ----------
    bits : int
        Of a pixel.
    kernel : (rows, columns)
    padded_taps : int
        Taps on the padding in some window; 0 where folded sums take them, whose inputs have a LUT anyway.
    columns, kept : int
        Of the map; rows that are kept.
    in_steps : bool
    memories : MemoryKind
    """
    height, width = kernel
    count, words = (1, kept << (max(2, columns) - 1).bit_length()) if in_steps else (kept, max(2, columns))
    choices = padded_taps + (0 if in_steps else height * -(-2 * (kept - 1) // 3))
    memory = memory_estimate(Memory(words, bits, is_table=False), memories)
    luts, flip_flops = _WINDOW_STEPS_CELLS if in_steps else _WINDOW_CELLS
    return sum([memory] * count, Estimate(luts + choices * bits, flip_flops + height * width * bits))


def shared_size(
    units: int,
    lanes: int,
    bits: int,
    value_bits: int,
    gates: int,
    memory: Memory,
    memories: MemoryKind,
    *,
    waits: bool,
) -> Estimate:
    """Return the estimated size of units that share comparators: values wait for the last, potentials for their turn.

    ``memory`` is that of the thresholds of one lane; potentials that come in turn do not wait.  Per lane a comparison
    in carry cells, one bit a LUT, and the bits of the code.  Thresholds in LUTs take ``_LOOP_TABLE`` times those of a
    table: the comparison decides at which word it looks next, and Yosys makes that path short.

    Source: the layers of mnist_cnn at interval 14112, 1 and 5 lanes of 2 to 32 units, within 5 % of Yosys.
    """
    control, waiting = 2 * memory.words.bit_length(), units * bits * waits
    # of those that wait in a lane the last is taken as it comes, the others move on too
    size = Estimate((units - lanes) * bits * waits + control, waiting + units * value_bits + control // 2)
    lane, thresholds = Estimate(bits + 1 + gates, gates), memory_estimate(memory, memories)
    if not thresholds.block_rams:
        thresholds = Estimate(round(_LOOP_TABLE * thresholds.luts), thresholds.flip_flops)
    return sum([lane + thresholds] * lanes, size)
