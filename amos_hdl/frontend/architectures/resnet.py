"""ResNet-50 as a PyTorch module; names of parameters as in torchvision, so that its checkpoints load."""

from __future__ import annotations

import torch
from torch import nn

from amos_hdl.frontend.architectures.resnet_plan import RESNET50, Bottleneck


class BottleneckBlock(nn.Module):
    """Three convolutions and a shortcut; the stride is in the second (version 1.5)."""

    def __init__(self, plan: Bottleneck) -> None:
        super().__init__()
        inner, outputs = plan.inner, plan.outputs
        self.conv1 = nn.Conv2d(plan.inputs, inner, 1, bias=False)
        self.conv2 = nn.Conv2d(inner, inner, 3, plan.stride, 1, bias=False)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(inner), nn.BatchNorm2d(inner), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.has_skip = True
        self.downsample: nn.Module = nn.Identity()
        if plan.projects:
            shortcut = nn.Conv2d(plan.inputs, outputs, 1, plan.stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm of the last convolution."""
        return self.bn3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        result: torch.Tensor = self.relu(y + self.downsample(x))
        return result


class ResNet50(nn.Module):
    """ResNet-50 for images of three channels.

    Source: K. He et al., arXiv:1512.03385, table 1; the stride of a stage is in its first 3x3 convolution, as in
    torchvision.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(*(BottleneckBlock(block) for block in stage)) for stage in RESNET50
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(RESNET50[-1][-1].outputs, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        y: torch.Tensor = self.fc(self.avgpool(x).flatten(1))
        return y
