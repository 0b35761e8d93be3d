"""The one line of a log that says what went wrong."""

import re
from collections.abc import Mapping
from pathlib import Path

_ERROR = re.compile(r"^%(?:Error|Warning)[-:]|(?:^|[: ])(?:fatal )?error: |: undefined reference|^make.*\*\*\* ")
_EXCEPTION = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b(?:: .*)?$")


def last_exception(log: Path) -> str:
    """Return the line that names the last Python exception in ``log``; empty when there is none."""
    lines = (line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines())
    return next((line for line in reversed(list(lines)) if _EXCEPTION.match(line)), "")


def first_error(log: Path, names: Mapping[str, str] | None = None) -> str:
    """Return the first error line of ``log``, with file names replaced by ``names``.

    When no line looks like an error, the last line that is not empty.
    """
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    found = next((line for line in lines if _ERROR.search(line)), lines[-1] if lines else "no output")
    # Longest first: a name may begin another.
    for inside, origin in sorted((names or {}).items(), key=lambda pair: -len(pair[0])):
        found = found.replace(inside, origin)
    return found
