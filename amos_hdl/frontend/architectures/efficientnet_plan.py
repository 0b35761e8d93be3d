"""EfficientNet as numbers: stages, channels, repeats, without PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from amos_hdl.errors import ImportedModelError

#: Stages of B0: expansion, kernel, stride, channels in, channels out, blocks (table 1 of the paper).
_STAGES = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)
#: Factors of width and depth, and rows of the images of each version, as published with the weights.
_VERSIONS = {
    "b0": (1.0, 1.0, 224),
    "b1": (1.0, 1.1, 240),
    "b2": (1.1, 1.2, 260),
    "b3": (1.2, 1.4, 300),
    "b4": (1.4, 1.8, 380),
    "b5": (1.6, 2.2, 456),
    "b6": (1.8, 2.6, 528),
    "b7": (2.0, 3.1, 600),
}


@dataclass(frozen=True)
class Block:
    """One inverted bottleneck with squeeze-and-excitation.

    Members
    -------
    inputs, expanded, outputs : int
        Channels before, between and after; ``expanded == inputs``: no expansion.
    squeezed : int
        Channels of the narrow layer of the squeeze-and-excitation.
    kernel, stride : int
        Of the depthwise convolution.
    """

    inputs: int
    expanded: int
    outputs: int
    squeezed: int
    kernel: int
    stride: int

    @property
    def has_skip(self) -> bool:
        """Whether the block's input is added to its output."""
        return self.stride == 1 and self.inputs == self.outputs


@dataclass(frozen=True)
class EfficientNetPlan:
    """A version of EfficientNet.

    Members
    -------
    version : str
        ``b0`` to ``b7``.
    size : int
        Rows and columns of the images that it was published for.
    stem, head : int
        Channels of the first and the last convolution.
    stages : tuple of tuple of Block
    classes : int

    Source: M. Tan, Q. Le, arXiv:1905.11946, table 1 and section 3.3; rounding of channels as in the authors' code.
    """

    version: str
    size: int
    stem: int
    head: int
    stages: tuple[tuple[Block, ...], ...]
    classes: int = 1000


def efficientnet_plan(version: str) -> EfficientNetPlan:
    """Return the plan of ``b0`` to ``b7``.  Raises ImportedModelError for another version."""
    if version not in _VERSIONS:
        raise ImportedModelError("version of EfficientNet", expected=", ".join(_VERSIONS), got=repr(version))
    width, depth, size = _VERSIONS[version]

    def channels(base: int) -> int:
        """Return the multiple of 8 nearest to the wider number, never more than 10 % below it."""
        wide = base * width
        rounded = max(8, int(wide + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * wide else rounded

    stages = []
    for expansion, kernel, stride, first, last, blocks in _STAGES:
        inputs, outputs = channels(first), channels(last)
        stage = []
        for number in range(math.ceil(blocks * depth)):
            before = inputs if number == 0 else outputs
            squeezed = max(1, before // 4)
            stage.append(Block(before, before * expansion, outputs, squeezed, kernel, stride if number == 0 else 1))
        stages.append(tuple(stage))
    return EfficientNetPlan(version, size, channels(32), 4 * channels(320), tuple(stages))
