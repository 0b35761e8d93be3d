"""What is computed: operations on integers, the graph of them, widths, the store, and the golden model."""

from amos_hdl.network.graph import Network
from amos_hdl.network.operations import Argmax, Dense, Input, Operation, Unit
from amos_hdl.network.tensor import Tensor, width_bits

__all__ = ["Argmax", "Dense", "Input", "Network", "Operation", "Tensor", "Unit", "width_bits"]
