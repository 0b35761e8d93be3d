"""The training loop: real weights pruned, then rounded few by few, spikes computed as the hardware will."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

from amos_hdl.errors import DataError, RecipeError
from amos_hdl.frontend.activation import Noise
from amos_hdl.frontend.augment import variants
from amos_hdl.frontend.data import Dataset
from amos_hdl.frontend.export import to_network
from amos_hdl.frontend.modules import SpikingNetwork
from amos_hdl.frontend.prototype import hidden_prototypes, input_prototype
from amos_hdl.frontend.recipe import Ramp, Recipe, Training
from amos_hdl.frontend.teacher import soft_answers
from amos_hdl.frontend.train import Progress
from amos_hdl.network import Network

#: Steps between two choices of the weights that are pruned or rounded.
ANNEAL_EVERY_STEPS = 20
#: Steps over which the learning rate rises at the beginning.
WARM_UP_STEPS = 50
#: The learning rate never falls below this.
LEAST_RATE = 1e-4
#: Images from which steps and biases are set at the beginning.
CALIBRATION_IMAGES = 1000


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: sums are then added in one order, so integers do not depend on the load."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def fit(
    recipe: Recipe,
    dataset: Dataset,
    progress: Callable[[Progress], None] | None = None,
    *,
    folder: Path = Path(),
) -> Network:
    """Train on ``dataset.train`` and return the integer network; circuit files are looked for in ``folder``.

    Raises DataError if the data do not fit, RecipeError if the recipe asks for what the data do not allow, CircuitError
    if a circuit file is missing or no circuit.
    """
    module = train_module(recipe, dataset, progress, folder=folder)
    return to_network(
        module,
        recipe.name,
        pixels=dataset.images.shape[1],
        low=dataset.low,
        high=dataset.high,
        weight_bits=recipe.quantization.weight_bits,
    )


@_one_thread()
def train_module(
    recipe: Recipe,
    dataset: Dataset,
    progress: Callable[[Progress], None] | None = None,
    *,
    folder: Path = Path(),
) -> SpikingNetwork:
    """Return the trained module, in evaluation mode.  Raises as ``fit``."""
    settings, prototypes = recipe.training, hidden_prototypes(recipe.units, folder)
    generator = torch.Generator().manual_seed(settings.seed)
    pixels, targets = dataset.part("train")
    labels = torch.from_numpy(targets)
    shown = _variants(recipe, dataset, torch.from_numpy(pixels).to(torch.float32), generator)
    answers = _teach(recipe, dataset, shown, labels, generator)
    module = SpikingNetwork(
        pixels.shape[1],
        dataset.classes,
        input_prototype(recipe.units),
        recipe.topology.hidden,
        prototypes,
        recipe.quantization.magnitudes,
        generator,
        _noise(settings),
    )
    _check_sizes(recipe, module)
    # the input units do not learn: without noise their values are computed once
    values = module.input_units(shown)
    module.calibrate(values[0, :CALIBRATION_IMAGES])
    batch = min(settings.batch_images, len(labels))
    steps = len(labels) // batch
    total = steps * settings.epochs
    optimizer = torch.optim.Adam(module.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99))
    done = 0
    for epoch in range(settings.epochs):
        order = torch.randperm(len(labels), generator=generator)
        losses, right = 0.0, 0
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = _rate(settings.learning_rate, done, total)
            _anneal(module, recipe, done, total)
            chosen = order[step * batch : (step + 1) * batch]
            variant = torch.randint(len(values), (batch,), generator=generator)
            logits = module.logits(values[variant, chosen]) if module.noise is None else module(shown[variant, chosen])
            loss = _loss(recipe, logits * module.log_scale.exp(), labels[chosen], answers, variant, chosen)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            optimizer.step()
            _confine(module)
            losses += loss.item()
            right += int((logits.argmax(1) == labels[chosen]).sum())
            done += 1
        if progress is not None:
            progress(Progress(epoch + 1, settings.epochs, losses / steps, right / (steps * batch)))
    _anneal(module, recipe, total, total)
    # pixels that never spike on an unchanged training image learnt nothing; their weights would only cost adders
    module.linears[0].disconnect(values[0].amax(0) == 0)
    return module.eval()


def _noise(settings: Training) -> Noise | None:
    """Return how gates err in training, drawn from a stream of its own, or None if the recipe does not say."""
    levels = settings.noise.disturbance
    return Noise(levels, torch.Generator().manual_seed(settings.seed + (1 << 32))) if levels else None


def _variants(recipe: Recipe, dataset: Dataset, pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return the training images as they are shown, ``(variant, image, pixel)``."""
    options = recipe.training.augmentation
    if not options.copies:
        return pixels[None]
    if dataset.shape is None:
        raise RecipeError(
            "training.augmentation.copies",
            expected="0, for the images have no rows and columns",
            got=f"{options.copies}",
        )
    pictures = pixels.reshape(-1, *dataset.shape)
    return variants(pictures, options, dataset.low, dataset.high, generator).flatten(2)


