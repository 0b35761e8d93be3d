"""Sizes of published architectures, against published figures and the modules."""

from __future__ import annotations

import resource

import pytest

from amos_hdl.errors import ImportedModelError, NetworkError
from amos_hdl.frontend.architectures.efficientnet_plan import efficientnet_plan
from amos_hdl.frontend.architectures.structure import STRUCTURES, Structure, StructureOptions
from amos_hdl.network.counts import Counts, count
from amos_hdl.network.fan_out import fan_out

# parameters of the published networks (torchvision's table of weights)
PARAMETERS = {
    "resnet50": 25_557_032,
    "efficientnet-b0": 5_288_548,
    "efficientnet-b1": 7_794_184,
    "efficientnet-b2": 9_109_994,
    "efficientnet-b3": 12_233_232,
    "efficientnet-b4": 19_341_616,
    "efficientnet-b5": 30_389_784,
    "efficientnet-b6": 43_040_704,
    "efficientnet-b7": 66_347_960,
}


def totals(structure: Structure) -> dict[str, Counts]:
    sizes, found = count(structure.network), dict[str, Counts]()
    for layer, function in structure.functions.items():
        found[function] = found.get(function, Counts()) + sizes[layer]
    return found


def test_b7_has_the_gates_of_the_paper() -> None:
    # arXiv:2001.01682: swish units of 12 gates, 600 x 600 pixels
    found = totals(STRUCTURES["efficientnet-b7"](StructureOptions(size=600, gates=12)))
    assert found["swish"] == Counts(units=259_366_992, gates=3_112_403_904)
    # a word of each map would be a gigabyte: nothing here is as large as a map
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 << 20


def test_what_spikes_of_b7_reach_is_kept_by_kinds_of_places() -> None:
    network = STRUCTURES["efficientnet-b7"](StructureOptions()).network
    reached = fan_out(network)
    # 259 million units: a count for each would take 2 gigabytes
    assert sum(reach.counts.nbytes for reach in reached.values()) < 16 << 20
    assert reached["head"].array().shape == (2560, 19, 19)
    assert (reached["head"].counts == 1).all()  # the mean reads each place once


def test_products_of_units_take_two_squares_each() -> None:
    plain = totals(STRUCTURES["efficientnet-b0"](StructureOptions(size=64)))
    units = totals(STRUCTURES["efficientnet-b0"](StructureOptions(size=64, products="units")))
    square = units.pop("square")
    assert units == plain
    depthwise = sum(
        block.expanded * (side * side)
        for stage, side in zip(efficientnet_plan("b0").stages, (32, 16, 8, 4, 4, 2, 2), strict=True)
        for block in stage
    )
    assert square.units == 2 * depthwise
    assert square.gates == 34 * depthwise


@pytest.mark.parametrize("name", ["resnet50", "efficientnet-b0"])
def test_every_architecture_fits_small_images(name: str) -> None:
    assert STRUCTURES[name](StructureOptions(size=32)).network.tensors["logits"].units == 1000


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_modules_have_the_published_parameters_and_their_networks_the_weights(name: str) -> None:
    torch = pytest.importorskip("torch")
    from amos_hdl.frontend.architectures.modules import MODULES

    with torch.device("meta"):
        module = MODULES[name]()
    assert sum(parameter.numel() for parameter in module.parameters()) == PARAMETERS[name]
    weights = sum(parameter.numel() for parameter in module.parameters() if parameter.ndim > 1)
    sizes = count(STRUCTURES[name](StructureOptions(size=32)).network)
    assert sum(size.weights for size in sizes.values()) == weights


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size: expected 1 to 4096, got 0"),
        ({"gates": 17}, "gates: expected 1 to 16, got 17"),
        ({"weight_bits": 1}, "weights: expected 2 to 8, got 1"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{message}$"):
        StructureOptions(**options)


def test_another_version_is_refused() -> None:
    with pytest.raises(ImportedModelError, match=r"^version of EfficientNet: expected b0, b1, .*, got 'b8'$"):
        efficientnet_plan("b8")
