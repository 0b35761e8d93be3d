"""Noise in figures: what training with noise in the loop gains, and what the architecture does to a network.

python benchmarks/noise.py [training] [architectures] [--epochs N]

``training``: the digits network trained without noise, with a little and with much of it.  ``architectures``: the
digits network with K = 4 in the hidden layer, which has a staged(2) form too.  Both write a picture to docs/.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from amos_hdl.circuit.noise import NoisePoint, NoiseStudy, study
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.recipe import Noise, Recipe, load_recipe
from amos_hdl.frontend.train import train
from amos_hdl.network import Network
from amos_hdl.network.noise import NetworkSubject, in_all_architectures
from amos_hdl.report.noise import plot_noise

RECIPE = Path("models/digits.yaml")
TRAININGS = {
    "without": Noise(),
    "a little": Noise(potential=0.15, drop=0.02, insert=0.02),
    "much": Noise(potential=0.3, drop=0.05, insert=0.05),
}
DEVICES = 20


def main() -> None:
    """Train, measure and print the tables."""
    parser = argparse.ArgumentParser(description="Accuracy against noise.")
    parser.add_argument("what", nargs="*", default=["training", "architectures"], help="training, architectures")
    parser.add_argument("--epochs", type=int, default=500, help="of each training; the recipe's own are 1500")
    arguments = parser.parse_args()
    recipe = _with(load_recipe(RECIPE), "training", epochs=arguments.epochs)
    if "training" in arguments.what:
        training(recipe)
    if "architectures" in arguments.what:
        architectures(recipe)


def training(recipe: Recipe) -> None:
    """Compare trainings without and with noise."""
    images, labels = _test_images(recipe)
    points: list[NoisePoint] = []
    for name, noise in TRAININGS.items():
        network = _trained(name, _with(recipe, "training", noise=noise))
        result = study(NetworkSubject({"serial": network}, images, labels), devices=DEVICES)
        points += [replace(point, architecture=name) for point in result.points]
    _show(replace(result, points=tuple(points)), "noise_training")


def architectures(recipe: Recipe) -> None:
    """Compare the architectures of one network."""
    images, labels = _test_images(recipe)
    network = _trained("K = 4", _with(recipe, "units", gates=[4]))
    result = study(NetworkSubject(in_all_architectures(network), images, labels), devices=DEVICES)
    _show(result, "noise_architectures")


def _test_images(recipe: Recipe) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    images, labels = load_dataset(recipe.data).part("test")
    return images.astype(np.int64), labels.astype(np.int64)


def _with(recipe: Recipe, section: str, **changes: object) -> Recipe:
    return recipe.model_copy(update={section: getattr(recipe, section).model_copy(update=changes)})


def _trained(name: str, recipe: Recipe) -> Network:
    started = time.perf_counter()
    result = train(recipe)
    seconds, test = time.perf_counter() - started, result.accuracies["test"]
    print(f"{name}: trained in {seconds:.0f} s, {result.network.digest[:12]}, {100 * test:.2f} %", flush=True)
    return result.network


def _show(result: NoiseStudy, picture: str) -> None:
    table = Table("noise", "level", *result.architectures)
    found = {(point.kind, point.level, point.architecture): point.mean for point in result.points if not point.gate}
    for kind, level in dict.fromkeys((point.kind, point.level) for point in result.points if not point.gate):
        table.add_row(kind, f"{level:g}", *(f"{100 * found[kind, level, name]:.2f} %" for name in result.architectures))
    Console(width=100).print(table)
    plot_noise(result, Path("docs") / f"{picture}.svg")


if __name__ == "__main__":
    main()
