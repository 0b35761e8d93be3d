"""Verbs that make a network: from a trained model, or by training."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from amos_hdl.commands.options import finish, json_option, options_given, recipe_argument
from amos_hdl.console import Steps
from amos_hdl.project import MODELS, find_project


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the network.  [default: models/SOURCE's name]")
@click.option(
    "--calibrate",
    "data",
    type=click.Path(path_type=Path),
    help="Images to calibrate with: an NPZ file, or a folder with MNIST's or CIFAR-10's files.",
)
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    help="Labelled images to judge by.  [default: those of --calibrate that do not calibrate]",
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
@click.option(
    "--products",
    type=click.Choice(["multiply", "units"]),
    default="multiply",
    show_default=True,
    help="Products of two tensors as real products, or of units alone: 34 gates each.",
)
@click.option(
    "--circuit",
    "circuits",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Circuit file of fit (linear form) whose unit is taken for its function; may be repeated.",
)
@click.option("--bias-correction/--no-bias-correction", default=True, show_default=True)
@click.option("--low", type=int, default=0, show_default=True, help="Least pixel.")
@click.option("--high", type=int, default=255, show_default=True, help="Greatest pixel.")
@click.option(
    "--divisor", type=float, default=255.0, show_default=True, help="The model sees (pixel/divisor - mean)/std."
)
@click.option("--mean", multiple=True, type=float, help="One, or one per channel (repeat).  [default: 0]")
@click.option("--std", multiple=True, type=float, help="One, or one per channel (repeat).  [default: 1]")
@json_option
def convert(
    source: Path,
    out: Path | None,
    data: Path | None,
    test: Path | None,
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
    circuits: tuple[Path, ...],
    **units: Any,
) -> None:
    """Convert a trained model, SOURCE: an exported PyTorch program (.pt2), ONNX or QONNX (.onnx), or a recipe (.yaml).

    A recipe with a section "convert" says all of the options below itself, and remakes its network.

    QONNX networks keep their integers and give the same outputs; others are quantized with calibration images.  Files
    are read as data: nothing in them is run or unpickled.
    """
    from amos_hdl.frontend.conversion import Conversion, options_of
    from amos_hdl.frontend.importers.pixels import PixelCode
    from amos_hdl.verbs.convert import convert as act

    if source.suffix in (".yaml", ".yml"):
        given = options_given("source", "json")
        if given:
            raise click.UsageError(f"{', '.join(given)}: the recipe {source} says it")
        project = find_project(str(source))
        return finish(act(project.conversion(), project.folder, Steps(json)), json)
    layers = {}
    for entry in layer_weights:
        layer, _, bits = entry.partition("=")
        if not layer or not bits.isdigit():
            raise click.UsageError(f"--layer-weights: expected LAYER=BITS, got {entry!r}")
        layers[layer] = int(bits)
    widths = {"weight_bits": weights, "first_bits": first_weights, "last_bits": last_weights, "layer_bits": layers}
    folder = out or MODELS / (re.sub(r"[^a-z0-9]+", "_", source.stem.lower()).strip("_") or "network")
    pixels, options = PixelCode(low, high, divisor, mean, std), options_of(widths | units, circuits)
    asked = Conversion(source, folder.name, data, test, images, test_images, pixels, options)
    return finish(act(asked, folder, Steps(json)), json)


@click.command()
@recipe_argument
@click.option(
    "--data",
    "data_folder",
    type=click.Path(path_type=Path),
    help="Folder with MNIST's or CIFAR-10's files.  [default: the recipe's data.folder]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from build/NAME/train/checkpoint.pt, kept every 30 s and on Ctrl-C, to the same result as without.",
)
@click.option("--no-test", is_flag=True, help="Leave the test images alone: for choices made by validation images.")
@json_option
def train(recipe: str, data_folder: Path | None, resume: bool, no_test: bool, json: bool) -> None:
    """Train with AMOS units in the loop and write models/NAME/ (needs the extra "train")."""
    from amos_hdl.verbs.train import train as act

    project = find_project(recipe)
    finish(act(project, Steps(json), data_folder=data_folder, resume=resume, test=not no_test), json)
