import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats import Activation, FloatGraph, Product
from amos_hdl.frontend.importers.pytorch import import_module, import_program
from tests.conftest import ROOT
from tests.frontend.importers.models import ACTIVATIONS, images, zoo

SHAPE = (3, 16, 16)


def equal(graph: FloatGraph, module: nn.Module, x: torch.Tensor) -> None:
    with torch.no_grad():
        wanted = module(x).numpy()
    assert np.abs(graph(x.numpy()) - wanted).max() <= 1e-5 * np.abs(wanted).max()


class One(nn.Module):
    """One function between two layers."""

    def __init__(self, function) -> None:
        super().__init__()
        self.first, self.function, self.last = nn.Conv2d(3, 4, 3), function, nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.function(self.first(x)).mean((2, 3)))


def test_every_operation_gives_what_the_module_gives() -> None:
    module = zoo(ACTIVATIONS)
    equal(import_module(module, SHAPE), module, images())
    assert not module.training


def prelu(slopes: list[float]) -> nn.PReLU:
    module = nn.PReLU(len(slopes))
    with torch.no_grad():
        module.weight.copy_(torch.tensor(slopes))
    return module


@pytest.mark.parametrize(
    "function",
    [
        prelu([0.3]),
        prelu([0.3, -0.2, 1.5, 0.0]),
        lambda x: torch.maximum(x, torch.tensor([-0.3, 0.0, 0.1, 0.4]).reshape(4, 1, 1)),
        lambda x: torch.minimum(torch.tensor(0.2), x),
        lambda x: x.clamp(torch.tensor(-0.4), torch.tensor([0.1, 0.2, 0.3, -0.9]).reshape(1, 4, 1, 1)),
        nn.RReLU(), nn.Hardshrink(0.2), nn.Softshrink(0.2), nn.Tanhshrink(),
        lambda x: torch.rsqrt(1 + torch.log2(2 + x.square())),
        lambda x: functional.glu(torch.cat([x, x * 2], 1), 1),
        lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
        lambda x: torch.cat(x.split([1, 3], 1)[::-1], 1),
        lambda x: x.split(5, 2)[1],
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.MaxPool2d((3, 5), (5, 3), (1, 2), ceil_mode=True),
    ],
)  # fmt: skip
def test_functions_of_channels_halves_and_pools_that_reach_beyond(function) -> None:
    one = One(function).eval()
    equal(import_module(one, SHAPE), one, 2 * images())


@pytest.mark.parametrize("module", ACTIVATIONS, ids=lambda module: type(module).__name__)
def test_each_function_alone(module: nn.Module) -> None:
    one = One(module).eval()
    equal(import_module(one, SHAPE), one, 2 * images())


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * torch.sigmoid(x),
        lambda x: x * functional.relu6(x + 3) / 6,
        lambda x: functional.relu_(x.clone()),
        lambda x: x.clamp(-0.5, 2),
        lambda x: 1 - torch.exp(-x.abs()),
        lambda x: x**2,
        lambda x: x / (1 + x.abs()),
        lambda x: -torch.tanh(x) * 2 + 1,
        lambda x: torch.sin(x) + x,
    ],
    ids=["swish", "hard swish", "in place", "clamp", "exp", "square", "quotient", "negative", "sum"],
)
def test_functions_written_out_are_one_activation(function) -> None:
    one = One(function).eval()
    graph = import_module(one, SHAPE)
    equal(graph, one, images())
    assert not any(isinstance(node, Product) for node in graph.nodes)
    assert any(isinstance(node, Activation) for node in graph.nodes)


