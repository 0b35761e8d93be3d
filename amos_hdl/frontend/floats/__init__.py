"""Float networks as a graph of few kinds of nodes: what PyTorch and ONNX files become before they are quantized."""

from amos_hdl.frontend.floats.graph import FloatGraph
from amos_hdl.frontend.floats.nodes import (
    Activation,
    Affine,
    AveragePool,
    Concat,
    Conv,
    Flatten,
    Image,
    Linear,
    MaxPool,
    Node,
    Pad,
    Product,
    Slice,
    Sum,
)

__all__ = [
    "Activation",
    "Affine",
    "AveragePool",
    "Concat",
    "Conv",
    "Flatten",
    "FloatGraph",
    "Image",
    "Linear",
    "MaxPool",
    "Node",
    "Pad",
    "Product",
    "Slice",
    "Sum",
]
