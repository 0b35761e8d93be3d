from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from amos_hdl.errors import DataError, ImportedModelError
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.importers.pytorch import import_module
from amos_hdl.frontend.quantize import Quantized, QuantizeOptions, quantize
from amos_hdl.frontend.quantize.scaled import short_factor
from amos_hdl.network import golden, store
from amos_hdl.network.operations import Add, Conv2d, Dense, Unit
from tests.frontend.importers.models import zoo

PIXELS = PixelCode(0, 255, 255.0, (0.5, 0.4, 0.45), (0.25, 0.3, 0.2))
FINE = QuantizeOptions(weight_bits=8, gates=8, calibration="max")


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Return smooth random pictures as bytes, shape (image, 3·16·16)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    return (255 * nn.functional.interpolate(coarse, 16)).round().to(torch.int64).numpy().reshape(count, -1)


def error(made: Quantized, graph: FloatGraph, images: np.ndarray) -> float:
    """Return the mean distance of the logits relative to their spread over images."""
    wanted = graph(made.pixels.floats(images, graph.image.size))
    logits = golden.run(made.network, images).values[made.network.outputs[0]]
    return float(np.abs(made.read_back(logits) - wanted).mean() / wanted.std(axis=0).mean())


@pytest.fixture(scope="module")
def graph() -> FloatGraph:
    return import_module(zoo((nn.GELU(), nn.Hardswish())), (3, 16, 16))


def test_every_operation_is_quantized_and_finer_is_better(graph: FloatGraph) -> None:
    images, unseen = pictures(64), pictures(24, seed=1)
    errors = [
        error(quantize(graph, "net", images, PIXELS, replace(FINE, gates=gates, weight_bits=bits)), graph, unseen)
        for gates, bits in ((4, 4), (6, 6), (8, 8))
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.03


def test_it_is_stored_and_the_same_each_time(graph: FloatGraph, tmp_path) -> None:
    made = [quantize(graph, "net", pictures(16), PIXELS, FINE).network for _ in range(2)]
    assert made[0] == made[1]
    store.save(made[0], tmp_path / "net")
    assert store.load(tmp_path / "net") == made[0]


class Slopes(nn.Module):
    """A PReLU of a slope for each channel, some of which turn, and a gated linear unit."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.first, self.prelu, self.head = nn.Conv2d(3, 8, 3), nn.PReLU(8), nn.Linear(4, 5)
        with torch.no_grad():
            self.prelu.weight.copy_(torch.tensor([0.25, 0.0, 1.0, -0.5, 0.1, 0.3, -1.0, 0.7]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(functional.glu(self.prelu(self.first(x)), 1).mean((2, 3)))


def test_a_slope_for_each_channel_is_one_layer_of_units() -> None:
    graph = import_module(Slopes().eval(), (3, 16, 16))
    made = quantize(graph, "net", pictures(64), PIXELS, FINE)
    (units,) = (operation for operation in made.network.unit_layers if operation.name == "prelu")
    assert len(set(units.assignment.tolist())) == 8
    assert error(made, graph, pictures(24, seed=1)) < 0.05


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.first, self.second, self.third = (nn.Conv2d(n, 6, 3, padding=1) for n in (3, 6, 6))
        self.norm, self.head = nn.BatchNorm2d(6), nn.Linear(6, 4)
        with torch.no_grad():
            self.norm.weight.copy_(torch.tensor([1.0, -0.7, 0.3, 2.0, 1e-9, -1.2]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        x = torch.relu(self.norm(self.second(x)) + x)
        x = torch.relu(self.norm(self.second(x)) + self.third(x))
        return self.head(x.mean((2, 3)))


def test_branches_of_a_sum_meet_on_one_scale_exactly() -> None:
    """The shortcut is multiplied by integers of three binary digits; the sums choose their scale for that."""
    graph = import_module(Residual().eval(), (3, 16, 16))
    made = quantize(graph, "net", pictures(32), PIXELS, FINE)
    first, second = (operation for operation in made.network.operations if isinstance(operation, Add))
    assert (first.factors[0] == 1).all() and (first.factors[1] > 4).all()
    assert all(len(bin(int(factor)).rstrip("0")) - 2 <= 3 for factor in first.factors[1])
    assert (second.factors == 1).all(), "two sums of weights simply share their scale"
    assert error(made, graph, pictures(16, seed=1)) < 0.03


class Pruned(nn.Module):
    """A batch norm behind a pool, of which two channels are pruned: constants beside channels that vary."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.first, self.second, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 1), nn.Linear(6, 4)
        self.norm, self.function = nn.BatchNorm2d(6), function
        with torch.no_grad():
            self.norm.weight.copy_(torch.tensor([1.0, 0.0, -1.5, 2.0, 0.0, -0.8]))
            self.norm.bias.copy_(torch.tensor([0.1, -0.7, 0.0, 0.2, 1.3, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(functional.avg_pool2d(torch.relu(self.first(x)), 2))
        return self.head(self.function(self, x).mean((2, 3)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "function",
    [
        lambda module, x: functional.silu(x),
        lambda module, x: torch.sin(x),
        lambda module, x: module.second(x) + x,
        lambda module, x: functional.max_pool2d(x, 2),
    ],
)
def test_channels_with_a_factor_of_0_are_constants(function: Any) -> None:
    graph = import_module(Pruned(function).eval(), (3, 16, 16))
    made = quantize(graph, "net", pictures(64), PIXELS, replace(FINE, gates=6))
    assert error(made, graph, pictures(24, seed=1)) < 0.15


@pytest.mark.filterwarnings("error")
def test_a_colour_with_a_factor_of_0_beside_the_zeros_of_a_padding() -> None:
    torch.manual_seed(9)
    norm = nn.BatchNorm2d(3)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 0.0, -1.5]))
        norm.bias.copy_(torch.tensor([0.2, 0.6, 0.0]))
    layers = (norm, nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 4))
    graph = import_module(nn.Sequential(*layers).eval(), (3, 16, 16))
    assert error(quantize(graph, "net", pictures(64), PIXELS, FINE), graph, pictures(24, seed=1)) < 0.05


def test_parts_of_parts_end_within_the_tensor() -> None:
    """Rows 1, 3, ... 15 of 16 are counted to 17 by Python's own ranges."""

    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3 * 8 * 4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x[:, :, 1:, 1:][:, :, ::2, ::2][:, :, :, ::2].flatten(1))

    torch.manual_seed(8)
    graph = import_module(Parts().eval(), (3, 16, 16))
    assert error(quantize(graph, "net", pictures(8), PIXELS, FINE), graph, pictures(8, seed=1)) < 0.03


