"""A cache for the C++ run-time library: the same objects in every simulation, and most of a small build's time.

make itself is asked which command makes each object.  That text, the compiler, and the content of Verilator's include
folder are the key: an object is reused only where the very same command on the very same files would make it again.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from amos_hdl.simulate.verilator import Verilator


class RuntimeObjects:
    """The run-time objects of one build.

    Parameters
    ----------
    verilator : Verilator
        Whose run-time library it is.
    cache : Path
        Folder of the stored objects, shared between builds and processes.
    object_folder : Path
        Where make leaves objects; the generated makefiles are there already.
    make : Sequence[str]
        The make command without targets.
    """

    def __init__(self, verilator: Verilator, *, cache: Path, object_folder: Path, make: Sequence[str]) -> None:
        self._verilator = verilator
        self._cache = cache
        self._folder = object_folder
        self._make = tuple(make)
        self._stored = {name: cache / f"{key}.o" for name, key in self._keys().items()}

    def restore(self) -> int:
        """Put stored objects where make looks for them, and return how many."""
        count = 0
        for name, stored in self._stored.items():
            # copyfile, not copy: the new time stamp is what tells make that the object is up to date.
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(stored, self._folder / name)
                count += 1
        return count

    def store(self) -> None:
        """Keep the objects that make has just made."""
        self._cache.mkdir(parents=True, exist_ok=True)
        for name, stored in self._stored.items():
            if not stored.exists() and (self._folder / name).is_file():
                handle, partial = tempfile.mkstemp(dir=self._cache, suffix=".partial")
                os.close(handle)
                try:
                    shutil.copyfile(self._folder / name, partial)
                    Path(partial).replace(stored)
                finally:
                    Path(partial).unlink(missing_ok=True)

    def _keys(self) -> dict[str, str]:
        names = _global_objects(self._folder)
        if not names:
            return {}
        answer = subprocess.run(
            [*self._make, "-n", *names],
            cwd=self._folder,
            env=self._verilator.full_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if answer.returncode != 0:
            return {}  # The real make will say why.
        base = f"{self._verilator.compiler_version}\n{_tree_digest(self._verilator.root / 'include')}\n"
        keys = {}
        for line in answer.stdout.splitlines():
            match = re.search(r" -c -o (\S+\.o) ", line)
            if match and match[1] in names:
                keys[match[1]] = hashlib.sha256((base + line.strip()).encode()).hexdigest()
        return keys


def _global_objects(folder: Path) -> list[str]:
    classes = (folder / "Vtop_classes.mk").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"^VM_GLOBAL_(?:FAST|SLOW)[ \t]*\+=(.*)$", classes, re.MULTILINE)
    return [f"{name}.o" for names in found for name in names.split()]


def _tree_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".h", ".cpp", ".mk"):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()
