"""Verbs about one unit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from amos_hdl.commands.options import finish, json_option
from amos_hdl.console import Steps


@click.command()
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
@json_option
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
    finish(
        act(function, gates, architecture, form, bounds, bits, normal, histogram, effort, plot, out, Steps(json)),
        json,
    )
