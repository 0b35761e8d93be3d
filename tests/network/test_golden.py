import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amos_hdl.circuit import Disturbance, DisturbedGates, quantizer, relu
from amos_hdl.errors import DataError, NetworkError
from amos_hdl.network import Argmax, Conv2d, Dense, Input, Network, Tensor, Unit, golden, width_bits
from amos_hdl.schedule import HardwareOptions, Schedule
from tests.conftest import small_network
from tests.network import naive
from tests.network.strategies import networks


def check_against_naive(network, images, **options):
    trace = golden.run(network, images, **options)
    for number, image in enumerate(images):
        values, spikes = naive.run(network, image)
        for name, expected in values.items():
            assert trace.values[name][number].tolist() == expected, name
        for name, expected in spikes.items():
            assert trace.spikes[name][number].astype(int).tolist() == expected, name
    return trace


@pytest.mark.parametrize("seed", range(4))
def test_golden_is_the_specification(seed):
    images = np.random.default_rng(seed).integers(0, 17, (60, 9))
    check_against_naive(small_network(seed), images)


@settings(max_examples=150)
@given(networks(), st.integers(0, 1 << 30))
def test_golden_is_the_specification_for_all_operations(network, seed):
    code = network.input
    images = np.random.default_rng(seed).integers(code.low, code.high, (3, *code.shape), endpoint=True)
    images[0], images[1] = code.low, code.high
    trace = check_against_naive(network, images)
    for name, tensor in network.tensors.items():
        assert trace.values[name].shape == (3, *tensor.shape)
        low, high = (side.reshape(-1, *[1] * len(tensor.space)) for side in (tensor.low, tensor.high))
        assert (trace.values[name] >= low).all() and (trace.values[name] <= high).all(), name


def test_every_value_is_within_its_interval_and_the_ends_are_reached():
    network = small_network()
    sums = network["sums"].weights
    corners = np.concatenate([np.where(sums > 0, 16, 0), np.where(sums < 0, 16, 0), np.zeros((1, 9), int)])
    images = np.concatenate([corners, np.random.default_rng(0).integers(0, 17, (500, 9))])
    trace = golden.run(network, images)
    for name, tensor in network.tensors.items():
        assert (trace.values[name] >= tensor.low).all() and (trace.values[name] <= tensor.high).all(), name
    assert (trace.values["sums"].min(axis=0) == network.tensors["sums"].low).all()
    assert (trace.values["sums"].max(axis=0) == network.tensors["sums"].high).all()


def test_chunks_do_not_show(monkeypatch, small):
    images = np.random.default_rng(1).integers(0, 17, (50, 9))
    whole = golden.run(small, images)
    monkeypatch.setattr(golden, "CHUNK_IMAGES", 7)
    parts = golden.run(small, images)
    assert all((whole.values[name] == parts.values[name]).all() for name in whole.values)
    assert all((whole.spikes[name] == parts.spikes[name]).all() for name in whole.spikes)


def test_gates_of_a_map_that_err():
    """All units of a channel have the error of its circuit; without any error everything is as it was."""
    random = np.random.default_rng(0)
    network = Network(
        "maps",
        (
            Input("x", (2, 4, 5), 0, 15),
            Conv2d("c", "x", random.integers(-8, 8, (3, 2, 3, 3)), 4, padding=1),
            Unit("u", "c", (relu(4, step=20),), np.zeros(3, int)),
            Conv2d("d", "u", random.integers(-8, 8, (2, 3, 3, 3)), 4),
        ),
        ("d",),
    )
    images = random.integers(0, 16, (9, 2, 4, 5))
    exact = golden.run(network, images)

    def disturbed(**levels):
        gates = DisturbedGates(Disturbance(**levels), units=3, gates=4, spread=50.0, random=np.random.default_rng(1))
        return golden.run(network, images, disturbed={"u": gates})

    assert all((disturbed().values[name] == values).all() for name, values in exact.values.items())
    assert not disturbed(drop=1.0).spikes["u"].any() and not disturbed(drop=1.0).values["d"].any()
    # a value beyond what the circuit gives for any potential of the interval
    assert (disturbed(insert=1.0, drop=0.0).values["u"] == 15).all()
    assert exact.values["u"].max() < 15
    # an error of a threshold is one number for each gate of a channel: spikes are still a staircase of the potential
    off = disturbed(threshold=0.5)
    first, x = off.spikes["u"][..., 0], off.values["c"]
    assert (first != exact.spikes["u"][..., 0]).any()
    for channel in range(3):
        fired, silent = x[:, channel][first[:, channel]], x[:, channel][~first[:, channel]]
        assert not len(fired) or not len(silent) or fired.min() > silent.max()


