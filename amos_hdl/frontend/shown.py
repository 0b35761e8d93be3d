"""What a training shows: each image in its variants as the input units give it, labels, a teacher's answers."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from amos_hdl.errors import DataError, RecipeError
from amos_hdl.frontend.activation import InputUnits
from amos_hdl.frontend.augment import variants
from amos_hdl.frontend.data import Dataset
from amos_hdl.frontend.prototype import input_prototype
from amos_hdl.frontend.recipe import BYTE_HIGH, Recipe
from amos_hdl.frontend.teacher import soft_answers


@dataclass(frozen=True, eq=False)
class Shown:
    """Images of a training.

    Members
    -------
    values : uint8, shape (variant, image, pixel)
        Of the input units, which do not learn: computed once.
    labels : int64, shape (image,)
    validation : uint8, shape (image, pixel)
    validation_labels : int64, shape (image,)
    pixels : float32, shape (variant, image, pixel), optional
    answers : float32, shape (variant, image, class), optional
        Probabilities that the teacher gives.
    """

    values: Tensor
    labels: Tensor
    validation: Tensor
    validation_labels: Tensor
    pixels: Tensor | None = None
    answers: Tensor | None = None

    def to(self, device: torch.device) -> Shown:
        """Return the same on ``device``."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: part.to(device) for name, part in parts.items() if part is not None})


def show(recipe: Recipe, dataset: Dataset, generator: torch.Generator, *, pixels: bool) -> Shown:
    """Return what is shown, with the ``pixels`` themselves if asked; the teacher, if there is one, is trained here.

    Raises DataError if a class has no training image, RecipeError if changed images are asked of what is no picture.
    """
    images, targets = dataset.part("train")
    labels, options = torch.from_numpy(targets), recipe.training.augmentation
    if len(torch.unique(labels)) != dataset.classes:
        raise DataError("classes among the training images", expected=f"all of 0 to {dataset.classes - 1}")
    if options.copies and dataset.shape is None:
        what = "training.augmentation.copies"
        raise RecipeError(what, expected="0, for the images have no rows and columns", got=f"{options.copies}")
    clean = torch.from_numpy(images).to(torch.float32)
    pictures = clean if dataset.shape is None else clean.reshape(-1, *dataset.shape)
    units = InputUnits(input_prototype(recipe.units))
    made = variants(pictures, options, dataset.low, dataset.high, generator) if options.copies else iter([pictures])
    # millions of pixels, most often bytes
    kind = torch.uint8 if dataset.low >= 0 and dataset.high <= BYTE_HIGH else torch.float32
    kept: list[Tensor] = []
    codes: list[Tensor] = []
    teacher = recipe.training.distillation
    for variant in made:
        flat = variant.flatten(1)
        codes.append(units(flat).to(torch.uint8))
        if pixels or teacher is not None:
            kept.append(flat.to(kind))
    shown = torch.stack(kept) if kept else None
    answers = None
    if teacher is not None and shown is not None:
        middle, half = (dataset.high + dataset.low) / 2, (dataset.high - dataset.low) / 2
        batch = recipe.training.batch_images
        answers = soft_answers(shown, labels, teacher, batch, generator, middle=middle, half=half)
    held, held_labels = dataset.part("validation")
    return Shown(
        torch.stack(codes),
        labels,
        units(torch.from_numpy(held).to(torch.float32)).to(torch.uint8),
        torch.from_numpy(held_labels),
        shown.float() if pixels and shown is not None else None,
        answers,
    )
