"""The stored networks of gates for MNIST are those of their recipes, and find what is said of them."""

import numpy as np
import pytest

from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.layers import GatesLayer
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.frontend.train import accuracy
from amos_hdl.network import Unit, store
from amos_hdl.project import find_project
from tests.conftest import ROOT
from tests.frontend.shared_data import shared

#: Of the 10,000 test images, how many are classified rightly.
RIGHT = {"mnist_small": 9756, "mnist_medium": 9819, "mnist_large": 9869}


@pytest.mark.parametrize("name", RIGHT)
def test_a_stored_network_is_that_of_its_recipe(name: str) -> None:
    recipe, network = load_recipe(ROOT / "models" / f"{name}.yaml"), store.load(ROOT / "models" / name)
    (layer, _) = recipe.topology.layers
    units = network["gates1"]
    assert isinstance(layer, GatesLayer) and isinstance(units, Unit)
    rows = network["gates1_sums"].arrays()["weights"]
    assert rows.shape == (layer.units, 784) and (rows != 0).sum(1).max() <= layer.inputs
    # only the last spike of a unit counts, so each is a table of at most six spikes
    assert {circuit.outputs for circuit in units.circuits} == {(0,) * (units.gates - 1) + (1,)}
    (encoder,) = network["encoder"].circuits
    assert list(encoder.thresholds) == recipe.units.input_thresholds
    votes = network["votes"].arrays()
    assert np.array_equal(votes["weights"], np.repeat(np.eye(10, dtype=np.int64), layer.units // 10, axis=1))
    assert not votes["bias"].any()


@pytest.mark.parametrize("name", RIGHT)
def test_accuracy_of_stored_networks(name: str) -> None:
    recipe = load_recipe(ROOT / "models" / f"{name}.yaml")
    dataset = load_dataset(recipe.data.model_copy(update={"folder": str(shared("mnist"))}))
    network = store.load(ROOT / "models" / name)
    assert round(accuracy(network, dataset, "test") * 10_000) == RIGHT[name]


@pytest.mark.parametrize(("name", "cycles"), [("mnist_small", 7), ("mnist_medium", 7), ("mnist_large", 8)])
def test_stored_networks_can_be_scheduled(name: str, cycles: int) -> None:
    """Their sums may take many levels more than the fewest: the search for the smallest ends all the same."""
    assert find_project(str(ROOT / "models" / name)).schedule().latency_cycles == cycles
