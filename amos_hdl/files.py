"""Files written whole or not at all, and YAML read as checked data."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from amos_hdl.errors import AmosError

#: Largest YAML file that is read, in bytes.
YAML_LIMIT_BYTES = 16 << 20


class Strict(BaseModel):
    """A part of a file's schema: no unknown key, no silent conversion, never changed after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """YAML without what no file here needs: keys given twice, aliases (which can grow without end), NUL characters."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            # to check for an event is to look at it
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", self.current_event.start_mark)
        return super().compose_node(parent, index)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str) and "\0" in value:
            raise yaml.constructor.ConstructorError(None, None, "NUL character in a text", node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in mapping:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} given twice", key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping


def read_yaml(path: Path, model: type[Model], error: type[AmosError]) -> Model:
    """Read the YAML file ``path`` as a ``model``.

    Raises ``error``, naming file and key (or line), if the file is missing, too long, not YAML, gives a key twice, or
    is not of the schema.
    """
    data = _parse(path, error)
    if not isinstance(data, dict):
        raise error("top level", where=str(path), expected="a mapping", got=type(data).__name__)
    try:
        return model.model_validate(data)
    except ValidationError as failure:
        # a misspelt key is named itself, not as the one that is then missing
        errors = failure.errors(include_url=False)
        first = next((fault for fault in errors if fault["type"] == "extra_forbidden"), errors[0])
        place = _place(first["loc"])
        where = f"{path}, {place}" if place else str(path)
        if first["type"] == "extra_forbidden":
            known = ", ".join(_fields_at(model, first["loc"][:-1]))
            expected = f"one of {known}" if known else None
            raise error("unknown key", where=where, expected=expected) from failure
        got = None if first["type"] == "missing" else _short(first["input"])
        raise error(first["msg"], where=where, got=got) from failure


def _parse(path: Path, error: type[AmosError]) -> Any:
    try:
        size = path.stat().st_size
        if size > YAML_LIMIT_BYTES:
            raise error("file too long", where=str(path), expected=f"at most {YAML_LIMIT_BYTES} bytes", got=f"{size}")
        return _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except OSError as failure:
        raise error(f"cannot be read: {failure.strerror}", where=str(path)) from failure
    except yaml.YAMLError as failure:
        mark = getattr(failure, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise error(f"not YAML: {getattr(failure, 'problem', failure)}", where=where) from failure
    # what PyYAML lets through of values that only look like dates, numbers and the like
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError, ArithmeticError) as failure:
        raise error(f"not YAML: {failure}", where=str(path)) from failure


def _place(location: tuple[int | str, ...]) -> str:
    """Return the place of a value as it would be written: ``entries[0].waves``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _fields_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the schema knows at ``place``; empty if the place is within a list or union."""
    current: Any = model
    for part in place:
        if isinstance(part, int):
            current = (get_args(current) or (None,))[0]
        else:
            field = getattr(current, "model_fields", {}).get(part)
            current = field.annotation if field else None
    return sorted(getattr(current, "model_fields", {}))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class _Dumper(yaml.SafeDumper):
    """YAML without aliases, which the reader refuses."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def dump_yaml(data: object) -> str:
    """Return ``data`` as YAML text; the same bytes for the same data."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder that is written as a whole: what is written takes the place of the folder that was there.

    Parameters
    ----------
    marker : str
        Name of a file that each has; its first line is ``format: <format>``.
    format : str
    error : type of AmosError
        What is raised where a folder cannot be written, or is somebody else's.
    generated : callable
        Given a folder with that file, what tells of the name of a file in it whether it was generated.
    """

    marker: str
    format: str
    error: type[AmosError]
    generated: Callable[[Path], Callable[[str], bool]]

    def check(self, folder: Path) -> None:
        """Raise ``error`` if ``folder`` is somebody else's, or has a file of somebody else."""
        hint = "it would be replaced as a whole; choose another"
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise self.error("cannot be written", where=str(folder), expected="a folder", got="something else")
        if not folder.is_dir() or not any(folder.iterdir()):
            return
        path = folder / self.marker
        if not path.is_file():
            expected = f"an empty one, or one with {self.marker}"
            raise self.error("not a folder of ours", where=str(folder), expected=expected, hint=hint)
        with path.open("rb") as file:
            if file.readline().rstrip() != f"format: {self.format}".encode():
                raise self.error("not a file of ours", where=str(path), expected=f"format: {self.format}", hint=hint)
        is_generated = self.generated(folder)
        for found in sorted(folder.rglob("*")):
            name = found.relative_to(folder).as_posix()
            if not (found.is_dir() or name == self.marker or is_generated(name)):
                hint = "its folder would be replaced as a whole; move what is yours, or choose another"
                raise self.error("file that was not generated", where=str(found), hint=hint)

    @contextmanager
    def replaced(self, folder: Path) -> Iterator[Path]:
        """Give an empty temporary folder that takes the place of ``folder`` when the block ends without an error.

        An interrupted or failed block leaves what was in ``folder`` before.  Raises ``error`` if it cannot be written,
        or as of ``check``.
        """
        try:
            self.check(folder)
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            new, old = temporary / "new", temporary / "old"
            try:
                new.mkdir()
                yield new
                try:
                    if folder.exists():
                        folder.rename(old)
                    new.rename(folder)
                except BaseException:
                    # interrupted between the two: what was there comes back
                    if old.exists() and not folder.exists():
                        old.rename(folder)
                    raise
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        except OSError as failure:
            raise self.error(f"cannot be written: {failure.strerror}", where=str(folder)) from failure


def check_writable(path: Path, error: type[AmosError]) -> None:
    """Raise ``error`` if no file could be written to ``path``: to be known before long work; nothing is left there."""
    try:
        if path.is_dir():
            raise error("cannot be written", where=str(path), expected="a file", got="a folder")
        near = next(folder for folder in (path.absolute().parent, *path.absolute().parents) if folder.exists())
        with tempfile.TemporaryDirectory(prefix=f".{path.name[:40]}-", dir=near):
            pass
    except OSError as failure:
        raise error(f"cannot be written: {failure.strerror}", where=str(path)) from failure


def write_file(path: Path, content: str | bytes, error: type[AmosError]) -> None:
    """Write ``content``, text as UTF-8, to ``path`` whole or not at all.  Raises ``error`` if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as failure:
        raise error(f"cannot be written: {failure.strerror}", where=str(path)) from failure
