"""The command line: one thin function per verb."""

from __future__ import annotations

import json as json_format
import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from amos_hdl import __version__
from amos_hdl.console import Steps, show_error, show_json
from amos_hdl.errors import AmosError
from amos_hdl.project import find_project
from amos_hdl.verbs.outcome import Outcome

Function = TypeVar("Function", bound=Callable[..., None])
Hardware = Mapping[str, Any]
TARGETS = "ecp5-25k, ecp5-45k, ecp5-85k, ice40-hx8k, ice40-up5k, gowin-gw1n9, gowin-gw2a18"

_network = click.argument("network")
_recipe = click.argument("recipe")
_json = click.option("--json", is_flag=True, help="Print one JSON object, and nothing else, on standard output.")
_rtl = click.option("--rtl", type=click.Path(path_type=Path), help="Folder of Verilog.  [default: rtl_out/NETWORK]")
_images = click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="NPZ file with integer arrays images (image, pixel) and labels (image), or a folder with MNIST's or "
    "CIFAR-10's files, of which the test images are taken.  [default: the recipe's data]",
)


def _hardware(function: Function) -> Function:
    """Add the hardware options, which the function gets as one mapping ``hardware``; None: not given."""

    @click.option(
        "--fold",
        "folded",
        metavar="LAYER",
        multiple=True,
        help="Give each unit of LAYER one comparator for all its gates: smaller, a new image every K clocks; may be "
        "repeated.  [default: the recipe's, else none]",
    )
    @click.option(
        "--adders-per-stage",
        type=click.IntRange(1, 64),
        help="Adder levels between two pipeline registers.  [default: the recipe's, else 1]",
    )
    @click.option(
        "--lut-inputs",
        type=click.Choice(["4", "6"]),
        help="Inputs of the device's look-up tables: 6 on Xilinx, else 4.  [default: the recipe's, else 4]",
    )
    @click.option(
        "--extra-adder-levels",
        type=click.IntRange(0, 32),
        help="Adder levels of a weighted sum beyond the fewest: smaller, and later.  [default: the recipe's, else 0]",
    )
    @wraps(function)
    def with_hardware(
        *,
        adders_per_stage: int | None,
        lut_inputs: str | None,
        extra_adder_levels: int | None,
        folded: tuple[str, ...],
        **others: Any,
    ) -> None:
        hardware = {
            "adders_per_stage": adders_per_stage,
            "lut_inputs": None if lut_inputs is None else int(lut_inputs),
            "extra_adder_levels": extra_adder_levels,
            "folded": folded or None,
        }
        function(hardware=hardware, **others)

    return with_hardware  # type: ignore[return-value]  # it takes what click gives


_reference = click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="NPZ file with scores (image, class) or predictions (image) of the original network, to compare with.",
)


def _synthesis(function: Function) -> Function:
    """Add the options of place and route."""
    for option in (
        click.option("--seed", type=click.IntRange(1), default=1, show_default=True, help="Seed of place and route."),
        click.option(
            "--frequency",
            "frequency_mhz",
            type=click.FloatRange(1, 2000),
            default=150.0,
            show_default=True,
            help="Clock that place and route aims at, MHz.",
        ),
        click.option("--pnr/--no-pnr", default=True, show_default=True, help="Place and route after synthesis."),
        click.option(
            "--target",
            default="ecp5-25k",
            show_default=True,
            help=f"{TARGETS}, or xilinx (LUTs without place and route).",
        ),
    ):
        function = option(function)
    return function


def _finish(outcome: Outcome, json: bool) -> None:
    """Print what came of a verb; exit with 1 if a check failed."""
    if json:
        show_json(outcome.data)
    else:
        outcome.show()
    if not outcome.passed:
        raise click.exceptions.Exit(1)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="NETWORK is a name in models/, a folder with network.yaml, or a recipe (.yaml).",
)
@click.version_option(__version__, prog_name="amos-hdl", message="%(prog)s %(version)s")
def app() -> None:
    """Spiking networks of at-most-one-spike neurons: from a stored network to checked Verilog and a routed FPGA."""


