"""Train a small stack of EfficientNet's blocks on MNIST in PyTorch, and export it for ``amos-hdl convert``.

Swish, depthwise convolutions, squeeze-and-excitation and a skip: two inverted bottlenecks between a stem and a head.

    python examples/mnist_mbconv.py ../shared/data/mnist build/mnist_mbconv.pt2
    amos-hdl convert examples/convert/mnist_mbconv.yaml
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

from amos_hdl.frontend.architectures.efficientnet import InvertedBottleneck
from amos_hdl.frontend.architectures.efficientnet_plan import Block
from amos_hdl.frontend.data_files import Images, read_mnist

SEED, EPOCHS, BATCH, RATE = 1, 6, 128, 0.01
EPSILON = 1e-3


def network() -> nn.Sequential:
    """Return the network for images ``(batch, 1, 28, 28)`` of 0 to 1."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1, bias=False),
        nn.BatchNorm2d(8, EPSILON),
        nn.SiLU(),
        InvertedBottleneck(Block(inputs=8, expanded=24, outputs=8, squeezed=4, kernel=3, stride=1), EPSILON),
        InvertedBottleneck(Block(inputs=8, expanded=24, outputs=16, squeezed=4, kernel=3, stride=2), EPSILON),
        nn.Conv2d(16, 32, 1, bias=False),
        nn.BatchNorm2d(32, EPSILON),
        nn.SiLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def tensors(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixels of 0 to 1, and labels."""
    return torch.from_numpy(images.pixels.copy())[:, None].float() / 255, torch.from_numpy(images.labels)


def train(module: nn.Module, pixels: torch.Tensor, labels: torch.Tensor) -> None:
    """Train ``module`` with rates that rise and fall once."""
    steps = len(pixels) // BATCH
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, epochs=EPOCHS, steps_per_epoch=steps)
    for epoch in range(EPOCHS):
        module.train()
        order, total = torch.randperm(len(pixels)), 0.0
        for batch in order[: steps * BATCH].split(BATCH):
            loss = nn.functional.cross_entropy(module(pixels[batch]), labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.step()
            total += loss.item()
        sys.stdout.write(f"epoch {epoch + 1} of {EPOCHS}: loss {total / steps:.3f}\n")


def main(data: Path, target: Path) -> None:
    """Train on the files in ``data``, print the accuracy on the test images, and export to ``target``."""
    torch.manual_seed(SEED)
    folder = read_mnist(data)
    module = network()
    train(module, *tensors(folder.train))
    module.eval()
    pixels, labels = tensors(folder.test)
    with torch.no_grad():
        hits = torch.cat([module(part).argmax(1) for part in pixels.split(1000)]) == labels
    sys.stdout.write(f"{100 * hits.float().mean():.2f} % of {len(labels):,} test images\n")
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.export.save(torch.export.export(module, (pixels[:1],)), target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/mnist_mbconv.py FOLDER_OF_MNIST TARGET.pt2")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