def test_short_factors() -> None:
    ratios = np.array([1.0, 1.99, 2.0, 5.5, 7.999999999999, 8.0, 9.7, 11, 13.2, 1000.5])
    assert short_factor(ratios).tolist() == [1, 1, 2, 5, 8, 8, 8, 10, 12, 896]


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.a, self.b, self.c = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, stride=2), nn.Linear(6 * 7 * 7, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c(torch.relu(self.b(torch.relu(self.a(x)))).flatten(1))


@pytest.fixture(scope="module")
def small() -> FloatGraph:
    return import_module(Small(), (3, 16, 16))


def test_bits_of_layers(small: FloatGraph) -> None:
    options = QuantizeOptions(weight_bits=4, first_bits=8, last_bits=7, layer_bits={"conv2d_1": 3})
    network = quantize(small, "net", pictures(16), PIXELS, options).network
    sums = [op for op in network.operations if isinstance(op, Conv2d | Dense) and op.name != "centred"]
    assert [op.weight_bits for op in sums] == [8, 3, 7]
    assert [int(np.abs(op.weights).max()) <= (1 << op.weight_bits - 1) - 1 for op in sums] == [True] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"calibration": "percentile", "percentile": 99.5},
        {"calibration": "mse"},
        {"per_channel": True},
        {"alpha": 3.0},
        {"bias_correction": False},
    ],
    ids=str,
)
def test_ways_of_calibration(small: FloatGraph, change: dict[str, Any]) -> None:
    images = pictures(64)
    made = quantize(small, "net", images, PIXELS, replace(FINE, **change))
    assert error(made, small, pictures(32, seed=1)) < 0.25
    assert made.network != quantize(small, "net", images, PIXELS, FINE).network


