"""Build one design of data/peers with da4ml; runs in da4ml's own environment.

python build_da4ml.py DATA DESIGN FOLDER CUT    # prints one JSON object
"""

import json
import sys
from pathlib import Path

import numpy as np
from da4ml.codegen import VerilogModel
from da4ml.trace import FixedVariableArray, HWConfig, comb_trace
from da4ml.trace.ops import quantize, relu
from layers import cpu_seconds, read_layers


def main() -> None:
    """Trace, check the golden vectors, and write Verilog."""
    data, design, folder, cut = sys.argv[1:]
    layers, x, y = read_layers(Path(data), design)
    started = cpu_seconds()
    count = len(layers[0].weights)
    ones = np.ones(count)
    inputs = FixedVariableArray.from_lhs(0 * ones, 15 * ones, ones, hwconf=HWConfig(1, -1, -1))
    values = inputs
    for layer in layers:
        values = values @ layer.weights.astype(np.float64) + layer.bias
        if layer.shift is not None:
            # clip(acc >> s, 0, 15): an unsigned number of 4 bits, truncated and saturated, and scaled back
            values = quantize(relu(values), 0, 4 + layer.shift, -layer.shift, "SAT", "TRN") * 2.0**-layer.shift
    traced = comb_trace(inputs, values)
    model = VerilogModel(traced, "peer", folder, latency_cutoff=float(cut))
    model.write()
    seconds = cpu_seconds() - started
    found = traced.predict(x.astype(np.float64)) if hasattr(traced, "predict") else np.array([traced(row) for row in x])
    stages = len(model._pipe.solutions)
    print(json.dumps({"seconds": seconds, "stages": stages, "golden": bool((found.reshape(y.shape) == y).all())}))


if __name__ == "__main__":
    main()
