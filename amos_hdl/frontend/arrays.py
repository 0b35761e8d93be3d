"""Which library does the large sums of the golden model; all give the same integers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from amos_hdl.errors import ToolError
from amos_hdl.network import Conv2d, Network
from amos_hdl.network.kernels import NUMPY, Kernels

Library = Literal["auto", "numpy", "torch"]


def kernels_for(network: Network, library: Library = "auto") -> Kernels:
    """Return the kernels of ``library``.

    ``auto`` takes PyTorch where it is installed and the network has convolutions: a dense network is evaluated in less
    time than it takes to import.

    Raises ToolError if PyTorch is asked for and not installed.
    """
    installed = find_spec("torch") is not None
    if library == "torch" and not installed:
        raise ToolError("PyTorch is not installed", hint='pip install "amos-hdl[train]"')
    has_maps = any(isinstance(operation, Conv2d) for operation in network.operations)
    if library == "torch" or (library == "auto" and installed and has_maps):
        from amos_hdl.frontend.kernels import TorchKernels

        return TorchKernels()
    return NUMPY