@app.command()
@click.argument("activation", required=False)
@click.option(
    "--gates",
    type=int,
    default=4,
    show_default=True,
    help="K, bits of y: serial and folded have K gates, flash 2**K - 1, staged(m) (K/m)(2**m - 1).",
)
@click.option(
    "--architecture", default="serial", show_default=True, help="serial, flash, staged(m), e.g. staged(2), or folded."
)
@click.option(
    "--form",
    type=click.Choice(["linear", "table"]),
    help="Lateral weights H, or thresholds as tables of earlier spikes.  [default: linear; flash: table]",
)
@click.option(
    "--range",
    "bounds",
    type=float,
    nargs=2,
    help="Of x.  [default: the histogram's, else the activation's or table's own]",
)
@click.option(
    "--bits",
    type=int,
    default=14,
    show_default=True,
    help="Of the integers: range and span of y have 2**bits steps.",
)
@click.option(
    "--normal", type=float, nargs=2, help="Inputs are normal with this mean and deviation.  [default: uniform]"
)
@click.option(
    "--histogram",
    type=click.Path(path_type=Path),
    help="Inputs are distributed as in a CSV of edge, count: of the inputs from this edge to the next; "
    "the last edge ends the last bin, its count is not used.",
)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    help="Fit a CSV of x, f(x), x rising, instead of a named activation; straight lines between.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100_000),
    default=80,
    show_default=True,
    help="Effort of the search for a linear form, or for tables of a function that turns.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of that search.")
@click.option(
    "--processes", type=click.IntRange(1, 256), help="Of that search; changes nothing else.  [default: cores]"
)
@click.option("--plot", type=click.Path(path_type=Path), help="Write a picture: .svg, .png or .pdf.")
@click.option("--out", type=click.Path(path_type=Path), help="Write a circuit file (YAML).")
@_json
def fit(
    activation: str | None,
    gates: int,
    architecture: str,
    form: Any,
    bounds: tuple[float, float] | None,
    bits: int,
    normal: tuple[float, float] | None,
    histogram: Path | None,
    table: Path | None,
    rounds: int,
    seed: int,
    processes: int | None,
    plot: Path | None,
    out: Path | None,
    json: bool,
) -> None:
    """Fit one AMOS unit to an activation function, and show its error."""
    from amos_hdl.circuit.fitting import Effort
    from amos_hdl.verbs.fit import fit as act
    from amos_hdl.verbs.fit import wanted

    function, effort = wanted(activation, table), Effort(rounds, processes or os.cpu_count() or 1, seed)
    _finish(
        act(function, gates, architecture, form, bounds, bits, normal, histogram, effort, plot, out, Steps(json)),
        json,
    )


