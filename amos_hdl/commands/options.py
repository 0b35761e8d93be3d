"""Options that several verbs share, and how each verb ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click

from amos_hdl.console import show_json
from amos_hdl.verbs.outcome import Outcome

Hardware = Mapping[str, Any]
TARGETS = "ecp5-25k, ecp5-45k, ecp5-85k, ice40-hx8k, ice40-up5k, gowin-gw1n9, gowin-gw2a18"

FABRIC_NAMES = "ecp5, ice40-hx8k"

network_argument = click.argument("network")
recipe_argument = click.argument("recipe")
json_option = click.option("--json", is_flag=True, help="Print one JSON object, and nothing else, on standard output.")
rtl_option = click.option(
    "--rtl", type=click.Path(path_type=Path), help="Folder of Verilog.  [default: rtl_out/NETWORK]"
)
protect_option = click.option(
    "--protect",
    type=click.Choice(["none", "tmr"]),
    default="none",
    show_default=True,
    help="tmr: what counts and steers, in folded layers, maps and streams, three times, outvoting any one flipped bit.",
)
images_option = click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="NPZ file with integer arrays images (image, pixel) and labels (image), or a folder with MNIST's or "
    "CIFAR-10's files, of which the test images are taken.  [default: the recipe's data]",
)


def hardware_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the hardware options, which the function gets as one mapping ``hardware``; None: not given."""

    @click.option(
        "--fold",
        "folded",
        metavar="LAYER[=SUMSxINPUTS]",
        multiple=True,
        help="LAYER: give each of its units one comparator for all its gates, K clocks per image.  "
        "LAYER=SUMSxINPUTS: work on so many of its weighted sums at once, with so many inputs of each per clock.  May "
        "be repeated.  [default: the recipe's, else none]",
    )
    @click.option(
        "--interval",
        type=click.IntRange(1),
        metavar="CLOCKS",
        help="Clock cycles from one image to the next; of an image that enters pixel by pixel the greatest multiple of "
        "its rows up to that.  All layers are folded as far as that allows; those of --fold stay as they are.  "
        "[default: the fewest that all layers allow]",
    )
    @click.option("--luts", type=click.IntRange(1), metavar="N", help="Fold until about N LUTs are enough, no further.")
    @click.option("--device", metavar="NAME", help=f"Fold until the network fits the device, no further: {TARGETS}.")
    @click.option(
        "--adders-per-stage",
        type=click.IntRange(1, 64),
        help="Adder levels between two pipeline registers.  [default: the recipe's, else 1]",
    )
    @click.option(
        "--clock-mhz",
        type=click.IntRange(1, 2000),
        metavar="MHZ",
        help="Place registers for a clock of so many MHz instead: as many additions, gates of a unit and comparisons "
        "between two as the period takes by the delays of --fabric, and the fewest flip-flops.  [default: the "
        "recipe's, else none]",
    )
    @click.option(
        "--fabric",
        metavar="NAME",
        help=f"Whose delays --clock-mhz goes by: {FABRIC_NAMES}.  [default: that of --device, else the recipe's, else "
        "ecp5]",
    )
    @click.option(
        "--lut-inputs",
        type=click.Choice(["2", "4", "6"]),
        help="Inputs of the device's look-up tables: 6 on Xilinx, else 4; 2 for additions of two bits alone, in carry "
        "cells.  [default: the recipe's, else 4]",
    )
    @click.option(
        "--extra-adder-levels",
        type=click.IntRange(0, 32),
        help="Adder levels of a weighted sum beyond the fewest: smaller, and later.  [default: the recipe's, else 0]",
    )
    @click.option(
        "--table-bits",
        type=click.IntRange(0, 8),
        help="Gates of units whose sums have so few bits, or fewer, are look-up tables of them, and the sums are not "
        "made; 0: all sums are made.  [default: the recipe's, else 6]",
    )
    @wraps(function)
    def with_hardware(
        *,
        adders_per_stage: int | None,
        clock_mhz: int | None,
        fabric: str | None,
        lut_inputs: str | None,
        extra_adder_levels: int | None,
        table_bits: int | None,
        folded: tuple[str, ...],
        interval: int | None,
        luts: int | None,
        device: str | None,
        **others: Any,
    ) -> None:
        if clock_mhz is not None and adders_per_stage is not None:
            raise click.UsageError("--adders-per-stage: expected none beside --clock-mhz, which chooses them")
        hardware = {
            "adders_per_stage": adders_per_stage,
            "clock_mhz": clock_mhz,
            "fabric": fabric,
            "lut_inputs": None if lut_inputs is None else int(lut_inputs),
            "extra_adder_levels": extra_adder_levels,
            "table_bits": table_bits,
            "folded": folded or None,
            "interval": interval,
            "luts": luts,
            "device": device,
        }
        function(hardware=hardware, **others)

    return with_hardware


reference_option = click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="NPZ file with scores (image, class) or predictions (image) of the original network, to compare with.",
)


class MegahertzRange(click.FloatRange):
    """A range of floats; a NaN, which compares with no bound, is not in it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return ``value`` as a float of the range."""
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


def synthesis_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of place and route."""
    for option in (
        click.option("--seed", type=click.IntRange(1), default=1, show_default=True, help="Seed of place and route."),
        click.option(
            "--frequency",
            "frequency_mhz",
            type=MegahertzRange(1, 2000),
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


def finish(outcome: Outcome, json: bool) -> None:
    """Print what came of a verb; exit with 1 if a check failed."""
    if json:
        show_json(outcome.data)
    else:
        outcome.show()
    if not outcome.passed:
        raise click.exceptions.Exit(1)


def options_given(*without: str) -> list[str]:
    """Return the options that the command line names, as they are written, but for those called ``without``."""
    context = click.get_current_context()
    source = click.core.ParameterSource.COMMANDLINE
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name and parameter.name not in without and context.get_parameter_source(parameter.name) == source
    ]
