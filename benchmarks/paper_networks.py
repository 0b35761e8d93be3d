"""The paper's networks: what AMOS units cost in accuracy, and how often they spike.

Run ``python benchmarks/paper_networks.py resnet20 --data ../shared/data``; the folder holds ``cifar10/`` (binary files)
and ``models/resnet20-12fca82f.th``, a checkpoint of akamaster/pytorch_resnet_cifar10.  About a minute per row.

``... resnet50`` and ``... efficientnet-b0`` (to b7) need no data: weights and images come from a seed.  ``... seeded``
converts all of them once, with the first K of ``--gates``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from amos_hdl.frontend.architectures.structure import STRUCTURES
from amos_hdl.frontend.convert import Images, Kept, compare, outputs_of
from amos_hdl.frontend.data_files import read_cifar10
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.importers.pytorch import import_module
from amos_hdl.frontend.quantize import QuantizeOptions, quantize

PIXELS = PixelCode(0, 255, 255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
#: Points of accuracy that the smallest network may lose.
ALLOWED = 0.5
CALIBRATION_IMAGES = 256


class Block(nn.Module):
    """Two convolutions and a shortcut; where the map shrinks, the shortcut drops places and adds zeros (option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.zeros = (outputs - inputs) // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        short = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.zeros, self.zeros)) if self.zeros else x
        return functional.relu(y + short)


class ResNet20(nn.Module):
    """ResNet-20 for CIFAR-10 (K. He et al., arXiv:1512.03385, section 4.2), named as the checkpoint names it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        sizes = ((16, 16, 1), (16, 32, 2), (32, 64, 2))
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(Block(a, b, stride), Block(b, b, 1), Block(b, b, 1)) for a, b, stride in sizes
        )
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(functional.avg_pool2d(x, x.shape[3]).flatten(1))


def trained_resnet20(checkpoint: Path) -> ResNet20:
    """Return the network with the weights of ``checkpoint``, read without running code."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    network = ResNet20()
    network.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
    return network.eval()


class ResNet20Study:
    """Converts and judges one network in many ways, each once."""

    def __init__(self, data: Path, images: int) -> None:
        files = read_cifar10(data / "cifar10")
        train = files.train or files.test
        chosen = np.linspace(0, len(train.pixels) - 1, CALIBRATION_IMAGES).astype(int)
        self.images = Images(
            str(data),
            train.pixels[chosen].reshape(CALIBRATION_IMAGES, -1),
            files.test.pixels[:images].reshape(-1, 3072),
            files.test.labels[:images],
            (3, 32, 32),
        )
        self.graph: FloatGraph = import_module(trained_resnet20(data / "models" / "resnet20-12fca82f.th"), (3, 32, 32))
        self.outputs = outputs_of(self.graph, PIXELS, self.images, lambda *_: None)

    def row(self, label: str, options: QuantizeOptions) -> Kept:
        """Convert, judge and print one row."""
        started = time.perf_counter()
        made = quantize(self.graph, "resnet20", self.images.calibration, PIXELS, options)
        kept = compare(made, self.outputs, self.images, lambda *_: None)
        print(
            f"| {label} | {options.gates} | {options.weight_bits} | {100 * (kept.network_accuracy or 0):.2f} % "
            f"| {lost(kept):+.2f} | {100 * kept.agreement:.1f} % | {kept.spikes_per_unit:.2f} "
            f"| {kept.spikes_per_image:,.0f} | {time.perf_counter() - started:.0f} |",
            flush=True,
        )
        return kept


def lost(kept: Kept) -> float:
    """Return the points of accuracy that were lost."""
    return 100 * ((kept.model_accuracy or 0) - (kept.network_accuracy or 0))


def resnet20(data: Path, images: int) -> None:
    """Print the table of ResNet-20."""
    study = ResNet20Study(data, images)
    print("| units | K | weight bits | accuracy | points lost | same class | spikes per unit | spikes per image | s |")
    print("|---|---|---|---|---|---|---|---|---|")
    study.row("α = 25, as in the paper", QuantizeOptions(weight_bits=8, gates=10, alpha=25.0))
    study.row("α of each layer, greatest", QuantizeOptions(weight_bits=8, gates=10, calibration="max"))
    gates, label = 6, "α of each layer, least squares"
    while gates > 2 and lost(study.row(label, QuantizeOptions(weight_bits=8, gates=gates))) <= ALLOWED:
        gates -= 1
    gates += 1  # the last that stayed within what is allowed
    for weights in (6, 5, 4):
        if lost(study.row(label, QuantizeOptions(weight_bits=weights, gates=gates))) > ALLOWED:
            break
    for weights in (5, 4):
        study.row(label, QuantizeOptions(weight_bits=weights, gates=gates + 1))
    options = QuantizeOptions(weight_bits=4, gates=gates + 1, first_bits=8, last_bits=8)
    study.row("and 8 bits in the first and last layer", options)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=["resnet20", *STRUCTURES, "seeded"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with cifar10/ and models/")
    parser.add_argument("--images", type=int, default=500, help="test images of resnet20")
    parser.add_argument("--size", type=int, default=64, help="rows and columns of the images of the others")
    parser.add_argument("--gates", type=int, nargs="*", default=[4, 6, 8], help="K of exact units of the others")
    parser.add_argument("--fitted", type=int, nargs="*", default=[8, 12, 16], help="K of fitted swish units")
    arguments = parser.parse_args()
    if arguments.network in STRUCTURES:
        from seeded_networks import study  # beside this file, which tests import from elsewhere

        study(arguments.network, arguments.size, arguments.gates, arguments.fitted)
        return 0
    if arguments.network == "seeded":
        from seeded_networks import every

        every(arguments.size, arguments.gates[0])
        return 0
    if not arguments.data.is_dir():
        print(json.dumps({"error": f"{arguments.data}: not a folder"}), file=sys.stderr)
        return 2
    resnet20(arguments.data, arguments.images)
    return 0


if __name__ == "__main__":
    sys.exit(main())