def test_the_file_is_read_without_pytorch(tmp_path: Path) -> None:
    module, x = zoo(ACTIVATIONS), images()
    path = tmp_path / "zoo.pt2"
    torch.export.save(torch.export.export(module, (x[:2],)), path)
    np.save(tmp_path / "x.npy", x.numpy())
    script = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'sklearn'): sys.modules[name] = None\n"
        "from pathlib import Path; import numpy as np\n"
        "from amos_hdl.frontend.importers.pytorch import import_program\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "np.save(folder / 'y.npy', import_program(folder / 'zoo.pt2')(np.load(folder / 'x.npy')))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, env={**os.environ})
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(tmp_path / "y.npy"), import_module(module, SHAPE)(x.numpy()))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (nn.ConvTranspose2d(4, 4, 3), r"One, function \(conv_transpose2d\): unsupported operation: .*; use Conv2d"),
        (nn.Conv2d(4, 4, 3, dilation=2), r"One, function \(conv2d_1\): dilation: expected 1"),
        (nn.GroupNorm(2, 4), r"One, function \(group_norm\): unsupported operation: .*; use BatchNorm2d"),
        (
            nn.AvgPool2d(3, 2, 1, count_include_pad=False),
            r"One, function \(avg_pool2d\): count_include_pad: .*; let",
        ),
        (nn.AvgPool2d(2, divisor_override=3), r"One, function \(avg_pool2d\): divisor_override: .*; multiply the mean"),
        (
            nn.AdaptiveAvgPool2d(5),
            r"One, function \(adaptive_avg_pool2d\): adaptive pool: .*; use a pool",
        ),
        (lambda x: functional.pad(x, (1, 1, 1, 1), mode="reflect"), r"One, pad: mode of padding: .*; pad with zeros"),
        (
            nn.AvgPool2d(3, 2, ceil_mode=True),
            r"One, function \(avg_pool2d\): ceil_mode of a mean: expected windows that fit the map, \(14, 14\);",
        ),
        (nn.GLU(2), r"One, function \(glu\): halves of a gated linear unit: expected the channels, an even number"),
        (
            lambda x: torch.maximum(x, x.roll(1, 1)),
            r"One, roll: unsupported operation: got roll; turn the weights instead",
        ),
        (
            lambda x: torch.maximum(x, functional.relu(x)),
            r"One, maximum: maximum of two tensors: expected a constant; write b \+ relu\(a - b\)",
        ),
        (
            lambda x: torch.minimum(x, torch.tensor([0.5] * 14)),
            r"One, minimum: constant: expected one value, or one per channel, got shape \(14,\)",
        ),
        (lambda x: torch.where(x > 0, x, 0), r"One, gt: unsupported operation: got gt; comparisons and choices"),
        (lambda x: torch.polygamma(1, x), r"One, polygamma: unsupported operation: expected one of abs, acos, acosh"),
        (lambda x: x / x.mean((2, 3), keepdim=True), r"One, div: division of two tensors; only division by constants"),
        (lambda x: functional.pad(x, (1, 1), value=2.0), r"One, pad: value of padding: expected 0, got 2.0"),
        (
            lambda x: torch.softmax(x, 1),
            r"One, softmax: unsupported operation: .*; it is left out where it is the last",
        ),
        (lambda x: x.permute(0, 1, 3, 2), r"One, permute: unsupported operation: .*; keep the order"),
        (
            nn.BatchNorm2d(4, track_running_stats=False),
            r"One, function \(batch_norm\): batch norm in training mode; put",
        ),
    ],
)
def test_what_is_not_supported_is_named_with_its_place(function, message: str) -> None:
    with pytest.raises(ImportedModelError, match=f"^{message}") as caught:
        import_module(One(function).eval(), SHAPE)
    assert "\n" not in str(caught.value)


