"""The state of a training in a file, from which it goes on as if it had not been interrupted."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from amos_hdl.errors import StoreError
from amos_hdl.files import write_file
from amos_hdl.frontend.data import Dataset
from amos_hdl.frontend.recipe import Recipe

#: Version of the file.
VERSION = 1
#: Largest checkpoint that is read, in bytes.
LIMIT_BYTES = 1 << 30


def identity(recipe: Recipe, dataset: Dataset) -> str:
    """Return SHA-256, hexadecimal, of all that decides the result: recipe without hardware, images, division."""
    sha = hashlib.sha256(recipe.model_copy(update={"data": None}).model_dump_json(exclude={"hardware"}).encode())
    for array in (dataset.images, dataset.labels, dataset.train, dataset.validation):
        sha.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return sha.hexdigest()


def save(path: Path, state: dict[str, Any], key: str) -> None:
    """Write tensors and plain data whole or not at all; StoreError if that is impossible."""
    data = io.BytesIO()
    torch.save({"version": VERSION, "identity": key, **state}, data)
    write_file(path, data.getvalue(), StoreError)


def load(path: Path, key: str) -> dict[str, Any]:
    """Return what ``save`` wrote; nothing in the file is run.

    Raises StoreError if it is too large, damaged, of another version, or belongs to another recipe or other data.
    """
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise StoreError("file too large", where=str(path), expected=f"at most {LIMIT_BYTES} bytes")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as failure:
        raise StoreError(f"cannot be read: {failure.strerror}", where=str(path)) from failure
    except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, KeyError) as failure:
        got = str(failure).splitlines()[0][:80] if str(failure) else type(failure).__name__
        raise StoreError("not a checkpoint", where=str(path), got=got) from failure
    if not isinstance(state, dict) or state.get("version") != VERSION:
        got = repr(state.get("version")) if isinstance(state, dict) else type(state).__name__
        raise StoreError("version of a checkpoint", where=str(path), expected=str(VERSION), got=got)
    if state.get("identity") != key:
        hint = "train without --resume"
        raise StoreError("a checkpoint of another recipe or of other data", where=str(path), hint=hint)
    return state
