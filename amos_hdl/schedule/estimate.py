"""How much hardware a network will be, before synthesis: LUTs and flip-flops of specs, by formula."""

from __future__ import annotations

from amos_hdl.schedule import cost
from amos_hdl.schedule.buffer import BufferSpec
from amos_hdl.schedule.dense import DenseSpec
from amos_hdl.schedule.folded_sum import FoldedSumSpec
from amos_hdl.schedule.formulas import Estimate, lanes_size, memory_estimate, shared_size, windows_size
from amos_hdl.schedule.gates import GateLayerSpec
from amos_hdl.schedule.lookup import Lookup, leaves
from amos_hdl.schedule.maps import CollectSpec, ProductSpec, WireSpec
from amos_hdl.schedule.memory import MEMORY_KINDS, Memory, MemoryKind
from amos_hdl.schedule.place import PlacedLayer
from amos_hdl.schedule.pool import MaxSpec, PoolSpec
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.shared_units import SharedUnitLayerSpec
from amos_hdl.schedule.specs import ArgmaxSpec, LayerSpec
from amos_hdl.schedule.unit import FoldedUnitSpec, UnitLayerSpec, UnitSpec
from amos_hdl.schedule.window import WindowSpec

#: LUTs per bit of a comparison of two values, with look-ahead and in carry cells.
_ARGMAX_BIT, _ARGMAX_CARRIED_BIT = 1.3, 1.05
#: LUTs per bit of a pool, of the choice between what the row and what the rows before have.
_POOL_ROW_BIT = 0.85
#: What counts the pixels of a buffer.
_BUFFER_CELLS = 60


