"""A trained model's file in, an integer network out, with the accuracy that it kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import DataError, ImportedModelError
from amos_hdl.frontend.arrays import kernels_for
from amos_hdl.frontend.data import check_axes, load_images
from amos_hdl.frontend.data_files import read_folder
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.importers.onnx_file import read_onnx
from amos_hdl.frontend.importers.onnx_float import import_float_onnx
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.importers.pytorch import import_program
from amos_hdl.frontend.importers.qonnx import ExactImport, import_qonnx
from amos_hdl.frontend.original import digests_of
from amos_hdl.frontend.quantize import Quantized, QuantizeOptions, quantize
from amos_hdl.network import Network, statistics

#: Fewer labelled images do not tell what a model knows, nor does a share within so many deviations of chance.
CHANCE_IMAGES, CHANCE_DEVIATIONS = 20, 2.0

Say = Callable[[str, int, int], None]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Images:
    """What a model is calibrated and judged with.

    Members
    -------
    source : str
        File or folder of the calibration images, for errors.
    calibration : integers, shape (image, pixel)
    test : integers, shape (image, pixel)
    labels : int64, shape (image,), of the test images, or None
    shape : tuple of int
        Of one image as the file has it.
    judge : str
        File or folder of the test images.
    shared : int
        Images that calibrate and judge.
    """

    source: str
    calibration: npt.NDArray[np.integer]
    test: npt.NDArray[np.integer]
    labels: Integers | None
    shape: tuple[int, ...]
    judge: str = ""
    shared: int = 0


@dataclass(frozen=True, eq=False)
class Kept:
    """What the network does on test images, beside the model that it came from.

    Members
    -------
    images : int
    model_accuracy, network_accuracy : float or None
        0 to 1; None without labels.
    agreement : float
        Share of images of which both name the same class.
    logit_error : float
        Mean distance of the logits, in units of the mean distance of the model's own logits from their mean.
    spikes_per_image, spikes_per_unit : float
    outputs : float array, shape (image, class)
        The model's own; of a QONNX file its formula applied to the integers, which are the same.
    """

    images: int
    model_accuracy: float | None
    network_accuracy: float | None
    agreement: float
    logit_error: float
    spikes_per_image: float
    spikes_per_unit: float
    outputs: npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class _Source:
    """Images of a file or folder: ``given`` to calibrate with, ``shown`` to judge by, ``apart`` if they are others."""

    given: npt.NDArray[np.integer]
    shown: npt.NDArray[np.integer]
    labels: Integers | None
    apart: bool

    @classmethod
    def of(cls, path: Path) -> _Source:
        if path.is_dir():
            folder = read_folder(path)
            source = folder.train or folder.test
            return cls(source.pixels, folder.test.pixels, folder.test.labels, folder.train is not None)
        pixels, labels = load_images(path)
        return cls(pixels, pixels, labels, False)


def load_images_of(path: Path, calibration: int, test: int, judge: Path | None = None) -> Images:
    """Return at most ``calibration`` and ``test`` images of an NPZ file, or of a folder with MNIST or CIFAR-10.

    Calibration images are evenly spaced over what there is: of a folder its training images, if it has any.  Test
    images are the first of ``judge``, else of the folder's own.  Where they are of the same file, those that calibrate
    do not judge, and are at most half; a single image does both.

    Raises DataError if there are none, a file is damaged, or the images of the two are of different shapes.
    """
    source = _Source.of(path)
    judging = source if judge is None else _Source.of(judge)
    given, pixels, labels = source.given, judging.shown, judging.labels
    for images, place in ((given, path), (pixels, judge or path)):
        if not len(images):
            raise DataError("no images", where=str(place), expected="at least one")
    if pixels.shape[1:] != given.shape[1:]:
        expected, got = f"{given.shape[1:]}, as in {path}", f"{pixels.shape[1:]}"
        raise DataError("shape of an image", where=str(judge), expected=expected, got=got)
    divided = judge is None and not source.apart
    most = min(calibration, max(1, len(given) // 2) if divided else len(given))
    chosen = np.unique(np.linspace(0, len(given) - 1, most).astype(int))
    if divided:
        others = np.setdiff1d(np.arange(len(given)), chosen)
        others = others if len(others) else chosen
        pixels, labels = pixels[others], None if labels is None else labels[others]
    size = math.prod(given.shape[1:])
    calibrating, shown = (part.reshape(len(part), size) for part in (given[chosen], pixels[:test]))
    shared = int(np.isin(digests_of(shown), digests_of(calibrating)).sum())
    known = None if labels is None else labels[:test]
    return Images(str(path), calibrating, shown, known, given.shape[1:], str(judge or path), shared)


def needs_calibration(source: Path) -> bool:
    """Return whether the model in ``source`` has yet to be quantized.  Raises ImportedModelError if it is no model."""
    return source.suffix != ".onnx" or not read_onnx(source).is_quantized


def convert(
    source: Path, name: str, images: Images | None, pixels: PixelCode, options: QuantizeOptions, say: Say
) -> tuple[Quantized | ExactImport, FloatGraph | None]:
    """Return the integer network of the file ``source``, and the float network if the file held one.

    Parameters
    ----------
    source : Path
        ``.pt2`` (torch.export.save) or ``.onnx`` (float ONNX or QONNX).
    name : str
        Of the network.
    images : Images or None
        Needed unless the file is QONNX, whose numbers are integers already.
    pixels : PixelCode
    options : QuantizeOptions
        Not used for QONNX.
    say : callable
        Called with what is done, how far, and of how much.

    Raises
    ------
    ImportedModelError, DataError
        One line naming file and node.
    """
    if source.suffix == ".onnx":
        if read_onnx(source).is_quantized:
            exact = import_qonnx(source, name, pixels)
            _check_axes(images, exact.network.input.shape)
            return exact, None
        graph = import_float_onnx(source)
    elif source.suffix == ".pt2":
        graph = import_program(source)
    else:
        hint = "a checkpoint holds weights without the model: export the module with torch.export.save"
        expected = ".pt2 or .onnx"
        raise ImportedModelError(
            "kind of file", where=str(source), expected=expected, got=repr(source.suffix), hint=hint
        )
    if images is None:
        raise DataError("no calibration images", where=str(source), hint="give some with --calibrate")
    _check_axes(images, graph.image.size)
    return quantize(graph, name, images.calibration, pixels, options, say, where=images.source), graph


def _check_axes(images: Images | None, wanted: tuple[int, ...]) -> None:
    if images is not None:
        check_axes(images.shape, wanted, images.source)


def outputs_of(graph: FloatGraph, pixels: PixelCode, images: Images, say: Say) -> npt.NDArray[np.float32]:
    """Return what the float network itself gives for the test images, shape (image, class)."""
    floats = pixels.floats(images.test, graph.image.size)
    return graph(floats, lambda done: say("evaluating the model", done, len(floats)))


def compare(made: Quantized | ExactImport, outputs: npt.NDArray[np.float32] | None, images: Images, say: Say) -> Kept:
    """Return what the network keeps of its model on the test images.

    Parameters
    ----------
    made : Quantized or ExactImport
    outputs : float32, shape (image, class), or None
        The model's own (``outputs_of``); None for a QONNX file, whose network gives the same.
    images : Images
    say : callable

    Raises DataError for labels that the model has no class for, and for labels that it knows no better than chance.
    """
    network, count = made.network, len(images.test)
    counted = statistics.measure(
        network,
        images.test,
        keep=network.outputs[:1],
        kernels=kernels_for(network),
        progress=lambda done: say("evaluating", done, count),
    )
    spikes, units = counted.spike_count, _units(network)
    mine = np.asarray(made.read_back(counted.values[network.outputs[0]]), np.float64)
    theirs = mine if outputs is None else outputs.astype(np.float64)
    accuracies: list[float | None] = [None, None]
    if images.labels is not None:
        wrong = np.flatnonzero((images.labels < 0) | (images.labels >= mine.shape[1]))
        if len(wrong):
            expected = f"0 to {mine.shape[1] - 1}, the model's classes"
            got = repr(int(images.labels[wrong[0]]))
            raise DataError(
                "label", where=f"{images.judge or images.source}, image {int(wrong[0])}", expected=expected, got=got
            )
        right, kept = (float((values.argmax(axis=1) == images.labels).mean()) for values in (theirs, mine))
        accuracies = [right, kept]
        chance = 1 / mine.shape[1]
        if count >= CHANCE_IMAGES and right <= chance + CHANCE_DEVIATIONS * math.sqrt(chance * (1 - chance) / count):
            raise DataError(
                "labels",
                where=images.judge or images.source,
                expected=f"those of the model, whose classes count from 0 to {mine.shape[1] - 1}",
                got=f"{100 * right:.1f} % right, no better than chance",
                hint="mend the labels, or how pixels are scaled (divisor, mean, std), or leave the labels out",
            )
    spread = float(np.abs(theirs - theirs.mean(axis=1, keepdims=True)).mean()) or 1.0
    return Kept(
        count,
        accuracies[0],
        accuracies[1],
        float((theirs.argmax(axis=1) == mine.argmax(axis=1)).mean()),
        float(np.abs(theirs - mine).mean()) / spread,
        spikes / count,
        spikes / count / max(units, 1),
        theirs,
    )


def _units(network: Network) -> int:
    return sum(network.tensors[layer.name].units for layer in network.unit_layers)
