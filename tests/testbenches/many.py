"""Many random networks in one executable: what hypothesis draws, as Verilog, side by side under one top module."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from amos_hdl.emit.generate import generate
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Conv2d, Dense, Network, Unit, store
from amos_hdl.schedule import FoldedSumSpec, HardwareOptions, Schedule
from amos_hdl.schedule.readers import summed_by_pixels
from amos_hdl.simulate.build import BuildOptions, build
from amos_hdl.simulate.control_file import Waiver, write_control_file
from amos_hdl.simulate.design import load_design, testbench_folder
from amos_hdl.simulate.regression_list import Entry
from amos_hdl.simulate.run import SimulationResult, run
from tests.conftest import ROOT
from tests.network.strategies import networks

IMAGES = 6
TOP = "ManyNetworks"
#: Weights of all sums of one network, so that none takes most of the time.
WEIGHTS = 6000


@st.composite
def schedules(draw) -> Schedule:
    """Draw a network and how it is built: adders per stage, interval, layers that share hardware."""
    drawn = draw(networks(most=8).filter(is_small))
    adders = draw(st.integers(1, 3))
    schedule = Schedule(drawn, HardwareOptions(adders_per_stage=adders))
    folded = draw_folds(draw, drawn)
    wanted = None
    if draw(st.booleans()):
        wanted = schedule.interval_cycles + draw(st.integers(0, 3 * schedule.interval_cycles))
    for interval in (wanted, None):  # where the folds do not fit the interval, the least they need
        try:
            folding = Schedule(drawn, HardwareOptions(adders_per_stage=adders, folded=folded, interval=interval))
            _ = folding.layers  # are they folds that can be?
        except ScheduleError:
            continue
        return folding
    return schedule


def is_small(network: Network) -> bool:
    """Return whether a network can be built within seconds."""
    widest = max(tensor.bits for tensor in network.tensors.values())
    sums = sum(op.weights.size * op.weights.shape[0] for op in network.operations if isinstance(op, Dense | Conv2d))
    return widest <= 32 and sums <= WEIGHTS and max(tensor.units for tensor in network.tensors.values()) <= 400


def draw_folds(draw, network: Network) -> tuple[str, ...]:
    """Draw which layers share hardware and how; often a sum and its units, so that they take its sums in turn."""
    folds: dict[str, str] = {}
    for operation in network.operations:
        fold = draw_fold(draw, operation, network)
        if isinstance(operation, Unit) and (pair := draw_pair(draw, operation, network)):
            folds.update(pair)
        elif fold:
            folds[operation.name] = fold
    return tuple(folds.values())


def draw_pair(draw, unit: Unit, network: Network) -> dict[str, str] | None:
    """Draw folds with which ``unit`` takes sums in turn: as many lanes, more clock cycles per sum than gates."""
    circuit, sums = unit.circuits[0], network[unit.source]
    if not isinstance(sums, Dense | Conv2d) or not circuit.depth == circuit.gates > 1 or not draw(st.booleans()):
        return None
    count, taken = len(sums.weights), sums.weights[0].size
    if isinstance(sums, Dense) and summed_by_pixels(network, sums.source) == sums.name:
        return None  # in parts, and so not in turn
    lanes = draw(st.sampled_from([n for n in range(1, count + 1) if count % n == 0]))
    slow = [n for n in range(1, taken + 1) if taken % n == 0 and taken // n > circuit.gates]
    if not slow or lanes > len(unit.assignment):
        return None
    return {sums.name: f"{sums.name}={lanes}x{draw(st.sampled_from(slow))}", unit.name: f"{unit.name}={lanes}"}


def draw_fold(draw, operation, network: Network) -> str | None:
    """Draw whether and how ``operation`` shares its hardware."""
    if not isinstance(operation, Dense | Conv2d | Unit) or not draw(st.booleans()):
        return None
    if isinstance(operation, Unit):
        circuit, channels = operation.circuits[0], len(operation.assignment)
        shares = [f"{operation.name}={n}" for n in range(1, channels + 1) if channels % n == 0]
        return draw(st.sampled_from([operation.name, *shares])) if circuit.depth == circuit.gates > 1 else None
    count, taken = len(operation.weights), operation.weights[0].size
    if isinstance(operation, Dense) and summed_by_pixels(network, operation.source) == operation.name:
        taken = network.tensors[network[operation.source].reads[0]].channels
    lanes = draw(st.sampled_from([n for n in range(1, count + 1) if count % n == 0]))
    inputs = draw(st.sampled_from([n for n in range(1, taken + 1) if taken % n == 0]))
    return f"{operation.name}={lanes}x{inputs}"


def draw_many(count: int, number: int) -> list[Schedule]:
    """Return ``count`` schedules that hypothesis draws, the same for the same ``number``."""
    found: list[Schedule] = []

    @seed(number)
    @settings(max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(schedules())
    def draw(schedule: Schedule) -> None:
        named = Network(f"net{len(found)}", schedule.network.operations, schedule.network.outputs)
        found.append(Schedule(named, schedule.options))

    draw()
    return found


def simulate_many(schedules: list[Schedule], folder: Path, number: int) -> SimulationResult:
    """Run all networks at once, each with images of its own."""
    sources, controls, jobs, instances, ports = [], [], [], [], ["input clk"]
    for place, schedule in enumerate(schedules):
        home = folder / schedule.network.name
        store.save(schedule.network, home / "n")
        manifest = generate(schedule, home / "rtl")
        design = load_design(home / "n", home / "rtl")
        entry = Entry(name="many", toplevel="network", test_module="test_many", samples=IMAGES)
        files, (control,), _ = design.resolve(entry, home / "work")
        sources += files
        controls.append(control)
        jobs.append(dict(design.job(entry, number + place, home / "work")))
        outer = [port for port in manifest.ports if port.name != "clk"]
        ports += [f"{port.direction} [{port.bits - 1}:0] n{place}_{port.name}" for port in outer]
        wires = ", ".join([".clk(clk)", *(f".{port.name}(n{place}_{port.name})" for port in outer)])
        instances.append(f"  {manifest.top} n{place}({wires});")
    top = folder / f"{TOP}.v"
    top.write_text(f"module {TOP}({', '.join(ports)});\n" + "\n".join(instances) + "\nendmodule\n")
    reason = "spikes leave a layer for testbenches alone"
    unread = [Waiver("UNUSEDSIGNAL", reason, f"*net{n}.v", "Signal is not used: '_*_'*") for n in range(len(schedules))]
    controls.append(write_control_file(folder / f"{TOP}.vlt", (), unread))
    # few clock cycles of much Verilog: the compiler is most of the time
    options = BuildOptions(optimise="-O0")
    built = build([*sources, top], TOP, root=ROOT / "build" / "sim", control_files=controls, options=options)
    return run(
        built,
        "test_many",
        python_path=[testbench_folder()],
        job={"networks": jobs},
        seed=number,
        work=folder / "run",
        timeout_s=3000,
    )


def kinds(schedules: list[Schedule]) -> dict[str, int]:
    """Return how often each kind of operation was drawn, and each kind of spec."""
    counts: dict[str, int] = {}
    for schedule in schedules:
        for layer in schedule.layers.values():
            parts = [layer.operation.kind, type(layer.spec).__name__]
            parts += ["in steps"] * (layer.window is not None and layer.window.steps > 1)
            parts += ["in turn"] * (isinstance(layer.spec, FoldedSumSpec) and layer.spec.in_turn)
            parts += ["window"] * (layer.window is not None) + ["buffer"] * sum(b is not None for b in layer.buffers)
            for part in parts:
                counts[part] = counts.get(part, 0) + 1
    return counts


def main(count: int, size: int, first: int, folder: Path) -> None:
    """Draw and simulate ``count`` networks, ``size`` in each executable, and say what came of it."""
    total: dict[str, int] = {}
    for number, start in enumerate(range(0, count, size), start=first):
        drawn = draw_many(min(size, count - start), number)
        result = simulate_many(drawn, folder / f"seed{number}", number)
        result.require_pass()
        figures = {k: int(v) for k, v in result.figures.items()}
        sys.stdout.write(f"seed {number}: {len(drawn)} networks passed, {np.round(result.wall_s, 1)} s, {figures}\n")
        sys.stdout.flush()
        for kind, found in kinds(drawn).items():
            total[kind] = total.get(kind, 0) + found
    sys.stdout.writelines(f"{found:6d}  {kind}\n" for kind, found in sorted(total.items()))


if __name__ == "__main__":
    import argparse
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given_ = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        main(given_.networks, given_.at_once, given_.seed, Path(temporary))