def estimate(spec: LayerSpec, memories: MemoryKind = MEMORY_KINDS["ecp5"], *, carries: bool = False) -> Estimate:
    """Return the estimated size of one layer on a device with such ``memories``.

    In 4-input LUTs: units as in ``cost``, without carry chains; folded sums, windows and pools as in ``formulas``, with
    them; weighted sums and argmax with them if ``carries``, as they are in a network whose sums are folded.

    Source: each formula says what it was fitted to; ``benchmarks/estimates.py`` compares them with Yosys on networks.
    """
    match spec:
        case DenseSpec():
            return _dense(spec, carries)
        case FoldedSumSpec():
            return folded_sum_estimate(spec, memories)
        case SharedUnitLayerSpec():
            bits, value_bits = spec.source.bits, spec.result.bits
            gates, count = spec.operation.gates, len(spec.modules)
            waits = spec.pitch_cycles is None
            return shared_size(count, spec.lanes, bits, value_bits, gates, spec.memory, memories, waits=waits)
        case GateLayerSpec():
            return _gates(spec)
        case UnitLayerSpec():
            sizes = [unit_estimate(unit) for unit in spec.distinct]
            total = sum((sizes[module] for module in spec.modules), Estimate(0, 0))
            # each step is kept low during reset; a gate alone has that in its own table
            return total + Estimate(spec.latency_cycles if spec.operation.gates > 1 else 0, spec.latency_cycles)
        case ArgmaxSpec():
            return _argmax(spec, carries)
        case MaxSpec():
            bits = spec.result.bits
            pairs, channels = spec.taps - 1, spec.result.units
            return Estimate(-(-5 * bits * pairs * channels // 2), bits * pairs * channels + spec.latency_cycles)
        case PoolSpec():
            return _pool(spec, memories)
        case CollectSpec():
            return Estimate(0, spec.result.bits * spec.result.units)
        case ProductSpec():
            first, second, result = spec.source.bits, spec.other.bits, spec.result.bits
            return Estimate(
                2 * first * second * spec.result.units, (first + second * (1 + spec.kept) + result) * spec.result.units
            )
        case WireSpec():
            return Estimate(0, 0)


def _pool(spec: PoolSpec, memories: MemoryKind) -> Estimate:
    """Return the size of windows side by side: per bit what joins a pixel, and what chooses what is so far.

    Source: the three pools of mnist_cnn at interval 14112, 10 to 32 channels of 4 bits, within 4 % of Yosys.
    """
    bits, counters = spec.result.bits * spec.result.units, 2 * sum(map(int.bit_length, spec.timing.space))
    size = Estimate(2 * bits + counters, bits + counters // 2)
    if spec.kept is None:
        return size
    return size + Estimate(round(_POOL_ROW_BIT * bits), 0) + memory_estimate(spec.kept, memories)


def _dense(spec: DenseSpec, carries: bool) -> Estimate:
    graph = spec.graph
    if spec.lut_inputs == 6:
        luts = graph.cost
    elif carries:
        luts = cost.carried_luts(graph)
    else:
        bits = (adder.bits for adder in graph.adders)
        luts = round(cost.additions_luts(bits, len(graph.sums), spec.adders_per_stage))
    return Estimate(luts, spec.latency_cycles + _registers(spec))


def _registers(spec: DenseSpec) -> int:
    """Return the flip-flops of sums, without ``valid``."""
    graph = spec.graph
    # registers: each bit from the stage that makes it to the last stage that reads it
    last: dict[tuple[int, int], int] = {}
    for adder, stage in zip(graph.adders, spec.stages, strict=True):
        for bit in adder.reads():
            if bit.value is not None:
                last[bit.value, bit.index] = max(last.get((bit.value, bit.index), 0), stage)
    for bits in graph.sums:
        for bit in bits:
            if bit.value is not None:
                last[bit.value, bit.index] = spec.latency_cycles + 1
    made = (1,) * len(graph.inputs) + spec.stages
    return sum(stage - made[value] for (value, _), stage in last.items())


def folded_sum_estimate(spec: FoldedSumSpec, memories: MemoryKind) -> Estimate:
    """Return the estimated size of folded sums."""
    adders = spec.adders
    size = lanes_size(
        held_bits=sum(map(len, spec.banks)) * Port.of(spec.source).word_bits,
        lanes=spec.lanes,
        adder_bits=sum(adder.bits for adder in adders.graph.adders),
        registers=_registers(adders),
        word_bits=spec.potential.word_bits,
        kept=spec.kept,
        accumulates=spec.slices > 1,
        goes_on=spec.goes_on and spec.slices > 1,
        biased=spec.biased and spec.folds > 2,
        in_parts=spec.parts > 1,
        weights=Memory(len(spec.weights), spec.rom_bits),
        memories=memories,
    )
    return size + Estimate(0, 3 * adders.latency_cycles)


def placed_estimate(
    layer: PlacedLayer, memories: MemoryKind = MEMORY_KINDS["ecp5"], *, carries: bool = False
) -> Estimate:
    """Return the estimated size of one layer with its windows and what delays its branches."""
    size = estimate(layer.spec, memories, carries=carries)
    if layer.window is not None:
        size += window_estimate(layer.window, memories, joined=isinstance(layer.spec, FoldedSumSpec))
    for buffer in layer.buffers:
        if buffer is not None:
            size += buffer_estimate(buffer, memories)
    return size


def window_estimate(spec: WindowSpec, memories: MemoryKind, *, joined: bool = False) -> Estimate:
    """Return the estimated size of sliding windows; ``joined`` to folded sums, which then take the padding."""
    inner = [
        sum(first == 0 and last == count - 1 for first, last, count in real)
        for real in (spec.real_rows, spec.real_columns)
    ]
    return windows_size(
        bits=spec.source.channels * spec.source.bits,
        kernel=spec.window.kernel,
        padded_taps=0 if joined else spec.taps - inner[0] * inner[1],
        columns=spec.timing.columns,
        kept=spec.rows_kept,
        in_steps=spec.steps > 1,
        memories=memories,
    )


def buffer_estimate(spec: BufferSpec, memories: MemoryKind) -> Estimate:
    """Return the estimated size of what delays a branch."""
    if spec.is_registers:
        return Estimate(0, spec.latency_cycles * (spec.bits + 1))
    control = Estimate(_BUFFER_CELLS, _BUFFER_CELLS)
    return control + memory_estimate(Memory(max(2, spec.depth), spec.bits, is_table=False), memories)


def unit_estimate(spec: UnitSpec) -> Estimate:
    """Return the estimated size of one unit, without the layer around it."""
    circuit, bits = spec.circuit, spec.potential.word_bits
    if isinstance(spec, FoldedUnitSpec):
        if spec.rom is not None:
            comparator = cost.table_luts(spec.rom, bits)
        else:
            comparator = cost.folded_lateral_luts(spec.weighed, spec.approximation is not None, bits)
        luts = cost.folded_luts(comparator, circuit.gates, bits) + _decoder_luts(spec)
        # the spikes so far make the code; those that stand beside them are for observers
        return Estimate(round(luts), bits + circuit.gates)
    luts, flip_flops = _decoder_luts(spec), 0
    depends = [spec.certain(gate) is None for gate in range(circuit.gates)]
    constants = [
        tree + spec.fires_below(gate)
        for gate, tree in enumerate(spec.lookups)
        if isinstance(tree, int) and depends[gate]
    ]
    if circuit.gates == 1 and constants:
        luts += cost.alone_luts(constants[0], bits)
    elif len(constants) == 1:
        luts += cost.table_luts(constants[0], bits)
    else:
        luts += cost.constants_luts(len(constants), bits)
    read = [bits - _low_bits(tree, bits) if needed else 0 for tree, needed in zip(spec.lookups, depends, strict=True)]
    for gate, tree in enumerate(spec.lookups):
        if tree is None:
            luts += cost.lateral_luts(spec.weighed, gate, read[gate])
        elif not isinstance(tree, int):
            luts += cost.table_luts(tree, bits)
        if spec.certain(gate) is False:
            continue
        # the spike itself, and its copies until the last stage
        flip_flops += 1 + spec.latency_cycles - spec.spike_cycle(gate)
    for stage in range(2, spec.latency_cycles + 1):  # the potential waits, as far as gates of later stages look at it
        flip_flops += max(read[gate] for gate in range(circuit.gates) if spec.spike_cycle(gate) >= stage)
    return Estimate(round(luts), flip_flops)


def _low_bits(tree: Lookup | None, bits: int) -> int:
    """Return how many low bits of a potential no threshold of ``tree`` looks at: those that are zero in all of them."""
    if tree is None:
        return 0
    return min(bits - 1 if leaf == 0 else (leaf & -leaf).bit_length() - 1 for leaf in leaves(tree))


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


def _argmax(spec: ArgmaxSpec, carries: bool) -> Estimate:
    """Return the size of a tree of comparisons; after each level an index has one bit more that is no constant.

    Source: 5 trees of 5 to 100 values of 7 to 14 bits that may take long: per bit 1.0 to 1.1 with carry chains and
    about 1.2 without; 1.6 in the digits network, whose slowest path is as short as a comparison.
    """
    bits, index_bits = Port.of(spec.source).word_bits, Port.of(spec.result).word_bits
    luts, flip_flops = 0.0, 0
    contenders, compared = spec.source.units, _ARGMAX_CARRIED_BIT if carries else _ARGMAX_BIT
    for level in range(1, spec.levels + 1):
        last, pairs = level == spec.levels, contenders // 2
        # of the last pair the values are compared, and the index alone goes on
        value_bits = 0 if last else bits
        luts += pairs * (compared * bits + value_bits + level)
        if spec.ends_stage(2 * level - 1):
            flip_flops += contenders * (value_bits + level - 1) + pairs + 1
        contenders -= pairs
        if spec.ends_stage(2 * level):
            flip_flops += contenders * (value_bits + min(level, index_bits)) + 1
    return Estimate(round(luts), flip_flops)
