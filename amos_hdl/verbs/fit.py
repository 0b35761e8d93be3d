"""``amos-hdl fit``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amos_hdl.circuit import Architecture, store
from amos_hdl.circuit.activations import Activation, find_activation
from amos_hdl.circuit.distribution import Distribution, Histogram, Normal, Uniform, read_columns
from amos_hdl.circuit.fitting import Effort, Form
from amos_hdl.circuit.fitting import fit as fit_unit
from amos_hdl.console import Steps
from amos_hdl.console import table as show_table
from amos_hdl.errors import CircuitError
from amos_hdl.files import check_writable
from amos_hdl.report.picture import check_picture
from amos_hdl.report.unit import plot_unit
from amos_hdl.verbs.outcome import Outcome


def wanted(name: str | None, table: Path | None) -> Activation:
    """Return the activation that a name or a CSV file of points stands for.

    Raises CircuitError if both or neither are given, the name is unknown, or the points are not those of a function.
    """
    if (name is None) == (table is None):
        got = None if name is None else "both"
        raise CircuitError("activation", expected="a name, or --table FILE", got=got)
    if table is None:
        return find_activation(str(name))
    x, y = (np.array(column) for column in read_columns(table, "table of points"))
    if len(x) < 2 or not (np.diff(x) > 0).all():
        raise CircuitError("x of a table", where=str(table), expected="at least two, each greater than the one before")
    return Activation(table.stem, lambda at: np.interp(at, x, y), f"{len(x)} points", float(x[0]), float(x[-1]))


def fit(
    activation: Activation,
    gates: int,
    architecture: str,
    form: Form | None,
    bounds: tuple[float, float] | None,
    bits: int,
    normal: tuple[float, float] | None,
    histogram: Path | None,
    effort: Effort,
    plot: Path | None,
    out: Path | None,
    steps: Steps,
) -> Outcome:
    """Fit one unit, and write what was asked for."""
    if normal is not None and histogram is not None:
        raise CircuitError("distribution", expected="--normal or --histogram, not both")
    distribution: Distribution = Uniform() if normal is None else Normal(*normal)
    inputs = "uniform" if normal is None else f"normal, mean {normal[0]:g}, deviation {normal[1]:g}"
    if histogram is not None:
        edges, counts = read_columns(histogram, "histogram")
        # the count beside the last edge has no bin and is not read
        distribution, inputs = Histogram(tuple(edges), tuple(counts[:-1])), f"as in {histogram}"
        bounds = bounds or (edges[0], edges[-1])
    if plot is not None:
        check_picture(plot)
    for path in (plot, out):
        if path is not None:
            check_writable(path, CircuitError)
    if plot is not None and out is not None and plot.resolve() == out.resolve():
        raise CircuitError("--plot and --out", expected="two files", got=str(out))
    low, high = bounds or (None, None)
    with steps.step(f"fitting {activation.name}") as bar:
        unit = fit_unit(
            activation,
            gates,
            Architecture.parse(architecture),
            form=form,
            low=low,
            high=high,
            potential_bits=bits,
            distribution=distribution,
            effort=effort,
            progress=bar.of,
        )
    if plot is not None:
        plot_unit(unit, activation, plot)
    if out is not None:
        store.save(unit, out)
    loss = unit.mean_squared_error - unit.unrounded_error
    data = {
        "activation": activation.name,
        "equation": activation.equation,
        "architecture": str(unit.architecture),
        "form": unit.form,
        "method": unit.method,
        "low": unit.low,
        "high": unit.high,
        "gates": unit.circuit.gates,
        "levels": unit.circuit.depth,
        "mean_squared_error": unit.mean_squared_error,
        "worst_error": unit.worst_error,
        "rounding_loss": loss,
        "spikes_per_input": unit.spikes,
        "potential_bits": bits,
        "potential_step": float(unit.potential_step),
        "value_step": float(unit.value_step),
        "plot": None if plot is None else str(plot),
        "out": None if out is None else str(out),
    }

    def show() -> None:
        rows = [
            ("inputs", f"{unit.low:g} to {unit.high:g}", inputs),
            ("mean squared error", f"{unit.mean_squared_error:.3e}", "over these inputs"),
            ("worst error", f"{unit.worst_error:.3e}", "anywhere in the range"),
            ("loss by rounding", f"{loss:+.1e}", f"of the mean squared error, {bits} bits"),
            ("gates", str(unit.circuit.gates), f"in {unit.circuit.depth} level{'s' * (unit.circuit.depth > 1)}"),
            ("spikes per input", f"{unit.spikes:.2f}", "on average"),
            ("form", unit.form, f"by {unit.method}"),
        ]
        rows += [(what, str(path), "written") for what, path in (("picture", plot), ("circuit", out)) if path]
        show_table(f"{activation.name} = {activation.equation}, {unit.architecture}", ["", "value", ""], rows)

    return Outcome(data, show)
