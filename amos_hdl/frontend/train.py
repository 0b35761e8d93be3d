"""Training from a recipe: the one entry for the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amos_hdl.errors import ToolError
from amos_hdl.frontend.data import Dataset, load_dataset
from amos_hdl.frontend.recipe import Recipe
from amos_hdl.network import Network, statistics


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of a training is kept, so that it can go on after an interruption.

    Parameters
    ----------
    path : Path
    resume : bool
        Go on from the file; else it is replaced.
    every_s : float
        Seconds between two checkpoints, at least; they are written after whole epochs, and at an interruption.
    """

    path: Path
    resume: bool = False
    every_s: float = 30.0


@dataclass(frozen=True)
class Progress:
    """State of a training: ``epoch`` of ``epochs`` done, the mean ``loss`` of that epoch, its accuracy (0 to 1).

    ``validation``: accuracy on the validation images as the integer network has it; None without any.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    validation: float | None = None


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained network as integers.

    Members
    -------
    network : Network
    accuracies : mapping of ``train``, ``validation``, ``test`` to 0..1
        By the golden model on unchanged images; parts that the recipe leaves empty are missing.
    nonzero_weights : mapping of dense operation to count
    """

    network: Network
    accuracies: Mapping[str, float]
    nonzero_weights: Mapping[str, int]


def train(
    recipe: Recipe,
    *,
    folder: Path = Path(),
    progress: Callable[[Progress], None] | None = None,
    parts: tuple[str, ...] = ("train", "validation", "test"),
    checkpoint: Checkpoint | None = None,
) -> TrainingResult:
    """Train the network of ``recipe`` and return it as integers.

    Single-threaded and seeded: the same recipe gives the same integers on the same PyTorch and kind of machine,
    interrupted and resumed or not.  On a GPU, which networks of ``topology.layers`` use where there is one, sums have
    no fixed order.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Where relative ``data.file`` and ``units.circuits`` lie: the recipe's folder.
    progress : callable, optional
        Called after every epoch.
    parts : tuple of str
        Parts of the data whose accuracy is reported; leave ``test`` out while choosing settings.
    checkpoint : Checkpoint, optional
        Where the state of the training is kept.

    Raises
    ------
    ToolError
        If PyTorch, or scikit-learn where it carries the data, is not installed.
    DataError
        If the data do not fit the recipe.
    RecipeError
        If the recipe asks for changed images where they are no pictures, or for more weights than a layer has.
    CircuitError
        If a circuit file is missing, damaged, of another version, or has no such architecture.
    StoreError
        If a checkpoint cannot be written, or the one to resume is missing, damaged, or of another training.
    """
    try:
        from amos_hdl.frontend.loop import fit
    except ModuleNotFoundError as failure:
        if failure.name != "torch":
            raise
        raise ToolError("PyTorch is not installed", hint='pip install "amos-hdl[train]"') from failure
    dataset = load_dataset(recipe.data, folder=folder)
    network = fit(recipe, dataset, progress, folder=folder, checkpoint=checkpoint)
    accuracies = {part: accuracy(network, dataset, part) for part in parts if part in dataset.splits}
    nonzero = {
        operation.name: int(np.count_nonzero(operation.weights))
        for operation in network.operations
        if hasattr(operation, "weights")
    }
    return TrainingResult(network, accuracies, nonzero)


def accuracy(network: Network, dataset: Dataset, part: str) -> float:
    """Return the share, 0 to 1, of images of ``part`` whose class ``network`` finds, by the golden model."""
    images, labels = dataset.part(part)
    return float((statistics.measure(network, images).ranking[:, 0] == labels).mean())
