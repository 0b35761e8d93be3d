"""Scales of channels, zero points and empty sums of QONNX files, against the executor of the package qonnx."""

from pathlib import Path

import numpy as np
import pytest

from amos_hdl.errors import ImportedModelError
from amos_hdl.frontend.importers.qonnx import import_qonnx
from amos_hdl.network import golden
from tests.frontend.importers.executor import executed
from tests.frontend.importers.qonnx_files import DOMAIN, RAW, Model, equal


@pytest.mark.parametrize("kind", ["Quant", "BipolarQuant", "Trunc"])
def test_scales_of_channels_with_a_batch_axis(tmp_path: Path, kind: str) -> None:
    """As Brevitas writes them, (1, channel, 1, 1); each channel of a depthwise layer then has a scale of its own."""
    random = np.random.default_rng(16)
    scales = np.array([0.25, 0.3719, 1.4337, 0.125]).reshape(1, 4, 1, 1)
    model = Model(2, 4, 4).quant(1.0, 4, 0, 0)
    model.matmul(random.integers(-3, 4, (4, 2, 1, 1)), 1.0, "Conv").batch_norm(random, 4)
    if kind == "BipolarQuant":
        model.add(kind, scales, domain=DOMAIN)
    else:
        model.quant(scales, 6)
    if kind == "Trunc":
        model.add(kind, scales, 0, 6, 4, domain=DOMAIN, rounding_mode="FLOOR")
    model.matmul(random.integers(-3, 4, (4, 1, 2, 2)), 0.5, "Conv", group=4).quant(0.4871, 4)
    model.quant(0.5, 4).add("Flatten")
    path = model.matmul(random.integers(-3, 4, (36, 3)), 0.5).save(tmp_path, 3)
    imported = import_qonnx(path, "net", RAW)
    assert not imported.uncertain
    data = random.integers(0, 16, (300, 32))
    logits = golden.run(imported.network, data).values["logits"]
    assert np.array_equal(imported.read_back(logits), executed(path, RAW.floats(data, (2, 4, 4))))
    assert (np.ptp(logits, axis=0) > 4).all()


def test_scales_of_channels_that_meet_in_one_sum_are_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(17)
    model = Model(2, 3, 3).quant(np.array([1.0, 0.37]).reshape(1, 2, 1, 1), 4, 0, 0)
    model.matmul(random.integers(-3, 4, (3, 2, 1, 1)), 1.0, "Conv").add("Flatten")
    path = model.matmul(random.integers(-3, 4, (27, 3))).save(tmp_path, 3)
    with pytest.raises(ImportedModelError, match=r"mm\d+ \(Conv\): scales of the inputs: expected equal"):
        import_qonnx(path, "net", RAW)


def test_means_of_codes_with_a_zero_point_are_exact(tmp_path: Path) -> None:
    random = np.random.default_rng(18)
    model = Model(2, 4, 4).quant(0.5, 4, 3, 0).add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    model.quant(0.25, 6).add("Flatten")
    equal(model.matmul(random.integers(-3, 4, (8, 3)), 0.5).save(tmp_path, 3), images=300)


def test_sums_of_no_weight_at_all(tmp_path: Path) -> None:
    """Their error is 0 whatever the scales."""
    model = Model(2, 3, 3).quant(0.3, 4, 0, 0).matmul(np.zeros((3, 2, 1, 1)), 0.37, "Conv").quant(0.7, 4)
    model.add("Flatten")
    path = model.matmul(np.ones((27, 3)), 0.5).save(tmp_path, 3)
    imported = import_qonnx(path, "net", RAW)
    data = np.random.default_rng(19).integers(0, 16, (4, 18))
    assert not golden.run(imported.network, data).values["logits"].any()
    assert not executed(path, RAW.floats(data, (2, 3, 3))).any()
