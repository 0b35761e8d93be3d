"""What folded sums take: LUTs, flip-flops and block RAMs by formula and by Yosys, with and without carry cells.

python benchmarks/folds.py            sums of many shapes
python benchmarks/folds.py --planes   a bit of all codes per clock against whole codes, at equal speed
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from amos_hdl.emit.generate import generate
from amos_hdl.network import Dense, Input, Network
from amos_hdl.schedule import HardwareOptions, Schedule, estimate
from amos_hdl.synthesize.flow import synthesize

#: units, inputs, bits of a code, bits of a weight, lanes, inputs at once
SHAPES = [
    (16, 144, 4, 4, 1, 1),
    (16, 144, 4, 4, 1, 9),
    (16, 144, 4, 4, 4, 9),
    (16, 144, 4, 5, 2, 18),
    (32, 288, 4, 4, 8, 16),
    (64, 64, 3, 6, 4, 8),
    (10, 256, 4, 6, 1, 4),
    (8, 9, 8, 4, 2, 9),
]
#: The same sums at the same speed, by whole codes and by a bit of four times as many codes.
PLANES = [(16, 144, 4, 4, 1, 9), (16, 144, 1, 4, 1, 36), (16, 144, 4, 6, 2, 4), (16, 144, 1, 6, 2, 16)]
TARGETS = ("ecp5-25k", "ice40-hx8k")


def network(units: int, inputs: int, code_bits: int, weight_bits: int) -> Network:
    """Return random sums of random codes."""
    top = 1 << weight_bits - 1
    weights = np.random.default_rng(units * inputs).integers(-top, top, (units, inputs))
    code = Input("code", inputs, 0, (1 << code_bits) - 1)
    return Network("folds", (code, Dense("sums", "code", weights, weight_bits)), ("sums",))


def main() -> None:
    """Synthesize every shape and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planes", action="store_true")
    parser.add_argument("--adders-per-stage", type=int, default=1)
    arguments = parser.parse_args()
    columns = ["sums", "code", "weight", "at once", "clocks", "LUT", "FF", "RAM", "by"]
    columns += [f"{target} {kind}" for target in TARGETS for kind in ("", "carry")]
    table = Table(*columns)
    for shape in PLANES if arguments.planes else SHAPES:
        units, inputs, code_bits, weight_bits, lanes, taken = shape
        options = HardwareOptions(adders_per_stage=arguments.adders_per_stage, folded=(f"sums={lanes}x{taken}",))
        schedule = Schedule(network(units, inputs, code_bits, weight_bits), options)
        found = []
        with tempfile.TemporaryDirectory() as name:
            manifest = generate(schedule, Path(name) / "rtl")
            sources = [Path(name) / "rtl" / path for path in manifest.files if path != "folds.v"]
            for target in TARGETS:
                for folded in (False, True):
                    made = synthesize(
                        sources, "folds_sums", target, Path(name) / "w", pnr=False, latency_cycles=1, folded=folded
                    )
                    found.append(f"{made.luts} {made.flip_flops} {made.block_rams}")
        spec, size = schedule.specs["sums"], estimate(schedule.specs["sums"])
        table.add_row(
            f"{units} x {inputs}", str(code_bits), str(weight_bits), f"{lanes} x {taken}", str(spec.interval_cycles),
            f"{size.luts}", f"{size.flip_flops}", "", f"L{spec.adders.latency_cycles}", *found,
        )  # fmt: skip
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