def test_a_module_that_cannot_be_traced_is_named() -> None:
    class Branches(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(ImportedModelError, match=r"^Branches: cannot be exported by torch\.export: got "):
        import_module(Branches(), SHAPE)
    with pytest.raises(ImportedModelError, match=r"^Linear: cannot be exported"):
        import_module(nn.Linear(3, 4), (5, 5))


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    """A pickle, a PyTorch checkpoint with a pickle, and an exported program with a pickled weight."""
    sprung = tmp_path / "sprung"
    path = tmp_path / "model.pt2"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(ImportedModelError, match=r"model\.pt2: truncated or not an exported program; save it by"):
        import_program(path)
    torch.save({"state_dict": Trap(sprung)}, path)
    with pytest.raises(ImportedModelError, match=r"model\.pt2: not an exported program: expected .*never loaded"):
        import_program(path)
    torch.export.save(torch.export.export(One(nn.ReLU()).eval(), (torch.zeros(2, *SHAPE),)), path)
    rewritten(path, lambda config: config["config"]["first.weight"].update(use_pickle=True), pickle.dumps(Trap(sprung)))
    with pytest.raises(ImportedModelError, match=r"model\.pt2, first\.weight: pickled tensor: expected raw numbers"):
        import_program(path)
    assert not sprung.exists()


def rewritten(path: Path, change, weight: bytes | None = None) -> None:
    """Change the configuration of the weights in an archive, and the first weight."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in content if name.endswith("model_weights_config.json"))
    config = json.loads(content[name])
    change(config)
    content[name] = json.dumps(config).encode()
    if weight is not None:
        content[next(name for name in content if name.endswith("/weight_0"))] = weight
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def test_damaged_files(tmp_path: Path) -> None:
    path, buffer = tmp_path / "model.pt2", io.BytesIO()
    module = One(nn.ReLU()).eval()
    torch.export.save(torch.export.export(module, (torch.zeros(2, *SHAPE),)), buffer)
    data = buffer.getvalue()
    for content in (b"", data[: len(data) // 2], b"no archive"):
        path.write_bytes(content)
        with pytest.raises(ImportedModelError, match=r"model\.pt2: truncated or not an exported program") as caught:
            import_program(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(ImportedModelError, match=r"absent\.pt2: cannot be read"):
        import_program(tmp_path / "absent.pt2")

    path.write_bytes(data)
    rewritten(path, lambda config: None, b"\0" * 8)
    with pytest.raises(ImportedModelError, match=r"first\.weight: truncated tensor: expected 108 numbers, got 2"):
        import_program(path)
    path.write_bytes(data)
    rewritten(
        path, lambda config: config["config"]["first.weight"]["tensor_meta"].update(sizes=[{"as_int": 1 << 40}] * 4)
    )
    with pytest.raises(ImportedModelError, match=r"first\.weight: truncated tensor"):
        import_program(path)
    path.write_bytes(data)
    repeated = {"sizes": [{"as_int": 1 << 15}] * 4, "strides": [{"as_int": 0}] * 4}  # 2**62 bytes out of one number
    rewritten(path, lambda config: config["config"]["first.weight"]["tensor_meta"].update(repeated))
    with pytest.raises(ImportedModelError, match=rf"first\.weight: truncated tensor: expected {1 << 60} numbers"):
        import_program(path)
    path.write_bytes(data)
    rewritten(path, lambda config: config["config"].pop("first.weight"))
    with pytest.raises(ImportedModelError, match=r"model\.pt2: weights missing: got 'first\.weight'"):
        import_program(path)
    path.write_bytes(data)
    rewritten(path, lambda config: config.pop("config"))
    with pytest.raises(ImportedModelError, match=r"model\.pt2: damaged archive: got KeyError"):
        import_program(path)
    with zipfile.ZipFile(path, "w") as archive, zipfile.ZipFile(io.BytesIO(data)) as whole:
        for name in whole.namelist():
            archive.writestr(name, b"[" * 100_000 if name.endswith("model.json") else whole.read(name))
    with pytest.raises(ImportedModelError, match=r"model\.pt2: damaged archive: got RecursionError"):
        import_program(path)


def test_weights_that_are_not_finite_are_named() -> None:
    module = One(nn.ReLU()).eval()
    with torch.no_grad():
        module.first.weight[1, 0, 2, 1] = float("nan")
    with pytest.raises(
        ImportedModelError, match=r"first\.weight: weight: expected finite numbers, got nan at \(1, 0, 2"
    ):
        import_module(module, SHAPE)


def test_images_of_another_shape_are_refused() -> None:
    graph = import_module(One(nn.ReLU()).eval(), SHAPE)
    with pytest.raises(ImportedModelError, match=r"expected \(image, 3, 16, 16\), got \(1, 3, 8, 8\)"):
        graph(np.zeros((1, 3, 8, 8), np.float32))
