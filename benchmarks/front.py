"""MNIST by gates that are look-up tables: accuracy, LUTs and latency of stored networks, beside the literature's.

``--pnr`` places and routes them on an LFE5U-85F too; ``--picture`` draws docs/front.svg from what was measured.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib import pyplot

from amos_hdl.emit.generate import generate, write_harness
from amos_hdl.errors import DataError
from amos_hdl.network import golden
from amos_hdl.project import find_project
from amos_hdl.synthesize.flow import synthesize
from amos_hdl.synthesize.result import SynthesisResult

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("mnist_small", "mnist_medium", "mnist_large")
#: Accuracy in %, LUT6, ns: from the papers, after Vivado on an xcvu9p.  LUTs of DWN are without the encoder of pixels.
LITERATURE = {
    "DWN": ((97.1, 692, 2.4), (97.8, 2092, 4.6), (98.3, 4082, 6.0)),
    "NeuraLUT-Assemble": ((97.9, 5070, 2.1),),
    "TreeLUT": ((96.6, 4478, 2.5),),
    "KANELE": ((96.3, 3809, 9.3),),
    "FQTree": ((97.7, 8147, 4.0),),
    "PolyLUT": ((96.0, 70673, 16.0),),
    "FINN": ((96.0, 91131, 310.0),),
    "hls4ml": ((95.0, 260092, 190.0),),
}
#: In the picture, where there is no room on the right.
LABELS_ON_THE_LEFT = ("PolyLUT", "hls4ml")


@dataclass(frozen=True)
class Point:
    """One stored network: accuracy in %, and what synthesis says; ``placed`` is None if it was not asked for."""

    name: str
    accuracy: float
    images: int
    synthesized: SynthesisResult
    placed: SynthesisResult | None

    def row(self) -> str:
        """Return the point as a row of the table."""
        luts, placed = self.synthesized, self.placed
        mhz, ns = ("", "") if placed is None else (f"{placed.fmax_mhz:.0f}", f"{placed.latency_ns:.0f}")
        return (
            f"| `{self.name}` | {self.accuracy:.2f} % | {luts.luts:,} | {luts.flip_flops:,} | {luts.latency_cycles} "
            f"| {mhz} | {ns} |"
        )


def measure(name: str, pnr: bool) -> Point:
    """Return the point of one network: all test images through the golden model, and its Verilog through Yosys."""
    project = find_project(str(ROOT / "models" / name))
    dataset = project.dataset()
    if dataset is None:
        raise DataError("no images", where=name)
    images, labels = dataset.images[dataset.test], dataset.labels[dataset.test]
    answers = golden.run(project.network, images).values[project.network.outputs[0]][:, 0]
    schedule, work = project.schedule(), ROOT / "build" / "front" / name
    manifest = generate(schedule, work / "rtl")
    sources = [work / "rtl" / path for path in manifest.files]
    cycles = manifest.latency_cycles
    alone = synthesize(sources, manifest.top, "xilinx", work / "xilinx", pnr=False, latency_cycles=cycles)
    placed = None
    if pnr:
        top, harness, _ = write_harness(schedule, work)
        placed = synthesize(
            [*sources, harness],
            top,
            "ecp5-85k",
            work / "ecp5",
            pnr=True,
            latency_cycles=cycles,
            frequency_mhz=150,
            network_top=manifest.top,
        )
    return Point(name, 100 * float((answers == labels).mean()), len(labels), alone, placed)


def draw(points: list[Point]) -> None:
    """Write docs/front.svg."""
    matplotlib.rcParams.update({"svg.hashsalt": "amos-hdl", "font.size": 10, "svg.fonttype": "path"})
    figure, axes = pyplot.subplots(figsize=(8, 4.2))
    for name, places in LITERATURE.items():
        accuracy, luts = [place[0] for place in places], [place[1] for place in places]
        axes.plot(luts, accuracy, marker="o", linewidth=0.8, color="#999999", markersize=5)
        axes.annotate(
            f"{name}*" if name == "DWN" else name,
            (luts[-1], accuracy[-1]),
            (-5, 4) if name in LABELS_ON_THE_LEFT else (5, 4),
            textcoords="offset points",
            horizontalalignment="right" if name in LABELS_ON_THE_LEFT else "left",
        )
    luts, accuracy = [point.synthesized.luts for point in points], [point.accuracy for point in points]
    axes.plot(luts, accuracy, marker="s", color="#2a6f97", label="amos-hdl, Yosys, everything counted")
    axes.set(xscale="log", xlabel="LUT6", ylabel="accuracy on MNIST's test images, %")
    axes.set_title("MNIST in look-up tables; *: encoder of pixels not counted", fontsize=10)
    axes.legend(frameon=False, loc="upper right")
    figure.tight_layout()
    path = ROOT / "docs" / "front.svg"
    figure.savefig(path, metadata={"Date": None}, facecolor="white", bbox_inches="tight")


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pnr", action="store_true")
    parser.add_argument("--picture", action="store_true")
    arguments = parser.parse_args()
    print("| network | accuracy | LUT + INV | flip-flops | clock cycles | MHz on ECP5 | latency ns |")
    print("|---|---|---|---|---|---|---|")
    points = []
    for name in NAMES:
        if (ROOT / "models" / name / "network.yaml").is_file():
            points.append(measure(name, arguments.pnr))
            print(points[-1].row(), flush=True)
    for name, places in LITERATURE.items():
        for accuracy, luts, ns in places:
            print(f"| {name} (paper) | {accuracy} % | {luts:,} | | | | {ns} |")
    if arguments.picture:
        draw(points)


if __name__ == "__main__":
    main()
