"""ResNet-50 as numbers: stages, channels, strides, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bottleneck:
    """Convolutions of 1x1, 3x3 (with the stride) and 1x1 beside a shortcut.

    Members
    -------
    inputs, inner, outputs : int
        Channels.
    stride : int
    """

    inputs: int
    inner: int
    outputs: int
    stride: int

    @property
    def projects(self) -> bool:
        """Whether the shortcut is a convolution."""
        return self.stride != 1 or self.inputs != self.outputs


def _stage(inputs: int, inner: int, blocks: int, stride: int) -> tuple[Bottleneck, ...]:
    outputs = 4 * inner
    first = Bottleneck(inputs, inner, outputs, stride)
    return (first, *(Bottleneck(outputs, inner, outputs, 1) for _ in range(blocks - 1)))


#: The four stages.  Source: K. He et al., arXiv:1512.03385, table 1.
RESNET50 = (_stage(64, 64, 3, 1), _stage(256, 128, 4, 2), _stage(512, 256, 6, 2), _stage(1024, 512, 3, 2))