def test_no_images(small):
    trace = golden.run(small, np.zeros((0, 9), int))
    assert trace.images == 0 and trace.spike_count == 0


def test_cycles_come_from_the_schedule(small):
    schedule = Schedule(small, HardwareOptions())
    trace = golden.run(small, np.zeros((1, 9), int), schedule)
    assert trace.spike_cycles["encoder"].tolist() == [1, 2]
    assert trace.spike_cycles["hidden"].tolist() == [schedule.ready["sums"] + n for n in (1, 2, 3)]
    assert golden.run(small, np.zeros((1, 9), int)).spike_cycles == {}


def test_ties_go_to_the_lowest_index():
    network = Network("ties", (Input("x", 4, -2, 2), Argmax("winner", "x")), ("winner",))
    images = np.array([[1, 1, 1, 1], [0, 2, 2, 0], [-2, -2, -1, -1]])
    assert golden.run(network, images).values["winner"][:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 8), int), r"^images: shape: expected \(images, 9\), got \(3, 8\)$"),
        (np.zeros(9, int), r"^images: shape: expected \(images, 9\), got \(9,\)$"),
        (np.zeros((3, 9)), r"^images: values: expected integers, got float64$"),
        (np.full((2, 9), 17), r"^images, image 0, pixel 0: value outside the input code: expected 0 to 16, got 17$"),
        (np.full((2, 9), -1), r"^images, image 0, pixel 0: value outside the input code: expected 0 to 16, got -1$"),
        ([["a"] * 9], r"^images: values: expected integers"),
    ],
)
def test_images_that_do_not_fit(small, images, message):
    with pytest.raises(DataError, match=message):
        golden.run(small, images)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((0, 0), (1, False)), ((0, 1), (1, False)), ((0, 16), (5, False)), ((-1, 0), (1, True)), ((-1, 1), (2, True)),
     ((-4, 3), (3, True)), ((-5, 3), (4, True)), ((-4, 4), (4, True)), ((3, 9), (4, False)), ((-9, -3), (5, True))],
)  # fmt: skip
def test_widths(interval, expected):
    assert width_bits(*interval) == expected
    bits, signed = expected
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    assert low <= interval[0] and interval[1] <= high


def test_operations_that_do_not_fit():
    with pytest.raises(NetworkError, match=r"^d, unit 1, input 0: weight: expected -8 to 7 \(4 bits\), got 8$"):
        Dense("d", "x", np.array([[7], [8]]), 4)
    with pytest.raises(NetworkError, match=r"^weights of d: expected integers, got float64$"):
        Dense("d", "x", np.array([[0.5]]), 4)
    with pytest.raises(NetworkError, match=r"^d: weight_bits: expected 1 to 16 bits, got 0$"):
        Dense("d", "x", np.array([[0]]), 0)
    with pytest.raises(NetworkError, match=r"^u: assignment: expected circuit numbers 0 to 0, got 1 to 1$"):
        Unit("u", "x", (relu(2),), np.array([1]))
    with pytest.raises(NetworkError, match=r"^width of a tensor: expected at most 56 bits"):
        Tensor(np.array([0]), np.array([1 << 60]))
    with pytest.raises(NetworkError, match=r"^u: units: expected 3, what x gives, got 2$"):
        Network("n", (Input("x", 3, 0, 1), Unit("u", "x", (quantizer([1]),), np.array([0, 0]))), ("u",))


def _disturbed(network, disturbance, seed=0):
    random = np.random.default_rng(seed)
    return {
        layer.name: DisturbedGates(disturbance, units=layer.bank.units, gates=layer.gates, spread=10.0, random=random)
        for layer in network.unit_layers
    }


def test_disturbances_of_level_zero_change_no_bit(small):
    images = np.random.default_rng(1).integers(0, 17, (50, 9))
    exact, zero = golden.run(small, images), golden.run(small, images, disturbed=_disturbed(small, Disturbance()))
    assert all(np.array_equal(exact.values[name], zero.values[name]) for name in exact.values)
    assert all(np.array_equal(exact.spikes[name], zero.spikes[name]) for name in exact.spikes)


def test_disturbances_reach_what_follows(small):
    images = np.random.default_rng(1).integers(0, 17, (50, 9))
    exact, lost = golden.run(small, images), golden.run(small, images, disturbed=_disturbed(small, Disturbance(drop=1)))
    assert exact.spike_count > 0 and lost.spike_count == 0
    assert (lost.values["sums"] == small["sums"].biases).all()
