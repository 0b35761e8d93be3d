"""Verbs that do all of it."""

from __future__ import annotations

from pathlib import Path

import click

from amos_hdl.commands.options import (
    Hardware,
    finish,
    hardware_options,
    images_option,
    json_option,
    network_argument,
    recipe_argument,
    reference_option,
    synthesis_options,
)
from amos_hdl.console import Steps
from amos_hdl.project import find_project


@click.command()
@network_argument
@click.option("--out", type=click.Path(path_type=Path), help="The page.  [default: build/NETWORK/report.html]")
@images_option
@reference_option
@click.option("--simulate/--no-simulate", "with_simulation", default=True, show_default=True, help="Run the checks.")
@click.option(
    "--synth/--no-synth",
    "with_synthesis",
    default=True,
    show_default=True,
    help="Synthesize, place and route for ecp5-25k at 150 MHz if no result is stored.",
)
@json_option
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

    finish(act(find_project(network), images, out, reference, with_simulation, with_synthesis, Steps(json)), json)


@click.command()
@recipe_argument
@hardware_options
@synthesis_options
@json_option
def run(recipe: str, hardware: Hardware, target: str, pnr: bool, frequency_mhz: float, seed: int, json: bool) -> None:
    """All of it: train or convert if nothing is stored, evaluate, generate, simulate, synth."""
    from amos_hdl.verbs.run import run as act

    finish(act(find_project(recipe), hardware, target, pnr, frequency_mhz, seed, Steps(json)), json)
