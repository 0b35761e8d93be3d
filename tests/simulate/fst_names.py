"""The names in an FST file, by a reader of its hierarchy block, written from the format's description.

Source: "Implementation of an efficient method for digital waveform compression" (A. Bybell, 2014), hierarchy block;
LZ4 block format description.
"""

import gzip
from pathlib import Path

_HIERARCHY_GZIP, _HIERARCHY_LZ4, _HIERARCHY_LZ4_TWICE = 4, 6, 7
_SCOPE, _UPSCOPE, _ATTRIBUTE, _ATTRIBUTE_END = 254, 255, 252, 253


def fst_names(path: Path) -> dict[str, int]:
    """Return the full name of every variable, scopes joined by points, and its width in bits."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        kind, length = data[at], int.from_bytes(data[at + 1 : at + 9], "big")
        block = data[at + 9 : at + 1 + length]
        if kind == _HIERARCHY_GZIP:
            return _names(gzip.decompress(block[8:]))
        if kind == _HIERARCHY_LZ4:
            return _names(_lz4(block[8:]))
        if kind == _HIERARCHY_LZ4_TWICE:
            return _names(_lz4(_lz4(block[16:])))
        at += 1 + length
    raise AssertionError(f"{path}: no hierarchy")


def _names(data: bytes) -> dict[str, int]:
    names, scopes, at = {}, [], 0

    def text() -> str:
        nonlocal at
        end = data.index(0, at)
        word, at = data[at:end].decode(), end + 1
        return word

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte, at = data[at], at + 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        tag, at = data[at], at + 1
        if tag == _SCOPE:
            at += 1
            scopes.append(text())
            text()
        elif tag == _UPSCOPE:
            scopes.pop()
        elif tag == _ATTRIBUTE:
            at += 2
            text()
            number()
        elif tag != _ATTRIBUTE_END:
            at += 1  # direction
            name = text().split(" ")[0]
            names[".".join([*scopes, name])] = number()
            number()  # alias
    return names


def _lz4(data: bytes) -> bytes:
    out, at = bytearray(), 0

    def longer(length: int) -> int:
        """Add the bytes that continue a length of 15."""
        nonlocal at
        more = 255 if length == 15 else 0
        while more == 255:
            more, at = data[at], at + 1
            length += more
        return length

    while at < len(data):
        token, at = data[at], at + 1
        length = longer(token >> 4)
        out += data[at : at + length]
        at += length
        if at == len(data):
            break
        offset, at = int.from_bytes(data[at : at + 2], "little"), at + 2
        length = longer(token & 15) + 4
        for _ in range(length):  # a match may overlap itself
            out.append(out[-offset])
    return bytes(out)
