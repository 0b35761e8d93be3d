"""PyTorch's exported programs (``.pt2``) as plain data, read without PyTorch.

``torch.export.load`` unpickles parts of such a file (``weights_only=False``) and evaluates expressions in it, so it
must not be given a file from elsewhere.  Here the archive's JSON and raw weights are read; pickled parts are refused.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError
from amos_hdl.network.archive import ZIP_DAMAGE

#: Largest archive when unpacked, in bytes: against archives made to fill the memory.
UNPACKED_LIMIT_BYTES = 1 << 32
#: Numbers of PyTorch's ScalarType in the archive: uint8, int8, int16, int32, int64, float32, float64, bool.
_TYPES = {1: np.uint8, 2: np.int8, 3: np.int16, 4: np.int32, 5: np.int64, 7: np.float32, 8: np.float64, 12: np.bool_}

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an operation.

    Members
    -------
    target : str
        ``conv2d.default``, of the namespace aten.
    place : str
        File, module and operation, for errors.
    arguments : mapping of parameter to value
        A tensor is a ``Name``; several tensors are a list of them.
    outputs : tuple of str
        Names of its results: several of a split.
    """

    target: str
    place: str
    arguments: Mapping[str, Any]
    outputs: tuple[str, ...]

    @property
    def output(self) -> str:
        """Name of its first result."""
        return self.outputs[0]


class Name(str):
    """The name of a tensor, to be told from a text."""


@dataclass(frozen=True, eq=False)
class Program:
    """An exported program.

    Members
    -------
    source : str
        File or module, for errors.
    image, output : str
        Names of the tensors that enter and leave.
    shape : tuple of int
        Of one image, without the batch axis.
    batch : int
        Length of the batch axis with which it was exported.
    calls : tuple of Call
    constants : mapping of tensor name to array
    """

    source: str
    image: str
    shape: tuple[int, ...]
    batch: int
    output: str
    calls: tuple[Call, ...]
    constants: Mapping[str, Array]


