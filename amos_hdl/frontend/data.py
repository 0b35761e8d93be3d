"""Data sets as integers: images ``(image, pixel)``, labels, and a fixed stratified division."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import DataError, ToolError
from amos_hdl.frontend.data_files import Folder, read_cifar10, read_mnist
from amos_hdl.frontend.npz import plain_arrays
from amos_hdl.frontend.recipe import Data

#: Most classes of a data set.
CLASS_LIMIT = 4096

Array = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images as integers with their classes, divided into training, validation and test images.

    Parameters
    ----------
    images : integers, shape (image, pixel)
        Pixels from ``low`` to ``high``, row after row, channel after channel; of 8 bits where their files are.
    labels : int64, shape (image,)
        Classes from 0 to ``classes - 1``.
    train, validation, test : int64
        Indices of images, rising; every image is in exactly one of them.
    low, high : int
        The input code.
    shape : (rows, columns) or (channels, rows, columns), optional
        Known where images are pictures.
    """

    images: Pixels
    labels: Array
    train: Array
    validation: Array
    test: Array
    low: int
    high: int
    shape: tuple[int, ...] | None = None

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def splits(self) -> Mapping[str, Array]:
        """Indices by the name of the part; empty parts are left out."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if len(part)}

    def part(self, name: str) -> tuple[Pixels, Array]:
        """Return images ``(image, pixel)`` and labels of ``train``, ``validation`` or ``test``."""
        index = {"train": self.train, "validation": self.validation, "test": self.test}[name]
        return self.images[index], self.labels[index]

    def first_tests(self, most: int) -> Dataset:
        """Return the first ``most`` test images alone, or all of them if there are fewer."""
        index, none = self.test[:most], np.zeros(0, np.int64)
        images, labels, test = self.images[index], self.labels[index], np.arange(len(index))
        return replace(self, images=images, labels=labels, train=none, validation=none, test=test)


def load_dataset(data: Data, *, folder: Path = Path()) -> Dataset:
    """Return the data set that a recipe's section ``data`` describes.

    Parameters
    ----------
    data : Data
    folder : Path
        Where a relative ``data.file`` or ``data.folder`` is looked for: the recipe's folder.

    Raises
    ------
    DataError
        If a file is missing or damaged, shapes or ranges do not fit, or too few images are left for training.
    ToolError
        If scikit-learn, which carries the digits, is not installed.
    """
    if data.source in ("mnist", "cifar10"):
        read = read_mnist if data.source == "mnist" else read_cifar10
        path = folder / (data.folder or "")
        return from_folder(read(path), data.validation_images, data.split_seed, where=str(path))
    images: Pixels
    if data.source == "digits":
        images, labels, low, high, where = *_digits(), 0, 16, "digits"
    else:
        # the recipe's own check makes sure that these three are given
        low, high, path = data.low or 0, data.high or 0, folder / (data.file or "")
        images, labels = load_npz(path)
        where = str(path)
    shape = images.shape[1:] if images.ndim > 2 else None
    flat = images.reshape(len(images), -1)
    _check_values(flat, labels, low, high, where)
    rest, test = stratified_split(labels, np.arange(len(labels)), data.test_images or 0, data.split_seed)
    train, validation = stratified_split(labels, rest, data.validation_images, data.split_seed + 1)
    return Dataset(flat, labels, train, validation, test, low, high, shape)


def from_folder(files: Folder, validation_images: int = 0, split_seed: int = 0, *, where: str = "folder") -> Dataset:
    """Return a data set that brings its own test images; validation images are taken out of its training images.

    Raises DataError if there are too few training images for that.
    """
    parts = [part for part in (files.train, files.test) if part is not None]
    pixels = np.concatenate([part.pixels.reshape(len(part.pixels), -1) for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    rest, test = np.split(np.arange(len(labels)), [len(labels) - len(files.test.labels)])
    if len({part.pixels.shape[1:] for part in parts}) != 1:
        raise DataError("shape of images", where=where, expected="the same for training and test")
    train, validation = rest, rest[:0]
    if validation_images:
        train, validation = stratified_split(labels, rest, validation_images, split_seed)
    return Dataset(pixels, labels, train, validation, test, 0, 255, files.test.pixels.shape[1:])


def stratified_split(labels: Array, among: Array, count: int, seed: int) -> tuple[Array, Array]:
    """Divide the images ``among`` in two, the second of exactly ``count``, classes in proportion.

    Parameters
    ----------
    labels : shape (image,)
    among : indices into ``labels``
    count : int
        Shares of a class are rounded down, and the classes with the greatest remainders get one more.
    seed : int

    Returns the two index arrays, rising.  Raises DataError unless at least one image is left in the first.

    Source: derived (largest remainders).
    """
    if count >= len(among):
        raise DataError("images set aside", expected=f"fewer than {len(among)}", got=repr(count))
    random = np.random.default_rng(seed)
    classes = np.unique(labels[among])
    members = [among[labels[among] == label] for label in classes]
    exact = np.array([len(member) for member in members]) * count / len(among)
    shares = np.floor(exact).astype(int)
    shares[np.argsort(shares - exact, kind="stable")[: count - shares.sum()]] += 1
    chosen = [random.permutation(member)[:share] for member, share in zip(members, shares, strict=True)]
    second = np.sort(np.concatenate(chosen)).astype(np.int64)
    return np.setdiff1d(among, second).astype(np.int64), second


def _digits() -> tuple[Array, Array]:
    """Return scikit-learn's 1,797 digits, ``(image, 8, 8)`` from 0 to 16, and their labels."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as failure:
        hint = 'pip install "amos-hdl[data]"'
        raise ToolError("scikit-learn, which carries the digits, is not installed", hint=hint) from failure
    digits = load_digits()
    return digits.images.astype(np.int64), digits.target.astype(np.int64)


