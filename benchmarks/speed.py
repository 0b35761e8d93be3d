"""How fast the tools are on the digits network: generating, the golden model, simulating, placing and routing.

python benchmarks/speed.py               all of it, in the current checkout
python benchmarks/speed.py --simulators  cocotb and the batch simulator alone
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from amos_hdl.console import Steps
from amos_hdl.emit.generate import generate
from amos_hdl.network import golden
from amos_hdl.project import Project, find_project
from amos_hdl.verbs.rtl import check_rtl
from amos_hdl.verbs.simulate import simulate
from amos_hdl.verbs.synth import synth

RUNS = 5
Integers = npt.NDArray[np.int64]


def seconds(action: Callable[[], object], runs: int = RUNS) -> float:
    """Return the median wall time of ``action``, after one run that does not count."""
    action()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    """Measure and print one table, the target beside each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulators", action="store_true", help="only cocotb and the batch simulator")
    only_simulators = parser.parse_args().simulators
    project, steps = find_project("models/digits.yaml"), Steps(quiet=True)
    dataset = project.dataset()
    if dataset is None:
        raise SystemExit("models/digits.yaml has no data")
    images = np.tile(dataset.images, (56, 1))[:100_000]
    table = Table("what", "measured", "target", title="digits, 2 cores")
    if not only_simulators:
        add_software(table, project, images)
    add_simulators(table, project, images, steps)
    if not only_simulators:
        add_hardware(table, project, steps)
    Console(width=100).print(table)


def add_software(table: Table, project: Project, images: Integers) -> None:
    """Add what generating takes, and the golden model."""
    with TemporaryDirectory() as folder:
        taken = seconds(lambda: generate(project.schedule(), Path(folder) / "digits"))
    table.add_row("generate", f"{taken:.2f} s", "<= 5 s")
    taken = seconds(lambda: golden.run(project.network, images))
    table.add_row("golden model, every spike kept", f"{len(images) / taken:,.0f} images/s", ">= 100,000 images/s")


def add_simulators(table: Table, project: Project, images: Integers, steps: Steps) -> None:
    """Add cocotb and the batch simulator, both by the processor time of one process, and what both cores do."""
    rates = []
    for _ in range(RUNS):
        outcome = simulate(project, False, [], None, None, "none", "off", steps)
        if not outcome.passed:
            raise SystemExit("the simulation failed")
        figures = outcome.data["runs"][0]["figures"]
        rates.append(figures["back_to_back.images"] / figures["back_to_back.seconds"])
    cocotb = statistics.median(rates)
    table.add_row("cocotb on Verilator, every spike read", f"{cocotb:,.0f} images/s", ">= 20,000 images/s")
    whole = [check_rtl(project, images, None, steps) for _ in range(RUNS)]
    alone = statistics.median(figures["images_per_second_of_a_simulator"] for figures in whole)
    compared = statistics.median(figures["images_per_second"] for figures in whole)
    table.add_row("evaluate --rtl, one simulator", f"{alone:,.0f} images/s", f"{alone / cocotb:.0f} x cocotb; >= 20 x")
    table.add_row("evaluate --rtl, compared, 2 cores", f"{compared:,.0f} images/s", f"{compared / cocotb:.1f} x cocotb")


def add_hardware(table: Table, project: Project, steps: Steps) -> None:
    """Add what place and route makes of it."""
    started = time.perf_counter()
    result = synth(project, "ecp5-25k", True, 150.0, 1, None, steps).data
    taken = time.perf_counter() - started
    table.add_row("Fmax on ecp5-25k, interval 1", f"{result['fmax_mhz']:.1f} MHz", ">= 150 MHz")
    table.add_row("DSPs, block RAMs", f"{result['dsps']}, {result['block_rams']}", "0, 0")
    table.add_row("latency", f"{result['latency_ns']:.0f} ns", f"{project.schedule().latency_cycles} clock cycles")
    table.add_row("Yosys and nextpnr", f"{taken:.0f} s", "")


if __name__ == "__main__":
    main()