def test_least_squares_beat_the_maximum_at_few_gates(small: FloatGraph) -> None:
    images, unseen = pictures(128), pictures(48, seed=1)
    by = {
        how: error(quantize(small, "net", images, PIXELS, replace(FINE, gates=2, calibration=how)), small, unseen)
        for how in ("max", "mse")
    }
    assert by["mse"] < by["max"]


def test_bias_correction_moves_the_means(small: FloatGraph) -> None:
    """With weights of two bits the mean of every logit over the calibration images is the float network's."""
    images = pictures(64)
    wanted = small(PIXELS.floats(images, (3, 16, 16))).mean(axis=0)
    off = []
    for corrected in (False, True):
        options = QuantizeOptions(weight_bits=2, gates=4, bias_correction=corrected)
        made = quantize(small, "net", images, PIXELS, options)
        logits = golden.run(made.network, images).values["logits"]
        off.append(np.abs(made.read_back(logits).mean(axis=0) - wanted).max() / made.scale)
    assert off[1] <= 0.5 + 1e-6 < off[0]


def test_a_padding_around_pixels_means_their_zero(small: FloatGraph) -> None:
    """A model sees zeros outside the image, which are no black pixels: the mean is taken off first."""
    network = quantize(small, "net", pictures(8), PIXELS, FINE).network
    centred = network["centred"]
    assert isinstance(centred, Conv2d) and centred.groups == 3
    assert centred.biases.tolist() == [-128, -102, -115]
    plain = quantize(small, "net", pictures(8), PixelCode(), FINE).network
    assert not any(operation.name == "centred" for operation in plain.operations)


def test_logits_share_one_scale(small: FloatGraph) -> None:
    made = quantize(small, "net", pictures(8), PIXELS, FINE)
    assert made.network.outputs == ("logits", "winner")
    assert float(made.network.scales["logits"]) == made.scale
    assert all(isinstance(op, Unit) is (op.kind == "unit") for op in made.network.operations)


def test_an_image_that_is_only_flattened_enters_flat() -> None:
    torch.manual_seed(5)
    module = nn.Sequential(nn.Flatten(), nn.Linear(768, 12), nn.BatchNorm1d(12), nn.SiLU(), nn.Linear(12, 4)).eval()
    graph = import_module(module, (3, 16, 16))
    made = quantize(graph, "net", pictures(48), PIXELS, FINE)
    assert [operation.kind for operation in made.network.operations] == ["input", "dense", "unit", "dense", "argmax"]
    assert made.network.input.shape == (768,)
    assert error(made, graph, pictures(16, seed=1)) < 0.03


def test_calibration_images_must_fit(small: FloatGraph) -> None:
    with pytest.raises(DataError, match="no calibration images: expected at least one"):
        quantize(small, "net", pictures(4)[:0], PIXELS, FINE)
    with pytest.raises(DataError, match=r"expected 768 pixels, 3 x 16 x 16, got 700 pixels"):
        quantize(small, "net", pictures(4)[:, :700], PIXELS, FINE)
    with pytest.raises(DataError, match=r"expected 0 to 255, got "):
        quantize(small, "net", pictures(4) + np.arange(768) % 257 // 256 * 256, PIXELS, FINE)
    with pytest.raises(ImportedModelError, match=r"means of the input: expected 1 or 3, one per channel, got 2"):
        quantize(small, "net", pictures(4), PixelCode(mean=(0.5, 0.5)), FINE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_bits": 9}, "weight_bits: expected 2 to 8 bits, got 9"),
        ({"layer_bits": {"a": 1}}, "a: expected 2 to 8 bits, got 1"),
        ({"gates": 0}, "gates: expected 1 to 12, got 0"),
        ({"percentile": 20}, "percentile: expected 50 to 100, got 20"),
        ({"alpha": -1.0}, "alpha: expected above 0"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImportedModelError, match=message):
        QuantizeOptions(**options)