def load_npz(path: Path) -> tuple[Pixels, Array]:
    """Read images and labels, integers, from ``path``.

    Images are ``(image, pixel)``, ``(image, row, column)`` or ``(image, channel, row, column)``, labels ``(image,)``.

    Raises DataError if the file is missing, damaged, too large, holds anything but plain integer arrays called
    ``images`` and ``labels``, or if their shapes do not fit.
    """
    images, labels = load_images(path)
    if labels is None:
        raise DataError("no array labels", where=str(path), got=repr(["images"]))
    return images, labels


def load_images(path: Path) -> tuple[Pixels, Array | None]:
    """Read as ``load_npz``, but labels may be missing."""
    arrays = plain_arrays(path, ("images",), ("labels",))
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.integer):
            hint = "give pixels as they are before they are scaled to floats" if name == "images" else None
            raise DataError(name, where=str(path), expected="integers", got=str(array.dtype), hint=hint)
    images, labels = arrays["images"], arrays.get("labels")
    if not len(images):
        raise DataError("no images", where=str(path), expected="at least one")
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise DataError("shape of images", where=str(path), expected="(image, pixel)", got=repr(images.shape))
    if labels is None:
        return images, None
    if labels.shape != images.shape[:1]:
        raise DataError("shape of labels", where=str(path), expected=repr(images.shape[:1]), got=repr(labels.shape))
    return images, labels.astype(np.int64)


def _check_values(images: Pixels, labels: Array, low: int, high: int, where: str) -> None:
    """Raise DataError, naming the first offender, for a pixel outside the input code or an impossible label."""
    outside = np.argwhere((images < low) | (images > high))
    if len(outside):
        image, pixel = (int(index) for index in outside[0])
        raise DataError(
            "value outside the input code",
            where=f"{where}, image {image}, pixel {pixel}",
            expected=f"{low} to {high}",
            got=repr(int(images[image, pixel])),
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASS_LIMIT))
    if len(wrong):
        place = f"{where}, image {int(wrong[0])}"
        raise DataError("label", where=place, expected=f"0 to {CLASS_LIMIT - 1}", got=repr(int(labels[wrong[0]])))
    if labels.max() < 1:
        raise DataError("labels", where=where, expected="at least two classes", got="one")


def check_axes(given: tuple[int, ...], wanted: tuple[int, ...], where: str) -> None:
    """Raise DataError for images with as many pixels as a network takes but their axes in another order.

    Flat ones cannot be told: ``given`` and ``wanted`` are the shapes of one image.
    """
    if len(given) == 1 or len(wanted) != 3:
        return
    given = given if len(given) == 3 else (1, *given)
    if given != wanted and math.prod(given) == math.prod(wanted):
        expected, hint = f"{wanted}: channel, row, column", "transpose the array"
        raise DataError("shape of an image", where=where, expected=expected, got=f"{given}", hint=hint)
