"""What does not fit is refused in one line that names the operation."""

import numpy as np
import pytest

from amos_hdl.circuit import relu
from amos_hdl.errors import NetworkError
from amos_hdl.network import (
    Add,
    Argmax,
    Concat,
    Conv2d,
    Dense,
    Flatten,
    Input,
    MaxPool,
    Multiply,
    Network,
    Pad,
    Slice,
    SumPool,
    Tensor,
    Unit,
)

FLAT, MAP, OTHER = Input("flat", 6, 0, 3), Input("x", (4, 5, 6), 0, 3), Input("x", (4, 5, 5), 0, 3)
KERNEL = np.ones((8, 4, 3, 3), int)
TENSORS = {
    "flat": FLAT.result(),
    "map": MAP.result(),
    "other": OTHER.result(),
    "row": Tensor.filled((4, 1, 1), 0, 3),
}


def result(operation):
    return operation.result(*(TENSORS[name] for name in operation.reads))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Conv2d("c", "map", KERNEL[0], 2),
            r"c: shape of weights: expected \(channel, input, row, column\), got",
        ),
        (lambda: Conv2d("c", "map", KERNEL * 0.5, 2), "weights of c: expected integers, got float64"),
        (
            lambda: Conv2d("c", "map", KERNEL, 1),
            r"c, channel 0, input 0, row 0, column 0: weight: expected -1 to 0 \(1 bits\), got 1",
        ),
        (lambda: Conv2d("c", "map", KERNEL, 2, np.zeros(4, int)), r"shape of bias of c: expected \(8,\), got \(4,\)"),
        (lambda: Conv2d("c", "map", KERNEL, 2, stride=0), "c: stride: expected 2 whole numbers >= 1, got 0"),
        (
            lambda: Conv2d("c", "map", KERNEL, 2, stride=(1, 2, 3)),
            r"c: stride: expected 2 whole numbers >= 1, got \(1, 2, 3\)",
        ),
        (lambda: Conv2d("c", "map", KERNEL, 2, padding=3), r"c: padding: expected smaller than the kernel, 3 x 3, got"),
        (lambda: Conv2d("c", "map", KERNEL, 2, padding=(1, -1)), "c: padding: expected 2 or 4 whole numbers >= 0"),
        (lambda: Conv2d("c", "map", KERNEL, 2, groups=3), "c: groups: expected a divisor of 8 channels, got 3"),
        (
            lambda: result(Conv2d("c", "map", KERNEL, 2, groups=2)),
            "c: input channels: expected 4 of map, got 4 in 2 groups",
        ),
        (
            lambda: result(Conv2d("c", "flat", KERNEL, 2)),
            r"c: source: expected \(channel, row, column\) of flat, got \(6,\)",
        ),
        (
            lambda: result(Conv2d("c", "map", np.ones((1, 4, 6, 1), int), 2)),
            "c: kernel: expected at most 5 x 6, the padded map, got 6 x 1",
        ),
        (
            lambda: result(Conv2d("c", "map", KERNEL, 2, potential_bits=6)),
            "c: a potential could overflow its width: expected 7 bits for 0 to 108, got potential_bits 6",
        ),
        (
            lambda: result(Dense("d", "map", np.ones((2, 120), int), 2)),
            r"d: source: expected \(unit,\) of map, flattened first, got \(4, 5, 6\)",
        ),
        (lambda: result(Argmax("a", "map")), r"a: source: expected \(unit,\) of map, flattened first"),
        (lambda: result(SumPool("p", "flat")), r"p: source: expected \(channel, row, column\) of flat, got \(6,\)"),
        (lambda: MaxPool("p", "map", stride=2), "p: window of the whole map: expected no stride and no padding"),
        (lambda: result(MaxPool("p", "map", (2, 7))), "p: kernel: expected at most 5 x 6, the padded map, got 2 x 7"),
        (
            lambda: result(Add("s", ("map", "other"))),
            r"s: shapes: expected \(4, 5, 6\) of map, got \(4, 5, 5\) of other",
        ),
        (lambda: Add("s", ("map",)), "s: sources: expected 2 to 1024, got 1"),
        (lambda: Add("s", "map"), "s: sources: expected names in a tuple, got 'map'"),
        (
            lambda: Add("s", ("map", "map"), (1, 2, 3)),
            r"s: shape of multipliers: expected \(2,\) or \(2, channel\), got \(3,\)",
        ),
        (lambda: Add("s", ("map", "map"), (1, 0.5)), "multipliers of s: expected integers, got float64"),
        (lambda: Add("s", ("map", "map"), (1, 0)), "s: multipliers: expected not zero"),
        (lambda: Add("s", ("map", "map"), (1, 1 << 40)), "s: multipliers: expected of magnitude below"),
        (
            lambda: result(Add("s", ("map", "map"), np.ones((2, 3), int))),
            "s: channels of multipliers: expected 4, got 3",
        ),
        (lambda: Multiply("m", ("map", "map", "map")), "m: sources: expected 2, got 3"),
        (
            lambda: result(Multiply("m", ("map", "other"))),
            r"m: shapes: expected \(4, 5, 6\) or \(4, 1, 1\) for other, got \(4, 5, 5\)",
        ),
        (lambda: result(Multiply("m", ("flat", "row"))), r"m: shapes: expected \(6,\) for row, got \(4, 1, 1\)"),
        (
            lambda: result(Concat("k", ("map", "other"))),
            r"k: shapes: expected a map as of map, \(4, 5, 6\), got \(4, 5, 5\) of other",
        ),
        (lambda: Slice("l", "map", ((0, 4, 1), (3, 3, 1), (0, 1, 1))), r"l: range: expected start < stop, step >= 1"),
        (
            lambda: result(Slice("l", "map", ((0, 4, 1), (0, 6, 1), (0, 1, 1)))),
            r"l: ranges: expected one for each axis of \(4, 5, 6\), within it",
        ),
        (lambda: result(Slice("l", "map", ((0, 4, 1),))), r"l: ranges: expected one for each axis of \(4, 5, 6\)"),
        (lambda: result(Pad("p", "map", ((0, 1),))), r"p: widths: expected one pair for each axis of \(4, 5, 6\)"),
        (lambda: Pad("p", "map", ((0, -1),)), "p: widths: expected 2 whole numbers >= 0"),
        (lambda: Pad("p", "map", ((0, 1),), 1 << 60), "p: value: expected an int of fewer than 56 bits"),
        (lambda: result(Pad("p", "flat", ((0, 1 << 20),))), "p: shape: expected "),
        (
            lambda: result(Unit("u", "map", (relu(2),), np.zeros(120, int))),
            "u: channels: expected 4, what map gives, got 120",
        ),
        (lambda: Input("x", (3, 4), 0, 1), r"x: shape: expected \(1 to .*\), got \(3, 4\)"),
        (lambda: Input("x", (3, 0, 4), 0, 1), r"x: shape: expected .*, got \(3, 0, 4\)"),
    ],
)
def test_refused(make, message):
    with pytest.raises(NetworkError, match=f"^{message}") as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_source_that_comes_later():
    operations = (FLAT, Add("s", ("flat", "later")), Flatten("later", "s"))
    with pytest.raises(NetworkError, match=r"^s: source: expected an operation before it, got 'later'$"):
        Network("n", operations, ("later",))


