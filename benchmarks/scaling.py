"""How time and memory grow with the network: one dense layer of 1k to 100k weights and its units.

python benchmarks/scaling.py                    generating
python benchmarks/scaling.py --batch 16384 --verilator 16384 --yosys 4096
                                                and the batch simulator, Verilator, Yosys, up to so many weights
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from amos_hdl.circuit import relu
from amos_hdl.emit.generate import generate
from amos_hdl.emit.manifest import load_manifest
from amos_hdl.network import Argmax, Dense, Input, Network, Unit, store
from amos_hdl.schedule import DenseSpec, HardwareOptions, Schedule
from amos_hdl.simulate.batch import build_batch
from amos_hdl.simulate.build import build
from amos_hdl.simulate.design import load_design
from amos_hdl.simulate.regression_list import Entry
from amos_hdl.synthesize.elaborate import Elaborator
from amos_hdl.synthesize.flow import synthesize

#: Inputs and units.
SIZES = (32, 64, 128, 320)


@dataclass(frozen=True)
class Taken:
    """CPU seconds of a step, those of its child processes too, and MiB of the largest process."""

    seconds: float
    memory: float

    def __str__(self) -> str:
        return f"{self.seconds:,.1f} s, {self.memory:,.0f} MiB"


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


def generated(size: int, folder: Path) -> list[str]:
    """Store the network, write its Verilog, and say how many adders and bytes it has."""
    schedule = Schedule(network(size, size), HardwareOptions())
    store.save(schedule.network, folder / "network")
    generate(schedule, folder / "rtl")
    adders = sum(len(spec.graph.adders) for spec in schedule.specs.values() if isinstance(spec, DenseSpec))
    written = sum(path.stat().st_size for path in (folder / "rtl").rglob("*.v"))
    return [f"{adders:,}", f"{written / 1e6:.1f} MB"]


def compiled(size: int, folder: Path) -> list[str]:
    """Compile what cocotb drives, with Verilator's run-time library."""
    design = load_design(folder / "network", folder / "rtl")
    entry = Entry(name="network", toplevel="network", test_module="test_network", samples=1)
    sources, control, top = design.resolve(entry, folder / "work")
    build(sources, top, root=folder / "sim", control_files=control)
    return []


def read(size: int, folder: Path) -> list[str]:
    """Make the network ready for whole data sets, and compile the batch simulator, which is the same for all."""
    design = load_design(folder / "network", folder / "rtl")
    build_batch(design, Elaborator(), root=folder / "sim", work=folder / "work")
    return []


def synthesized(size: int, folder: Path) -> list[str]:
    """Synthesize for ECP5 and say how many LUTs there are."""
    manifest = load_manifest(folder / "rtl")
    sources, latency = [folder / "rtl" / path for path in manifest.files], manifest.latency_cycles
    made = synthesize(sources, manifest.top, "ecp5-85k", folder / "synth", pnr=False, latency_cycles=latency)
    return [f"{made.luts:,}"]


def measured(step: Callable[[int, Path], list[str]], size: int, folder: Path) -> tuple[Taken, list[str]]:
    """Run ``step`` in a process of its own, so that neither memory nor caches of other rows count."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (step, size, folder))


def _measured(step: Callable[[int, Path], list[str]], size: int, folder: Path) -> tuple[Taken, list[str]]:
    before = time.process_time()
    said = step(size, folder)
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() - before + children.ru_utime + children.ru_stime
    return Taken(seconds, max(own.ru_maxrss, children.ru_maxrss) / 1024), said


def main() -> None:
    """Measure and print one table; a row is shown as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verilator", type=int, default=0, help="most weights that are compiled  [default: none]")
    parser.add_argument("--batch", type=int, default=0, help="most weights for the batch simulator  [default: none]")
    parser.add_argument("--yosys", type=int, default=0, help="most weights that are synthesized  [default: none]")
    options = parser.parse_args()
    table = Table("weights", "adders", "Verilog", "generate", "per 1,000 weights", "batch simulator")
    for name in ("Verilator and C++", "Yosys", "LUTs"):
        table.add_column(name)
    for size in SIZES:
        weights = size * size
        with TemporaryDirectory() as name:
            folder = Path(name)
            taken, said = measured(generated, size, folder)
            row = [f"{weights:,}", *said, str(taken), f"{1000 * taken.seconds / weights:.2f} s"]
            row.append(str(measured(read, size, folder)[0]) if weights <= options.batch else "")
            row.append(str(measured(compiled, size, folder)[0]) if weights <= options.verilator else "")
            if weights <= options.yosys:
                taken, said = measured(synthesized, size, folder)
                row += [str(taken), *said]
        table.add_row(*row)
        print(*row, sep=" | ", flush=True)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
