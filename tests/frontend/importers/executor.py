"""The reference for QONNX files: the executor of the package qonnx, node by node on ONNX Runtime."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest


def executed(path: Path, images: np.ndarray) -> np.ndarray:
    """Return the outputs of the file at ``path`` for float32 ``images``, all at once."""
    modelwrapper = pytest.importorskip("qonnx.core.modelwrapper")
    from qonnx.core.onnx_exec import execute_onnx

    model = onnx.load(path)
    # the batch axis, 1 in the file, takes all images; what was inferred for one image goes
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = len(images)
    del model.graph.value_info[:]
    from qonnx.transformation.infer_shapes import InferShapes

    wrapper = modelwrapper.ModelWrapper(model).transform(InferShapes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = model.graph.input[0].name
        outputs = execute_onnx(wrapper, {name: images.reshape(len(images), *_shape(model))})
    return next(iter(outputs.values()))


def _shape(model: onnx.ModelProto) -> list[int]:
    return [axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim][1:]
