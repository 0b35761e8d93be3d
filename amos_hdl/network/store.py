"""Networks on disk: ``network.yaml`` (structure) beside ``weights.npz`` (integers).  Both are data, never code."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import Field

from amos_hdl.errors import CircuitError, NetworkError, StoreError
from amos_hdl.files import FolderKind, Strict, dump_yaml, read_yaml
from amos_hdl.network.archive import Array, read_arrays, weights_sha256, write_arrays
from amos_hdl.network.entries import Entry, entry_of
from amos_hdl.network.graph import Network
from amos_hdl.network.operations import Operation

VERSION = 2
STRUCTURE, WEIGHTS = "network.yaml", "weights.npz"
#: What the original of a converted network answered.
ORIGINAL = "original.npz"
#: Folders of networks.
FOLDER = FolderKind(STRUCTURE, "amos-network", StoreError, lambda _: {WEIGHTS, ORIGINAL}.__contains__)
_SCALE = re.compile(r"-?[0-9]{1,40}(/[0-9]{1,40})?")


class _Structure(Strict):
    format: Literal["amos-network"]
    version: Literal[2]
    name: str
    weights_sha256: str
    outputs: list[str]
    scales: dict[str, str] = Field(default_factory=dict)
    operations: list[Entry]


def save(network: Network, folder: Path, *, also: Callable[[Path], None] | None = None) -> None:
    """Write ``network`` into ``folder``, which is replaced as a whole; ``also`` may add ``ORIGINAL``.

    Raises StoreError if the folder cannot be written, or has a file of somebody else.
    """
    arrays = {f"{op.name}.{key}": array for op in network.operations for key, array in op.arrays().items()}
    structure = {
        "format": "amos-network",
        "version": VERSION,
        "name": network.name,
        "weights_sha256": weights_sha256(arrays),
        "outputs": list(network.outputs),
        "scales": {name: str(scale) for name, scale in network.scales.items()},
        "operations": [entry_of(operation, network.tensors[operation.name]) for operation in network.operations],
    }
    with FOLDER.replaced(folder) as new:
        (new / STRUCTURE).write_text(dump_yaml(structure), encoding="utf-8", newline="\n")
        write_arrays(arrays, new / WEIGHTS)
        if also is not None:
            also(new)


def load(folder: Path) -> Network:
    """Read the network stored in ``folder``.

    Raises StoreError, naming the file and the place in it, if anything is missing, damaged, of another version, not
    plain integers, or does not make a network.
    """
    path = folder / STRUCTURE
    structure = read_yaml(path, _Structure, StoreError)
    arrays = read_arrays(folder / WEIGHTS)
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


def _operation(entry: Entry, arrays: dict[str, Array]) -> Operation:
    """Return the operation of ``entry``, taking its arrays out of ``arrays``."""
    return entry.operation(lambda key: arrays.pop(f"{entry.name}.{key}"))
