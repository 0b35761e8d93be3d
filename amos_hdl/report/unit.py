"""The picture of one fitted unit: function and staircase, error, which gates fire where."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amos_hdl.circuit.activations import Activation
from amos_hdl.circuit.fitting import FittedUnit, potential
from amos_hdl.report.picture import pyplot, save_picture


def plot_unit(unit: FittedUnit, activation: Activation, path: Path) -> None:
    """Draw ``unit`` into ``path``, whose ending says the format: .svg, .png or .pdf.

    Raises ToolError if matplotlib is not installed, AmosError if the file cannot be written.
    """
    x = np.linspace(unit.low, unit.high, 4000)
    y, stairs = activation(x), unit(x)
    figure, (top, middle, bottom) = pyplot().subplots(
        3, 1, figsize=(8, 8), sharex=True, height_ratios=[3, 1.2, 1.8], layout="constrained"
    )
    top.plot(x, y, color="#999999", label=unit.activation)
    top.step(x, stairs, where="mid", color="black", linewidth=1, label="value of the spikes")
    top.legend(frameon=False)
    top.set(ylabel="y", title=f"{unit.activation}, {unit.architecture}, {unit.circuit.gates} gates")
    middle.plot(x, stairs - y, color="#e07a5f", linewidth=0.8)
    middle.set(ylabel="error", title=f"mean squared {unit.mean_squared_error:.2e}, worst {unit.worst_error:.2e}")
    spikes = unit.circuit.spikes(potential(x, unit.potential_step))
    extent = (unit.low, unit.high, unit.circuit.gates + 0.5, 0.5)
    bottom.imshow(spikes.T, aspect="auto", extent=extent, cmap="Blues", interpolation="nearest", vmin=0, vmax=1.3)
    bottom.set(xlabel="x", ylabel="gate", title=f"which gates spike; {unit.spikes:.2f} spikes per input on average")
    save_picture(figure, path)
