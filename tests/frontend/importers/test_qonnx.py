"""Imported QONNX networks against the executor of the package qonnx, bit for bit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from amos_hdl.errors import AmosError, ImportedModelError
from amos_hdl.frontend.data_files import read_mnist
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.importers.qonnx import import_qonnx
from amos_hdl.network import Argmax, Dense, Unit, golden
from tests.conftest import ROOT
from tests.frontend.importers.executor import executed
from tests.frontend.importers.qonnx_files import DOMAIN, RAW, Model, equal
from tests.frontend.shared_data import shared


@pytest.mark.parametrize(("file", "right"), [("TFC_1W1A", 9296), ("TFC_2W2A", 9660)])
def test_every_logit_of_all_mnist_test_images(file: str, right: int) -> None:
    path, test = shared(f"models/{file}.onnx"), read_mnist(shared("mnist")).test
    images = test.pixels.reshape(10_000, -1)
    imported = import_qonnx(path, file.lower())
    trace = golden.run(imported.network, images)
    wanted = executed(path, PixelCode().floats(images, (1, 28, 28)))
    assert imported.uncertain == {}
    assert imported.read_back(trace.values["logits"]).tobytes() == wanted.tobytes()
    assert np.array_equal(trace.values["winner"][:, 0], wanted.argmax(1))
    assert int((trace.values["winner"][:, 0] == test.labels).sum()) == right


@pytest.mark.parametrize("rounding", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"])
@pytest.mark.parametrize(("signed", "narrow", "zero"), [(1, 0, 0), (1, 1, 0), (0, 0, 3), (0, 1, 0)])
def test_quantizers_of_every_rounding(tmp_path: Path, rounding: str, signed: int, narrow: int, zero: float) -> None:
    """Scales of 2 and 0.5 put integers on the ties of every rounding."""
    random = np.random.default_rng(3)
    model = Model().quant(2.0, 3, zero, signed, narrow=narrow, rounding_mode=rounding)
    model.matmul(random.integers(-3, 4, (8, 6))).quant(0.5 * 2**4, 4, rounding_mode=rounding)
    equal(model.matmul(random.integers(-3, 4, (6, 5))).save(tmp_path, 5))


@pytest.mark.parametrize("seed", range(4))
def test_odd_scales_batch_norms_and_biases(tmp_path: Path, seed: int) -> None:
    """Scales that are no powers of two, per channel, and channels that fall with the sum."""
    random = np.random.default_rng(seed)
    model = Model().quant(1.0, 4, 0, 0)
    model.matmul(random.integers(-7, 8, (8, 12)), 2.0 ** random.integers(-3, 2, 12))
    model.batch_norm(random, 12).add("Mul", random.uniform(0.1, 3, 12)).add("Relu").quant(0.3217, 3, 0, 0)
    model.matmul(random.integers(-3, 4, (12, 6)), 0.0713).add("Add", random.normal(0, 1, 6))
    # sums of powers of two last: then the outputs are equal in every bit, which they can't be if one code differs
    model.batch_norm(random, 6).add("Div", 0.77).quant(1.0, 4)
    model.matmul(random.integers(-7, 8, (6, 4)), 0.25).add("Add", random.normal(0, 1, 4))
    trace = equal(model.save(tmp_path, 4))
    assert "winner" in trace.values
    assert trace.values["hidden2"].min() < 0 < trace.values["hidden2"].max()


def test_outputs_of_odd_scales_are_equal_but_for_the_order_of_float_sums(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    model = Model().quant(1.0, 4, 0, 0).matmul(random.integers(-7, 8, (8, 6)))
    model.add("MultiThreshold", random.normal(0, 20, (6, 3)), domain=DOMAIN, out_dtype="INT4", out_scale=0.37)
    path = model.matmul(random.integers(-7, 8, (6, 4)), 0.11).save(tmp_path, 4)
    imported = import_qonnx(path, "net", RAW)
    data = random.integers(0, 16, (1000, 8))
    logits = golden.run(imported.network, data).values["logits"]
    wanted = executed(path, data.astype(np.float32))
    assert imported.uncertain == {} and not imported.bit_exact
    # one code, the least that could differ, is 0.37·0.11: ten thousand times what is allowed here
    assert np.abs(imported.read_back(logits) - wanted).max() < 0.37 * 0.11 / 10_000


def test_thresholds_where_scales_are_powers_of_two_are_exact_at_every_potential(tmp_path: Path) -> None:
    """One input of weight 1: all 4,096 potentials, each compared."""
    random = np.random.default_rng(0)
    model = Model(1).quant(1.0, 12, 0, 0).matmul(np.ones((1, 16), int))
    model.batch_norm(random, 16).quant(0.9371, 6).matmul(np.eye(16, dtype=int))
    path = model.save(tmp_path, 16)
    imported = import_qonnx(path, "net", PixelCode(0, 4095, 1.0))
    data = np.arange(4096)[:, None]
    trace = golden.run(imported.network, data)
    assert imported.read_back(trace.values["logits"]).tobytes() == executed(path, data.astype(np.float32)).tobytes()
    hidden = imported.network["hidden1"]
    assert isinstance(hidden, Unit) and hidden.gates == 6
    assert len({circuit.outputs[0] > 0 for circuit in hidden.circuits}) == 2, "some channels rise, others fall"


def test_multi_threshold_and_trunc(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    model = Model().quant(1.0, 4, 0, 0).matmul(random.integers(-3, 4, (8, 6)))
    thresholds = np.sort(random.normal(0, 20, (6, 5)).round(1), axis=1)
    model.add("MultiThreshold", thresholds, domain=DOMAIN, out_dtype="INT4", out_scale=0.5, out_bias=-1.5)
    equal(model.matmul(random.integers(-3, 4, (6, 5))).save(tmp_path, 5))
    model = Model().quant(1.0, 4, 0, 0).matmul(random.integers(-3, 4, (8, 6)))
    model.add("Trunc", 1.0, 0.0, 8.0, 5.0, domain=DOMAIN, rounding_mode="FLOOR")
    equal(model.matmul(random.integers(-3, 4, (6, 5))).save(tmp_path, 5))


def test_bipolar_units_are_one_gate(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    model = Model().quant(1.0, 4, 0, 0).matmul(random.integers(-3, 4, (8, 6))).batch_norm(random, 6)
    model.add("BipolarQuant", 0.5, domain=DOMAIN).matmul(random.choice([-1, 1], (6, 5)))
    path = model.save(tmp_path, 5)
    equal(path)
    hidden = import_qonnx(path, "net", RAW).network["hidden1"]
    assert isinstance(hidden, Unit) and hidden.gates == 1
    assert all({circuit.offset, circuit.offset + circuit.outputs[0]} == {-1, 1} for circuit in hidden.circuits)


@pytest.mark.parametrize("seed", range(3))
def test_convolutions_pools_and_sums(tmp_path: Path, seed: int) -> None:
    """Padding, stride, groups, a pool before the quantizer, two branches on one scale, a mean, and flattening."""
    random = np.random.default_rng(seed)
    model = Model(2, 8, 8).quant(1.0, 4, 0, 0)
    model.matmul(random.integers(-3, 4, (6, 2, 3, 3)), 0.25, "Conv", pads=[1, 1, 1, 1])
    model.batch_norm(random, 6).add("Relu").quant(0.5, 3, 0, 0)
    short = model.last
    model.matmul(random.integers(-3, 4, (6, 3, 3, 3)), 0.5, "Conv", pads=[1, 1, 1, 1], group=2)
    model.batch_norm(random, 6).quant(0.25, 4)
    model.nodes.append(helper.make_node("Add", [model.last, short], ["both"], "both"))
    model.last = "both"
    model.add("Relu").add("MaxPool", kernel_shape=[2, 2], strides=[2, 2]).quant(0.7311, 3, 0, 0)
    model.add("Mul", 1 / 0.7311).quant(1.0, 3, 0, 0)
    model.matmul(random.integers(-3, 4, (4, 6, 2, 2)), 1.0, "Conv", strides=[2, 2])
    model.add("Mul", np.array([0.3, 0.31, 0.37, 0.4]).reshape(1, 4, 1, 1)).quant(1.0, 4)
    model.add("AveragePool", kernel_shape=[2, 2], strides=[1, 1]).quant(0.25, 6).add("Flatten")
    path = model.matmul(random.integers(-3, 4, (4, 3)), 0.5).save(tmp_path, 3)
    trace = equal(path, images=200)
    assert trace.values["hidden1"].shape[1:] == (6, 8, 8)
    assert (np.ptp(trace.values["logits"], axis=0) > 4).all(), "images must differ, or nothing is compared"


def joined(model: Model, first: str, axis: int = 1) -> Model:
    """Concatenate the last tensor of ``model`` to the tensor ``first``."""
    model.nodes.append(helper.make_node("Concat", [first, model.last], ["both"], "both", axis=axis))
    model.last = "both"
    return model


@pytest.mark.parametrize("scale", [0.25, 0.3217])
def test_concatenated_branches_keep_their_own_scales(tmp_path: Path, scale: float) -> None:
    """Of one scale or, in front of a quantizer, of any; the branches have different formulas, one falls."""
    random = np.random.default_rng(11)
    model = Model(2, 6, 6).quant(1.0, 4, 0, 0)
    image = model.last
    model.matmul(random.integers(-3, 4, (3, 2, 3, 3)), 0.25, "Conv").batch_norm(random, 3).quant(0.5, 3)
    first = model.last if scale == 0.25 else model.add("Mul", [[[1.3]], [[-0.7]], [[2.1]]]).last
    model.last = image
    model.matmul(random.integers(-3, 4, (4, 2, 3, 3)), 0.5, "Conv").batch_norm(random, 4).quant(scale, 4, 0, 0)
    joined(model, first)
    if scale != 0.25:
        model.add("Mul", -0.713).add("Relu").quant(0.25, 3, 0, 0)
    model.matmul(random.integers(-3, 4, (3, 7, 2, 2)), 0.5, "Conv", strides=[2, 2]).quant(2.0, 4).add("Flatten")
    trace = equal(model.matmul(random.integers(-3, 4, (12, 3)), 0.5).save(tmp_path, 3), images=300)
    assert trace.values["joined"].shape[1:] == (7, 4, 4)
    assert (np.ptp(trace.values["logits"], axis=0) > 4).all()


def test_concatenated_units(tmp_path: Path) -> None:
    random = np.random.default_rng(12)
    model = Model().quant(1.0, 4, 0, 0)
    image = model.last
    model.matmul(random.integers(-3, 4, (8, 5))).batch_norm(random, 5).quant(0.25, 3)
    joined(model, image, axis=-1)
    trace = equal(model.matmul(random.integers(-3, 4, (13, 4))).save(tmp_path, 4))
    assert trace.values["joined"].shape[1:] == (13,)


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_padding_is_the_integer_that_stands_for_its_value(tmp_path: Path, value: float) -> None:
    random = np.random.default_rng(13)
    model = Model(2, 4, 4).quant(1.0, 4, 0, 0)
    model.matmul(random.integers(-3, 4, (3, 2, 3, 3)), 0.25, "Conv").batch_norm(random, 3).quant(0.5, 4)
    model.constants |= {"widths": np.array([0, 0, 1, 2, 0, 0, 0, 1]), "value": np.float32(value)}
    model.nodes.append(helper.make_node("Pad", [model.last, "widths", "value"], ["padded"], "padded", mode="constant"))
    model.last = "padded"
    model.matmul(random.integers(-3, 4, (2, 3, 3, 3)), 0.5, "Conv").quant(2.0, 4).add("Flatten")
    trace = equal(model.matmul(random.integers(-3, 4, (6, 3)), 0.5).save(tmp_path, 3), images=300)
    assert (trace.values["padded"][:, :, 0] == value / 0.5).all()


def test_transpositions_that_move_no_element(tmp_path: Path) -> None:
    random = np.random.default_rng(14)
    model = Model(1, 3, 4).quant(1.0, 4, 0, 0).add("Transpose", perm=[0, 2, 1, 3]).add("Mul", 2.0)
    model.add("Transpose", perm=[0, 2, 1, 3]).add("Flatten")
    equal(model.matmul(random.integers(-3, 4, (12, 4))).save(tmp_path, 4))


def test_biases_of_convolutions_are_added_in_an_unknown_order(tmp_path: Path) -> None:
    """A bias that is no whole number of sums makes the order matter: thresholds near it are tried with both."""
    random = np.random.default_rng(4)
    model = Model(2, 4, 4).quant(1.0, 4, 0, 0)
    model.matmul(random.integers(-3, 4, (3, 2, 3, 3)), 1.0, "Conv")
    model.constants["bias"] = np.array([0.37, -1.81, 2.5], np.float32)
    model.nodes[-1].input.append("bias")
    model.quant(4.0, 4).add("Flatten")
    equal(model.matmul(random.integers(-3, 4, (12, 3)), 0.5).save(tmp_path, 3))


def test_biases_of_logits_keep_the_winner(tmp_path: Path) -> None:
    """Biases that are no whole numbers of logits: doubled sums make room, and the winner is always the file's."""
    random = np.random.default_rng(7)
    model = Model().quant(1.0, 4, 0, 0).matmul(random.integers(-1, 2, (8, 5)))
    path = model.add("Add", [0, 0.25, 0.5, -0.5, 1.25]).save(tmp_path, 5)
    trace = equal(path)
    logits = import_qonnx(path, "net", RAW).network["logits"]
    assert isinstance(logits, Dense) and logits.biases.tolist() == [0, 1, 2, -2, 5]
    assert len(np.unique(trace.values["winner"])) == 5


