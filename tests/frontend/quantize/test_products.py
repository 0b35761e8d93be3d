"""Products as real products and as units of squares; units of circuit files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting import FittedUnit, fit
from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.importers.building import Builder
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.quantize import Quantized, QuantizeOptions, quantize
from amos_hdl.frontend.quantize.fitted import fitted_units
from amos_hdl.network import Add, Multiply, Network, golden

PIXELS = PixelCode(mean=(0.5,), std=(0.25,))
IMAGES = np.random.default_rng(7).integers(0, 256, (64, 2 * 4 * 6))


def gated(*, maps: bool = False, activation: str = "swish") -> FloatGraph:
    """Return a network that multiplies f(conv) by sigmoid of its means, or, with ``maps``, place by place."""
    random = np.random.default_rng(3)
    builder = Builder("gated", "image", (2, 4, 6))
    sums = builder.conv("sums", "sums", "image", random.normal(size=(4, 2, 3, 3)), None, [1, 1], [1, 1], [1, 1], 1)
    swish = builder.activation("swish", "swish", sums, activation, find_activation(activation))
    means = swish if maps else builder.adaptive_pool("means", "means", swish, [1, 1])
    weights = random.normal(size=(4, 4, 1, 1))
    weight = builder.conv("weight_sums", "weight", means, weights, None, [1, 1], [0, 0], [1, 1], 1)
    weight = builder.activation("weight", "weight", weight, "sigmoid", find_activation("sigmoid"))
    product = builder.product("product", "product", swish, weight)
    flat = builder.reshape("flat", "flat", product, (4 * 4 * 6,))
    return builder.finish(builder.linear("logits", "logits", flat, random.normal(size=(5, 96)), None))


def error_of(graph: FloatGraph, made: Quantized) -> float:
    """Return the mean error of the logits, in units of their spread."""
    outputs = graph(PIXELS.floats(IMAGES, (2, 4, 6)))
    logits = made.read_back(golden.run(made.network, IMAGES).values[made.network.outputs[0]])
    return float(np.abs(logits - outputs).mean() / outputs.std())


@pytest.mark.parametrize("maps", [False, True])
def test_products_of_units_come_near_real_ones(maps: bool) -> None:
    graph = gated(maps=maps)
    errors = {}
    for products in ("multiply", "units"):
        options = QuantizeOptions(weight_bits=8, gates=8, products=products)
        made = quantize(graph, "gated", IMAGES, PIXELS, options)
        kinds = [type(operation) for operation in made.network.operations]
        assert (Multiply in kinds) == (products == "multiply")
        errors[products] = error_of(graph, made)
    assert errors["multiply"] < errors["units"] < 0.02


def test_two_squares_give_the_product_of_the_codes() -> None:
    made = quantize(gated(), "gated", IMAGES, PIXELS, QuantizeOptions(gates=6, products="units")).network
    difference = next(op for op in made.operations if isinstance(op, Add) and op.name == "product")
    layers = [unit for unit in made.unit_layers if unit.name in difference.sources]
    assert all(unit.gates <= 17 for unit in layers)  # a gate for the sign, at most 8 for each side
    trace = golden.run(made, IMAGES)
    potentials = [trace.values[unit.source] for unit in layers]
    # (x + y)² - (x - y)² on the squares' scale: each is off by half a code at most
    step = max(int(np.abs(x).max()) ** 2 for x in potentials) / 255
    exact = (potentials[0] ** 2 - potentials[1] ** 2) / _square_step(made, layers[0].source)
    assert step > 0
    assert np.abs(trace.values["product"] - exact).max() <= 1.0 + 1e-9


def _square_step(network: Network, potential: str) -> float:
    """Return what a code of the squares stands for: the greatest potential that the codes allow has the greatest."""
    add = network[potential]
    assert isinstance(add, Add)
    magnitudes = [network.tensors[name].magnitude for name in add.sources]
    return float((np.abs(add.factors) @ magnitudes) ** 2 / 255)


def fitted(activation: str, gates: int) -> FittedUnit:
    return fit(find_activation(activation), gates, Architecture.parse("serial"), form="linear")


def test_units_of_a_circuit_file_are_used_for_their_function_alone() -> None:
    graph = gated(activation="relu")
    plain = quantize(graph, "gated", IMAGES, PIXELS, QuantizeOptions(gates=6)).network
    made = quantize(graph, "gated", IMAGES, PIXELS, QuantizeOptions(gates=6, circuits=(fitted("relu", 6),))).network
    assert all(unit.circuits[0].is_table for unit in plain.unit_layers)
    # sums that are coded, and the sigmoid, are of other functions
    assert [unit.name for unit in made.unit_layers if not unit.circuits[0].is_table] == ["swish"]
    with pytest.raises(ImportedModelError, match=r"^gated: circuit file of a function that is not there: got 'relu6'$"):
        quantize(graph, "gated", IMAGES, PIXELS, QuantizeOptions(circuits=(fitted("relu6", 6),)))


def test_fitted_units_give_the_fitted_function_of_the_real_potential() -> None:
    unit = fitted("relu", 6)
    scale, offset = np.array([0.003, 0.25, 1e-5]), np.array([0.1, -0.7, 0.0])
    circuits, assignment = fitted_units(unit, scale, offset, "node")
    for channel in range(3):
        u = np.linspace(-0.5 / scale[channel], unit.high / scale[channel], 4001).astype(np.int64)
        y = circuits[assignment[channel]].value(u) * float(unit.value_step)
        real = scale[channel] * u + offset[channel]
        wanted = unit.circuit.value(np.round(real / float(unit.potential_step)).astype(np.int64))
        # T and H are rounded to steps of u or of the file, whichever is finer
        assert np.abs(y - wanted * float(unit.value_step)).max() <= (unit.high - unit.low) / 2**6 + 1e-9
        assert np.abs(y - wanted * float(unit.value_step)).mean() < 0.02


def test_fitted_units_in_a_network() -> None:
    graph, unit = gated(activation="relu"), fitted("relu", 8)
    made = quantize(graph, "gated", IMAGES, PIXELS, QuantizeOptions(weight_bits=8, gates=8, circuits=(unit,)))
    layer = next(unit for unit in made.network.unit_layers if unit.name == "swish")
    assert layer.gates == 8
    assert not layer.circuits[0].is_table
    assert error_of(graph, made) < 0.05


def test_a_circuit_file_in_table_form_is_refused(tmp_path: Path) -> None:
    unit = fit(find_activation("relu"), 3, Architecture.parse("serial"), form="table")
    with pytest.raises(ImportedModelError, match=r"^conv1: circuit file in table form: expected linear; fit with"):
        fitted_units(unit, np.ones(1), np.zeros(1), "conv1")
