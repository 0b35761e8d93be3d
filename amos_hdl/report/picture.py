"""Pictures in files: which formats there are, matplotlib if it is there, written whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from amos_hdl.errors import AmosError, ToolError
from amos_hdl.files import write_file


def check_picture(path: Path) -> None:
    """Raise AmosError for a picture of another format than .svg, .png or .pdf, ToolError without matplotlib."""
    if path.suffix not in (".svg", ".png", ".pdf"):
        raise AmosError("ending of a picture", where=str(path), expected=".svg, .png or .pdf", got=repr(path.suffix))
    pyplot()


def pyplot() -> Any:
    """Return matplotlib's pyplot, drawing into memory.  Raises ToolError if it is not installed."""
    try:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot
    except ImportError as failure:
        raise ToolError("matplotlib is not installed", hint='pip install "amos-hdl[plot]"') from failure
    # equal bytes on every run: no random identifiers
    matplotlib.rcParams["svg.hashsalt"] = "amos-hdl"
    return pyplot


def save_picture(figure: Any, path: Path) -> None:
    """Write ``figure`` to ``path``, its ending the format, and close it; no date: equal pictures have equal bytes.

    Raises AmosError if the file cannot be written.
    """
    check_picture(path)
    kind, drawn = path.suffix.removeprefix("."), io.BytesIO()
    date = {"svg": "Date", "pdf": "CreationDate"}.get(kind)
    try:
        figure.savefig(drawn, format=kind, metadata={date: None} if date else None, facecolor="white")
    finally:
        pyplot().close(figure)
    write_file(path, drawn.getvalue(), AmosError)
