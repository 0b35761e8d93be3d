"""Files written whole or not at all, and YAML read as checked data."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from amos_hdl.errors import AmosError

#: Largest YAML file that is read, in bytes.
YAML_LIMIT_BYTES = 16 << 20


class Strict(BaseModel):
    """A part of a file's schema: no unknown key, no silent conversion, never changed after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path, model: type[Model], error: type[AmosError]) -> Model:
    """Read the YAML file ``path`` as a ``model``.

    Raises ``error``, naming file and key, if the file is missing, too long, not YAML, or not of the schema.
    """
    data = _parse(path, error)
    try:
        return model.model_validate(data)
    except ValidationError as failure:
        first = failure.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        if first["type"] == "extra_forbidden":
            known = ", ".join(_fields_at(model, first["loc"][:-1])) or "nothing"
            raise error("unknown key", where=f"{path}, {place}", expected=f"one of {known}") from failure
        got = None if first["type"] == "missing" else _short(first["input"])
        raise error(first["msg"], where=f"{path}, {place}", got=got) from failure


def _parse(path: Path, error: type[AmosError]) -> Any:
    try:
        size = path.stat().st_size
        if size > YAML_LIMIT_BYTES:
            raise error("file too long", where=str(path), expected=f"at most {YAML_LIMIT_BYTES} bytes", got=f"{size}")
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise error(f"cannot be read: {failure.strerror}", where=str(path)) from failure
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as failure:
        raise error("not YAML", where=str(path), got=str(failure)[:200]) from failure


def _fields_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the schema knows at ``place``; empty if the place is within a list or union."""
    current: Any = model
    for part in place:
        field = getattr(current, "model_fields", {}).get(part)
        current = field.annotation if field else None
    return sorted(getattr(current, "model_fields", {}))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def dump_yaml(data: object) -> str:
    """Return ``data`` as YAML text; the same bytes for the same data."""
    return yaml.safe_dump(data, sort_keys=False, width=110, allow_unicode=True)


@contextmanager
def replaced_folder(folder: Path, error: type[AmosError]) -> Iterator[Path]:
    """Give an empty temporary folder that takes the place of ``folder`` when the block ends without an error.

    An interrupted or failed block leaves what was in ``folder`` before.  Raises ``error`` if it cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as failure:
        raise error(f"cannot be written: {failure.strerror}", where=str(folder)) from failure
    new, old = temporary / "new", temporary / "old"
    try:
        new.mkdir()
        yield new
        try:
            if folder.exists() or folder.is_symlink():
                if not folder.is_dir() or folder.is_symlink():
                    raise error("cannot be written", where=str(folder), expected="a folder", got="something else")
                folder.rename(old)
            try:
                new.rename(folder)
            except OSError:
                if old.exists():
                    old.rename(folder)
                raise
        except OSError as failure:
            raise error(f"cannot be written: {failure.strerror}", where=str(folder)) from failure
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_file(path: Path, text: str, error: type[AmosError]) -> None:
    """Write ``text`` to ``path`` whole or not at all.  Raises ``error`` if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as failure:
        raise error(f"cannot be written: {failure.strerror}", where=str(path)) from failure
