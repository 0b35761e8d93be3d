"""The designs of data/peers as networks of AMOS units: 4-bit inputs, units of 4 binary-weighted gates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from layers import cpu_seconds, read_layers

from amos_hdl.circuit import Architecture, relu
from amos_hdl.circuit.rearrange import rearranged
from amos_hdl.emit.generate import generate
from amos_hdl.network import Dense, Input, Network, Unit, golden, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.simulate.batch import build_batch
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.whole_set import check_whole_set
from amos_hdl.synthesize.elaborate import Elaborator

#: By what each design has no more stages than da4ml at one adder per stage: where sums are in tables, and where
#: additions are of two bits, in carry cells.
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cmvm16x16": ({"extra_adder_levels": 1}, {"extra_adder_levels": 1}),
    "cmvm64x32": ({"extra_adder_levels": 2}, {}),
    "cmvm64x32s": ({"extra_adder_levels": 2}, {}),
    "mlp64": ({"adders_per_stage": 2, "extra_adder_levels": 3}, {"adders_per_stage": 2}),
    "mlpjsc": ({"adders_per_stage": 2, "extra_adder_levels": 1}, {"adders_per_stage": 2}),
}


def build(
    data: Path, design: str, folder: Path, lut_inputs: int, changes: dict[str, Any], *, staged: bool = False
) -> dict[str, object]:
    """Write the Verilog of ``design``; return CPU seconds, stages, and whether its simulation is as golden.

    ``changes``: of its hardware options.  ``staged``: units of two levels with three gates each, not of four gates.
    """
    layers, x, y = read_layers(data, design)
    started = cpu_seconds()
    operations: list[Input | Dense | Unit] = [Input("x", len(layers[0].weights), 0, 15)]
    source = "x"
    for number, layer in enumerate(layers, start=1):
        bias = layer.bias
        operations.append(Dense(f"sums{number}", source, layer.weights.T.copy(), 8, bias))
        source = f"sums{number}"
        if layer.shift is not None:
            circuits = tuple(relu(4, step=1 << layer.shift) for offset in layer.bias)
            if staged:
                circuits = rearranged(circuits, Architecture("staged", 2))
            operations.append(Unit(f"units{number}", source, circuits, np.arange(len(circuits))))
            source = f"units{number}"
    network = Network(design, tuple(operations), (source,))
    options = HardwareOptions(lut_inputs=lut_inputs, **OPTIONS[design][lut_inputs == 2] | changes)
    schedule = Schedule(network, options)
    generate(schedule, folder)
    seconds = cpu_seconds() - started
    met = bool((golden.run(network, x).values[source] == y).all())
    return {"seconds": seconds, "stages": schedule.latency_cycles, "golden": met and _simulated(network, x, folder)}


def _simulated(network: Network, x: np.ndarray, folder: Path) -> bool:
    """Run ``x`` through the Verilog in ``folder`` and compare all results and spikes with the golden model."""
    work = folder.with_name(f"{folder.name}_simulation")
    store.save(network, work / "network")
    design = load_design(work / "network", folder, x)
    simulator = build_batch(design, Elaborator(), root=Path("build") / "sim", work=work)
    return check_whole_set(simulator, x).images == len(x)
