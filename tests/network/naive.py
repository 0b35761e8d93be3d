"""A second golden model, written from SPEC.md: plain Python integers, one image, one place at a time."""

from itertools import product

from amos_hdl.network import operations as ops
from tests.circuit.naive import fire


def run(network, image):
    """Return values and spikes of one image, both as nested lists by operation; ``image`` has the input's shape."""
    values, spikes = {}, {}
    for operation in network.operations:
        read = [values[name] for name in operation.reads]
        if isinstance(operation, ops.Input):
            values[operation.name] = image.tolist()
        elif isinstance(operation, ops.Unit):
            fired = [_units(operation.circuit(n), channel) for n, channel in enumerate(read[0])]
            spikes[operation.name] = [z for z, _ in fired]
            values[operation.name] = [y for _, y in fired]
        else:
            values[operation.name] = COMPUTE[type(operation)](operation, *read)
    return values, spikes


def _units(circuit, x):
    """Return spikes and values of all units of one channel."""
    if isinstance(x, int):
        return fire(circuit, x)[:2]
    pairs = [_units(circuit, part) for part in x]
    return [z for z, _ in pairs], [y for _, y in pairs]


def _dense(operation, y):
    rows, bias = operation.weights.tolist(), operation.biases.tolist()
    return [b + sum(w * v for w, v in zip(row, y, strict=True)) for row, b in zip(rows, bias, strict=True)]


def _windows(window, y):
    """Return a function of (row, column) of the result that gives the pairs (tap, place on the map), and the sizes."""
    (height, width), (down, across) = window.kernel, window.stride
    top, bottom, left, right = window.padding
    rows, columns = len(y[0]), len(y[0][0])

    def places(o, p):
        for k, m in product(range(height), range(width)):
            row, column = o * down + k - top, p * across + m - left
            if 0 <= row < rows and 0 <= column < columns:
                yield (k, m), (row, column)

    return places, (rows + top + bottom - height) // down + 1, (columns + left + right - width) // across + 1


def _conv2d(operation, y):
    weights, bias = operation.weights.tolist(), operation.biases.tolist()
    places, rows, columns = _windows(operation.window, y)
    inputs = len(weights[0])

    def potential(n, o, p):
        first = n * operation.groups // len(weights) * inputs
        return bias[n] + sum(
            weights[n][m][k][j] * y[first + m][row][column]
            for m in range(inputs)
            for (k, j), (row, column) in places(o, p)
        )

    return _map(potential, len(weights), rows, columns)


def _map(value, channels, rows, columns):
    return [[[value(n, o, p) for p in range(columns)] for o in range(rows)] for n in range(channels)]


def _pool(operation, y):
    reduce = sum if isinstance(operation, ops.SumPool) else max
    if operation.kernel is None:
        return [[[reduce(value for row in channel for value in row)]] for channel in y]
    kernel, stride, padding = (operation.attributes()[key] for key in ("kernel", "stride", "padding"))
    places, rows, columns = _windows(ops.Window(tuple(kernel), tuple(stride), tuple(padding)), y)
    return _map(lambda n, o, p: reduce(y[n][r][c] for _, (r, c) in places(o, p)), len(y), rows, columns)


def _elementwise(function, *read):
    if isinstance(read[0], int):
        return function(*read)
    return [_elementwise(function, *parts) for parts in zip(*read, strict=True)]


def _add(operation, *read):
    factors = operation.factors.tolist()
    result = []
    for n, channels in enumerate(zip(*read, strict=True)):
        own = [factor[n] if isinstance(factor, list) else factor for factor in factors]
        result.append(_elementwise(lambda *y, own=own: sum(m * v for m, v in zip(own, y, strict=True)), *channels))
    return result


def _multiply(operation, a, b):
    if isinstance(a[0], int):
        return [x * y for x, y in zip(a, b, strict=True)]
    rows, columns = max(len(a[0]), len(b[0])), max(len(a[0][0]), len(b[0][0]))

    def at(y, n, o, p):
        return y[n][0][0] if len(y[n]) == len(y[n][0]) == 1 else y[n][o][p]

    return _map(lambda n, o, p: at(a, n, o, p) * at(b, n, o, p), len(a), rows, columns)


def _slice(operation, y):
    def cut(part, ranges):
        return [cut(part[i], ranges[1:]) for i in range(*ranges[0])] if ranges else part

    return cut(y, operation.ranges)


def _pad(operation, y):
    shape = (len(y),) if isinstance(y[0], int) else (len(y), len(y[0]), len(y[0][0]))

    def fill(part, axis, inside):
        if axis == len(shape):
            return part if inside else operation.value
        before, after = operation.widths[axis]
        sizes = range(-before, shape[axis] + after)
        return [
            fill(part[i] if inside and 0 <= i < shape[axis] else None, axis + 1, inside and 0 <= i < shape[axis])
            for i in sizes
        ]

    return fill(y, 0, True)


COMPUTE = {
    ops.Dense: _dense,
    ops.Conv2d: _conv2d,
    ops.SumPool: _pool,
    ops.MaxPool: _pool,
    ops.Add: _add,
    ops.Multiply: _multiply,
    ops.Concat: lambda operation, *read: [channel for y in read for channel in y],
    ops.Flatten: lambda operation, y: [value for channel in y for row in channel for value in row],
    ops.Slice: _slice,
    ops.Pad: _pad,
    ops.Argmax: lambda operation, y: [y.index(max(y))],
}
