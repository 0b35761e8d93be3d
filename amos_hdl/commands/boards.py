"""Verbs for boards: their bitstreams, and images through them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from amos_hdl.commands.options import (
    Hardware,
    MegahertzRange,
    finish,
    hardware_options,
    images_option,
    json_option,
    network_argument,
    protect_option,
)
from amos_hdl.console import Steps
from amos_hdl.project import find_project


@click.command()
@network_argument
@click.option("--board", "name", required=True, help="icebreaker, ulx3s-85f, orangecrab-85f or tangnano9k.")
@hardware_options
@click.option(
    "--clock", "network_mhz", type=MegahertzRange(1, 400), help="Of the network, MHz.  [default: the board's]"
)
@click.option("--baud", type=click.IntRange(1), help="Bits per second of the UART.  [default: 1000000]")
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True, help="Seed of place and route.")
@protect_option
@click.option("--out", type=click.Path(path_type=Path), help="Folder.  [default: build/NETWORK/board/BOARD]")
@json_option
def board(
    network: str,
    name: str,
    hardware: Hardware,
    network_mhz: float | None,
    baud: int | None,
    seed: int,
    protect: Any,
    out: Path | None,
    json: bool,
) -> None:
    """Make a board's bitstream: the network behind a UART, its clock met (needs the extra "board").

    A board may want other hardware options than the recipe's; flags go before both.  A network of maps is folded, if
    nothing is said of folds, interval, LUTs or device, as far as images still come no faster over the UART.
    """
    from amos_hdl.verbs.board import board as act

    finish(act(find_project(network), name, hardware, network_mhz, baud, seed, protect, out, Steps(json)), json)


@click.command()
@network_argument
@click.option("--port", required=True, help="Serial port of the board, such as /dev/ttyUSB1 or COM3.")
@click.option("--baud", type=click.IntRange(1), default=1_000_000, show_default=True, help="Bits per second.")
@images_option
@click.option("--first", "most", type=click.IntRange(1), help="Only so many images, the first.  [default: all]")
@json_option
def host(network: str, port: str, baud: int, images: Path | None, most: int | None, json: bool) -> None:
    """Send images to a board and compare every output with the golden model; exit with 1 where one differs."""
    from amos_hdl.verbs.host import host as act

    finish(act(find_project(network), port, baud, images, most, Steps(json)), json)
