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
from amos_hdl.frontend.data import load_images
from amos_hdl.frontend.data_files import read_folder
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.importers.onnx_file import read_onnx
from amos_hdl.frontend.importers.onnx_float import import_float_onnx
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.importers.pytorch import import_program
from amos_hdl.frontend.importers.qonnx import ExactImport, import_qonnx
from amos_hdl.frontend.quantize import Quantized, QuantizeOptions, quantize
from amos_hdl.network import Network, statistics

Say = Callable[[str, int, int], None]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Images:
    """What a model is calibrated and judged with.

    Members
    -------
    source : str
        File or folder, for errors.
    calibration : integers, shape (image, pixel)
    test : integers, shape (image, pixel)
    labels : int64, shape (image,), of the test images, or None
    shape : tuple of int
        Of one image as the file has it.
    """

    source: str
    calibration: npt.NDArray[np.integer]
    test: npt.NDArray[np.integer]
    labels: Integers | None
    shape: tuple[int, ...]


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


def load_images_of(path: Path, calibration: int, test: int) -> Images:
    """Return ``calibration`` and ``test`` images of an NPZ file, or of a folder with MNIST or CIFAR-10.

    A folder gives calibration images out of its training images, if it has any, and test images of its own; a file
    gives the same images for both.  Calibration images are evenly spaced over what there is.

    Raises DataError if there are none, or the file is damaged.
    """
    given: npt.NDArray[np.integer]
    shown: npt.NDArray[np.integer]
    if path.is_dir():
        folder = read_folder(path)
        given, shown = (folder.train or folder.test).pixels, folder.test.pixels
        labels: Integers | None = folder.test.labels
    else:
        given, labels = load_images(path)
        shown = given
    if not len(given) or not len(shown):
        raise DataError("no images", where=str(path), expected="at least one")
    chosen = np.unique(np.linspace(0, len(given) - 1, min(calibration, len(given))).astype(int))
    test = min(test, len(shown))
    flat = shown[:test].reshape(test, -1)
    known = None if labels is None else labels[:test]
    return Images(str(path), given[chosen].reshape(len(chosen), -1), flat, known, given.shape[1:])


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
            _check_shape(images, exact.network.input.shape)
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
    _check_shape(images, graph.image.size)
    return quantize(graph, name, images.calibration, pixels, options, say), graph


def _check_shape(images: Images | None, wanted: tuple[int, ...]) -> None:
    """Raise DataError for maps with as many pixels as ``wanted`` but their axes in another order."""
    if images is None or len(images.shape) == 1 or len(wanted) != 3:
        return
    given = images.shape if len(images.shape) == 3 else (1, *images.shape)
    if given != wanted and math.prod(given) == math.prod(wanted):
        expected, hint = f"{wanted}: channel, row, column", "transpose the array"
        raise DataError("shape of an image", where=images.source, expected=expected, got=f"{given}", hint=hint)


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

    Raises DataError for labels that the model has no class for.
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
            raise DataError("label", where=f"{images.source}, image {int(wrong[0])}", expected=expected, got=got)
        accuracies = [float((values.argmax(axis=1) == images.labels).mean()) for values in (theirs, mine)]
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
