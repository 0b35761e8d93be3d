"""Verbs that check the Verilog against the golden model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from amos_hdl.commands.options import finish, images_option, json_option, network_argument, rtl_option
from amos_hdl.console import Steps
from amos_hdl.project import find_project


@click.command()
@network_argument
@click.option("--layers", is_flag=True, help="Also simulate every layer on its own: corners and all potentials.")
@click.option(
    "--list",
    "lists",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Regression list; may be repeated.  [default: testbenches/network.yaml; stream.yaml too if there is a "
    "wrapper]",
)
@images_option
@rtl_option
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
    help="Synthesize first and simulate the cells: ecp5, ice40, gowin-gw1n, gowin-gw2a or xilinx. Of block RAM Yosys "
    "has a model for ice40 alone: for the others memories are made of LUTs.",
)
@click.option(
    "--simulator",
    type=click.Choice(["verilator", "icarus"]),
    default="verilator",
    show_default=True,
    help="icarus: Icarus Verilog, where it is installed; many times as slow, and no waves or coverage.",
)
@json_option
def simulate(
    network: str,
    layers: bool,
    lists: tuple[Path, ...],
    images: Path | None,
    rtl: Path | None,
    waves: str,
    coverage: str,
    netlist: str | None,
    simulator: Any,
    json: bool,
) -> None:
    """Run the Verilog on Verilator and compare every spike with the golden model."""
    from amos_hdl.verbs.simulate import simulate as act

    outcome = act(find_project(network), layers, lists, images, rtl, waves, coverage, Steps(json), netlist, simulator)
    finish(outcome, json)


@click.command()
@network_argument
@rtl_option
@click.option(
    "--timeout", "timeout_s", type=click.IntRange(1), default=300, show_default=True, help="Seconds per proof."
)
@click.option(
    "--netlist",
    metavar="FAMILY",
    help="Prove the netlist of each unit equal to its Verilog instead: ecp5, ice40, gowin-gw1n, gowin-gw2a or xilinx.",
)
@click.option(
    "--layer",
    "layers",
    metavar="LAYER",
    multiple=True,
    help="With --netlist: also this layer; may be repeated.  Small ones: a large one may meet the timeout.",
)
@json_option
def prove(
    network: str, rtl: Path | None, timeout_s: int, netlist: str | None, layers: tuple[str, ...], json: bool
) -> None:
    """Prove each unit's Verilog equal to the golden model, by a SAT solver: all potentials, every spike's cycle.

    With --netlist, prove what synthesis made of it equal to that Verilog.
    """
    from amos_hdl.verbs.prove import prove as act
    from amos_hdl.verbs.prove_netlist import prove_netlist

    if netlist is not None:
        finish(prove_netlist(find_project(network), rtl, netlist, layers, timeout_s, Steps(json)), json)
        return
    if layers:
        raise click.UsageError("--layer: expected --netlist too")
    finish(act(find_project(network), rtl, timeout_s, Steps(json)), json)


@click.command()
@network_argument
@click.option("--flips", type=click.IntRange(1, 10_000_000), default=10_000, show_default=True, help="Of each device.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of places, times and traffic.")
@click.option(
    "--device",
    "devices",
    type=click.Choice(["network", "stream"]),
    multiple=True,
    help="network: all registers of the network; stream: those of its AXI4-Stream wrapper, and the valid bits inside; "
    "may be repeated.  [default: all that the Verilog has]",
)
@images_option
@rtl_option
@json_option
def faults(
    network: str,
    flips: int,
    seed: int,
    devices: tuple[str, ...],
    images: Path | None,
    rtl: Path | None,
    json: bool,
) -> None:
    """Flip single bits of registers in the running Verilog, at random places and times, and show what comes of it.

    A flip must be over after the latency of the pipeline, and no stream may stall or lose its order; else the exit code
    is 1.

    \b
    Columns:
    masked    every result was right, and in its place
    class     an image got another class, or none
    images    that one flip touched, at worst
    lost      flips after which results were missing, or too many
    cycles    from a flip to the last difference at an output, at worst
    outlived  flips still seen after that latency, or that stalled a stream
    """
    from amos_hdl.verbs.faults import faults as act

    finish(act(find_project(network), flips, seed, devices, images, rtl, Steps(json)), json)
