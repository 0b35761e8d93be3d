"""Random networks of all operations for hypothesis: shapes, strides, paddings, groups, skips."""

import numpy as np
from hypothesis import strategies as st

from amos_hdl.circuit import quantizer, relu
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
    Unit,
)
from tests.circuit.strategies import linear_circuits, table_circuits

#: Values are kept below this by a unit, so that products of products do not grow without end.
WIDE = 1 << 20


@st.composite
def networks(draw, most=8, circuits=None):
    """Draw a network: an input, up to ``most`` operations that fit, flatten, dense and argmax or nothing of it."""
    builder = _Builder(draw, circuits)
    for _ in range(draw(st.integers(1, most))):
        builder.grow()
    return builder.finish()


class _Builder:
    def __init__(self, draw, circuits):
        self.draw = draw
        self.circuits = circuits or st.one_of(linear_circuits(), table_circuits())
        self.random = np.random.default_rng(draw(st.integers(0, 1 << 30)))
        sizes = st.integers(1, 6)
        # maps have more kinds of operations
        is_map = draw(st.sampled_from([False, True, True]))
        shape = draw(st.tuples(st.integers(1, 4), sizes, sizes) if is_map else st.tuples(st.integers(1, 8)))
        low = draw(st.integers(-9, 3))
        first = Input("x", shape, low, low + draw(st.integers(0, 12)))
        self.operations, self.tensors = [first], {"x": first.result()}

    def number(self, low, high):
        return self.draw(st.integers(low, high))

    def append(self, make):
        """Append the operation ``make(name, ...)``."""
        operation = make(f"o{len(self.operations)}")
        self.operations.append(operation)
        self.tensors[operation.name] = operation.result(*(self.tensors[name] for name in operation.reads))
        return operation.name

    def grow(self):
        source = self.draw(st.sampled_from(sorted(self.tensors)))
        tensor = self.tensors[source]
        if tensor.magnitude > WIDE:
            source = self.unit(source)
            tensor = self.tensors[source]
        kinds = ["unit", "slice", "pad", "multiply", "concat", "add"]
        maps = ["conv2d", "conv2d", "conv2d", "sum_pool", "sum_pool", "max_pool", "max_pool", "flatten"]
        kinds += maps if tensor.space else ["dense", "dense"]
        getattr(self, self.draw(st.sampled_from(kinds)))(source)

    def unit(self, source):
        if self.draw(st.booleans()):
            circuits = (relu(self.number(1, 4), step=self.number(1, 30), bias=self.number(-20, 20)),)
        elif self.draw(st.booleans()):
            circuits = tuple(quantizer(np.sort(self.random.integers(-60, 60, 7)).tolist()) for _ in range(3))
        else:
            circuits = (self.draw(self.circuits),)
            circuits += (circuits[0].shift_input(3),)
        assignment = self.random.integers(0, len(circuits), self.tensors[source].channels)
        return self.append(lambda name: Unit(name, source, circuits, assignment))

    def window(self, space):
        kernel = tuple(self.number(1, min(4, size + 1)) for size in space)
        stride = (self.number(1, 3), self.number(1, 3))
        padding = []
        for size, k in zip(space, kernel, strict=True):
            before = self.number(0, k - 1)
            padding += [before, self.number(max(0, k - size - before), k - 1)]
        return kernel, stride, padding

    def conv2d(self, source):
        tensor = self.tensors[source]
        kernel, stride, padding = self.window(tensor.space)
        groups = self.draw(st.sampled_from([g for g in (1, 2, 3, 4, 6, 8) if tensor.channels % g == 0]))
        shape = (groups * self.number(1, 3), tensor.channels // groups, *kernel)
        weights, bias = self.random.integers(-8, 8, shape), self.random.integers(-20, 20, shape[0])
        self.followed(
            self.append(
                lambda name: Conv2d(name, source, weights, 4, bias, stride=stride, padding=padding, groups=groups)
            )
        )

    def sum_pool(self, source):
        self.pool(source, SumPool)

    def max_pool(self, source):
        self.pool(source, MaxPool)

    def pool(self, source, kind):
        if self.draw(st.booleans()):
            self.append(lambda name: kind(name, source))
        else:
            kernel, stride, padding = self.window(self.tensors[source].space)
            if self.draw(st.booleans()):  # side by side
                kernel = tuple(min(k, size) for k, size in zip(kernel, self.tensors[source].space, strict=True))
                stride, padding = None, 0
            self.append(lambda name: kind(name, source, kernel, stride, padding))

    def dense(self, source):
        weights = self.random.integers(-8, 8, (self.number(1, 6), self.tensors[source].units))
        bias = self.random.integers(-20, 20, len(weights))
        self.followed(self.append(lambda name: Dense(name, source, weights, 4, bias)))

    def followed(self, sums):
        """Append units of ``sums``, often, as trained networks have them."""
        if self.draw(st.booleans()):
            self.unit(sums)

    def flatten(self, source):
        self.append(lambda name: Flatten(name, source))

    def slice(self, source):
        ranges = []
        for size in self.tensors[source].shape:
            start = self.number(0, size - 1)
            ranges.append((start, self.number(start + 1, size), self.number(1, 3)))
        self.append(lambda name: Slice(name, source, ranges))

    def pad(self, source):
        widths = [(self.number(0, 2), self.number(0, 2)) for _ in self.tensors[source].shape]
        self.append(lambda name: Pad(name, source, widths, self.number(-4, 4)))

    def others(self, fits):
        return sorted(name for name, tensor in self.tensors.items() if tensor.magnitude <= WIDE and fits(tensor))

    def add(self, source):
        tensor = self.tensors[source]
        fitting = self.others(lambda other: other.shape == tensor.shape)
        names = [source, *self.draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=2))]
        shape = (len(names),) if self.draw(st.booleans()) else (len(names), tensor.channels)
        multipliers = self.random.integers(1, 9, shape) * self.random.choice([-1, 1], shape)
        self.append(lambda name: Add(name, names, multipliers))

    def multiply(self, source):
        tensor = self.tensors[source]
        if tensor.space and self.draw(st.booleans()):
            pooled = self.append(lambda name: SumPool(name, source))
            pair = self.draw(st.permutations([source, pooled]))
        else:
            pair = [source, self.draw(st.sampled_from(self.others(lambda other: other.shape == tensor.shape)))]
        self.append(lambda name: Multiply(name, pair))

    def concat(self, source):
        tensor = self.tensors[source]
        fitting = self.others(lambda other: other.space == tensor.space)
        names = [source, *self.draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=2))]
        if sum(self.tensors[name].channels for name in names) <= 40:
            self.append(lambda name: Concat(name, names))

    def finish(self):
        last = self.operations[-1].name
        if self.tensors[last].space and self.draw(st.booleans()):
            last = self.append(lambda name: Flatten(name, last))
        if not self.tensors[last].space and self.tensors[last].units > 1 and self.draw(st.booleans()):
            self.append(lambda name: Argmax(name, last))
        used = {name for operation in self.operations for name in operation.reads}
        outputs = [op.name for op in self.operations[1:] if op.name not in used]
        if not outputs:
            outputs = [self.append(lambda name: Slice(name, "x", [(0, size, 1) for size in self.tensors["x"].shape]))]
        return Network("random", tuple(self.operations), tuple(outputs))
