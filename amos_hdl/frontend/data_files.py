"""Files that data sets come in: MNIST's idx and CIFAR-10's binary layout, plain or gzip, found by name in a folder."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import DataError

#: Largest data file when unpacked, in bytes: CIFAR-10's training images are 154 MB, MNIST's 47 MB.
UNPACKED_LIMIT_BYTES = 1 << 30
#: One image of CIFAR-10: a label byte, then 1,024 bytes each of red, green and blue, row after row.
CIFAR_SHAPE = (3, 32, 32)

Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Images:
    """Images of 8 bits with their classes.

    Members
    -------
    pixels : uint8, shape (image, row, column) or (image, channel, row, column)
    labels : int64, shape (image,)
    """

    pixels: Bytes
    labels: Labels


@dataclass(frozen=True, eq=False)
class Folder:
    """What a folder holds: ``train`` may be missing, ``test`` not."""

    train: Images | None
    test: Images


def read_mnist(folder: Path) -> Folder:
    """Read the idx files of MNIST (or of a set laid out like it) from ``folder``: names of the originals.

    ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, ``train-...`` if there, each plain or ``.gz``.

    Raises DataError, naming the file, if one is missing, damaged, or the two of a pair do not fit.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats".
    """

    def pair(prefix: str) -> Images | None:
        images = _find(folder, [f"{prefix}-images-idx3-ubyte", f"{prefix}-images.idx3-ubyte"])
        labels = _find(folder, [f"{prefix}-labels-idx1-ubyte", f"{prefix}-labels.idx1-ubyte"])
        if images is None or labels is None:
            return None
        pixels, classes = _read_idx(images, 3), _read_idx(labels, 1)
        if len(pixels) != len(classes):
            raise DataError(
                "labels", where=str(labels), expected=f"{len(pixels)}, one per image", got=f"{len(classes)}"
            )
        return Images(pixels, classes.astype(np.int64))

    test = pair("t10k")
    if test is None:
        raise DataError("no MNIST", where=str(folder), expected="t10k-images-idx3-ubyte[.gz] and its labels")
    return Folder(pair("train"), test)


def read_cifar10(folder: Path) -> Folder:
    """Read CIFAR-10's binary files from ``folder``: ``test*.bin[.gz]``, and ``train*`` or ``data_batch*`` if there.

    Raises DataError, naming the file, if none is there, or one is not a whole number of images or has other classes.

    Source: A. Krizhevsky, "The CIFAR-10 dataset", section "Binary version".
    """

    def part(*patterns: str) -> Images | None:
        names = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
        return _joined([_read_cifar(path) for path in names])

    test = part("test*.bin", "test*.bin.gz")
    if test is None:
        raise DataError("no CIFAR-10", where=str(folder), expected="test*.bin or test*.bin.gz")
    return Folder(part("train*.bin", "train*.bin.gz", "data_batch*.bin", "data_batch*.bin.gz"), test)


def read_folder(folder: Path) -> Folder:
    """Read whichever of the two data sets lies in ``folder``.  Raises DataError if neither does."""
    if not folder.is_dir():
        raise DataError("not a folder", where=str(folder))
    if any(folder.glob("t10k-images*")):
        return read_mnist(folder)
    if any(folder.glob("test*.bin*")):
        return read_cifar10(folder)
    expected = "MNIST's idx files or CIFAR-10's test*.bin, plain or .gz"
    raise DataError("no data set", where=str(folder), expected=expected)


def _find(folder: Path, names: list[str]) -> Path | None:
    candidates = (folder / f"{name}{ending}" for name in names for ending in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _unpacked(path: Path) -> bytes:
    """Return the bytes of ``path``, unpacked if it is gzip; never more than the limit."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if packed else raw as file:
                data = file.read(UNPACKED_LIMIT_BYTES + 1)
    except (gzip.BadGzipFile, zlib.error, EOFError) as failure:
        raise DataError("truncated or not gzip", where=str(path), got=str(failure)) from failure
    except OSError as failure:
        raise DataError(f"cannot be read: {failure.strerror or failure}", where=str(path)) from failure
    if len(data) > UNPACKED_LIMIT_BYTES:
        raise DataError("file too large", where=str(path), expected=f"at most {UNPACKED_LIMIT_BYTES} bytes unpacked")
    return data


def _read_idx(path: Path, axes: int) -> Bytes:
    """Return the array of an idx file: two zero bytes, 8 for unsigned bytes, the axes, their lengths, the bytes."""
    data = _unpacked(path)
    header = 4 + 4 * axes
    if len(data) < header or data[:4] != bytes([0, 0, 8, axes]):
        got = data[:4].hex(" ") or "nothing"
        got = f"{got}, {len(data)} bytes in all" if len(data) >= 4 else got
        raise DataError("not an idx file", where=str(path), expected=f"00 00 08 {axes:02x} first", got=got)
    shape = tuple(int.from_bytes(data[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes))
    size = 1
    for length in shape:
        size *= length
    if len(data) != header + size or not size:
        expected = f"{' x '.join(map(str, shape))} bytes after the header"
        raise DataError("length of an idx file", where=str(path), expected=expected, got=f"{len(data) - header}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _read_cifar(path: Path) -> Images:
    data, size = _unpacked(path), 1 + int(np.prod(CIFAR_SHAPE))
    if not data or len(data) % size:
        expected = f"a whole number of images of {size} bytes"
        raise DataError("length of a CIFAR-10 file", where=str(path), expected=expected, got=f"{len(data)} bytes")
    rows = np.frombuffer(data, np.uint8).reshape(-1, size)
    wrong = np.flatnonzero(rows[:, 0] > 9)
    if len(wrong):
        place = f"{path}, image {int(wrong[0])}"
        raise DataError("label", where=place, expected="0 to 9", got=repr(int(rows[wrong[0], 0])))
    return Images(rows[:, 1:].reshape(-1, *CIFAR_SHAPE), rows[:, 0].astype(np.int64))


def _joined(parts: list[Images]) -> Images | None:
    if not parts:
        return None
    return Images(np.concatenate([part.pixels for part in parts]), np.concatenate([part.labels for part in parts]))
