"""The folder in which tools work until all of them have succeeded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amos_hdl.errors import SynthesisError

UNFINISHED = "unfinished"


@contextmanager
def unfinished_folder(work: Path) -> Iterator[Path]:
    """Give an empty folder ``work/unfinished``.  After a failure it stays, for its logs; interrupted, it goes.

    Raises SynthesisError if it cannot be made.
    """
    folder = work / UNFINISHED
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise SynthesisError("cannot make the work folder", where=str(folder), got=str(error)) from error
    try:
        yield folder
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise
