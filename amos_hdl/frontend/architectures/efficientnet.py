"""EfficientNet as a PyTorch module; names of parameters as in torchvision, so that its checkpoints load."""

from __future__ import annotations

import torch
from torch import nn

from amos_hdl.frontend.architectures.efficientnet_plan import Block, efficientnet_plan

#: Versions whose published weights were trained with another epsilon of the batch norms.
_WIDE_EPSILON = ("b5", "b6", "b7")


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int, groups: int, epsilon: float, swish: bool = True
) -> nn.Sequential:
    """Return convolution, batch norm and, but for the last of a block, swish."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    parts: list[nn.Module] = [convolution, nn.BatchNorm2d(outputs, eps=epsilon)]
    return nn.Sequential(*parts, *([nn.SiLU()] if swish else []))


class SqueezeExcitation(nn.Module):
    """Each channel times a number between 0 and 1 that the means of all channels decide."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.activation, self.scale_activation = nn.SiLU(), nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the weighted channels."""
        scale = self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x)))))
        product: torch.Tensor = scale * x
        return product


class InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution, squeeze-and-excitation, projection, and a skip where shapes allow."""

    def __init__(self, block: Block, epsilon: float) -> None:
        super().__init__()
        wide = block.expanded
        parts: list[nn.Module] = []
        if wide != block.inputs:
            parts.append(_convolution(block.inputs, wide, 1, 1, 1, epsilon))
        parts.append(_convolution(wide, wide, block.kernel, block.stride, wide, epsilon))
        parts.append(SqueezeExcitation(wide, block.squeezed))
        parts.append(_convolution(wide, block.outputs, 1, 1, 1, epsilon, swish=False))
        self.block = nn.Sequential(*parts)
        self.has_skip = block.has_skip

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm of the projection."""
        norm = self.block[-1].get_submodule("1")
        if not isinstance(norm, nn.BatchNorm2d):
            raise TypeError(type(norm).__name__)
        return norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        y: torch.Tensor = self.block(x)
        return x + y if self.has_skip else y


class EfficientNet(nn.Module):
    """EfficientNet-B0 to B7 for images of three channels.

    Parameters
    ----------
    version : str
        ``b0`` to ``b7``.

    Source: M. Tan, Q. Le, "EfficientNet", arXiv:1905.11946.
    """

    def __init__(self, version: str) -> None:
        super().__init__()
        plan = efficientnet_plan(version)
        epsilon = 1e-3 if version in _WIDE_EPSILON else 1e-5
        last = plan.stages[-1][-1].outputs
        self.features = nn.Sequential(
            _convolution(3, plan.stem, 3, 2, 1, epsilon),
            *(nn.Sequential(*(InvertedBottleneck(block, epsilon) for block in stage)) for stage in plan.stages),
            _convolution(last, plan.head, 1, 1, 1, epsilon),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(plan.head, plan.classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        y: torch.Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return y