def read_program(file: Path | IO[bytes], source: str) -> Program:
    """Return the program in the archive ``file``.

    Raises ImportedModelError if it is missing, damaged, pickled, of another layout, has weights that are not finite,
    or more than one input or output.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _Reader(archive, source).program()
    except OSError as failure:
        raise ImportedModelError(f"cannot be read: {failure.strerror or failure}", where=source) from failure
    # whole, but its JSON is not of the layout that the reader goes through.  Asked first: JSON nested too deep raises
    # RecursionError, which is a RuntimeError, as zipfile's is
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as failure:
        got = f"{type(failure).__name__} {str(failure)[:80]}"
        raise ImportedModelError("damaged archive", where=source, got=got) from failure
    except ZIP_DAMAGE as failure:
        hint = "save it by torch.export.save; checkpoints and pickled modules hold code, which is never run"
        raise ImportedModelError("truncated or not an exported program", where=source, hint=hint) from failure


class _Reader:
    def __init__(self, archive: zipfile.ZipFile, source: str) -> None:
        self.archive, self.source = archive, source
        size = sum(entry.file_size for entry in archive.infolist())
        if size > UNPACKED_LIMIT_BYTES:
            expected = f"at most {UNPACKED_LIMIT_BYTES} bytes unpacked"
            raise ImportedModelError("archive too large", where=source, expected=expected, got=f"{size}")
        names = [name for name in archive.namelist() if name.endswith("/models/model.json")]
        if len(names) != 1:
            hint = "save it by torch.export.save of PyTorch >= 2.9; pickled modules are never loaded"
            expected = "one file models/model.json"
            raise ImportedModelError("not an exported program", where=source, expected=expected, hint=hint)
        self.root = names[0].removesuffix("models/model.json")

    def program(self) -> Program:
        model = json.loads(self.archive.read(f"{self.root}models/model.json"))
        graph, signature = model["graph_module"]["graph"], model["graph_module"]["signature"]
        weights, constants = self._tensors("weights"), self._tensors("constants")
        images, named = [], {}
        for spec in signature["input_specs"]:
            kind, content = next(iter(spec.items()))
            if kind == "user_input":
                images.append(content["arg"].get("as_tensor", {}).get("name"))
            elif kind in ("parameter", "buffer", "tensor_constant"):
                key = content.get(f"{kind}_name") or content.get("tensor_constant_name")
                tensors = constants if key not in weights else weights
                if key not in tensors:
                    raise ImportedModelError("weights missing", where=self.source, got=repr(key))
                named[content["arg"]["name"]] = tensors[key]
            else:
                raise ImportedModelError("kind of input", where=self.source, expected="tensors", got=repr(kind))
        outputs = [spec.get("user_output", {}).get("arg", {}).get("as_tensor") for spec in signature["output_specs"]]
        for what, found in (("inputs", images), ("outputs", outputs)):
            if len(found) != 1 or not found[0]:
                expected = f"one tensor as {what[:-1]}"
                raise ImportedModelError(
                    f"{what} of the program", where=self.source, expected=expected, got=f"{len(found)}"
                )
        sizes = [size.get("as_int", 1) for size in graph["tensor_values"][images[0]]["sizes"]]
        calls = tuple(self._call(node) for node in graph["nodes"])
        return Program(self.source, images[0], tuple(sizes[1:]), sizes[0], outputs[0]["name"], calls, named)

    def _call(self, node: Mapping[str, Any]) -> Call:
        module = str(node["metadata"].get("nn_module_stack", "")).rsplit(";", 1)[-1].split(",")
        path = module[1] if len(module) > 1 else ""
        label = f"{path} ({node['name']})" if path else node["name"]
        place = f"{self.source}, {label}"
        if not node["target"].startswith("torch.ops.aten."):
            expected = "operations of torch.ops.aten"
            raise ImportedModelError("unsupported operation", where=place, expected=expected, got=repr(node["target"]))
        arguments = {argument["name"]: _argument(argument["arg"]) for argument in node["inputs"]}
        first: Mapping[str, Any] = node["outputs"][0] if node["outputs"] else {}
        tensors = first.get("as_tensors") or ([first["as_tensor"]] if "as_tensor" in first else [])
        if not tensors:
            raise ImportedModelError("operation without a tensor as result", where=place, got=node["target"])
        outputs = tuple(tensor["name"] for tensor in tensors)
        return Call(node["target"].removeprefix("torch.ops.aten."), place, arguments, outputs)

    def _tensors(self, kind: str) -> dict[str, Array]:
        """Return the tensors of the archive's folder ``weights`` or ``constants`` by their name in the module."""
        folder = f"{self.root}data/{kind}/"
        config = json.loads(self.archive.read(f"{folder}model_{kind}_config.json"))["config"]
        return {name: self._tensor(name, folder, entry) for name, entry in config.items()}

    def _tensor(self, name: str, folder: str, entry: Mapping[str, Any]) -> Array:
        place = f"{self.source}, {name}"
        if entry["use_pickle"] or entry["tensor_meta"] is None:
            hint = "pickled parts are never loaded; save contiguous tensors"
            raise ImportedModelError("pickled tensor", where=place, expected="raw numbers", hint=hint)
        meta, data = entry["tensor_meta"], self.archive.read(folder + entry["path_name"])
        if meta["dtype"] not in _TYPES:
            hint = "export module.float()"
            got = f"PyTorch's ScalarType {meta['dtype']}"
            raise ImportedModelError("type of numbers", where=place, expected="float32", got=got, hint=hint)
        flat = np.frombuffer(data, np.dtype(_TYPES[meta["dtype"]]).newbyteorder("<"))
        sizes, strides = ([size["as_int"] for size in meta[key]] for key in ("sizes", "strides"))
        start = meta["storage_offset"]["as_int"]
        if any(size < 0 for size in (*sizes, *strides, start)):
            raise ImportedModelError("shape of a tensor", where=place, got=f"{sizes}, strides {strides}")
        last = start + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
        # as many numbers as entries: steps of 0 could make a terabyte out of one number
        needed = max(last + 1, math.prod(sizes))
        if 0 not in sizes and needed > len(flat):
            raise ImportedModelError("truncated tensor", where=place, expected=f"{needed} numbers", got=f"{len(flat)}")
        view = np.lib.stride_tricks.as_strided(flat[start:], sizes, [stride * flat.itemsize for stride in strides])
        array = np.array(view)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            wrong = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise ImportedModelError("weight", where=place, expected="finite numbers", got=f"{array[wrong]} at {wrong}")
        return array


def _argument(value: Mapping[str, Any]) -> Any:
    """Return the value of an argument: number, text, list, ``Name``, or None."""
    kind, content = next(iter(value.items()))
    if kind == "as_tensor":
        return Name(content["name"])
    if kind == "as_tensors":
        return [Name(entry["name"]) for entry in content]
    if kind == "as_none":
        return None
    if kind in ("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_string", "as_scalar_type"):
        return content
    return value  # symbolic sizes and the like: whoever needs it refuses it
