"""Yosys as ``pyosys``, the same program as a library from PyPI, run like the command: no limit of 4 GB of memory.

``python -m amos_hdl.synthesize.pyosys_program [-q] (-s SCRIPT | -p COMMANDS | --version)``
"""

from __future__ import annotations

import sys
from importlib.metadata import version


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for; Yosys itself ends the process with 1 on an error."""
    if arguments == ["--version"]:
        sys.stdout.write(f"Yosys {version('pyosys')} (pyosys)\n")
        return 0
    quiet = arguments[:1] == ["-q"]
    kind, *given = arguments[1:] if quiet else arguments
    if kind not in ("-s", "-p") or len(given) != 1:
        sys.stderr.write(f"ERROR: expected -s SCRIPT or -p COMMANDS, got {arguments!r}\n")
        return 2
    from pyosys import libyosys

    design = libyosys.Design()
    for command in [f"script {given[0]}"] if kind == "-s" else given[0].split(";"):
        libyosys.run_pass(f"tee -q {command}" if quiet else command, design)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
