"""A FuseSoC core file (CAPI2), so that a generated network can be a dependency of a larger design."""

from __future__ import annotations

from collections.abc import Iterable

from amos_hdl import __version__
from amos_hdl.files import dump_yaml


def core_file(name: str, description: str, verilog: Iterable[str], top: str) -> str:
    """Return the text of ``<name>.core``, whose top module is ``top``.  Source: FuseSoC user guide, CAPI2 reference."""
    core = {
        "name": f"amos-hdl:networks:{name}:{__version__}",
        "description": description,
        "filesets": {"rtl": {"files": list(verilog), "file_type": "verilogSource"}},
        "targets": {
            "default": {"filesets": ["rtl"]},
            "lint": {
                "filesets": ["rtl"],
                "flow": "lint",
                "flow_options": {
                    "tool": "verilator",
                    "verilator_options": ["-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC"],
                },
                "toplevel": top,
            },
        },
    }
    return "CAPI=2:\n" + dump_yaml(core)
