from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.onnx_float import _FUNCTIONS, import_float_onnx
from tests.frontend.importers.models import ACTIVATIONS, images, zoo


def saved(
    folder: Path, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], shape: list[int], output: str = "y"
) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


def run(path: Path, x: np.ndarray) -> np.ndarray:
    """Return what ONNX Runtime gives, image by image."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": image[None].astype(np.float32)})[0] for image in x])


def equal(path: Path, x: np.ndarray) -> None:
    wanted = run(path, x)
    assert np.abs(import_float_onnx(path)(x) - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_a_network_that_pytorch_exported(tmp_path: Path) -> None:
    """The zoo of operations, through PyTorch's own ONNX exporter."""
    pytest.importorskip("onnxscript")
    # these are written as a comparison and a choice, which are no functions of one tensor
    written = (torch.nn.Threshold, torch.nn.Softplus, torch.nn.CELU)
    functions = tuple(module for module in ACTIVATIONS if not isinstance(module, written))
    module, path = zoo(functions), tmp_path / "zoo.onnx"
    x = images(4)
    torch.onnx.export(module, (x[:1],), path, dynamo=True, external_data=False, verbose=False, input_names=["x"])
    with torch.no_grad():
        wanted = module(x).numpy()
    assert np.abs(import_float_onnx(path)(x.numpy()) - wanted).max() <= 1e-5 * np.abs(wanted).max()


def inside(kind: str, x: np.ndarray) -> np.ndarray:
    """Return ``x`` moved to where a function is finite."""
    if kind in ("Log", "Sqrt", "Reciprocal"):
        return np.abs(x) + 0.1
    return 1 + np.abs(x) if kind == "Acosh" else 0.9 * np.tanh(x) if kind in ("Asin", "Acos", "Atanh") else x


@pytest.mark.parametrize("kind", sorted({*_FUNCTIONS} - {"Swish"}))
def test_each_function(tmp_path: Path, kind: str) -> None:
    nodes = [helper.make_node(kind, ["x"], ["y"])]
    x = np.random.default_rng(0).normal(0, 2, (5, 6)).astype(np.float32)
    equal(saved(tmp_path, nodes, {}, [6]), inside(kind, x))


def test_what_pytorch_does_not_write(tmp_path: Path) -> None:
    """MatMul with Add, Gemm with factors, batch norm, Split paddings, old Slice and Pad, Squeeze, ReduceMean."""
    random = np.random.default_rng(1)
    constants = {
        "w": random.normal(0, 1, (4, 3, 2, 3)).astype(np.float32),
        "b": random.normal(0, 1, 4).astype(np.float32),
        "g": random.normal(0, 1, (5, 8)).astype(np.float32),
        "h": random.normal(0, 1, 5).astype(np.float32),
        "m": random.normal(0, 1, (5, 3)).astype(np.float32),
        "n": random.normal(0, 1, (1, 3)).astype(np.float32),
        **{name: np.abs(random.normal(1, 0.1, 4)).astype(np.float32) for name in ("s", "o", "mu", "va")},
        "pads": np.array([0, 2, 1, 0, 0, 2, 0, 1], np.int64),
        "starts": np.array([1, 0], np.int64),
        "ends": np.array([1 << 40, -1], np.int64),
        "axes": np.array([2, 3], np.int64),
        "steps": np.array([2, 1], np.int64),
        "half": np.float32(0.5),
        "low": np.float32(-0.25),
        "flat": np.array([2, 3], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], pads=[1, 0, 0, 1], strides=[1, 2]),
        helper.make_node("BatchNormalization", ["a", "s", "o", "mu", "va"], ["c"], epsilon=0.01),
        helper.make_node("Clip", ["c", "low"], ["d"]),
        helper.make_node("Slice", ["d", "starts", "ends", "axes", "steps"], ["e"]),
        helper.make_node("Pad", ["e", "pads"], ["f"]),
        helper.make_node("MaxPool", ["f"], ["i"], kernel_shape=[2, 2], strides=[1, 1]),
        helper.make_node("ReduceMean", ["i", "flat"], ["j"], keepdims=0),
        helper.make_node("Gemm", ["j", "g", "h"], ["k"], transB=1, alpha=0.5, beta=2.0),
        helper.make_node("Sub", ["half", "k"], ["l"]),
        helper.make_node("Div", ["l", "half"], ["p"]),
        helper.make_node("MatMul", ["p", "m"], ["q"]),
        helper.make_node("Add", ["q", "n"], ["r"]),
        helper.make_node("Softmax", ["r"], ["y"]),
    ]
    path = saved(tmp_path, nodes, constants, [3, 7, 9])
    x = random.normal(0, 1, (4, 3, 7, 9)).astype(np.float32)
    mine = np.exp(import_float_onnx(path)(x).astype(float))
    assert np.abs(mine / mine.sum(1, keepdims=True) - run(path, x)).max() < 1e-6


