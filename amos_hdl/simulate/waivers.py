"""Verilator's warnings that are meant in generated Verilog, each with its reason."""

from __future__ import annotations

from amos_hdl.schedule import CollectSpec, PoolSpec, Schedule, WireSpec
from amos_hdl.simulate.control_file import Waiver

#: Everywhere.
WAIVERS = (
    Waiver("WIDTHEXPAND", "sums and comparisons are of words of different widths; extending the narrower is meant"),
    Waiver("PROCASSINIT", "registers have a value at power-up, and FPGAs give it to them"),
    Waiver(
        "UNUSEDSIGNAL",
        "a sum of two words has a bit more than the value interval of this sum needs",
        match="*Bits of signal are not used: 'sum*",
    ),
    Waiver(
        "WIDTHTRUNC",
        "a count of bits is a table moved right by them, of which the lowest bit is meant",
        match="*expects 1 bits on the Assign RHS, but Assign RHS's SHIFTR generates*",
    ),
    Waiver(
        "UNUSEDSIGNAL",
        "the index of a contender without a rival is in part a constant",
        match="*Bits of signal are not used: 'index_*",
    ),
    Waiver(
        "UNUSEDSIGNAL",
        "no threshold of a folded unit need depend on each spike before it",
        match="*ignal* not used: 'code*",
    ),
    Waiver(
        "UNUSEDSIGNAL",
        "bits that are the same in both sums with which a folded unit may begin",
        match="*Bits of signal are not used: 'first_total'*",
    ),
    Waiver("UNSIGNED", "a threshold that every potential reaches: the gate spikes for every image"),
    Waiver("CMPCONST", "a threshold that every potential reaches, or none"),
    Waiver("WIDTHTRUNC", "Yosys writes !x for x == 0", match="Logical operator LOGNOT expects 1 bit*"),
    Waiver(
        "UNUSEDSIGNAL",
        "a folded sum is complete in as many bits as its potentials have; what is carried beyond is not needed",
        match="*Bits of signal are not used: 'wide_total'*",
    ),
    Waiver(
        "UNUSEDSIGNAL",
        "weights of one input that all are even, or have one sign",
        match="*Bits of signal are not used: 'product_*'*",
    ),
    Waiver(
        "UNUSEDSIGNAL",
        "and the same of products that Yosys found to be the weights themselves, or nothing",
        match="*Bits of signal are not used: 'weights'*",
    ),
    Waiver(
        "UNUSEDSIGNAL",
        "behind the last window of a pool there may be pixels, but nothing is kept",
        match="*Bits of signal are not used: '*_window_ahead'*",
    ),
    Waiver("UNUSEDSIGNAL", "counters wrap: the carry is dropped", match="*Bits of signal are not used: '*_plus_1'*"),
    Waiver(
        "UNUSEDSIGNAL",
        "a product of two words has more bits than the value interval of this product needs",
        match="*Bits of signal are not used: 'wide_product_*'*",
    ),
    Waiver("UNUSEDSIGNAL", "an input whose weights are all zero is not looked at", match="* not used: 'x'*"),
    Waiver(
        "UNUSEDSIGNAL", "gates that never spike do not ask whether an image is there", "*unit*.v", "* not used: 'step'*"
    ),
    Waiver(
        "UNUSEDSIGNAL",
        "a unit of such gates alone has no use for its potential",
        "*unit*.v",
        "* not used: 'potential'*",
    ),
    Waiver("UNUSEDSIGNAL", "nor for the clock", "*unit*.v", "* not used: 'clk'*"),
)
#: In the AXI4-Stream wrapper.
STREAM_WAIVERS = (
    Waiver(
        "UNUSEDSIGNAL", "pointers and counters wrap: the carry is dropped", "*_stream*.v", "Bits of signal * '_*_'*"
    ),
    Waiver(
        "UNUSEDSIGNAL", "a beat is whole bytes, an image need not be", match="*Bits of signal are not used: 's_axis*"
    ),
    Waiver("UNUSEDSIGNAL", "registers are words, and refuse every write", match="* not used: 's_axil_*"),
)


def network_waivers(schedule: Schedule) -> list[Waiver]:
    """Return waivers for the top module of a network, for modules that count pixels, and for branches."""
    top, layers = schedule.network.name, schedule.layers
    reason = "bits of a layer's port that follow from other bits of it, such as equal sums, are no loop"
    waivers = [Waiver("UNOPTFLAT", reason, file=f"*{top}.v")]
    counting = [f"*_{name}_window.v" for name, layer in layers.items() if layer.window is not None]
    for name, layer in layers.items():
        counting += [f"*_{name}_buffer{n}.v" for n, buffer in enumerate(layer.buffers) if buffer is not None]
        counting += [f"*_{name}.v"] if isinstance(layer.spec, PoolSpec | CollectSpec) else []
    counting += [f"*_delay_{name}.v" for name in schedule.output_delays] if schedule.has_maps else []
    reason = "counters wrap: the carry is dropped"
    waivers += [Waiver("UNUSEDSIGNAL", reason, file, "*ignal* not used: '_*_'*") for file in counting]
    if any(len(layer.buffers) > 1 or isinstance(layer.spec, WireSpec) for layer in layers.values()):
        reason = "a slice leaves channels out, and branches that meet have one valid"
        waivers.append(Waiver("UNUSEDSIGNAL", reason, f"*{top}.v", "*ignal* not used: *"))
    return waivers
