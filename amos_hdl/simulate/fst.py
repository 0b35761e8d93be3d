"""What FST waveforms need of the machine: zlib and LZ4.

Verilator's FST writer calls LZ4 in two functions only.  Where LZ4's header is missing, a stand-in is compiled
instead: it writes valid LZ4 blocks made of literals alone.  The files are larger, every FST reader reads them.
"""

import subprocess
from pathlib import Path

from amos_hdl.errors import ToolError
from amos_hdl.simulate.verilator import Verilator

_STAND_IN = """\
// Stand-in for LZ4's header: a block of literals alone, which is valid LZ4 (block format description, "end of block").
#ifndef AMOS_HDL_LZ4_H
#define AMOS_HDL_LZ4_H
#include <cstring>
static inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }
static inline int LZ4_compress_default(const char* from, char* to, int size, int capacity) {
    if (size < 0 || capacity < LZ4_compressBound(size)) return 0;
    char* at = to;
    if (size < 15) {
        *at++ = static_cast<char>(size << 4);
    } else {
        *at++ = static_cast<char>(0xF0);
        int rest = size - 15;
        for (; rest >= 255; rest -= 255) *at++ = static_cast<char>(0xFF);
        *at++ = static_cast<char>(rest);
    }
    std::memcpy(at, from, static_cast<size_t>(size));
    return static_cast<int>(at - to) + size;
}
#endif
"""
_EMPTY_ARCHIVE = b"!<arch>\n"


def lz4_stand_in(verilator: Verilator, folder: Path) -> Path | None:
    """Write the stand-in into ``folder`` if the machine has no LZ4, and return ``folder``; else return None.

    Raises
    ------
    ToolError
        zlib's header is missing: there is no stand-in for that.
    """
    if not _has_header(verilator, "zlib.h"):
        raise ToolError(
            "FST waveforms need zlib.h",
            got="none",
            hint="install it, on Debian or Ubuntu with: apt-get install zlib1g-dev; or simulate without waves",
        )
    if _has_header(verilator, "lz4.h"):
        return None
    folder.mkdir()
    (folder / "lz4.h").write_text(_STAND_IN, encoding="utf-8")
    # Verilator's makefile asks the linker for -llz4: an archive without members satisfies it.
    (folder / "liblz4.a").write_bytes(_EMPTY_ARCHIVE)
    return folder


def _has_header(verilator: Verilator, header: str) -> bool:
    probe = subprocess.run(
        [verilator.compiler, "-E", "-x", "c++", "-"],
        input=f"#include <{header}>\n",
        env=verilator.full_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return probe.returncode == 0
