"""Gates of few spikes as look-up tables and as sums: LUTs on three fabrics, and of pixels against a threshold."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from amos_hdl.circuit import quantizer
from amos_hdl.emit.generate import generate
from amos_hdl.network import Dense, Input, Network, Operation, Unit
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.synthesize.flow import synthesize

GATES, INPUTS, SEED = 60, 40, 1
#: Target, and inputs of its look-up tables.
TARGETS = {"xilinx": 6, "ecp5-85k": 4, "ice40-hx8k": 4}
THRESHOLDS = (128, 64, 96, 77)


def gates(inputs: int) -> Network:
    """Return gates that see ``inputs`` of the spikes each, with weights from -3 to 3."""
    random = np.random.default_rng(SEED)
    weights = np.zeros((GATES, INPUTS), int)
    for row in weights:
        row[random.choice(INPUTS, inputs, replace=False)] = random.choice([-3, -2, -1, 1, 2, 3], inputs)
    # the middle of what a sum can be, so that no gate always or never fires
    middles = ((weights.clip(max=0).sum(axis=1) + weights.clip(min=0).sum(axis=1)) // 2).tolist()
    thresholds = sorted(set(middles))
    circuits = tuple(quantizer([threshold]) for threshold in thresholds)
    units = Unit("gates", "sums", circuits, np.array([thresholds.index(middle) for middle in middles]))
    return Network(
        f"gates{inputs}", (Input("spikes", INPUTS, 0, 1), Dense("sums", "spikes", weights, 3), units), ("gates",)
    )


def pixels(threshold: int) -> Network:
    """Return pixels that are compared with ``threshold``."""
    operations: tuple[Operation, ...] = (
        Input("pixels", GATES, 0, 255),
        Unit("encoder", "pixels", (quantizer([threshold]),), np.zeros(GATES, int)),
    )
    return Network(f"pixels{threshold}", operations, ("encoder",))


def luts(network: Network, target: str, table_bits: int) -> tuple[int, int, int]:
    """Return LUTs, flip-flops and clock cycles after synthesis."""
    options = HardwareOptions(adders_per_stage=2, lut_inputs=TARGETS[target], table_bits=table_bits)
    schedule = Schedule(network, options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = generate(schedule, folder / "rtl")
        sources = [folder / "rtl" / path for path in manifest.files]
        cycles = manifest.latency_cycles
        result = synthesize(sources, manifest.top, target, folder / "work", pnr=False, latency_cycles=cycles)
    return result.luts, result.flip_flops, cycles


def main() -> None:
    """Print both tables."""
    print(f"{GATES} gates, {INPUTS} spikes to choose from; LUTs (flip-flops, clock cycles)")
    print("| spikes per gate | built as |", " | ".join(TARGETS), "|")
    print("|---" * (2 + len(TARGETS)) + "|")
    for inputs in (4, 5, 6):
        for table_bits, how in ((6, "tables"), (0, "sums")):
            cells = [luts(gates(inputs), target, table_bits) for target in TARGETS]
            print(f"| {inputs} | {how} |", " | ".join(f"{n} ({ff}, {clk})" for n, ff, clk in cells), "|", flush=True)
    print(f"\n{GATES} pixels of 0 to 255; LUTs")
    print("| threshold |", " | ".join(TARGETS), "|")
    print("|---" * (1 + len(TARGETS)) + "|")
    for threshold in THRESHOLDS:
        cells = [luts(pixels(threshold), target, 6) for target in TARGETS]
        print(f"| {threshold} |", " | ".join(str(n) for n, _, _ in cells), "|", flush=True)


if __name__ == "__main__":
    main()
