"""Networks on disk: ``network.yaml`` (structure) beside ``weights.npz`` (integers).  Both are data, never code."""

from __future__ import annotations

import hashlib
import lzma
import re
import tokenize
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from amos_hdl.circuit import ThresholdCircuit
from amos_hdl.errors import CircuitError, NetworkError, StoreError
from amos_hdl.files import Strict, dump_yaml, read_yaml, replaced_folder
from amos_hdl.network.graph import Network
from amos_hdl.network.operations import Argmax, Dense, Input, Operation, Unit

VERSION = 1
STRUCTURE, WEIGHTS = "network.yaml", "weights.npz"
#: Largest weights file when unpacked, in bytes: against archives made to fill the memory.
UNPACKED_LIMIT_BYTES = 1 << 31

#: What zipfile and numpy raise on damaged archives and headers.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    OverflowError,
    SyntaxError,
    tokenize.TokenError,
)
_SCALE = re.compile(r"-?[0-9]{1,40}(/[0-9]{1,40})?")

Array = npt.NDArray[np.int64]


class _InputEntry(Strict):
    kind: Literal["input"]
    name: str
    units: int
    low: int
    high: int


class _DenseEntry(Strict):
    kind: Literal["dense"]
    name: str
    source: str
    weight_bits: int
    potential_bits: int


class _UnitEntry(Strict):
    kind: Literal["unit"]
    name: str
    source: str
    form: Literal["linear", "table"]
    levels: list[int]


class _ArgmaxEntry(Strict):
    kind: Literal["argmax"]
    name: str
    source: str


_Entry = Annotated[_InputEntry | _DenseEntry | _UnitEntry | _ArgmaxEntry, Field(discriminator="kind")]


class _Structure(Strict):
    format: Literal["amos-network"]
    version: Literal[1]
    name: str
    weights_sha256: str
    outputs: list[str]
    scales: dict[str, str] = Field(default_factory=dict)
    operations: list[_Entry]


def save(network: Network, folder: Path) -> None:
    """Write ``network`` into ``folder``, which is replaced as a whole.

    Raises StoreError if the folder cannot be written.
    """
    arrays: dict[str, Array] = {}
    entries: list[dict[str, object]] = []
    for operation in network.operations:
        match operation:
            case Input(name=name, units=units, low=low, high=high):
                entries.append({"kind": "input", "name": name, "units": units, "low": low, "high": high})
            case Dense(name=name, source=source, weight_bits=bits):
                potential_bits = operation.potential_bits or network.tensors[name].bits
                entries.append({"kind": "dense", "name": name, "source": source, "weight_bits": bits})
                entries[-1]["potential_bits"] = potential_bits
                arrays |= {f"{name}.weights": operation.weights, f"{name}.bias": operation.biases}
            case Unit(name=name, source=source, circuits=circuits):
                form = "table" if circuits[0].is_table else "linear"
                entries.append({"kind": "unit", "name": name, "source": source, "form": form})
                entries[-1]["levels"] = list(circuits[0].levels)
                arrays |= {f"{name}.{key}": array for key, array in _circuit_arrays(circuits).items()}
                arrays[f"{name}.assignment"] = operation.assignment
            case Argmax(name=name, source=source):
                entries.append({"kind": "argmax", "name": name, "source": source})
    structure = {
        "format": "amos-network",
        "version": VERSION,
        "name": network.name,
        "weights_sha256": weights_sha256(arrays),
        "outputs": list(network.outputs),
        "scales": {name: str(scale) for name, scale in network.scales.items()},
        "operations": entries,
    }
    with replaced_folder(folder, STRUCTURE, StoreError) as new:
        (new / STRUCTURE).write_text(dump_yaml(structure), encoding="utf-8", newline="\n")
        _write_arrays(arrays, new / WEIGHTS)


def load(folder: Path) -> Network:
    """Read the network stored in ``folder``.

    Raises StoreError, naming the file and the place in it, if anything is missing, damaged, of another version, not
    plain integers, or does not make a network.
    """
    path = folder / STRUCTURE
    structure = read_yaml(path, _Structure, StoreError)
    arrays = _read_arrays(folder / WEIGHTS)
    found = weights_sha256(arrays)
    if found != structure.weights_sha256:
        raise StoreError(
            "SHA-256 of the weights differs",
            where=str(folder / WEIGHTS),
            expected=structure.weights_sha256,
            got=found,
            hint="the file was changed after it was stored",
        )
    try:
        operations = tuple(_operation(entry, arrays) for entry in structure.operations)
        for scale in structure.scales.values():
            if not _SCALE.fullmatch(scale):
                raise ValueError(scale[:80])
        scales = {name: Fraction(scale) for name, scale in structure.scales.items()}
        network = Network(structure.name, operations, tuple(structure.outputs), scales)
    except KeyError as failure:
        raise StoreError("array missing", where=str(folder / WEIGHTS), expected=str(failure.args[0])) from failure
    except (NetworkError, CircuitError) as failure:
        raise StoreError(str(failure), where=str(path)) from failure
    except (ValueError, ZeroDivisionError) as failure:
        raise StoreError("scale", where=str(path), expected="a fraction such as 3/16", got=str(failure)) from failure
    if arrays:
        raise StoreError("array that no operation uses", where=str(folder / WEIGHTS), got=repr(sorted(arrays)[0]))
    return network


