"""Verbs that make hardware of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from amos_hdl.commands.options import (
    Hardware,
    finish,
    hardware_options,
    json_option,
    network_argument,
    protect_option,
    rtl_option,
    synthesis_options,
)
from amos_hdl.console import Steps
from amos_hdl.project import find_project


@click.command()
@network_argument
@hardware_options
@rtl_option
@click.option(
    "--interface",
    type=click.Choice(["plain", "axi-stream"]),
    default="plain",
    show_default=True,
    help="axi-stream adds a second top module, NAME_stream, whose images and results may be stalled.",
)
@click.option(
    "--stream-bytes",
    type=int,
    help="Bytes of a beat of an image, 1 to 4096.  [default: an image, of a network of maps a pixel, in one beat]",
)
@click.option("--registers", is_flag=True, help="Identity and counters over AXI4-Lite beside the streams.")
@protect_option
@json_option
def generate(
    network: str,
    hardware: Hardware,
    rtl: Path | None,
    interface: str,
    stream_bytes: int | None,
    registers: bool,
    protect: Any,
    json: bool,
) -> None:
    """Write Verilog, manifest.yaml and a FuseSoC core file."""
    from amos_hdl.verbs.generate import generate as act
    from amos_hdl.verbs.generate import wanted_stream

    stream = wanted_stream(interface, stream_bytes, registers, protect)
    finish(act(find_project(network), hardware, rtl, Steps(json), stream, protect), json)


@click.command()
@network_argument
@synthesis_options
@click.option(
    "--interface",
    type=click.Choice(["plain", "axi-stream"]),
    default="plain",
    show_default=True,
    help="axi-stream: the wrapper NAME_stream, its streams at the device's pins.",
)
@rtl_option
@json_option
def synth(
    network: str,
    target: str,
    pnr: bool,
    frequency_mhz: float,
    seed: int,
    interface: str,
    rtl: Path | None,
    json: bool,
) -> None:
    """Synthesize with Yosys, place and route with nextpnr."""
    from amos_hdl.verbs.synth import synth as act

    stream = interface == "axi-stream"
    finish(act(find_project(network), target, pnr, frequency_mhz, seed, rtl, Steps(json), stream=stream), json)
