"""Many copies of a circuit evaluated at once by compiled code, ``batch.cpp``: arrays in, arrays out."""

from __future__ import annotations

import ctypes
import hashlib
import platform
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import SimulationError, ToolError
from amos_hdl.simulate.evaluation import Evaluation

Words = npt.NDArray[np.uint64]
WORD_BITS = 64
#: Lanes that there can be.
LANES = (64, 128, 256)
_SOURCE = Path(__file__).with_name("batch.cpp")
_OPTIONS = ("-std=c++17", "-O2", "-shared", "-fPIC")


@dataclass(frozen=True)
class Timing:
    """When the pixels of an image come: (r, c) of image n in row n·interval + r·row_cycles + c·column_cycles."""

    interval: int
    map_rows: int
    map_columns: int
    row_cycles: int
    column_cycles: int


class _Circuit(ctypes.Structure):
    """As ``Circuit`` in batch.cpp."""

    _fields_ = (
        ("program", ctypes.c_void_p),
        ("program_end", ctypes.c_void_p),
        ("writes", ctypes.c_void_p),
        ("writes_end", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("first_register", ctypes.c_int32),
        ("registers", ctypes.c_int32),
        ("starts", ctypes.c_void_p),
        ("memory", ctypes.c_void_p),
        ("memory_bits", ctypes.c_int64),
        ("observed", ctypes.c_void_p),
        ("observed_bits", ctypes.c_int32),
        ("image_bits", ctypes.c_int32),
        ("nodes", ctypes.c_int32),
    )


class _Traffic(ctypes.Structure):
    """As ``Traffic`` in batch.cpp."""

    _fields_ = (
        ("images", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("per_lane", ctypes.c_int64),
        ("used", ctypes.c_int64),
        ("rows", ctypes.c_int64),
        ("interval", ctypes.c_int64),
        ("map_rows", ctypes.c_int64),
        ("map_columns", ctypes.c_int64),
        ("row_cycles", ctypes.c_int64),
        ("column_cycles", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
        ("stop", ctypes.c_void_p),
    )


class Stop:
    """A flag that ends runs, those of other threads too, before their time."""

    def __init__(self) -> None:
        self.flag = np.zeros(1, np.int32)

    def set(self) -> None:
        """End them."""
        self.flag[0] = 1


class Simulator:
    """The compiled code.

    Parameters
    ----------
    root : Path
        It is compiled once, and kept in ``root/<hash of the source, the compiler and its options>``.

    Raises ToolError without a C++ compiler, SimulationError if it fails.
    """

    def __init__(self, root: Path) -> None:
        self._simulate = ctypes.CDLL(str(_library(root.resolve()))).simulate_lanes
        self._simulate.restype = ctypes.c_int

    def run(
        self,
        evaluation: Evaluation,
        timing: Timing,
        images: Words,
        count: int,
        per_lane: int,
        rows: int,
        seed: int,
        stop: Stop,
    ) -> tuple[Words, float]:
        """Run ``count`` images through copies of a circuit, and return the record and the processor time, seconds.

        Parameters
        ----------
        images : uint64 array ``(count·pixel, word)``
            The bits of the port ``image``.
        per_lane : int
            Lane k gets images ``k·per_lane`` and following; of the last lane some may be missing.
        rows : int
            Clock cycles.
        seed : int
            What has no initial value starts at random.
        stop : Stop

        The record is ``(lane, row, word)``, at least one lane.  Raises SimulationError if it was stopped, and for more
        lanes than there are.
        """
        used = max(-(-count // per_lane), 1)
        if used > max(LANES):
            raise SimulationError("lanes of a run", expected=f"at most {max(LANES)}", got=str(used))
        lanes = next(lanes for lanes in LANES if used <= lanes)
        record = np.empty((used, rows, -(-len(evaluation.observed) // WORD_BITS)), np.uint64)
        circuit = _Circuit(
            *_span(evaluation.program),
            *_span(evaluation.writes),
            evaluation.next.ctypes.data,
            evaluation.first_register,
            len(evaluation.next),
            evaluation.starts.ctypes.data,
            evaluation.memory.ctypes.data,
            len(evaluation.memory),
            evaluation.observed.ctypes.data,
            len(evaluation.observed),
            evaluation.image_bits,
            evaluation.nodes,
        )
        traffic = _Traffic(
            images.ctypes.data,
            count,
            per_lane,
            used,
            rows,
            timing.interval,
            timing.map_rows,
            timing.map_columns,
            timing.row_cycles,
            timing.column_cycles,
            seed,
            stop.flag.ctypes.data,
        )
        words = ctypes.c_int(lanes // WORD_BITS)
        started = time.thread_time()
        ended = self._simulate(ctypes.byref(circuit), ctypes.byref(traffic), words, ctypes.c_void_p(record.ctypes.data))
        if not ended:
            raise SimulationError("the simulation was stopped")
        return record, time.thread_time() - started


def _span(numbers: npt.NDArray[np.int32]) -> tuple[int, int]:
    return numbers.ctypes.data, numbers.ctypes.data + numbers.nbytes


@cache
def _library(root: Path) -> Path:
    compiler = shutil.which("c++")
    if compiler is None:
        hint = "install one, on Debian or Ubuntu with: apt-get install g++"
        raise ToolError("c++ not found in PATH", expected="a C++ compiler, which the batch simulator needs", hint=hint)
    about = subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    key = hashlib.sha256("\n".join([about, platform.machine(), *_OPTIONS]).encode() + _SOURCE.read_bytes()).hexdigest()
    library = root / key / "batch.so"
    if not library.is_file():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            made = Path(folder) / library.name
            command = [compiler, *_OPTIONS, "-o", str(made), str(_SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode != 0:
                said = (done.stderr.strip() or "no message").splitlines()[0]
                raise SimulationError("the batch simulator cannot be compiled", got=said)
            made.replace(library)
    return library