def test_logits_of_different_scales_leave_without_a_winner(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    model = Model().quant(1.0, 4, 0, 0).matmul(random.integers(-1, 2, (8, 5)), 2.0 ** np.arange(5))
    network = import_qonnx(model.save(tmp_path, 5), "net", RAW).network
    assert network.outputs == ("logits",) and not any(isinstance(op, Argmax) for op in network.operations)
    equal(tmp_path / "model.onnx")


def test_sums_whose_rounding_could_decide_are_counted(tmp_path: Path) -> None:
    """A threshold within the rounding error of a sum of odd scales: 0.1·(10·k) is not exactly k."""
    model = Model().quant(1.0, 4, 0, 0).matmul(np.full((8, 1), 10), 0.1).add("Sub", 16.0)
    model.add("BipolarQuant", 1.0, domain=DOMAIN)
    imported = import_qonnx(model.matmul(np.ones((1, 2), int)).save(tmp_path, 2), "net", RAW)
    assert imported.uncertain == {"hidden1": 1}


def test_neither_qonnx_nor_a_runtime_is_needed(tmp_path: Path) -> None:
    path = Model().quant(1.0, 4, 0, 0).matmul(np.ones((8, 3), int)).save(tmp_path, 3)
    script = (
        "import sys\n"
        "for name in ('qonnx', 'onnxruntime', 'torch', 'sklearn'): sys.modules[name] = None\n"
        "from pathlib import Path\n"
        "from amos_hdl.frontend.importers.qonnx import import_qonnx\n"
        f"print(import_qonnx(Path({str(path)!r}), 'net').network.outputs)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, env={**os.environ})
    assert done.stdout.strip() == "('logits', 'winner')", done.stderr


def test_bad_files(tmp_path: Path) -> None:
    path = Model().quant(1.0, 4, 0, 0).matmul(np.ones((8, 3), int)).save(tmp_path, 3)
    data = path.read_bytes()
    for content in (b"", data[: len(data) // 2], b"no model at all", b"\x80\x04\x95 pickle"):
        path.write_bytes(content)
        with pytest.raises(ImportedModelError, match=r"model\.onnx: (truncated or )?not an ONNX model") as caught:
            import_qonnx(path, "net")
        assert "\n" not in str(caught.value)
    with pytest.raises(ImportedModelError, match=r"absent\.onnx: cannot be read"):
        import_qonnx(tmp_path / "absent.onnx", "net")


def test_what_cannot_be_expressed_names_file_and_node(tmp_path: Path) -> None:
    ones = np.ones((8, 3), int)

    def refused(model: Model, message: str, outputs: int = 3) -> None:
        path = model.save(tmp_path, outputs)
        with pytest.raises(ImportedModelError, match=rf"model\.onnx, (node )?{message}"):
            import_qonnx(path, "net", RAW)

    refused(
        Model().quant(1.0, 4).matmul(ones).add("Sigmoid"), r"n3 \(Sigmoid\): unsupported operation: expected one of"
    )
    refused(Model().quant(1.0, 4).add("Relu").matmul(ones), r"mm2 \(MatMul\): weighted sum of numbers that are no int")
    refused(Model().quant(np.linspace(1, 1.7, 8), 4).matmul(ones), r"mm1 \(MatMul\): scales of the inputs")
    refused(Model().quant(1.0, 4).matmul(ones, np.linspace(1, 1.7, 8)[:, None]), r"mm1 \(MatMul\): scales of weights")
    halves = Model().quant(1.0, 4).matmul(ones)
    halves.constants["z1"] = np.float32(0.5)  # numbers at n + 1/2 are no integers
    refused(halves, r"q1 \(Quant\): zero point of constants: expected whole, got 0.5")
    refused(Model().quant(-1.0, 4).matmul(ones), r"n0 \(Quant\): scale of a quantizer: expected above 0, got -1.0")
    refused(Model().quant(1.0, 4, rounding_mode="ODD").matmul(ones), r"n0 \(Quant\): rounding_mode: .* got 'ODD'")
    refused(Model().quant(1.0, 4, signed=7).matmul(ones), r"n0 \(Quant\): signed: expected 0 or 1, got 7")
    refused(Model().quant(1.0, 4, narrow=-1).matmul(ones), r"n0 \(Quant\): narrow: expected 0 or 1, got -1")
    refused(Model().quant(1.0, 4).matmul(np.ones((7, 3), int)), r"mm1 \(MatMul\): shape of weights")
    refused(Model().quant(1.0, 4).matmul(ones * np.nan), r"constant w1: value: expected finite numbers, got nan")
    padded = Model(2, 4, 4).quant(1.0, 4, 0).add("Add", 0.5)
    refused(
        padded.matmul(np.ones((3, 2, 3, 3), int), 1.0, "Conv", pads=[1, 1, 1, 1]), r"mm2 \(Conv\): zeros of the padding"
    )
    falling = Model(2, 4, 4).quant(1.0, 4, 0).add("Mul", -1.0).add("MaxPool", kernel_shape=[2, 2])
    refused(falling, r"n2 \(MaxPool\): pool of values that fall with the sum; put the quantizer in front")
    turned = Model(2, 4, 4).quant(1.0, 4).add("Transpose", perm=[0, 2, 3, 1])
    refused(turned, r"n1 \(Transpose\): transposition: got \[0, 2, 3, 1\] of \(2, 4, 4\); keep channel, row, column")
    padded = Model(2, 4, 4).quant(1.0, 4)
    padded.add("Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1], value=0.5)
    refused(padded, r"n1 \(Pad\): padding with what is no integer: got 0.5; pad where")
    refused(Model(2, 4, 4).quant(1.0, 4).add("Pad", pads=[0, 1, 0, 0, 0, 0, 0, 0]), r"n1 \(Pad\): padding: expected c")
    model = Model(2, 4, 4).quant(1.0, 4)
    refused(
        joined(model.quant(0.5, 3), "t0", axis=2), r"both \(Concat\): axis of a concatenation: expected 1, channels"
    )
    model = Model().quant(1.0, 4)
    first = model.matmul(np.ones((8, 3), int)).quant(0.31, 3).last
    model.last = "t0"
    second = model.matmul(np.ones((8, 3), int)).quant(1.0, 3).last
    model.nodes.append(helper.make_node("Add", [first, second], ["both"], "both"))
    model.last = "both"
    refused(
        model, r"both \(Add\): scales of a sum: expected equal, or one a whole multiple of the other; share one scale"
    )
    refused(Model().quant(1.0, 4).matmul(ones).quant(1.0, 4), r"t3: output: expected a weighted sum last")
    with pytest.raises(AmosError, match="divisor"):
        PixelCode(0, 255, 0.0)
