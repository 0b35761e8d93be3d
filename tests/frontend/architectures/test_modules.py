"""Published architectures as modules: activations neither silent nor without bound, and the same float graph."""

from __future__ import annotations

import numpy as np
import pytest

from amos_hdl.frontend.architectures.structure import STRUCTURES, StructureOptions
from amos_hdl.frontend.floats import Activation, Product

torch = pytest.importorskip("torch")

SIZE = 32


def images(count: int, seed: int):
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["efficientnet-b0", "resnet50"])
def test_seeded_modules_and_their_graphs(name: str) -> None:
    from amos_hdl.frontend.architectures.modules import seeded
    from amos_hdl.frontend.importers.pytorch import import_module

    module, test = seeded(name, 3, images(16, 0)), images(3, 1)
    with torch.no_grad():
        wanted = module(test).numpy()
    graph = import_module(module, (3, SIZE, SIZE))
    got = graph(test.numpy())
    assert np.abs(got - wanted).max() < 1e-4 * np.abs(wanted).max()
    deviations = [value.std() for node, value in graph.values(test.numpy()) if isinstance(node, Activation)]
    assert min(deviations) > 1e-3
    assert max(deviations) < 30
    # the network of its size has as many units for each activation, and as many products
    structure = STRUCTURES[name](StructureOptions(size=SIZE))
    units = [structure.network.tensors[layer].shape for layer, f in structure.functions.items() if f != "code"]
    assert units == [graph.shapes[node.name] for node in graph.nodes if isinstance(node, Activation)]
    products = [operation for operation in structure.network.operations if operation.kind == "multiply"]
    assert len(products) == sum(isinstance(node, Product) for node in graph.nodes)


def test_the_seed_decides_the_weights() -> None:
    from amos_hdl.frontend.architectures.modules import seeded

    before = torch.get_rng_state()
    first, again, other = (seeded("efficientnet-b0", seed, images(2, 0)).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["classifier.1.weight"], other["classifier.1.weight"])


def test_names_of_parameters_are_those_of_torchvisions_checkpoints() -> None:
    from amos_hdl.frontend.architectures.modules import MODULES

    with torch.device("meta"):
        b0, resnet = (set(MODULES[name]().state_dict()) for name in ("efficientnet-b0", "resnet50"))
    assert {"features.0.0.weight", "features.1.0.block.1.fc1.weight", "features.2.0.block.3.1.running_var"} <= b0
    assert {"features.8.1.bias", "classifier.1.weight"} <= b0
    assert {"conv1.weight", "layer1.0.downsample.1.weight", "layer4.2.bn3.running_mean", "fc.bias"} <= resnet
    assert not any("last_norm" in key for key in resnet | b0)