def weights_sha256(arrays: dict[str, Array]) -> str:
    """Return the SHA-256 over names, shapes and little-endian int64 bytes of ``arrays``, in order of name.

    It is taken over the contents, not the file, so that it does not depend on how the archive was packed.
    """
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.shape}\n".encode() + array.astype("<i8").tobytes())
    return sha.hexdigest()


def _circuit_arrays(circuits: tuple[ThresholdCircuit, ...]) -> dict[str, Array]:
    """Return the parameters of circuits of one shape as arrays whose first axis is the circuit."""
    fields = {
        "gains": [circuit.gains for circuit in circuits],
        "outputs": [circuit.outputs for circuit in circuits],
        "offset": [circuit.offset for circuit in circuits],
    }
    if circuits[0].is_table:
        # the tables of one circuit end to end, gate after gate
        fields["tables"] = [tuple(value for table in circuit.tables for value in table) for circuit in circuits]
    else:
        fields |= {"thresholds": [c.thresholds for c in circuits], "lateral": [c.lateral for c in circuits]}
    return {name: np.array(values, np.int64) for name, values in fields.items()}


def _operation(entry: Any, arrays: dict[str, Array]) -> Operation:
    """Return the operation of ``entry``, taking its arrays out of ``arrays``; KeyError names a missing one."""
    name = entry.name
    match entry:
        case _InputEntry():
            return Input(name, entry.units, entry.low, entry.high)
        case _DenseEntry():
            weights, bias = arrays.pop(f"{name}.weights"), arrays.pop(f"{name}.bias")
            return Dense(name, entry.source, weights, entry.weight_bits, bias, entry.potential_bits)
        case _UnitEntry():
            return Unit(name, entry.source, _circuits(entry, arrays), arrays.pop(f"{name}.assignment"))
        case _:
            return Argmax(name, entry.source)


def _circuits(entry: _UnitEntry, arrays: dict[str, Array]) -> tuple[ThresholdCircuit, ...]:
    def take(key: str, *tail: int) -> Any:
        array = arrays.pop(f"{entry.name}.{key}")
        if array.ndim != 1 + len(tail) or array.shape[1:] != tail:
            expected = " x ".join(["circuits", *map(str, tail)])
            raise NetworkError(f"shape of {key}", where=entry.name, expected=expected, got=repr(array.shape))
        return array.tolist()

    levels, count = tuple(entry.levels), len(entry.levels)
    if not 1 <= count <= 255:
        raise NetworkError("levels", where=entry.name, expected="1 to 255 gates", got=repr(count))
    gains, outputs, offsets = take("gains", count), take("outputs", count), take("offset")
    forms: list[dict[str, Any]]
    if entry.form == "table":
        sizes = [1 << min(levels.index(level), 16) for level in levels]
        ends = np.cumsum(sizes).tolist()
        forms = [
            {"tables": tuple(tuple(row[end - size : end]) for size, end in zip(sizes, ends, strict=True))}
            for row in take("tables", ends[-1])
        ]
    else:
        lateral = take("lateral", count, count)
        forms = [
            {"thresholds": tuple(row), "lateral": tuple(map(tuple, matrix))}
            for row, matrix in zip(take("thresholds", count), lateral, strict=False)
        ]
    if not len(gains) == len(outputs) == len(offsets) == len(forms):
        raise NetworkError("circuits", where=entry.name, expected="as many in each array")
    return tuple(
        ThresholdCircuit(tuple(gain), tuple(output), levels, offset, **form)
        for gain, output, offset, form in zip(gains, outputs, offsets, forms, strict=True)
    )


def _write_arrays(arrays: dict[str, Array], path: Path) -> None:
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


def _read_arrays(path: Path) -> dict[str, Array]:
    """Return all arrays of an npz archive as int64; anything else than plain integers is refused."""
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
