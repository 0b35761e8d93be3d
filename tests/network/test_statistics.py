"""Counting in one pass gives what the traces of the golden model give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amos_hdl.circuit import ThresholdCircuit, quantizer, relu
from amos_hdl.circuit.segments import segments
from amos_hdl.errors import DataError
from amos_hdl.network import Input, Network, Unit, golden, lookup, statistics
from amos_hdl.network import operations as ops
from amos_hdl.network.fan_out import fan_out
from tests.conftest import small_network
from tests.network.strategies import networks


def images_of(network, count, seed=0):
    code = network.input
    return np.random.default_rng(seed).integers(code.low, code.high, (count, *code.shape), endpoint=True)


def check(network, images, **options):
    trace = golden.run(network, images)
    counted = statistics.measure(network, images, keep=network.outputs, **options)
    assert list(counted.values) == [op.name for op in network.operations if op.name in network.outputs]
    assert all(np.array_equal(values, trace.values[name]) for name, values in counted.values.items())
    assert counted.images == len(images)
    assert list(counted.spikes) == list(trace.spikes)
    behind = behind_pools(network, trace)
    for name, spikes in trace.spikes.items():
        assert counted.spikes[name].tolist() == spikes.sum(axis=tuple(range(spikes.ndim - 1))).tolist(), name
        reached = (spikes.sum(axis=-1) * fan_out(network)[name].array()).sum() + behind.get(name, 0)
        assert counted.synaptic_operations[name] == reached, name
    if network.scores is not None:
        scores = trace.values[network.scores]
        for row, ranking in zip(scores.tolist(), counted.ranking.tolist(), strict=True):
            assert ranking == sorted(range(len(row)), key=lambda n, row=row: (-row[n], n))[:5]
    return counted


def behind_pools(network, trace):
    """Return for each unit layer the synaptic operations behind max pools, window by window, place by place."""
    counts, owners, total = {}, {}, {}
    for operation in network.operations:
        name, shape = operation.name, trace.values[operation.name].shape
        given = [(counts[source], owners[source]) for source in operation.reads]
        counts[name], owners[name] = np.zeros(shape, int), np.full(shape, "", object)
        if isinstance(operation, Unit):
            counts[name], owners[name][:] = trace.spikes[name].sum(axis=-1), name
        elif isinstance(operation, ops.Slice):
            part = (slice(None), *operation.slices)
            counts[name], owners[name] = (array[part] for array in given[0])
        elif isinstance(operation, ops.Pad):
            inner = (slice(None), *(slice(a, n - b) for (a, b), n in zip(operation.widths, shape[1:], strict=True)))
            counts[name][inner], owners[name][inner] = given[0]
        elif isinstance(operation, ops.Concat):
            counts[name], owners[name] = (np.concatenate(arrays, axis=1) for arrays in zip(*given, strict=True))
        elif isinstance(operation, ops.Flatten):
            counts[name], owners[name] = (array.reshape(shape) for array in given[0])
        elif isinstance(operation, ops.MaxPool):
            values, window = trace.values[operation.source], operation.window(network.tensors[operation.source])
            reach = fan_out(network)[name].array()
            for image, channel, row, column in np.ndindex(shape):
                top, left = row * window.stride[0] - window.padding[0], column * window.stride[1] - window.padding[2]
                rows, columns = (
                    slice(max(0, start), max(0, start + size))
                    for start, size in zip((top, left), window.kernel, strict=True)
                )
                seen = (image, channel, rows, columns)
                taps = zip(values[seen].flat, given[0][0][seen].flat, given[0][1][seen].flat, strict=True)
                _, count, owner = max(taps, key=lambda tap: tap[:2])
                counts[name][image, channel, row, column], owners[name][image, channel, row, column] = count, owner
                total[owner] = total.get(owner, 0) + count * reach[channel, row, column]
    return total


def test_spikes_behind_a_max_pool_by_hand():
    """Two channels of 1 x 4 places, 2 x 1 windows of which the greatest unit's spikes go on to three weights.

    Values are codes of two gates: 3 has two spikes, 1 and 2 one each.
    """
    images = np.array([[[[3, 1, 0, 2]], [[1, 1, 2, 0]]]])
    weights = np.array([[[[1, 0]], [[2, -1]]], [[[0, 0]], [[3, 0]]]])
    network = Network(
        "pooled",
        (
            Input("x", (2, 1, 4), 0, 3),
            Unit("u", "x", (relu(2),), np.zeros(2, int)),
            ops.MaxPool("m", "u", (1, 2)),
            ops.Conv2d("c", "m", weights, 3),
        ),
        ("c",),
    )
    # one window of the convolution over the two places of the pool: tap (0, 0) reads 3 and 2, of two and one spikes
    spikes = {"first": (2 + 1 + 0 + 1), "second": (1 + 1 + 1 + 0)}
    compared = sum(spikes.values())  # each in one window of the pool
    # channel 0, places 3 | 2: weights 1 and 0 of the first sum, none of the second; channel 1, places 1 | 2
    behind = 2 * 1 + 1 * 0 + 1 * 2 + 1 * 1
    assert statistics.measure(network, images).synaptic_operations == {"u": compared + behind}


@settings(max_examples=60)
@given(networks(), st.integers(1, 3))
def test_the_same_as_traces(network, workers):
    check(network, images_of(network, 5), workers=workers)


@pytest.mark.parametrize("seed", range(3))
def test_small_network(seed):
    network = small_network(seed)
    counted = check(network, images_of(network, 100))
    trace = golden.run(network, images_of(network, 100))
    assert counted.spike_count == trace.spike_count
    winners = trace.values["winner"][:, 0]
    assert counted.right(winners).all() and counted.right(winners + 1, 1).sum() == 0
    assert counted.right(counted.ranking[:, 3], 3).sum() == 0 and counted.right(counted.ranking[:, 3], 4).all()


def test_pieces_do_not_show(monkeypatch, small):
    images = images_of(small, 50)
    whole = statistics.measure(small, images, workers=1)
    monkeypatch.setattr(golden, "CHUNK_IMAGES", 7)
    done = []
    parts = statistics.measure(small, (images[:20], images[20:21], images[21:]), workers=2, progress=done.append)
    assert done == [7, 14, 20, 21, 28, 35, 42, 49, 50]
    assert (whole.ranking == parts.ranking).all()
    assert whole.synaptic_operations == parts.synaptic_operations
    assert all((whole.spikes[name] == parts.spikes[name]).all() for name in whole.spikes)


def test_no_images(small):
    nothing = statistics.measure(small, np.zeros((0, 9), int))
    assert nothing.images == 0 and nothing.spike_count == 0 and nothing.ranking.shape == (0, 5)


def test_an_image_outside_the_code_is_numbered_in_the_whole_set(monkeypatch, small):
    monkeypatch.setattr(golden, "CHUNK_IMAGES", 7)
    images = images_of(small, 50)
    images[40, 3] = 99
    with pytest.raises(DataError, match=r"^images, image 40, pixel 3: value outside the input code"):
        statistics.measure(small, images)


@pytest.mark.parametrize("table_limit", [1 << 15, 64, 4])
@pytest.mark.parametrize(
    "circuit",
    [
        relu(10, step=37, bias=11),
        relu(3),
        quantizer([5] * 7),
        quantizer([-900, -899, -898, 0, 0, 1, 900]),
        ThresholdCircuit((0, 0), (1, 2), (1, 1), thresholds=(0, 1), lateral=((0, 0), (0, 0))),
        ThresholdCircuit((-2, 1), (1, 2), (1, 2), thresholds=(7, 1), lateral=((0, 0), (-9, 0))),
    ],
)
def test_every_potential_finds_its_segment(monkeypatch, circuit, table_limit):
    """With a table of every potential, of every so many-th, and where halving is faster."""
    monkeypatch.setattr(lookup, "TABLE_LIMIT", table_limit)
    low, high = -1000, 40_000
    found = segments(circuit, low, high)
    x = np.arange(low, high + 1)
    expected = np.searchsorted(found.starts, x, side="right") - 1
    for kind in (np.int64, np.float32, np.float64):
        assert np.array_equal(lookup.Staircase(found)(x.astype(kind)), expected)


def test_circuits_of_too_many_segments_are_counted_gate_by_gate():
    """Twenty gates, each its own binary digit: no table could hold them."""
    count = 20
    digits = [1 << (count - 1 - i) for i in range(count)]
    circuit = ThresholdCircuit(
        (1,) * count,
        tuple(digits),
        tuple(range(1, count + 1)),
        thresholds=tuple(digits),
        lateral=tuple(tuple(digits[j] if j < i else 0 for j in range(count)) for i in range(count)),
    )
    network = Network(
        "fine", (Input("x", (2, 3, 2), -9, 1 << 20), Unit("u", "x", (circuit,), np.zeros(2, int))), ("u",)
    )
    check(network, images_of(network, 20))


def test_fan_out_of_windows_and_wires():
    """A 2x2 kernel with one zero over a padded 3x3 map, beside a skip through pad and slice."""
    kernel = np.array([[[[1, 0], [2, 3]]]])
    unit = (relu(1),)
    network = Network(
        "fan",
        (
            Input("x", (1, 3, 3), 0, 1),
            Unit("u", "x", unit, np.zeros(1, int)),
            ops.Conv2d("c", "u", kernel, 3, padding=(1, 0, 0, 0), stride=(1, 1)),
            ops.Pad("p", "u", ((0, 0), (1, 1), (0, 0)), 0),
            ops.Slice("s", "p", ((0, 1, 1), (0, 3, 1), (0, 2, 1))),
            ops.Add("a", ("c", "s"), (1, -2)),
        ),
        ("a",),
    )
    # taps (0, 0), (1, 0), (1, 1) over window rows -1 to 1 and columns 0 to 1: by hand
    by_kernel = np.array([[2, 3, 1], [2, 3, 1], [1, 2, 1]])
    by_slice = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    assert fan_out(network)["u"].array()[0].tolist() == (by_kernel + by_slice).tolist()
