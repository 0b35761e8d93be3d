"""What `prove` says of proofs, whatever was proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from amos_hdl.console import Steps


class Verdict(Protocol):
    """What came of one proof."""

    @property
    def verdict(self) -> str:
        """``proved``, ``refuted`` or ``timeout``."""
        ...

    @property
    def counterexample(self) -> str:
        """What differs; empty unless refuted."""
        ...


def summary(proofs: Sequence[Verdict], seconds: float, tool: str) -> dict[str, object]:
    """Return for ``--json`` whether all is proved, how many proofs came out how, and what they took."""
    counts = {name: sum(proof.verdict == name for proof in proofs) for name in ("proved", "refuted", "timeout")}
    return {"passed": counts["proved"] == len(proofs), **counts, "seconds": seconds, "tool": tool}


def show_unproved(proofs: Mapping[str, Verdict], timeout_s: int, steps: Steps) -> None:
    """Show a line for each module, by name, that is not proved."""
    for module, proof in proofs.items():
        if proof.verdict == "refuted":
            steps.failed(f"{module}: {proof.counterexample}")
        elif proof.verdict == "timeout":
            steps.failed(f"{module}: neither proved nor refuted within {timeout_s} s")
