"""Depth against size: the same function in every architecture, in gates, LUTs, flip-flops and MHz.

python benchmarks/units.py [--bits 2,3,4] [--routed 4]     table for docs/units.md, picture docs/units.svg

Each row is a network of one unit whose potential has 12 bits.  What was measured is kept in build/units/ under a hash
of the Verilog and the tools, so that an interrupted run goes on where it was.  Place and route takes most of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot

from amos_hdl.circuit import FLASH, FOLDED, SERIAL, Architecture, ThresholdCircuit, relu
from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.fitting import fit
from amos_hdl.circuit.rearrange import rearranged
from amos_hdl.emit.generate import generate, write_harness
from amos_hdl.errors import CircuitError
from amos_hdl.network import Input, Network, Unit
from amos_hdl.schedule import HardwareOptions, Schedule, estimate
from amos_hdl.synthesize.flow import synthesize
from amos_hdl.synthesize.tools import find_tool

FOLDER = Path("build") / "units"
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "units.svg"
LOW, HIGH = -2048, 2047
ARCHITECTURES = (SERIAL, FOLDED, Architecture("staged", 2), Architecture("staged", 4), FLASH)
COLOURS = {"serial": "#2a6f97", "folded": "#8d6a9f", "staged(2)": "#3d9970", "staged(4)": "#b58900", "flash": "#e07a5f"}
FUNCTIONS = ("relu", "swish")
#: What place and route aims at, MHz: more than any unit reaches.
AIM_MHZ = 500.0


@dataclass(frozen=True)
class Row:
    """What one unit came to; ``fmax_mhz`` is None if it was not routed."""

    function: str
    bits: int
    architecture: str
    gates: int
    levels: int
    interval: int
    estimated_luts: int
    luts4: int
    luts6: int
    flip_flops: int
    fmax_mhz: float | None

    @property
    def latency_ns(self) -> float | None:
        """Nanoseconds from potential to y."""
        return None if self.fmax_mhz is None else 1000 * self.levels / self.fmax_mhz


@cache
def version(tool: str) -> str:
    """Return the version of a tool, asked once."""
    return find_tool(tool).version


def circuit_of(function: str, bits: int, architecture: Architecture) -> ThresholdCircuit | None:
    """Return a unit of K = ``bits`` bits; None if this function has no such form.

    The ReLU has steps that are no power of two and a bias, as trained layers have.  Of another function it is the table
    form of the serial unit that ``fit`` gives, rearranged: every architecture computes the same function.
    """
    try:
        if function == "relu":
            return relu(bits, step=1638 >> bits, bias=37, architecture=architecture)
        fitted = fit(find_activation(function), bits, SERIAL, form="table", potential_bits=12)
        shift = round((fitted.low + fitted.high) / 2 / float(fitted.potential_step))
        # values of K + 3 bits instead of the fit's 20 or so, which no layer would use
        finest = max(map(abs, fitted.circuit.outputs))
        outputs, offset = (
            tuple(round(value * (1 << (bits + 2)) / finest) for value in values)
            for values in (fitted.circuit.outputs, (fitted.circuit.offset,))
        )
        circuit = replace(fitted.circuit.shift_input(shift), outputs=outputs, offset=offset[0])
        return rearranged([circuit], architecture)[0]
    except CircuitError:
        return None


def measure(function: str, bits: int, architecture: Architecture, routed: bool) -> Row | None:
    """Return the row of one unit, from the cache where it is there."""
    circuit = circuit_of(function, bits, architecture)
    if circuit is None:
        return None
    network = Network("unit_bench", (Input("x", 1, LOW, HIGH), Unit("u", "x", (circuit,), np.zeros(1, int))), ("u",))
    schedule = Schedule(network, HardwareOptions(folded=("u",) if architecture == FOLDED else ()))
    work = FOLDER / f"{function}{bits}-{architecture}"
    manifest = generate(schedule, work / "rtl")
    sources = [work / "rtl" / path for path in manifest.files]
    # without the comments, which name the network's hash: equal circuits are equal
    text = "".join(line for source in sources for line in source.open() if not line.startswith("//"))

    def result_path(target: str, pnr: bool) -> Path:
        tools = [version(name) for name in ("yosys", "nextpnr-ecp5")[: 1 + pnr]]
        key = hashlib.sha256(repr((text, target, pnr, AIM_MHZ, tools)).encode()).hexdigest()
        return FOLDER / "results" / f"{key}.json"

    def synthesized(target: str, pnr: bool) -> dict[str, float | None]:
        path = result_path(target, pnr)
        if not pnr and target == "ecp5-25k" and result_path(target, True).exists():
            path = result_path(target, True)  # it has been routed before: the same, and more
        if not path.exists():
            top, files = network.name, sources
            if pnr:
                top, harness, _ = write_harness(schedule, work)
                files = [*sources, harness]
            result = synthesize(
                files,
                top,
                target,
                work / target,
                pnr=pnr,
                latency_cycles=schedule.latency_cycles,
                interval_cycles=schedule.interval_cycles,
                frequency_mhz=AIM_MHZ,
                network_top=network.name if pnr else None,
            )
            cells = result.network or result.design
            path.parent.mkdir(parents=True, exist_ok=True)
            data = {"luts": cells.luts, "flip_flops": cells.flip_flops, "fmax_mhz": result.fmax_mhz}
            path.write_text(json.dumps(data))
        return json.loads(path.read_text())

    ecp5, xilinx = synthesized("ecp5-25k", routed), synthesized("xilinx", False)
    return Row(
        function,
        bits,
        str(architecture),
        circuit.gates,
        circuit.depth,
        schedule.interval_cycles,
        estimate(schedule.specs["u"]).luts,
        int(ecp5["luts"] or 0),
        int(xilinx["luts"] or 0),
        int(ecp5["flip_flops"] or 0),
        ecp5["fmax_mhz"],
    )


def rows(functions: list[str], bits: list[int], routed: list[int]) -> Iterator[Row]:
    """Yield the rows."""
    for function in functions:
        for number in bits:
            for architecture in ARCHITECTURES:
                if architecture.name == "staged" and (
                    number % architecture.bits_per_level or number == architecture.bits_per_level
                ):
                    continue
                row = measure(function, number, architecture, number in routed)
                if row is not None:
                    yield row


def print_table(measured: list[Row]) -> None:
    """Print a Markdown table."""
    columns = "function, K, architecture, gates, levels, interval, LUT4, estimated, LUT6, FFs, MHz, latency ns".split(
        ", "
    )
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in measured:
        speed = "" if row.fmax_mhz is None else f"{row.fmax_mhz:.0f}"
        latency = "" if row.latency_ns is None else f"{row.latency_ns:.1f}"
        cells = (row.function, row.bits, row.architecture, row.gates, row.levels, row.interval)
        sizes = (row.luts4, row.estimated_luts, row.luts6, row.flip_flops, speed, latency)
        print(f"| {' | '.join(map(str, cells + sizes))} |")


def draw(measured: list[Row]) -> None:
    """Draw LUTs and flip-flops over K, and LUTs over latency."""
    matplotlib.rcParams.update({"svg.hashsalt": "amos-hdl", "font.size": 10, "svg.fonttype": "path"})
    functions = list(dict.fromkeys(row.function for row in measured))
    figure, axes = pyplot.subplots(len(functions), 3, figsize=(12, 3.4 * len(functions)), squeeze=False)
    for function, (luts, flip_flops, front) in zip(functions, axes, strict=True):
        for name, colour in COLOURS.items():
            mine = [row for row in measured if row.function == function and row.architecture == name]
            style = {"color": colour, "marker": "o", "markersize": 4, "label": name}
            luts.plot([row.bits for row in mine], [row.luts4 for row in mine], **style)
            flip_flops.plot([row.bits for row in mine], [row.flip_flops for row in mine], **style)
            timed = [row for row in mine if row.latency_ns is not None]
            front.scatter([row.latency_ns for row in timed], [row.luts4 for row in timed], color=colour, s=18)
            for row in timed:
                front.annotate(f" {row.bits}", (row.latency_ns, row.luts4), color=colour, fontsize=8)
        luts.set(xlabel="bits K", ylabel="LUT4", yscale="log", title=f"{function}: size")
        flip_flops.set(xlabel="bits K", ylabel="flip-flops", yscale="log", title="registers")
        front.set(xlabel="latency, ns on ECP5", ylabel="LUT4", yscale="log", title="depth against size (numbers: K)")
        luts.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None}, facecolor="white", bbox_inches="tight")


def main() -> None:
    """Measure what is asked for, print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", default="2,3,4,5,6,7,8", help="K of the rows")
    parser.add_argument("--functions", default=",".join(FUNCTIONS))
    parser.add_argument("--routed", default="2,3,4,5,6,7,8", help="K that are placed and routed too")
    arguments = parser.parse_args()
    bits, routed = ([int(part) for part in text.split(",") if part] for text in (arguments.bits, arguments.routed))
    measured = list(rows(arguments.functions.split(","), bits, routed))
    print_table(measured)
    draw(measured)


if __name__ == "__main__":
    main()
