"""The delay model against place and route: small seeded designs, each of one kind of stage.

python benchmarks/delays.py [--target ecp5-25k]

``amos_hdl/schedule/delays.py`` was fitted to these: for each the longest path that nextpnr reports and the one that the
model reckons, in ns.  Kept in build/clock/ as by ``benchmarks/clock.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from clock import route

from amos_hdl.circuit import quantizer
from amos_hdl.network import Argmax, Dense, Input, Network, Unit
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.clock import Clock
from amos_hdl.schedule.delays import FABRICS, FILLED_PERCENT, fabric_of
from amos_hdl.schedule.slowest import path_ps


def designs(fabric: str) -> Iterator[tuple[str, Network, HardwareOptions]]:
    """Yield name, network and options of each design; those of ``lut_inputs`` 2 are meant for carry cells."""
    for bits, inputs, units, most, adders, lut_inputs in (
        (1, 16, 6, 7, (1, 2, 4), 4),
        (4, 12, 6, 7, (1, 2, 3, 5), 4),
        (8, 8, 4, 7, (1, 3), 4),
        (8, 8, 4, 63, (1, 2), 4),
        (4, 12, 6, 7, (1, 2, 4), 2),
        (8, 8, 4, 63, (1, 2), 2),
    ):
        random = np.random.default_rng(1)
        weights = random.integers(-most, most + 1, (units, inputs))
        sums = Network("probe", (Input("x", inputs, 0, (1 << bits) - 1), Dense("s", "x", weights, 8)), ("s",))
        for count in adders:
            name = f"sums of {inputs} inputs of {bits} bits, weights to {most}, adders per stage {count}"
            name += ", in carry cells" if lut_inputs == 2 else ""
            yield name, sums, HardwareOptions(adders_per_stage=count, table_bits=0, lut_inputs=lut_inputs)
    for bits, gates, clocks in ((8, 4, (170, 120)), (12, 4, (170, 110, 75)), (16, 4, (150, 95)), (12, 6, (150, 60))):
        random, limit = np.random.default_rng(1), 1 << bits - 1
        steps = [np.sort(random.choice(np.arange(1 - limit, limit), (1 << gates) - 1, replace=False)) for _ in range(4)]
        circuits = tuple(quantizer(step.tolist()) for step in steps)
        unit = Network("probe", (Input("x", 4, -limit, limit - 1), Unit("u", "x", circuits, np.arange(4))), ("u",))
        for mhz in clocks:
            name = f"units of {gates} gates, {bits} bits, for {mhz} MHz"
            yield name, unit, HardwareOptions(clock_mhz=mhz, fabric=fabric)
    for bits, values, counts in ((6, 10, (1, 4)), (12, 10, (1, 2, 3)), (18, 6, (1, 2))):
        limit = 1 << bits - 1
        argmax = Network("probe", (Input("x", values, -limit, limit - 1), Argmax("w", "x")), ("w",))
        for count in counts:
            name = f"argmax of {values}, {bits} bits, steps per stage {count}"
            yield name, argmax, HardwareOptions(adders_per_stage=count)


def main() -> None:
    """Print the table, and the root of the mean square of the relative errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="ecp5-25k")
    target = parser.parse_args().target
    fabric, errors = fabric_of(target), []
    print("| design | latency | routed, ns | by the model, ns | error |\n|---|---|---|---|---|")
    for number, (name, network, options) in enumerate(designs(fabric)):
        schedule, carry = Schedule(network, options), options.lut_inputs == 2
        if carry and FABRICS[fabric].carry is None:
            continue
        routed = 1000 / route(schedule, target, f"probe{number}-{target}", carry=carry)["mhz"]
        reckoned = path_ps(next(iter(schedule.specs.values())), Clock(fabric, 1, carry)) / 1000
        if options.clock_mhz is not None and schedule.latency_cycles < network.unit_layers[0].gates:
            reckoned *= 100 / FILLED_PERCENT  # alone, and not in a network all of whose stages are filled
        errors.append(reckoned / routed - 1)
        print(
            f"| {name} | {schedule.latency_cycles} | {routed:.2f} | {reckoned:.2f} | {100 * errors[-1]:+.0f} % |",
            flush=True,
        )
    print(f"\nroot of the mean square: {100 * float(np.mean(np.square(errors))) ** 0.5:.1f} %")


if __name__ == "__main__":
    main()
