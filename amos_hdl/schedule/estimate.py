"""How much hardware a network will be, before synthesis: LUTs and flip-flops by formula."""

from __future__ import annotations

from dataclasses import dataclass

from amos_hdl.schedule import cost
from amos_hdl.schedule.buffer import BufferSpec
from amos_hdl.schedule.dense import DenseSpec
from amos_hdl.schedule.folded_sum import FoldedSumSpec
from amos_hdl.schedule.gates import GateLayerSpec
from amos_hdl.schedule.maps import CollectSpec, GlobalSpec, MaxSpec, ProductSpec, WireSpec
from amos_hdl.schedule.memory import MEMORY_KINDS, Memory, MemoryKind
from amos_hdl.schedule.place import PlacedLayer
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.shared_units import SharedUnitLayerSpec
from amos_hdl.schedule.specs import ArgmaxSpec, LayerSpec
from amos_hdl.schedule.unit import FoldedUnitSpec, UnitLayerSpec, UnitSpec
from amos_hdl.schedule.window import WindowSpec

#: What counts the pixels of a window, and of a buffer.
_WINDOW_LUTS, _WINDOW_FLIP_FLOPS, _BUFFER_CELLS = 120, 64, 60
#: LUTs per bit of an adder of a lane, its products included, with carry chains.
FOLDED_SUM = 2.33


@dataclass(frozen=True)
class Estimate:
    """Estimated cells of one layer; ``luts`` are LUTs of 4 inputs, in sums of as many as they were made for."""

    luts: int
    flip_flops: int
    block_rams: int = 0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.luts + other.luts, self.flip_flops + other.flip_flops, self.block_rams + other.block_rams)


