"""Published architectures as PyTorch modules, and weights from a seed where none are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from amos_hdl.frontend.architectures.efficientnet import EfficientNet, InvertedBottleneck
from amos_hdl.frontend.architectures.resnet import BottleneckBlock, ResNet50

#: γ of the last batch norm of a branch beside a skip.  With 1, untrained networks of this depth multiply every error
#: from block to block; branches of trained networks change what passes them by a part.
BRANCH_SCALE = 0.3


def _version(version: str) -> Callable[[], nn.Module]:
    return lambda: EfficientNet(version)


#: Makers of modules by the name of the architecture; names of parameters are torchvision's.
MODULES: Mapping[str, Callable[[], nn.Module]] = {
    "resnet50": ResNet50,
    **{f"efficientnet-b{number}": _version(f"b{number}") for number in range(8)},
}


def seeded(name: str, seed: int, images: torch.Tensor) -> nn.Module:
    """Return the architecture with random weights and with the batch norm statistics of ``images``, for evaluation.

    Weights are those of K. He et al., arXiv:1502.01852, equation 10 (fan out); each batch norm then gives mean 0 and
    variance 1 on ``images``, so that activations are neither silent nor without bound, and ``BRANCH_SCALE`` times that
    at the end of a branch.

    Parameters
    ----------
    name : str
        A key of ``MODULES``.
    seed : int
    images : float32, shape (image, 3, row, column)
        As the module takes them; at least two.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = MODULES[name]()
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out")
            elif isinstance(part, nn.BatchNorm2d):
                part.momentum = None  # the mean over all batches seen, which is one
            elif isinstance(part, InvertedBottleneck | BottleneckBlock) and part.has_skip:
                nn.init.constant_(part.last_norm.weight, BRANCH_SCALE)
        with torch.no_grad():
            module.train()(images)
    return module.eval()
