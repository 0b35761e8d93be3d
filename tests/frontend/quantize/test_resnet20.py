"""A real network: ResNet-20 for CIFAR-10, from its checkpoint to integers."""

import numpy as np
import torch

from amos_hdl.frontend.data_files import read_cifar10
from amos_hdl.frontend.importers.pytorch import import_module
from amos_hdl.frontend.quantize import QuantizeOptions, quantize
from amos_hdl.network import golden
from amos_hdl.network.operations import Add, Conv2d, Pad, Slice
from benchmarks.paper_networks import PIXELS, trained_resnet20
from tests.frontend.shared_data import shared


def test_resnet20_keeps_its_answers() -> None:
    files = read_cifar10(shared("cifar10"))
    module = trained_resnet20(shared("models/resnet20-12fca82f.th"))
    graph = import_module(module, (3, 32, 32))
    assert files.train is not None
    calibration, images = (part.pixels[:24].reshape(24, -1) for part in (files.train, files.test))
    floats = PIXELS.floats(images, (3, 32, 32))
    with torch.no_grad():
        wanted = module(torch.from_numpy(floats)).numpy()
    assert np.abs(graph(floats) - wanted).max() < 1e-4

    made = quantize(graph, "resnet20", calibration, PIXELS, QuantizeOptions(weight_bits=8, gates=7, calibration="max"))
    trace = golden.run(made.network, images)
    logits = made.read_back(trace.values["logits"])
    assert (trace.values["winner"][:, 0] == wanted.argmax(1)).mean() >= 23 / 24
    assert np.abs(logits - wanted).mean() < 0.05 * np.abs(wanted).mean()
    kinds = [type(operation) for operation in made.network.operations]
    # 19 convolutions and the one that takes the mean off the pixels; 9 sums; 2 shortcuts of option A
    assert [kinds.count(kind) for kind in (Conv2d, Add, Slice, Pad)] == [20, 9, 2, 2]