@app.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the network.  [default: models/SOURCE's name]")
@click.option(
    "--calibrate",
    "data",
    type=click.Path(path_type=Path),
    help="Images, and labels to judge by: an NPZ file, or a folder with MNIST's or CIFAR-10's files.",
)
@click.option("--images", type=click.IntRange(1), default=256, show_default=True, help="Images for calibration.")
@click.option("--test-images", type=click.IntRange(1), default=500, show_default=True, help="Images to judge by.")
@click.option("--weights", type=int, default=6, show_default=True, help="Bits of weights, 2 to 8.")
@click.option("--first-weights", type=int, help="Bits of the first layer's weights.  [default: as --weights]")
@click.option("--last-weights", type=int, help="Bits of the last layer's weights.  [default: as --weights]")
@click.option("--layer-weights", multiple=True, metavar="LAYER=BITS", help="Bits of one layer; may be repeated.")
@click.option("--gates", type=int, default=6, show_default=True, help="K: gates of a unit, 1 to 12.")
@click.option(
    "--calibration",
    type=click.Choice(["max", "percentile", "mse"]),
    default="mse",
    show_default=True,
    help="How the greatest value of a unit is chosen.",
)
@click.option("--percentile", type=float, default=99.9, show_default=True, help="For --calibration percentile.")
@click.option("--alpha", type=float, help="One greatest value for all units instead of calibration.")
@click.option("--per-channel", is_flag=True, help="A greatest value for each channel.")
@click.option("--bias-correction/--no-bias-correction", default=True, show_default=True)
@click.option("--low", type=int, default=0, show_default=True, help="Least pixel.")
@click.option("--high", type=int, default=255, show_default=True, help="Greatest pixel.")
@click.option(
    "--divisor", type=float, default=255.0, show_default=True, help="The model sees (pixel/divisor - mean)/std."
)
@click.option("--mean", multiple=True, type=float, help="One, or one per channel (repeat).  [default: 0]")
@click.option("--std", multiple=True, type=float, help="One, or one per channel (repeat).  [default: 1]")
@_json
def convert(
    source: Path,
    out: Path | None,
    data: Path | None,
    images: int,
    test_images: int,
    json: bool,
    weights: int,
    first_weights: int | None,
    last_weights: int | None,
    layer_weights: tuple[str, ...],
    low: int,
    high: int,
    divisor: float,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    **units: Any,
) -> None:
    """Convert a trained model, SOURCE: an exported PyTorch program (.pt2), ONNX or QONNX (.onnx).

    QONNX networks keep their integers and give the same outputs; others are quantized with calibration images.  Files
    are read as data: nothing in them is run or unpickled.
    """
    from amos_hdl.verbs.convert import convert as act

    pixels = {"low": low, "high": high, "divisor": divisor, "mean": mean, "std": std}
    layers = {}
    for entry in layer_weights:
        layer, _, bits = entry.partition("=")
        if not layer or not bits.isdigit():
            raise click.UsageError(f"--layer-weights: expected LAYER=BITS, got {entry!r}")
        layers[layer] = int(bits)
    widths = {"weight_bits": weights, "first_bits": first_weights, "last_bits": last_weights, "layer_bits": layers}
    _finish(act(source, out, data, images, test_images, pixels, widths | units, Steps(json)), json)


@app.command()
@_recipe
@_json
def train(recipe: str, json: bool) -> None:
    """Train with AMOS units in the loop and write models/NAME/ (needs the extra "train")."""
    from amos_hdl.verbs.train import train as act

    _finish(act(find_project(recipe), Steps(json)), json)


@app.command()
@_network
@_hardware
@_json
def info(network: str, hardware: Hardware, json: bool) -> None:
    """Show layers, gates, widths (bits), latency (clock cycles), estimated LUTs."""
    from amos_hdl.verbs.info import info as act

    _finish(act(find_project(network), hardware), json)


@app.command()
@_network
@_images
@_reference
@click.option("--rtl", "on_rtl", is_flag=True, help="Also run every image through the Verilog, compiled; compare all.")
@click.option("--rtl-folder", type=click.Path(path_type=Path), help="Folder of Verilog.  [default: rtl_out/NETWORK]")
@_json
def evaluate(
    network: str, images: Path | None, reference: Path | None, on_rtl: bool, rtl_folder: Path | None, json: bool
) -> None:
    """Show accuracy, spikes and synaptic operations per image, by the bit-exact golden model."""
    from amos_hdl.verbs.evaluate import evaluate as act

    options: dict[str, Any] = {"reference": reference, "on_rtl": on_rtl, "rtl": rtl_folder}
    _finish(act(find_project(network), images, Steps(json), **options), json)


@app.command()
@_network
@_hardware
@_rtl
@click.option(
    "--interface",
    type=click.Choice(["plain", "axi-stream"]),
    default="plain",
    show_default=True,
    help="axi-stream adds a second top module, NAME_stream, whose images and results may be stalled.",
)
@click.option(
    "--stream-bytes", type=int, help="Bytes of a beat of an image, 1 to 4096.  [default: an image in one beat]"
)
@click.option("--registers", is_flag=True, help="Identity and counters over AXI4-Lite beside the streams.")
@_json
def generate(
    network: str,
    hardware: Hardware,
    rtl: Path | None,
    interface: str,
    stream_bytes: int | None,
    registers: bool,
    json: bool,
) -> None:
    """Write Verilog, manifest.yaml and a FuseSoC core file."""
    from amos_hdl.verbs.generate import generate as act
    from amos_hdl.verbs.generate import wanted_stream

    stream = wanted_stream(interface, stream_bytes, registers)
    _finish(act(find_project(network), hardware, rtl, Steps(json), stream), json)


@app.command()
@_network
@click.option("--layers", is_flag=True, help="Also simulate every layer on its own: corners and all potentials.")
@click.option(
    "--list",
    "lists",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Regression list; may be repeated.  [default: testbenches/network.yaml; stream.yaml too if there is a "
    "wrapper]",
)
@_images
@_rtl
@click.option(
    "--waves",
    type=click.Choice(["none", "fst"]),
    default="none",
    show_default=True,
    help="A waveform file of each run, in build/NETWORK/simulate/, with save files for GTKWave and Surfer.",
)
@click.option(
    "--coverage",
    type=click.Choice(["off", "line", "toggle"]),
    default="off",
    show_default=True,
    help="Count which lines, or which bits, the images reach.",
)
@click.option(
    "--netlist",
    metavar="FAMILY",
    help="Synthesize first and simulate the cells: ecp5, ice40, gowin-gw1n, gowin-gw2a or xilinx.",
)
@_json
def simulate(
    network: str,
    layers: bool,
    lists: tuple[Path, ...],
    images: Path | None,
    rtl: Path | None,
    waves: str,
    coverage: str,
    netlist: str | None,
    json: bool,
) -> None:
    """Run the Verilog on Verilator and compare every spike with the golden model."""
    from amos_hdl.verbs.simulate import simulate as act

    _finish(act(find_project(network), layers, lists, images, rtl, waves, coverage, Steps(json), netlist), json)


@app.command()
@_network
@_rtl
@click.option(
    "--timeout", "timeout_s", type=click.IntRange(1), default=300, show_default=True, help="Seconds per unit."
)
@_json
def prove(network: str, rtl: Path | None, timeout_s: int, json: bool) -> None:
    """Prove each unit's Verilog equal to the golden model, by a SAT solver: all potentials, every spike's cycle."""
    from amos_hdl.verbs.prove import prove as act

    _finish(act(find_project(network), rtl, timeout_s, Steps(json)), json)


@app.command()
@_network
@_synthesis
@_rtl
@_json
def synth(network: str, target: str, pnr: bool, frequency_mhz: float, seed: int, rtl: Path | None, json: bool) -> None:
    """Synthesize with Yosys, place and route with nextpnr."""
    from amos_hdl.verbs.synth import synth as act

    _finish(act(find_project(network), target, pnr, frequency_mhz, seed, rtl, Steps(json)), json)


@app.command()
@click.argument("network", required=False)
@click.option("--circuit", type=click.Path(path_type=Path), help="Measure the unit of a circuit file instead.")
@click.option(
    "--architecture",
    "architectures",
    multiple=True,
    help="serial, folded, flash or staged(m); may be repeated.  [default: all that have the same function]",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(["potential", "threshold", "drop", "insert"]),
    multiple=True,
    help="Of noise; may be repeated.  [default: all]",
)
@click.option(
    "--level",
    "levels",
    type=float,
    multiple=True,
    help="Potential, threshold: standard deviation / that of the potentials; drop, insert: probability; may be "
    "repeated.  [default: 0 to 0.5, and 0 to 0.1]",
)
@click.option(
    "--gate-level", type=float, default=0.1, show_default=True, help="Level at which gates are disturbed one by one."
)
@click.option("--devices", type=int, default=10, show_default=True, help="Drawn for each point, with own thresholds.")
@click.option(
    "--samples", type=click.IntRange(1), default=1000, show_default=True, help="Images, at most; test images if any."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of everything that is drawn.")
@_images
@click.option("--plot", type=click.Path(path_type=Path), help="Write a picture: .svg, .png or .pdf.")
@_json
def noise(
    network: str | None,
    circuit: Path | None,
    architectures: tuple[str, ...],
    kinds: tuple[str, ...],
    levels: tuple[float, ...],
    gate_level: float,
    devices: int,
    samples: int,
    seed: int,
    images: Path | None,
    plot: Path | None,
    json: bool,
) -> None:
    """Show accuracy (a unit's error) when gates err: noise, wrong thresholds, dropped and inserted spikes."""
    from amos_hdl.verbs.noise import noise as act

    project = None if network is None else find_project(network)
    _finish(
        act(
            project,
            circuit,
            architectures,
            kinds,
            levels,
            gate_level,
            devices,
            samples,
            seed,
            images,
            plot,
            Steps(json),
        ),
        json,
    )


@app.command()
@_network
@click.option("--out", type=click.Path(path_type=Path), help="The page.  [default: build/NETWORK/report.html]")
@_images
@_reference
@click.option("--simulate/--no-simulate", "with_simulation", default=True, show_default=True, help="Run the checks.")
@click.option(
    "--synth/--no-synth",
    "with_synthesis",
    default=True,
    show_default=True,
    help="Synthesize, place and route for ecp5-25k at 150 MHz if no result is stored.",
)
@_json
def report(
    network: str,
    out: Path | None,
    images: Path | None,
    with_simulation: bool,
    with_synthesis: bool,
    reference: Path | None,
    json: bool,
) -> None:
    """Write one HTML page with everything: spikes clock by clock, units, accuracy, hardware, activity, checks."""
    from amos_hdl.verbs.report import report as act

    _finish(act(find_project(network), images, out, reference, with_simulation, with_synthesis, Steps(json)), json)


@app.command()
@_recipe
@_hardware
@_synthesis
@_json
def run(recipe: str, hardware: Hardware, target: str, pnr: bool, frequency_mhz: float, seed: int, json: bool) -> None:
    """All of it: train if nothing is stored, evaluate, generate, simulate, synth."""
    from amos_hdl.verbs.run import run as act

    _finish(act(find_project(recipe), hardware, target, pnr, frequency_mhz, seed, Steps(json)), json)


def main() -> None:
    """Run the command line; every error is one line, and its exit code is 2 (a failed check: 1)."""
    # ended politely, we end what we started, as on Ctrl-C
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    try:
        code: Any = app.main(arguments, prog_name="amos-hdl", standalone_mode=False)
    except AmosError as error:
        return _fail(str(error), error.exit_code, arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        place = f"{error.ctx.command_path}: " if isinstance(error, click.UsageError) and error.ctx else ""
        return _fail(place + " ".join(error.format_message().split()), 2, arguments)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 130, arguments)
    except BrokenPipeError:
        # whoever read our output has gone: there is nothing more to say, not at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, MemoryError) as error:
        # a full disk, a name too long for the file system: the user's to mend, whatever was being done
        if isinstance(error, MemoryError):
            return _fail("out of memory", 2, arguments)
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", 2, arguments)
    return code if isinstance(code, int) else 0


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _fail(line: str, code: int, arguments: list[str]) -> int:
    """Say what went wrong: a line for people, and an object for machines if they asked for one."""
    show_error(line)
    if "--json" in arguments:
        sys.stdout.write(json_format.dumps({"error": line, "exit_code": code}) + "\n")
    return code