def test_functions_of_channels_bounds_parts_and_pools_that_reach_beyond(tmp_path: Path) -> None:
    constants = {
        "slopes": np.array([0.3, -0.2, 1.5, 0.0], np.float32).reshape(4, 1, 1),
        "low": np.float32(-0.7),
        "lows": np.array([-0.3, 0.0, 0.1, 0.4], np.float32).reshape(1, 4, 1, 1),
        "high": np.float32(1.2),
        "sizes": np.array([1, 3], np.int64),
        "w": np.random.default_rng(4).normal(0, 1, (3, 4)).astype(np.float32),
    }
    nodes = [
        helper.make_node("PRelu", ["x", "slopes"], ["a"]),
        helper.make_node("Max", ["low", "a", "lows"], ["b"]),
        helper.make_node("Min", ["b", "high"], ["c"]),
        helper.make_node("Split", ["c", "sizes"], ["d", "e"], axis=1),
        helper.make_node("Concat", ["e", "d"], ["f"], axis=1),
        helper.make_node("MaxPool", ["f"], ["g"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 1, 0], ceil_mode=1),
        helper.make_node("AveragePool", ["g"], ["h"], kernel_shape=[2, 1], strides=[2, 1], ceil_mode=1),
        helper.make_node("Sum", ["h", "h", "h"], ["i"]),
        helper.make_node("GlobalAveragePool", ["i"], ["j"]),
        helper.make_node("Flatten", ["j"], ["k"]),
        helper.make_node("Gemm", ["k", "w"], ["y"], transB=1),
    ]
    x = np.random.default_rng(5).normal(0, 1, (4, 4, 8, 11)).astype(np.float32)
    equal(saved(tmp_path, nodes, constants, [4, 8, 11]), x)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            helper.make_node("LSTM", ["x", "w", "w"], ["y"]),
            r"node y \(LSTM\): unsupported operation: got LSTM; recurrent layers are not supported: unroll",
        ),
        (helper.make_node("Det", ["x"], ["y"]), r"node y \(Det\): unsupported operation: expected one of Abs, Acos"),
        (
            helper.make_node("Where", ["x", "x", "x"], ["y"]),
            r"node y \(Where\): unsupported .*; comparisons and choices",
        ),
        (helper.make_node("Max", ["x", "x"], ["y"]), r"node y \(Max\): Max of several tensors: .*; write b \+ Relu"),
        (helper.make_node("Relu", ["z"], ["y"]), r"node y \(Relu\): tensor that nothing gives: got 'z'"),
        (helper.make_node("MatMul", ["w", "x"], ["y"]), r"node y \(MatMul\): input 0: .* tensor of the image"),
        (helper.make_node("MatMul", ["x", "x"], ["y"]), r"node y \(MatMul\): input 1: expected a constant"),
        (helper.make_node("Div", ["w", "x"], ["y"]), r"node y \(Div\): division by a tensor of the image"),
        (helper.make_node("Concat", ["x", "x"], ["y"], axis=0), r"node y \(Concat\): axis of a concatenation"),
        (
            helper.make_node("MatMul", ["x", "e"], ["y"]),
            r"constant e: value: expected finite numbers, got inf at \(0, 1\)",
        ),
        (helper.make_node("Identity", ["w"], ["y"]), r"output does not depend on the image"),
    ],
)
def test_what_is_wrong_is_named_with_its_node(tmp_path: Path, node: onnx.NodeProto, message: str) -> None:
    constants = {"w": np.ones((4, 4), np.float32)}
    if "e" in node.input:
        constants["e"] = np.array([[0, np.inf]], np.float32)
    path = saved(tmp_path, [node], constants, [4])
    with pytest.raises(ImportedModelError, match=rf"model\.onnx[,:] {message}") as caught:
        import_float_onnx(path)
    assert "\n" not in str(caught.value)


def test_weights_in_other_files_are_not_read(tmp_path: Path) -> None:
    path = saved(tmp_path, [helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": np.ones((4, 4), np.float32)}, [4])
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(
        ImportedModelError, match=r"constant w: weights in another file, which is not read; .*external_data=False"
    ):
        import_float_onnx(path)
