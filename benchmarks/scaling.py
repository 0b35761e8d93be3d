"""How the time to generate Verilog grows with the network: one dense layer of 1k to 16k weights and its units.

python benchmarks/scaling.py
"""

from __future__ import annotations

import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from amos_hdl.circuit import relu
from amos_hdl.emit.generate import generate
from amos_hdl.network import Argmax, Dense, Input, Network, Unit
from amos_hdl.schedule import DenseSpec, HardwareOptions, Schedule


def network(inputs: int, units: int) -> Network:
    """Return a network of ``inputs·units`` 4-bit weights, none of them zero, units of 4 gates with biases."""
    random = np.random.default_rng(inputs * units)
    weights = random.integers(1, 8, (units, inputs)) * random.choice([-1, 1], (units, inputs))
    circuits = tuple(relu(4, step=16, bias=int(bias)) for bias in random.integers(-60, 60, units))
    return Network(
        "scaling",
        (
            Input("pixels", inputs, 0, 3),
            Dense("sums", "pixels", weights, 4),
            Unit("hidden", "sums", circuits, np.arange(units)),
            Argmax("winner", "hidden"),
        ),
        ("winner",),
    )


def main() -> None:
    """Measure and print one table."""
    table = Table("weights", "adders", "generate", "per 1,000 weights", "Verilog", "peak memory")
    for inputs, units in ((32, 32), (64, 64), (128, 128)):
        started = time.perf_counter()
        schedule = Schedule(network(inputs, units), HardwareOptions())
        with TemporaryDirectory() as folder:
            generate(schedule, Path(folder) / "scaling")
            size = sum(path.stat().st_size for path in Path(folder).rglob("*.v"))
        taken = time.perf_counter() - started
        adders = sum(len(spec.graph.adders) for spec in schedule.specs.values() if isinstance(spec, DenseSpec))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        table.add_row(
            f"{inputs * units:,}",
            f"{adders:,}",
            f"{taken:.1f} s",
            f"{1000 * taken / (inputs * units):.2f} s",
            f"{size / 1e6:.1f} MB",
            f"{peak:,.0f} MiB",
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