def test_numbers_stand_for_both_axes():
    window = Conv2d("c", "map", KERNEL, 2, stride=2, padding=(1, 2)).window
    assert (window.kernel, window.stride, window.padding) == ((3, 3), (2, 2), (1, 1, 2, 2))
    assert result(SumPool("p", "map", 2)).shape == (4, 2, 3)
    assert result(MaxPool("p", "map")).shape == result(MaxPool("p", "map", padding=[0, 0])).shape == (4, 1, 1)
    assert result(Multiply("m", ("row", "map"))).shape == result(Multiply("m", ("map", "row"))).shape == (4, 5, 6)


def test_nothing_of_a_large_map_is_as_large_as_the_map():
    """Intervals are kept per channel: ten thousand million units in no time and no memory."""
    network = Network(
        "wide_map",
        (
            Input("x", (2, 50_000, 50_000), 0, 255),
            Conv2d("c", "x", np.ones((4, 2, 3, 3), int), 2, padding=1),
            Unit("u", "c", (relu(8),), np.zeros(4, int)),
            SumPool("p", "u"),
        ),
        ("p",),
    )
    assert network.tensors["u"].units == 10_000_000_000
    assert network.tensors["c"].interval == (0, 2 * 9 * 255)
    assert network.tensors["p"].interval == (0, 2_500_000_000 * 255)
