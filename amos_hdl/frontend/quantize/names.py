"""Names of operations from names of tensors."""

from __future__ import annotations

import re

from amos_hdl.errors import NetworkError
from amos_hdl.network.names import check_operation_name

#: Longest name made here; the network's limit leaves room for what is added.
LENGTH = 36


class Names:
    """Gives names that a network accepts, each once; ``taken`` are in use already."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)

    @staticmethod
    def of(tensor: str) -> str:
        """Return the name for ``tensor``: small letters, digits and _."""
        name = re.sub(r"[^a-z0-9]+", "_", tensor.lower()).strip("_")[-LENGTH:].lstrip("_0123456789") or "tensor"
        try:
            check_operation_name(name)
        except NetworkError:
            name = f"op_{name}_"[:LENGTH] + "x"  # no word of Verilog, and no ending that the generator uses
        return name

    def new(self, tensor: str) -> str:
        """Return a name for ``tensor`` that was not given before."""
        base = name = self.of(tensor)
        number = 1
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name
