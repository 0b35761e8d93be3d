"""What is computed: operations on integers, the graph of them, widths, the store, and the golden model."""

from amos_hdl.network.graph import Network
from amos_hdl.network.operations import (
    Add,
    Argmax,
    Concat,
    Conv2d,
    Dense,
    Flatten,
    Input,
    MaxPool,
    Multiply,
    Operation,
    Pad,
    Slice,
    SumPool,
    Unit,
)
from amos_hdl.network.tensor import Tensor, width_bits

__all__ = [
    "Add",
    "Argmax",
    "Concat",
    "Conv2d",
    "Dense",
    "Flatten",
    "Input",
    "MaxPool",
    "Multiply",
    "Network",
    "Operation",
    "Pad",
    "Slice",
    "SumPool",
    "Tensor",
    "Unit",
    "width_bits",
]
