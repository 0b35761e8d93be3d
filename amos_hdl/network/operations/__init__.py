"""The operations of a network, as frozen values that check themselves; one idea per file."""

from amos_hdl.network.operations.argmax import Argmax
from amos_hdl.network.operations.base import OneSource, Operation
from amos_hdl.network.operations.conv import Conv2d
from amos_hdl.network.operations.dense import Dense
from amos_hdl.network.operations.input import Input
from amos_hdl.network.operations.join import Add, Concat, Multiply
from amos_hdl.network.operations.pool import MaxPool, SumPool
from amos_hdl.network.operations.reshape import Flatten, Pad, Slice
from amos_hdl.network.operations.unit import Unit
from amos_hdl.network.operations.window import Window

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
    "OneSource",
    "Operation",
    "Pad",
    "Slice",
    "SumPool",
    "Unit",
    "Window",
]
