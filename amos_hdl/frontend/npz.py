"""NPZ files as data: plain arrays, never code, never more than the memory holds."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import DataError

#: Largest NPZ file when unpacked, in bytes: against archives made to fill the memory.
UNPACKED_LIMIT_BYTES = 1 << 32


def plain_arrays(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of numbers called ``needed``, and those of ``optional`` that there are, of an NPZ file.

    Raises DataError if the file is missing, damaged, too large, or lacks a needed array, or one is not of numbers.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    if path.exists() and not path.is_file():
        raise DataError("not a file", where=str(path))
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > UNPACKED_LIMIT_BYTES:
            raise DataError("file too large", where=str(path), expected=f"at most {UNPACKED_LIMIT_BYTES} bytes")
        with np.load(path, allow_pickle=False) as file:
            for name in needed:
                if name not in file.files:
                    raise DataError(f"no array {name}", where=str(path), got=repr(sorted(file.files)))
            arrays = {name: file[name] for name in (*needed, *optional) if name in file.files}
    except OSError as failure:
        raise DataError(f"cannot be read: {failure.strerror}", where=str(path)) from failure
    except (ValueError, AttributeError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, MemoryError) as failure:
        raise DataError("not plain arrays in NPZ", where=str(path), got=str(failure)[:120]) from failure
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf":
            raise DataError(name, where=str(path), expected="numbers", got=str(array.dtype))
    return arrays