def estimate(spec: LayerSpec, memories: MemoryKind = MEMORY_KINDS["ecp5"]) -> Estimate:
    """Return the estimated size of one layer on a device with such ``memories``.

    Per bit, in 4-input LUTs without carry chains: a weighted sum with its counter 2, a comparison of two words 3/2, a
    choice between two words 1; units as in ``cost``.  Of folded sums, with carry chains, a bit of an adder
    ``FOLDED_SUM``, and each input that waits in a shift register 1.

    Source: fitted to Yosys on the digits network; ``benchmarks/estimates.py`` compares the two.
    """
    match spec:
        case DenseSpec():
            return _dense(spec)
        case FoldedSumSpec():
            return folded_sum_estimate(spec, memories)
        case SharedUnitLayerSpec():
            bits, value_bits = spec.source.bits, spec.result.bits
            gates, count = spec.operation.gates, len(spec.modules)
            return shared_size(count, spec.lanes, bits, value_bits, gates, spec.memory, memories)
        case GateLayerSpec():
            return _gates(spec)
        case UnitLayerSpec():
            sizes = [unit_estimate(unit) for unit in spec.distinct]
            total = sum((sizes[module] for module in spec.modules), Estimate(0, 0))
            return total + Estimate(0, spec.latency_cycles)
        case ArgmaxSpec():
            return _argmax(spec)
        case MaxSpec():
            bits = spec.result.bits
            pairs, channels = spec.taps - 1, spec.result.units
            return Estimate(-(-5 * bits * pairs * channels // 2), bits * pairs * channels + spec.latency_cycles)
        case GlobalSpec():
            bits = spec.result.bits * spec.result.units
            return Estimate(2 * bits, bits)
        case CollectSpec():
            return Estimate(0, spec.result.bits * spec.result.units)
        case ProductSpec():
            first, second, result = spec.source.bits, spec.other.bits, spec.result.bits
            return Estimate(
                2 * first * second * spec.result.units, (first + second * (1 + spec.kept) + result) * spec.result.units
            )
        case WireSpec():
            return Estimate(0, 0)


def _dense(spec: DenseSpec) -> Estimate:
    graph = spec.graph
    luts = graph.cost if spec.lut_inputs == 6 else 2 * sum(adder.bits for adder in graph.adders)
    return Estimate(luts, spec.latency_cycles + _registers(spec))


def _registers(spec: DenseSpec) -> int:
    """Return the flip-flops of sums, without ``valid``."""
    graph = spec.graph
    # registers: each bit from the stage that makes it to the last stage that reads it
    last: dict[tuple[int, int], int] = {}
    for adder in graph.adders:
        for bit in adder.reads():
            if bit.value is not None:
                last[bit.value, bit.index] = max(last.get((bit.value, bit.index), 0), spec.stage(adder.level))
    for bits in graph.sums:
        for bit in bits:
            if bit.value is not None:
                last[bit.value, bit.index] = spec.latency_cycles + 1
    made = {value: graph.adder(value) for value, _ in last}
    stages = {value: 1 if adder is None else spec.stage(adder.level) for value, adder in made.items()}
    return sum(stage - stages[value] for (value, _), stage in last.items())


def folded_sum_estimate(spec: FoldedSumSpec, memories: MemoryKind) -> Estimate:
    """Return the estimated size of folded sums."""
    adders, word = spec.adders, spec.potential.word_bits
    held = sum(map(len, spec.banks)) * Port.of(spec.source).word_bits
    lane = FOLDED_SUM * sum(adder.bits for adder in adders.graph.adders) + word
    lane += word if spec.goes_on and spec.slices > 1 else 0
    lane_flip_flops = _registers(adders) + spec.folds * word + (word if spec.slices > 1 else 0)
    counters = 3 * len(spec.weights).bit_length()
    size = Estimate(
        round(held + spec.lanes * lane) + counters,
        held + spec.lanes * lane_flip_flops + 3 * adders.latency_cycles + counters,
    )
    return size + memory_estimate(Memory(len(spec.weights), spec.rom_bits), memories)


def shared_size(
    units: int, lanes: int, bits: int, value_bits: int, gates: int, memory: Memory, memories: MemoryKind
) -> Estimate:
    """Return the estimated size of units that share comparators: potentials wait for their turn, values for the last.

    ``memory`` is that of the thresholds of one lane.
    """
    control = 4 * memory.words.bit_length()
    size = Estimate(units * bits + control, units * (bits + value_bits) + control // 2)
    lane = Estimate(2 * bits + gates, gates) + memory_estimate(memory, memories)
    return sum([lane] * lanes, size)


def placed_estimate(layer: PlacedLayer, memories: MemoryKind = MEMORY_KINDS["ecp5"]) -> Estimate:
    """Return the estimated size of one layer with its windows and what delays its branches."""
    size = estimate(layer.spec, memories)
    if layer.window is not None:
        size += window_estimate(layer.window, memories)
    for buffer in layer.buffers:
        if buffer is not None:
            size += buffer_estimate(buffer, memories)
    return size


def window_estimate(spec: WindowSpec, memories: MemoryKind) -> Estimate:
    """Return the estimated size of sliding windows: a memory for each row that is kept, and the taps.

    Per bit of a pixel, a choice among the row memories for each row of taps, and a LUT for each tap that the padding
    reaches.
    """
    height, width = spec.window.kernel
    bits, kept = spec.source.channels * spec.source.bits, spec.rows_kept
    inner = [
        sum(first == 0 and last == count - 1 for first, last, count in real)
        for real in (spec.real_rows, spec.real_columns)
    ]
    choices = height * -(-2 * (kept - 1) // 3) + spec.taps - inner[0] * inner[1]
    row = memory_estimate(Memory(max(2, spec.timing.columns), bits, is_table=False), memories)
    return Estimate(
        _WINDOW_LUTS + choices * bits + kept * row.luts,
        _WINDOW_FLIP_FLOPS + height * width * bits + kept * row.flip_flops,
        kept * row.block_rams,
    )


def buffer_estimate(spec: BufferSpec, memories: MemoryKind) -> Estimate:
    """Return the estimated size of what delays a branch."""
    if spec.is_registers:
        return Estimate(0, spec.latency_cycles * (spec.bits + 1))
    control = Estimate(_BUFFER_CELLS, _BUFFER_CELLS)
    return control + memory_estimate(Memory(max(2, spec.depth), spec.bits, is_table=False), memories)


def memory_estimate(memory: Memory, memories: MemoryKind) -> Estimate:
    """Return the estimated size of a memory, with the register behind it where that is not in the block."""
    place, count = memories.place(memory)
    if place == "block":
        return Estimate(0, 0, count)
    stored = 0 if memory.is_table or place == "small" else memory.words * memory.bits
    return Estimate(count, memory.bits + stored)


def unit_estimate(spec: UnitSpec) -> Estimate:
    """Return the estimated size of one unit, without the layer around it."""
    circuit, bits = spec.circuit, spec.potential.word_bits
    if isinstance(spec, FoldedUnitSpec):
        by_trial = spec.approximation is not None
        luts = cost.folded_luts(spec.rom, spec.linear, by_trial, circuit.gates, bits) + _decoder_luts(spec)
        return Estimate(round(luts), bits + 2 * circuit.gates)
    luts, flip_flops = _decoder_luts(spec), bits * (circuit.depth - 1)
    luts += cost.constants_luts(sum(isinstance(tree, int) for tree in spec.lookups), bits)
    for gate, tree in enumerate(spec.lookups):
        if not isinstance(tree, int):
            luts += cost.gate_luts(tree, spec.linear, gate, bits)
        # the spike itself, and its copies until the last level
        flip_flops += 1 + circuit.depth - circuit.level_of(gate)
    return Estimate(round(luts), flip_flops)


def _gates(spec: GateLayerSpec) -> Estimate:
    """Return the estimated size of gates that are tables: one of n bits takes ``2**(n - lut_inputs)`` LUTs.

    Of a gate that does not count in y nothing is left: no other gate waits for its spike.
    """
    width = 6 if spec.lut_inputs == 6 else 4
    counting = [
        table
        for unit, tables in enumerate(spec.tables)
        for table, output in zip(tables, spec.operation.circuit(unit).outputs, strict=True)
        if output
    ]
    luts = sum(1 << max(0, len(table.bits) - width) for table in counting if len(table.bits) > 1)
    decoders = [_decoder_luts(unit) for unit in spec.distinct]
    return Estimate(luts + round(sum(decoders[module] for module in spec.modules)), len(counting) + 1)


def _decoder_luts(spec: UnitSpec) -> float:
    if spec.has_binary_code:
        return 0.0
    if spec.decoder is not None:
        return cost.lookup_luts(spec.decoder, spec.value.word_bits)
    return cost.sum_luts(spec.circuit.outputs, spec.circuit.offset)


def _argmax(spec: ArgmaxSpec) -> Estimate:
    bits, index_bits = Port.of(spec.source).word_bits, Port.of(spec.result).word_bits
    luts = flip_flops = 0
    contenders = spec.source.units
    for level in range(1, spec.levels + 1):
        pairs, left = contenders // 2, -(-contenders // 2)
        luts += pairs * (-(-5 * bits // 2) + index_bits)
        if spec.ends_stage(2 * level - 1):
            flip_flops += contenders * (bits + index_bits) + pairs + 1
        if spec.ends_stage(2 * level):
            flip_flops += left * (bits + index_bits) + 1
        contenders = left
    return Estimate(luts, flip_flops)
