"""``weights.npz``: named arrays of integers, packed so that equal arrays give equal bytes, and never code."""

from __future__ import annotations

import hashlib
import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import StoreError

#: Largest file when unpacked, in bytes: against archives made to fill the memory.
UNPACKED_LIMIT_BYTES = 1 << 31

#: What zipfile raises on damaged archives.
ZIP_DAMAGE = (
    zipfile.BadZipFile,  # no archive, or a wrong checksum
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # an encrypted member, or, as a kind of it, a version or compression that zipfile does not know
)
#: And numpy on damaged headers of arrays.
_DAMAGE = (
    *ZIP_DAMAGE,
    MemoryError,  # numpy's, for the shape that a header claims
    OverflowError,
    SyntaxError,  # numpy reads a header as a literal of Python
    tokenize.TokenError,
)

Array = npt.NDArray[np.int64]


def weights_sha256(arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 over names, shapes and little-endian int64 bytes of ``arrays``, in order of name.

    It is taken over the contents, not the file, so that it does not depend on how the archive was packed.
    """
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.shape}\n".encode() + array.astype("<i8").tobytes())
    return sha.hexdigest()


def write_arrays(arrays: Mapping[str, Array], path: Path) -> None:
    """Write an npz archive with the narrowest integer types and no dates, so that equal arrays give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            array = arrays[name]
            low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
            narrow = np.result_type(np.min_scalar_type(min(low, -1)), np.min_scalar_type(-max(high, 0) - 1))
            member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array.astype(narrow)), allow_pickle=False)


def read_arrays(path: Path) -> dict[str, Array]:
    """Return all arrays of an npz archive as int64.

    Raises StoreError, naming the file, if it is missing, damaged, too large, or holds anything but plain integers.
    """
    where, arrays = str(path), {}
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > UNPACKED_LIMIT_BYTES:
                expected = f"at most {UNPACKED_LIMIT_BYTES} bytes unpacked"
                raise StoreError("weights too large", where=where, expected=expected, got=f"{unpacked}")
            for member in archive.infolist():
                with archive.open(member) as file:
                    array = np.lib.format.read_array(file, allow_pickle=False)
                name = member.filename.removesuffix(".npy")
                if array.dtype.kind not in "iu" or array.dtype.itemsize > 8 or array.dtype == np.uint64:
                    got = str(array.dtype)
                    raise StoreError("array type", where=f"{where}, {name}", expected="integers up to int64", got=got)
                arrays[name] = array.astype(np.int64)
    except OSError as failure:
        reason = failure.strerror or str(failure)
        raise StoreError(f"cannot be read: {reason}", where=where) from failure
    except _DAMAGE as failure:
        raise StoreError("truncated or not an npz archive", where=where, got=str(failure)) from failure
    except ValueError as failure:
        hint = "store integers only; objects are never unpickled" if "allow_pickle" in str(failure) else None
        raise StoreError("array that is not plain data", where=where, got=str(failure), hint=hint) from failure
    return arrays
