"""What costs in the loss, fewer bits and pruning buy: MNIST by one layer of units, by validation images and LUTs.

python benchmarks/training_cost.py [ROW ...] [--data FOLDER]

Every row is one training of the same small recipe with one thing changed; the network is synthesized whole with
`synth_xilinx`, encoder and argmax counted.  The test images are not looked at.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from amos_hdl.emit.generate import generate
from amos_hdl.frontend.quantized_sums import signed_digits
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.frontend.train import train
from amos_hdl.network import Dense, Network
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.synthesize.flow import synthesize

ROOT = Path(__file__).resolve().parent.parent
RECIPE: dict[str, Any] = {
    "format": 1,
    "name": "dense",
    "data": {"source": "mnist", "validation_images": 6000, "split_seed": 2019},
    "topology": {
        "layers": [
            {"kind": "dense", "units": 32, "gates": 4, "sparsity": 0.9},
            {"kind": "logits", "sparsity": 0.3},
        ]
    },
    "quantization": {"weight_bits": 4},
    "units": {"input_thresholds": [128]},
    "training": {
        "seed": 1,
        "epochs": 12,
        "batch_images": 100,
        "learning_rate": 0.01,
        "label_smoothing": 0.05,
        "rounding": {"start": 0.4, "end": 0.75},
    },
}
HARDWARE = HardwareOptions(lut_inputs=6, adders_per_stage=2, extra_adder_levels=1)
#: What each row changes.
ROWS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "gate_cost 0.003": {"training": {"gate_cost": 0.003}},
    "gate_cost 0.01": {"training": {"gate_cost": 0.01}},
    "gate_cost 0.03": {"training": {"gate_cost": 0.03}},
    "3 gates": {"layer": {"gates": 3}},
    "2 gates": {"layer": {"gates": 2}},
    "digit_cost 0.3": {"training": {"digit_cost": 0.3}},
    "digit_cost 1": {"training": {"digit_cost": 1.0}},
    "weights of 3 bits": {"quantization": {"weight_bits": 3}},
    "95 % zeros": {"layer": {"sparsity": 0.95}},
    "gate_cost 0.01, digit_cost 0.3": {"training": {"gate_cost": 0.01, "digit_cost": 0.3}},
}


def trained(changes: dict[str, Any], data: Path, work: Path) -> tuple[Network, float]:
    """Return the network of a row, and its share of right answers of the validation images in per cent."""
    recipe = copy.deepcopy(RECIPE)
    recipe["data"]["folder"] = str(data.resolve())
    for part in ("training", "quantization"):
        recipe[part] |= changes.get(part, {})
    recipe["topology"]["layers"][0] |= changes.get("layer", {})
    path = work / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    result = train(load_recipe(path), parts=("validation",))
    return result.network, 100 * result.accuracies["validation"]


def row(name: str, data: Path, work: Path) -> str:
    """Return a row of the table."""
    network, accuracy = trained(ROWS[name], data, work)
    dense = [operation for operation in network.operations if isinstance(operation, Dense)]
    digits = sum(signed_digits(abs(int(weight))) for operation in dense for weight in operation.weights.ravel())
    gates = np.log2(network.tensors["dense1"].high + 1).mean()
    manifest = generate(Schedule(network, HARDWARE), work / "rtl")
    sources = [work / "rtl" / path for path in manifest.files]
    cycles = manifest.latency_cycles
    cells = synthesize(sources, manifest.top, "xilinx", work / "xilinx", pnr=False, latency_cycles=cycles)
    return (
        f"| {name} | {accuracy:.2f} % | {digits:,} | {gates:.2f} | {cells.luts:,} | {cells.flip_flops:,} | {cycles} |"
    )


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of: {'; '.join(ROWS)}  [default: all]")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "mnist", help="idx files")
    options = parser.parse_args()
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}")
    print("| what is changed | validation images | digits | gates per unit | LUT + INV | flip-flops | clocks |")
    print("|---|---|---|---|---|---|---|")
    for name in options.rows or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            print(row(name, options.data, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
