"""QONNX files built node by node, and their networks compared with the executor of the package qonnx."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.importers.qonnx import import_qonnx
from amos_hdl.network import golden
from tests.frontend.importers.executor import executed

DOMAIN = "qonnx.custom_op.general"
RAW = PixelCode(0, 15, 1.0)


class Model:
    """Builds a QONNX file node by node."""

    def __init__(self, *shape: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.shape, self.last = shape or (8,), "x"

    def add(self, kind: str, *constants: object, domain: str = "", first: bool = True, **attributes: object) -> "Model":
        names = []
        for constant in constants:
            names.append(f"c{len(self.constants)}")
            self.constants[names[-1]] = np.asarray(constant, np.float32)
        inputs = [self.last, *names] if first else [*names, self.last]
        self.last = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, inputs, [self.last], f"n{len(self.nodes)}", domain=domain, **attributes)
        )
        return self

    def quant(self, scale: object, bits: int, zero: float = 0, signed: int = 1, **more: object) -> "Model":
        attributes = {"signed": signed, "narrow": 0, "rounding_mode": "ROUND"} | more
        return self.add("Quant", scale, zero, bits, domain=DOMAIN, **attributes)

    def matmul(self, integers: np.ndarray, scale: object = 1.0, kind: str = "MatMul", **more: object) -> "Model":
        """Multiply by quantized weights, ``(input, output)``; or ``(channel, input, row, column)`` of a Conv."""
        self.constants |= {
            f"w{len(self.nodes)}": (integers * np.asarray(scale)).astype(np.float32),
            f"s{len(self.nodes)}": np.asarray(scale, np.float32),
            f"z{len(self.nodes)}": np.float32(0),
            f"b{len(self.nodes)}": np.float32(8),
        }
        number = len(self.nodes)
        names = [f"{letter}{number}" for letter in "wszb"]
        attributes = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
        self.nodes.append(helper.make_node("Quant", names, [f"q{number}"], domain=DOMAIN, **attributes))
        self.nodes.append(helper.make_node(kind, [self.last, f"q{number}"], [f"t{number}"], f"mm{number}", **more))
        self.last = f"t{number}"
        return self

    def batch_norm(self, random: np.random.Generator, channels: int) -> "Model":
        gamma = random.normal(0, 1, channels)  # both signs: some channels fall
        return self.add(
            "BatchNormalization", gamma, *random.normal(0, 3, (2, channels)), random.uniform(20, 90, channels)
        )

    def save(self, folder: Path, outputs: int) -> Path:
        graph = helper.make_graph(
            self.nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *self.shape])],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, [1, outputs])],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", 11), helper.make_opsetid(DOMAIN, 1)]
        path = folder / "model.onnx"
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        return path


def equal(path: Path, pixels: PixelCode = RAW, images: int = 3000) -> golden.Trace:
    """Check every output of ``path`` on random images, and return what the integer network did."""
    imported = import_qonnx(path, "net", pixels)
    random = np.random.default_rng(1)
    data = random.integers(pixels.low, pixels.high + 1, (images, imported.network.input.units))
    trace = golden.run(imported.network, data)
    wanted = executed(path, pixels.floats(data, imported.network.input.shape))
    assert imported.uncertain == {} and imported.bit_exact
    assert imported.read_back(trace.values["logits"]).tobytes() == wanted.tobytes()
    if "winner" in trace.values:
        assert np.array_equal(trace.values["winner"][:, 0], wanted.argmax(1))
    return trace
