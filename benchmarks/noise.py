"""What training with noise in the loop gains: the digits network trained without and with it, accuracy against noise.

python benchmarks/noise.py [--epochs N]

The recipe is models/digits.yaml with ``training.noise`` added; without noise it gives the stored network again.  Writes
docs/noise_training.svg.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from amos_hdl.circuit.noise import NoisePoint, study
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import Noise, load_recipe
from amos_hdl.frontend.train import train
from amos_hdl.network.noise import NetworkSubject
from amos_hdl.report.noise import plot_noise

RECIPE = Path("models/digits.yaml")
TRAININGS = {
    "without": Noise(),
    "a little": Noise(potential=0.15, drop=0.02, insert=0.02),
    "much": Noise(potential=0.3, drop=0.05, insert=0.05),
}


def main() -> None:
    """Train, measure and print one table."""
    parser = argparse.ArgumentParser(description="Gain of training with noise in the loop.")
    parser.add_argument("--epochs", type=int, help="of each training; default: the recipe's")
    epochs = parser.parse_args().epochs
    recipe = load_recipe(RECIPE)
    dataset = load_dataset(recipe.data)
    images, labels = dataset.part("test")
    points: list[NoisePoint] = []
    for name, noise in TRAININGS.items():
        started = time.perf_counter()
        settings = recipe.training.model_copy(update={"noise": noise, "epochs": epochs or recipe.training.epochs})
        network = train(recipe.model_copy(update={"training": settings})).network
        seconds = time.perf_counter() - started
        result = study(NetworkSubject({"serial": network}, images, labels), devices=20)
        points += [replace(point, architecture=name) for point in result.points]
        print(f"{name}: trained in {seconds:.0f} s, {network.digest[:12]}, {100 * result.exact:.2f} %", flush=True)
    table = Table("noise", "level", *TRAININGS)
    found = {(point.kind, point.level, point.architecture): point.mean for point in points if not point.gate}
    for kind, level in dict.fromkeys((point.kind, point.level) for point in points if not point.gate):
        table.add_row(kind, f"{level:g}", *(f"{100 * found[kind, level, name]:.2f} %" for name in TRAININGS))
    Console(width=100).print(table)
    plot_noise(replace(result, points=tuple(points)), Path("docs/noise_training.svg"))


if __name__ == "__main__":
    main()
