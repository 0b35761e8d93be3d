"""Build one design of data/peers with alkaid; runs in alkaid's own environment.

python build_alkaid.py DATA DESIGN FOLDER CUT    # prints one JSON object
"""

import json
import sys
from pathlib import Path

import numpy as np
from alkaid.codegen.rtl import RTLModel
from alkaid.trace import FVArray, HWConfig, trace
from alkaid.trace.ops import quantize
from alkaid.trace.pipeline import to_pipeline
from layers import cpu_seconds, read_layers


def main() -> None:
    """Trace, check the golden vectors, and write Verilog."""
    data, design, folder, cut = sys.argv[1:]
    layers, x, y = read_layers(Path(data), design)
    started = cpu_seconds()
    ones = np.ones(len(layers[0].weights))
    inputs = FVArray.from_lhs(0 * ones, 15 * ones, ones, hwconf=HWConfig(1, -1, -1))
    values = inputs
    for layer in layers:
        values = values @ layer.weights.astype(np.float64) + layer.bias
        if layer.shift is not None:
            # clip(acc >> s, 0, 15): an unsigned number of 4 bits, truncated and saturated, and scaled back
            values = np.maximum(values, 0)
            values = quantize(values, 0, 4 + layer.shift, -layer.shift, "SAT", "TRN") * 2.0**-layer.shift
    traced = trace(inputs, values)
    pipeline = to_pipeline(traced, latency_cutoff=float(cut), verbose=False, reg_inp=False)
    model = RTLModel(pipeline, folder, "peer", ternary_fuse=False)
    model.write()
    seconds = cpu_seconds() - started
    found = traced.predict(x.astype(np.float64))
    print(
        json.dumps({"seconds": seconds, "stages": model.latency, "golden": bool((found.reshape(y.shape) == y).all())})
    )


if __name__ == "__main__":
    main()