def _teach(
    recipe: Recipe, dataset: Dataset, shown: Tensor, labels: Tensor, generator: torch.Generator
) -> Tensor | None:
    """Return the teacher's probabilities ``(variant, image, class)``, or None without a teacher."""
    options = recipe.training.distillation
    if len(torch.unique(labels)) != dataset.classes:
        raise DataError("classes among the training images", expected=f"all of 0 to {dataset.classes - 1}")
    if options is None:
        return None
    middle, half = (dataset.high + dataset.low) / 2, (dataset.high - dataset.low) / 2
    return soft_answers((shown - middle) / half, labels, options, recipe.training.batch_images, generator)


def _check_sizes(recipe: Recipe, module: SpikingNetwork) -> None:
    for layer, (linear, keep) in enumerate(zip(module.linears, recipe.topology.nonzero_weights, strict=True)):
        size = linear.latent.numel()
        if keep > size:
            where = f"{recipe.name}, topology.nonzero_weights.{layer}"
            raise RecipeError("weights to keep", where=where, expected=f"at most {size}", got=f"{keep}")


def _rate(greatest: float, done: int, total: int) -> float:
    """Learning rate of step ``done``: a short rise, then a falling half cosine."""
    return greatest * min(1.0, done / WARM_UP_STEPS) * (1 + math.cos(math.pi * done / total)) / 2 + LEAST_RATE


def _share(ramp: Ramp, part: float) -> float:
    return min(1.0, max(0.0, (part - ramp.start) / (ramp.end - ramp.start)))


def _anneal(module: SpikingNetwork, recipe: Recipe, done: int, total: int) -> None:
    """Prune, and later round, the weights that it is time for at step ``done``.

    The number of weights falls from all to the recipe's as (1 - share)**3: fast while many do not matter.
    """
    if done % ANNEAL_EVERY_STEPS and done != total:
        return
    part = done / total
    pruned, rounded = _share(recipe.training.pruning, part), _share(recipe.training.rounding, part)
    for linear, keep in zip(module.linears, recipe.topology.nonzero_weights, strict=True):
        if not bool(linear.fixed.any()):
            share_left = 0.0 if rounded else (1 - pruned) ** 3
            linear.prune(round(keep + (linear.latent.numel() - keep) * share_left))
        linear.fix(rounded)


def _loss(
    recipe: Recipe, logits: Tensor, labels: Tensor, answers: Tensor | None, variant: Tensor, chosen: Tensor
) -> Tensor:
    """Return the mean loss of a batch of logits ``(batch, class)``."""
    loss = functional.cross_entropy(logits, labels, label_smoothing=recipe.training.label_smoothing)
    options = recipe.training.distillation
    if options is None or answers is None:
        return loss
    guess = functional.log_softmax(logits / options.temperature, dim=1)
    distance = functional.kl_div(guess, answers[variant, chosen], reduction="batchmean")
    return (1 - options.weight) * loss + options.weight * options.temperature**2 * distance


@torch.no_grad()
def _confine(module: SpikingNetwork) -> None:
    """Keep latent values where the next steps can still change their integers."""
    for linear in module.linears:
        linear.confine()
    for units in module.activations:
        units.step.clamp_(min=0.6)
