"""PyTorch's kernels give the integers that NumPy's give."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amos_hdl.errors import ToolError
from amos_hdl.frontend import arrays
from amos_hdl.frontend.arrays import kernels_for
from amos_hdl.frontend.kernels import TorchKernels
from amos_hdl.network import Dense, Input, Network, golden, statistics
from amos_hdl.network.kernels import NUMPY
from amos_hdl.network.operations import Window
from tests.cli.test_evaluate import conv_network
from tests.network.strategies import networks


@settings(max_examples=60)
@given(networks(), st.integers(0, 1 << 30))
def test_all_operations(network, seed):
    code = network.input
    images = np.random.default_rng(seed).integers(code.low, code.high, (4, *code.shape), endpoint=True)
    expected, got = golden.run(network, images), golden.run(network, images, kernels=TorchKernels())
    for name, values in expected.values.items():
        assert np.array_equal(values, got.values[name]), name
    counted = statistics.measure(network, images, kernels=TorchKernels(), workers=2)
    assert all(
        counted.spikes[name].tolist() == spikes.sum(axis=tuple(range(spikes.ndim - 1))).tolist()
        for name, spikes in expected.spikes.items()
    )


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(("channels", "groups"), [(8, 1), (8, 2), (4, 4), (8, 4)])
def test_each_type(kind, channels, groups):
    random = np.random.default_rng(1)
    limit = 1 << {np.float32: 8, np.float64: 20, np.int64: 25}[kind]
    x = random.integers(-limit, limit, (4, 3, 9, 7)).astype(kind)
    weights = random.integers(-limit, limit, (channels, 4 // groups, 3, 2)).astype(kind)
    window = Window((3, 2), (2, 1), (1, 2, 0, 1))
    torch_kernels = TorchKernels()
    assert np.array_equal(NUMPY.conv2d(x, weights, window, groups), torch_kernels.conv2d(x, weights, window, groups))
    assert np.array_equal(NUMPY.sum_pool(x, window), torch_kernels.sum_pool(x, window))
    assert np.array_equal(NUMPY.max_pool(x, window), torch_kernels.max_pool(x, window))
    least = x * 0 - (1 << {np.float32: 24, np.float64: 53, np.int64: 54}[kind]) + 1
    assert np.array_equal(torch_kernels.max_pool(least, window), NUMPY.max_pool(least, window))
    assert (NUMPY.max_pool(least, window) == least.min()).all()
    flat, matrix = x.reshape(-1, 3), random.integers(-limit, limit, (5, 4 * 9 * 7)).astype(kind)
    assert np.array_equal(NUMPY.dense(flat, matrix), torch_kernels.dense(flat, matrix))


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with TorchKernels().single_threaded():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_less_than_exact_products_are_refused():
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(ToolError, match=r"precision of products: expected 'highest', got 'medium'$"):
            TorchKernels()
    finally:
        torch.set_float32_matmul_precision("highest")


def test_pytorch_is_taken_for_maps_where_it_is_installed(monkeypatch):
    maps = conv_network()
    dense = Network("dense", (Input("x", 4, 0, 3), Dense("d", "x", np.eye(4, dtype=int), 2)), ("d",))
    assert isinstance(kernels_for(maps), TorchKernels)
    assert isinstance(kernels_for(dense, "torch"), TorchKernels)
    assert kernels_for(dense) is kernels_for(maps, "numpy") is NUMPY
    monkeypatch.setattr(arrays, "find_spec", lambda name: None)
    assert kernels_for(maps) is NUMPY
    with pytest.raises(ToolError, match=r"^PyTorch is not installed; pip install "):
        kernels_for(maps, "torch")
