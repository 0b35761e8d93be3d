"""An ONNX file as plain data: nodes, constants, one input and one output; nothing in it is ever run as code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import ImportedModelError, ToolError

#: Largest model file, in bytes: protobuf's own limit.
FILE_LIMIT_BYTES = (1 << 31) - 1
#: Most nodes of a graph.
NODE_LIMIT = 100_000

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the file.

    Members
    -------
    kind, domain : str
        ``MatMul``, ``Quant``, ...; the domain is empty for ONNX's own.
    place : str
        How errors name it: its name and kind, the name being its first output's where it has none.
    inputs, outputs : tuple of str
        Names of tensors; empty for an optional input that is left out.
    attributes : mapping of str to number, str, bytes, list or array
    """

    kind: str
    domain: str
    place: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A file's graph.

    Members
    -------
    path : Path
    input, output : str
        Names of the tensors that enter and leave.
    shape : tuple of int
        Of one image as the model takes it, without the batch axis.
    nodes : tuple of Node
        Each after those whose results it uses.
    constants : mapping of tensor name to array
        Finite where they are floats.
    opset : int
        Version of ONNX's own operations.
    """

    path: Path
    input: str
    output: str
    shape: tuple[int, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    opset: int

    def where(self, node: Node) -> str:
        """Return file and place of ``node``, for errors."""
        return f"{self.path}, {node.place}"

    @property
    def is_quantized(self) -> bool:
        """Whether it has operations of QONNX, so that its numbers are integers already."""
        return any(node.kind in QUANTIZERS for node in self.nodes)


#: Operations of QONNX that give integers times a scale.
QUANTIZERS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold"})


def read_onnx(path: Path) -> OnnxModel:
    """Read the ONNX or QONNX file ``path``.

    Raises
    ------
    ImportedModelError
        If the file is missing, truncated, no ONNX model, keeps weights in other files, has weights that are not
        finite, or has more than one input or output.
    ToolError
        If the package onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as failure:
        raise ToolError("the package onnx is not installed", hint='pip install "amos-hdl[onnx]"') from failure
    where = str(path)
    try:
        if path.stat().st_size > FILE_LIMIT_BYTES:
            raise ImportedModelError("file too large", where=where, expected=f"at most {FILE_LIMIT_BYTES} bytes")
        data = path.read_bytes()
    except OSError as failure:
        raise ImportedModelError(f"cannot be read: {failure.strerror}", where=where) from failure
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError, RuntimeError, RecursionError) as failure:
        raise ImportedModelError("truncated or not an ONNX model", where=where) from failure
    try:
        return _graph(model, path, onnx)
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError, MemoryError) as failure:
        # texts that are no texts, shapes that are no shapes
        got = str(failure)[:100]
        raise ImportedModelError("truncated or not an ONNX model", where=where, got=got) from failure


def _graph(model: Any, path: Path, onnx: Any) -> OnnxModel:
    """Return the graph of a parsed file, or raise what Python raises on damaged parts."""
    where = str(path)
    graph = model.graph
    if not 1 <= len(graph.node) <= NODE_LIMIT or model.ir_version < 1:
        expected = f"1 to {NODE_LIMIT} nodes"
        raise ImportedModelError("not an ONNX model", where=where, expected=expected, got=f"{len(graph.node)}")
    constants = {tensor.name: _constant(tensor, where, onnx) for tensor in graph.initializer}
    nodes = []
    for number, proto in enumerate(graph.node):
        place = f"node {proto.name or (proto.output[0] if proto.output else number)} ({proto.op_type})"
        if not all(isinstance(text, str) for text in (proto.op_type, proto.domain, place, *proto.input, *proto.output)):
            raise TypeError("a name that is no text")
        attributes = {attribute.name: _attribute(attribute, f"{where}, {place}", onnx) for attribute in proto.attribute}
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        nodes.append(Node(proto.op_type, domain, place, tuple(proto.input), tuple(proto.output), attributes))
    inputs = [value for value in graph.input if value.name not in constants]
    for what, values in (("input", inputs), ("output", graph.output)):
        if len(values) != 1:
            got = ", ".join(value.name for value in values) or "none"
            raise ImportedModelError(f"{what}s of the model", where=where, expected=f"one {what}", got=got)
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)
    model_input = inputs[0]
    shape = _shape(model_input, where)
    return OnnxModel(path, model_input.name, graph.output[0].name, shape, tuple(nodes), constants, opset)


def _constant(tensor: Any, where: str, onnx: Any) -> Array:
    place = f"{where}, constant {tensor.name}"
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        hint = "save the model as one file: torch.onnx.export(..., external_data=False), or onnx.save after onnx.load"
        raise ImportedModelError("weights in another file, which is not read", where=place, hint=hint)
    try:
        array: Array = np.asarray(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, MemoryError, RuntimeError) as failure:
        raise ImportedModelError("damaged", where=place, got=str(failure)[:120]) from failure
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ImportedModelError("value", where=place, expected="finite numbers", got=_first_wrong(array))
    return array


def _first_wrong(array: Array) -> str:
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[index]} at {index}"


def _attribute(attribute: Any, place: str, onnx: Any) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return _constant(value, place, onnx)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if attribute.type in (onnx.AttributeProto.FLOAT, onnx.AttributeProto.INT, onnx.AttributeProto.FLOATS):
        return value
    if attribute.type == onnx.AttributeProto.INTS:
        return list(value)
    return value


def _shape(value: Any, where: str) -> tuple[int, ...]:
    """Return the shape of one image: all axes but the first, which is the batch."""
    axes = value.type.tensor_type.shape.dim
    lengths = tuple(axis.dim_value for axis in axes[1:])
    if len(axes) < 2 or any(length < 1 for length in lengths) or math.prod(lengths) > 1 << 24:
        got = str([axis.dim_value or axis.dim_param or "?" for axis in axes])
        place = f"{where}, input {value.name}"
        raise ImportedModelError("shape of the input", where=place, expected="(batch, ...), fixed lengths", got=got)
    return lengths
