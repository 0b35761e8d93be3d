"""The command line: one thin function per verb."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from amos_hdl import __version__
from amos_hdl.console import Steps, show_error, show_json
from amos_hdl.errors import AmosError
from amos_hdl.project import find_project
from amos_hdl.verbs.outcome import Outcome

app = typer.Typer(
    help="Spiking networks of at-most-one-spike neurons: from a stored network to checked Verilog and a routed FPGA.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

NetworkArgument = Annotated[
    str, typer.Argument(metavar="NETWORK", help="A name in models/, a folder with network.yaml, or a recipe (.yaml).")
]
RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe, such as models/digits.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")]
Adders = Annotated[
    int | None,
    typer.Option(
        "--adders-per-stage",
        min=1,
        max=64,
        help="Adder levels between two pipeline registers. Default: the recipe's, else 1.",
        show_default=False,
    ),
]
Rtl = Annotated[
    Path | None, typer.Option("--rtl", help="Folder of Verilog. Default: rtl_out/NETWORK.", show_default=False)
]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images",
        help="NPZ file with integer arrays images (image, pixel) and labels (image). Default: the recipe's data.",
        show_default=False,
    ),
]
Target = Annotated[
    str,
    typer.Option(
        help="ecp5-25k, ecp5-45k, ecp5-85k, ice40-hx8k, ice40-up5k, gowin-gw1n9, gowin-gw2a18, "
        "or xilinx (an estimate without place and route)."
    ),
]
Frequency = Annotated[float, typer.Option("--frequency", min=1, help="Clock that place and route aims at, MHz.")]
PnrSeed = Annotated[int, typer.Option("--seed", min=1, help="Seed of place and route.")]
Lists = Annotated[
    list[Path] | None,
    typer.Option(
        "--list", help="Regression list; may be repeated. Default: testbenches/network.yaml.", show_default=False
    ),
]
Waves = Annotated[str, typer.Option(help="none or fst: a waveform file of each run.")]
Coverage = Annotated[str, typer.Option(help="off, line or toggle.")]

DEFAULT_TARGET, DEFAULT_FREQUENCY_MHZ = "ecp5-25k", 150.0


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"amos-hdl {__version__}")
        raise typer.Exit


def _finish(outcome: Outcome, json: bool) -> None:
    """Print what came of a verb; exit with 1 if a check failed."""
    if json:
        show_json(outcome.data)
    else:
        outcome.show()
    if not outcome.passed:
        raise typer.Exit(1)


@app.command()
def train(recipe: RecipeArgument, json: Json = False) -> None:
    """Train with AMOS units in the loop and write models/NAME/ (needs the extra "train")."""
    from amos_hdl.verbs.train import train as act

    _finish(act(find_project(recipe), Steps(json)), json)


@app.command()
def info(network: NetworkArgument, adders_per_stage: Adders = None, json: Json = False) -> None:
    """Show layers, gates, widths (bits), latency (clock cycles) and estimated LUTs."""
    from amos_hdl.verbs.info import info as act

    _finish(act(find_project(network), adders_per_stage), json)


@app.command()
def evaluate(network: NetworkArgument, images: Images = None, json: Json = False) -> None:
    """Show accuracy and spikes per image, by the bit-exact golden model."""
    from amos_hdl.verbs.evaluate import evaluate as act

    _finish(act(find_project(network), images, Steps(json)), json)


@app.command()
def generate(network: NetworkArgument, adders_per_stage: Adders = None, rtl: Rtl = None, json: Json = False) -> None:
    """Write Verilog, manifest.yaml and a FuseSoC core file."""
    from amos_hdl.verbs.generate import generate as act

    _finish(act(find_project(network), adders_per_stage, rtl, Steps(json)), json)


@app.command()
def simulate(
    network: NetworkArgument,
    lists: Lists = None,
    images: Images = None,
    rtl: Rtl = None,
    waves: Waves = "none",
    coverage: Coverage = "off",
    json: Json = False,
) -> None:
    """Run the Verilog on Verilator and compare every spike with the golden model."""
    from amos_hdl.verbs.simulate import simulate as act

    _finish(act(find_project(network), lists or [], images, rtl, waves, coverage, Steps(json)), json)


@app.command()
def synth(
    network: NetworkArgument,
    target: Target = DEFAULT_TARGET,
    pnr: Annotated[bool, typer.Option(help="Place and route after synthesis.")] = True,
    frequency_mhz: Frequency = DEFAULT_FREQUENCY_MHZ,
    seed: PnrSeed = 1,
    rtl: Rtl = None,
    json: Json = False,
) -> None:
    """Synthesize with Yosys, place and route with nextpnr."""
    from amos_hdl.verbs.synth import synth as act

    _finish(act(find_project(network), target, pnr, frequency_mhz, seed, rtl, Steps(json)), json)


@app.command()
def run(
    recipe: RecipeArgument,
    target: Target = DEFAULT_TARGET,
    pnr: Annotated[bool, typer.Option(help="Place and route after synthesis.")] = True,
    frequency_mhz: Frequency = DEFAULT_FREQUENCY_MHZ,
    seed: PnrSeed = 1,
    json: Json = False,
) -> None:
    """All of it: train if there is no stored network, evaluate, generate, simulate, synthesize, and a table."""
    from amos_hdl.verbs.run import run as act

    _finish(act(find_project(recipe), target, pnr, frequency_mhz, seed, Steps(json)), json)


def main() -> None:
    """Run the command line; every error is one line, and its exit code is 2 (a failed check: 1)."""
    command: Any = typer.main.get_command(app)
    try:
        code = command.main(prog_name="amos-hdl", standalone_mode=False)
    except AmosError as error:
        show_error(str(error))
        code = error.exit_code
    except click.ClickException as error:
        show_error(" ".join(error.format_message().split()))
        code = 2
    except (KeyboardInterrupt, click.Abort):
        show_error("interrupted")
        code = 130
    except BrokenPipeError:
        # whoever read our output has gone; nothing more to say, also not at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
