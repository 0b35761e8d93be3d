"""Verilator control files: which inner signals a testbench may read, and lint waivers with their reasons.

The Verilog stays as it is, and only the named registers become visible, because ``--public-flat-rw`` makes
everything visible and writable, and C++ compile times explode.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from amos_hdl.errors import SimulationError


@dataclass(frozen=True)
class Waiver:
    """One lint message that is meant.

    Parameters
    ----------
    rule : str
        Verilator's name for it, such as ``UNUSEDSIGNAL``.
    reason : str
        Why it is right here; goes into the file.
    file : str
        Files it holds for, ``*`` as wildcard.
    match : str, optional
        Only messages that match this, ``*`` as wildcard.

    Raises
    ------
    SimulationError
        No reason, or a name that cannot stand in a control file.
    """

    rule: str
    reason: str
    file: str = "*"
    match: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", self.rule):
            raise SimulationError(
                "waiver with an unknown rule", expected="a name such as WIDTHEXPAND", got=repr(self.rule)
            )
        if not self.reason.strip():
            raise SimulationError(f"waiver of {self.rule} without a reason")
        _quoted(self.file)
        _quoted(self.match or "")

    def lines(self) -> list[str]:
        """Return the reason as a comment, and the command."""
        command = f"lint_off -rule {self.rule} -file {_quoted(self.file)}"
        if self.match is not None:
            command += f" -match {_quoted(self.match)}"
        return ["// " + " ".join(self.reason.split()), command]


def control_file_text(
    public: Iterable[tuple[str, str]] = (),
    waivers: Iterable[Waiver] = (),
    foreign: Iterable[str] = (),
    writable: Iterable[tuple[str, str]] = (),
) -> str:
    """Return a control file that makes each (module, variable) of ``public`` readable, and waives ``waivers``.

    Those of ``writable`` can be changed, too, which keeps Verilator from many an optimisation around them.

    Files of ``foreign`` (``*`` as wildcard) are somebody else's, whose style is not looked at.

    The variable is then read as ``dut.<instance>.<variable>.value``.  Sorted, each once: the same set gives the same
    bytes.

    Raises
    ------
    SimulationError
        A name with a quote or a line end.
    """
    lines = ["`verilator_config"]
    for module, variable in sorted(set(public)):
        lines.append(f"public_flat_rd -module {_quoted(module)} -var {_quoted(variable)}")
    for module, variable in sorted(set(writable)):
        lines.append(f"public_flat_rw -module {_quoted(module)} -var {_quoted(variable)}")
    for file in foreign:
        lines += ["// not ours", f"lint_off -file {_quoted(file)}"]
    for waiver in waivers:
        lines += waiver.lines()
    return "\n".join(lines) + "\n"


def write_control_file(
    path: Path,
    public: Iterable[tuple[str, str]] = (),
    waivers: Iterable[Waiver] = (),
    foreign: Iterable[str] = (),
    writable: Iterable[tuple[str, str]] = (),
) -> Path:
    """Write :func:`control_file_text` to ``path``, which should end in ``.vlt``, and return ``path``."""
    path.write_text(control_file_text(public, waivers, foreign, writable), encoding="utf-8")
    return path


def _quoted(name: str) -> str:
    if any(character in name for character in '"\\\n\r'):
        raise SimulationError("name that cannot stand in a control file", got=repr(name))
    return f'"{name}"'
