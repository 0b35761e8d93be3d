"""Registers placed for a clock: flip-flops, latency, the clock by the delay model, and what place and route reaches.

python benchmarks/clock.py [--targets ecp5-25k] [--mhz 80,120,160,200]

The digits network, and a seeded network of 16 sums of 24 inputs of 4 bits with their units, 10 sums of these and an
argmax; a row for each clock, and for comparison rows of a fixed number of adders per stage.  What was measured is kept
in build/clock/ under a hash of the Verilog and the tools.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from amos_hdl.circuit import relu
from amos_hdl.emit.generate import generate, write_harness
from amos_hdl.errors import ScheduleError
from amos_hdl.network import Argmax, Dense, Input, Network, Unit, store
from amos_hdl.schedule import FoldedSumSpec, HardwareOptions, Schedule
from amos_hdl.schedule.delays import fabric_of
from amos_hdl.synthesize.flow import synthesize
from amos_hdl.synthesize.targets import find_target
from amos_hdl.synthesize.tools import find_tool

FOLDER = Path("build") / "clock"
ROOT = Path(__file__).resolve().parent.parent
#: What place and route aims at, MHz: more than any design reaches.
AIM_MHZ = 500.0


def seeded_layer() -> Network:
    """Return 16 sums of 24 inputs, half of the weights zero, with units of 4 gates, 10 sums of these and an argmax."""
    random = np.random.default_rng(1)

    def weights(units: int, inputs: int) -> np.ndarray:
        return random.integers(-7, 8, (units, inputs)) * random.integers(0, 2, (units, inputs))

    operations = (
        Input("x", 24, 0, 15),
        Dense("sums", "x", weights(16, 24), 4),
        Unit("units", "sums", tuple(relu(4, step=16, bias=int(bias)) for bias in range(8)), np.arange(16) % 8),
        Dense("logits", "units", weights(10, 16), 4),
        Argmax("winner", "logits"),
    )
    return Network("seeded", operations, ("winner",))


def route(schedule: Schedule, target: str, name: str, *, carry: bool = False) -> dict[str, float]:
    """Return flip-flops and MHz of a network on a device, from the cache where they are there.

    With ``carry`` sums are in carry cells.
    """
    work = FOLDER / name
    manifest = generate(schedule, work / "rtl")
    sources = [work / "rtl" / path for path in manifest.files]
    text = "".join(line for source in sources for line in source.open() if not line.startswith("//"))
    tools = [find_tool(tool).version for tool in ("yosys", find_target(target).family.placer or "")]
    key = hashlib.sha256(repr((text, target, AIM_MHZ, tools, *[carry] * carry)).encode()).hexdigest()
    path = FOLDER / "results" / f"{key}.json"
    if not path.exists():
        top, harness, _ = write_harness(schedule, work)
        result = synthesize(
            [*sources, harness],
            top,
            target,
            work / target,
            pnr=True,
            latency_cycles=schedule.latency_cycles,
            interval_cycles=schedule.interval_cycles,
            frequency_mhz=AIM_MHZ,
            network_top=schedule.network.name,
            folded=carry or any(isinstance(spec, FoldedSumSpec) for spec in schedule.specs.values()),
        )
        cells = result.network or result.design
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"luts": cells.luts, "flip_flops": cells.flip_flops, "mhz": result.fmax_mhz}))
    return json.loads(path.read_text())


def row(network: Network, options: HardwareOptions, target: str, text: str) -> None:
    """Print one row."""
    start = f"| {network.name} | {target} | {text} |"
    try:
        schedule = Schedule(network, options)
        slowest = schedule.slowest(fabric_of(target))
    except ScheduleError as error:
        print(f"{start} {error} |", flush=True)
        return
    found = route(schedule, target, f"{network.name}-{target}-{text.replace(' ', '')}")
    reckoned = 0 if slowest is None else slowest.mhz
    print(
        f"{start} {schedule.latency_cycles} | {found['luts']:,} | {found['flip_flops']:,} | {reckoned} "
        f"| {found['mhz']:.0f} | {100 * reckoned / found['mhz'] - 100:+.0f} % |",
        flush=True,
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default="ecp5-25k")
    parser.add_argument("--mhz", default="80,120,160,200")
    parser.add_argument("--networks", default="digits,seeded")
    arguments = parser.parse_args()
    print("| network | device | registers | latency | LUTs | flip-flops | MHz by the model | routed | error |")
    print("|---|---|---|---|---|---|---|---|---|")
    known = {"digits": lambda: store.load(ROOT / "models" / "digits"), "seeded": seeded_layer}
    for target in arguments.targets.split(","):
        for name in arguments.networks.split(","):
            network = known[name]()
            for mhz in map(int, arguments.mhz.split(",")):
                options = HardwareOptions(clock_mhz=mhz, fabric=fabric_of(target))
                row(network, options, target, f"{mhz} MHz")
            for adders in (1, 2, 3):
                row(network, HardwareOptions(adders_per_stage=adders), target, f"{adders} adders per stage")


if __name__ == "__main__":
    main()
