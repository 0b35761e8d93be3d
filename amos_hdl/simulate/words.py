"""Words side by side in a port, as numbers and as bits: word n at bits ``[n·word_bits, (n+1)·word_bits)``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
#: Verilator gives ports wider than this as arrays of 32-bit words, which is what our C++ reads and writes.
_NARROW_BITS = 64
_WORD_BITS = 32


def whole_words(bits: int) -> int:
    """Return the next whole number of words, enough for Verilator to make an array of them, a bit to spare."""
    return max(bits // _WORD_BITS + 1, _NARROW_BITS // _WORD_BITS + 1) * _WORD_BITS


def pack(values: Integers, word_bits: int) -> Bytes:
    """Return ``values`` ``(row, word)`` as bytes ``(row, byte)``, lowest bits first; negative ones as two's complement.

    The last byte is filled up with zeros.
    """
    # (row, word, byte): as many bytes of each number as its word reaches into
    parts = np.ascontiguousarray(values, "<i8").view(np.uint8).reshape(*values.shape, 8)[:, :, : -(-word_bits // 8)]
    # (row, word, bit)
    digits = np.unpackbits(parts, axis=2, count=word_bits, bitorder="little")
    return np.packbits(digits.reshape(len(values), -1), axis=1, bitorder="little")


def as_integers(packed: Bytes) -> list[int]:
    """Return each row of bytes, lowest first, as one integer: what a port of any width is set to."""
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def unpack(bits: Bits, word_bits: int, signed: bool) -> Integers:
    """Return the words ``(row, word)`` of a recorded port ``(row, bit)``."""
    digits = bits.reshape(len(bits), -1, word_bits).astype(np.int64)
    weights = np.int64(1) << np.arange(word_bits)
    if signed:
        weights[-1] = -weights[-1]
    return digits @ weights
