"""Verbs that show what a network does, by the golden model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from amos_hdl.commands.options import (
    Hardware,
    finish,
    hardware_options,
    images_option,
    json_option,
    network_argument,
    reference_option,
)
from amos_hdl.console import Steps
from amos_hdl.project import BuiltIn, find_built_in, find_project


@click.command(
    epilog="NETWORK is a name in models/, a folder with network.yaml, a recipe (.yaml), or a built-in architecture, "
    "whose size alone is shown: resnet50, efficientnet-b0 to efficientnet-b7."
)
@network_argument
@hardware_options
@click.option("--size", type=int, help="Built-in: rows and columns of an image.  [default: those it was published for]")
@click.option("--gates", type=int, help="Built-in: K, gates of a unit, 1 to 16.  [default: 12]")
@click.option("--weights", "weight_bits", type=int, help="Built-in: bits of weights, 2 to 8.  [default: 8]")
@click.option(
    "--products",
    type=click.Choice(["multiply", "units"]),
    help="Built-in: products of squeeze-and-excitation as real ones, or of units.  [default: multiply]",
)
@json_option
def info(network: str, hardware: Hardware, json: bool, **built_in: Any) -> None:
    """Show layers, gates, widths (bits), latency (clock cycles), estimated LUTs."""
    from amos_hdl.verbs.info import info as act
    from amos_hdl.verbs.info import info_of_built_in

    given = {key: value for key, value in built_in.items() if value is not None}
    name = find_built_in(network)
    if name is not None:
        from amos_hdl.frontend.architectures.structure import StructureOptions

        chosen = [key for key, value in hardware.items() if value not in (None, ()) and key != "device"]
        if chosen:
            written = ", ".join("--fold" if key == "folded" else f"--{key.replace('_', '-')}" for key in chosen)
            raise click.UsageError(f"{written}: for stored networks only; of {name!r} --device alone")
        return finish(info_of_built_in(BuiltIn(name, StructureOptions(**given)), hardware["device"]), json)
    if given:
        written = ", ".join("--weights" if key == "weight_bits" else f"--{key}" for key in given)
        raise click.UsageError(f"{written}: for built-in architectures only; {network!r} is none")
    return finish(act(find_project(network), hardware), json)


@click.command()
@network_argument
@images_option
@click.option(
    "--test-images",
    "most",
    type=click.IntRange(1),
    metavar="N",
    help="Only the first N test images.  [default: all images]",
)
@reference_option
@click.option("--rtl", "on_rtl", is_flag=True, help="Also run every image through the Verilog's gates; compare all.")
@click.option("--rtl-folder", type=click.Path(path_type=Path), help="Folder of Verilog.  [default: rtl_out/NETWORK]")
@click.option(
    "--kernels",
    "library",
    type=click.Choice(["auto", "numpy", "torch"]),
    default="auto",
    show_default=True,
    help="Library of the large sums, with equal results; auto: PyTorch for networks with maps, if installed.",
)
@json_option
def evaluate(
    network: str,
    images: Path | None,
    most: int | None,
    reference: Path | None,
    on_rtl: bool,
    rtl_folder: Path | None,
    library: Any,
    json: bool,
) -> None:
    """Show accuracy, spikes and synaptic operations per image, by the bit-exact golden model."""
    from amos_hdl.verbs.evaluate import evaluate as act

    if rtl_folder is not None and not on_rtl:
        raise click.UsageError("--rtl-folder: expected --rtl too")
    options: dict[str, Any] = {"reference": reference, "on_rtl": on_rtl, "rtl": rtl_folder, "library": library}
    finish(act(find_project(network), images, Steps(json), most=most, **options), json)


@click.command()
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
@images_option
@click.option("--plot", type=click.Path(path_type=Path), help="Write a picture: .svg, .png or .pdf.")
@json_option
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
    finish(
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
