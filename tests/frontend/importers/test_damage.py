"""Damaged files at random: whatever is changed, the import ends in one line or in a network, never in a traceback."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from amos_hdl.errors import AmosError
from amos_hdl.frontend.importers.archive import read_program
from amos_hdl.frontend.importers.aten import graph_of
from amos_hdl.frontend.importers.onnx_float import import_float_onnx
from amos_hdl.frontend.importers.qonnx import import_qonnx
from tests.frontend.importers.models import zoo
from tests.frontend.importers.test_qonnx import Model

#: What takes the place of a value somewhere in a file.
VALUES = (None, 0, -1, 1 << 62, "x", [], {}, [1, 2, 3], 1e30, True, {"as_int": 5})


@pytest.fixture(scope="module")
def archive() -> dict[str, bytes]:
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(zoo(), (torch.zeros(2, 3, 16, 16),)), buffer)
    with zipfile.ZipFile(buffer) as file:
        return {name: file.read(name) for name in file.namelist()}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of every part of a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, part in parts for place in places(part, (*path, key))]


def one_line(function: Any) -> bool:
    """Return whether ``function`` refused; what it says must be one line, and of the project's own errors."""
    try:
        function()
    except AmosError as error:
        assert "\n" not in str(error)
        return True
    return False


def test_programs(archive: dict[str, bytes]) -> None:
    draw, refused = np.random.default_rng(0), 0
    names = [name for name in archive if name.endswith(("model.json", "model_weights_config.json"))]
    for _ in range(150):
        name = names[draw.integers(len(names))]
        content = json.loads(archive[name])
        known = [place for place in places(content) if "metadata" not in place]
        *path, last = known[draw.integers(len(known))]
        part = content
        for key in path:
            part = part[key]
        part[last] = VALUES[draw.integers(len(VALUES))]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            for other, data in archive.items():
                file.writestr(other, json.dumps(content).encode() if other == name else data)
        buffer.seek(0)
        refused += one_line(lambda buffer=buffer: graph_of(read_program(buffer, "zoo")))
    assert refused > 30


def test_onnx(tmp_path: Path) -> None:
    draw, refused = np.random.default_rng(0), 0
    model = Model(2, 6, 6).quant(1.0, 4, 0, 0).matmul(np.ones((3, 2, 3, 3), int), 0.5, "Conv", pads=[1, 1, 1, 1])
    model.add("Relu").quant(0.5, 3, 0, 0).add("MaxPool", kernel_shape=[2, 2], strides=[2, 2]).add("Flatten")
    good = model.matmul(np.ones((27, 4), int)).save(tmp_path, 4).read_bytes()
    path = tmp_path / "damaged.onnx"
    for _ in range(150):
        data = bytearray(good[: draw.integers(len(good))] if draw.random() < 0.1 else good)
        for _ in range(draw.integers(1, 4)):
            if data:
                data[draw.integers(len(data))] = draw.integers(256)
        path.write_bytes(data)
        refused += one_line(lambda: import_qonnx(path, "net")) + one_line(lambda: import_float_onnx(path))
    assert refused > 100
