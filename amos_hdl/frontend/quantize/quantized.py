"""A float network made integer: what is asked for, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import DataError
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.quantize.lower import Lowering, is_flat
from amos_hdl.frontend.quantize.making import Making
from amos_hdl.frontend.quantize.observe import observe
from amos_hdl.frontend.quantize.options import QuantizeOptions
from amos_hdl.network import Network
from amos_hdl.network.operations import Input

Real = npt.NDArray[np.float64]

#: Calibration images on which the integers are computed alongside, for the correction of biases.
SIMULATED_IMAGES = 64


@dataclass(frozen=True, eq=False)
class Quantized:
    """A float network as integers.

    Members
    -------
    network : Network
        Outputs ``logits`` (or what the last layer is called) and ``winner``.
    pixels : PixelCode
    scale : float
        What one unit of the logits stands for.
    """

    network: Network
    pixels: PixelCode
    scale: float

    def read_back(self, logits: npt.NDArray[np.integer]) -> Real:
        """Return logits of the network in the float network's units."""
        return logits.astype(np.float64) * self.scale


def quantize(
    graph: FloatGraph,
    name: str,
    images: npt.NDArray[np.integer],
    pixels: PixelCode,
    options: QuantizeOptions,
    progress: Callable[[str, int, int], None] | None = None,
    *,
    where: str | None = None,
) -> Quantized:
    """Return the integer network ``name`` of ``graph``.

    Parameters
    ----------
    graph : FloatGraph
    name : str
    images : integers, shape (image, pixel)
        For calibration: at least one; some hundreds are enough.
    pixels : PixelCode
        How pixels become the numbers that the model takes.
    options : QuantizeOptions
    progress : callable, optional
        Called with what is done, how far, and of how much.
    where : str, optional
        What the images come from, for errors.

    Raises
    ------
    DataError
        If there are no images, or they do not fit the model or the code.
    ImportedModelError
        Naming the node, for what integers cannot express.
    """
    size, where = graph.image.size, where or graph.source
    if not len(images):
        raise DataError("no calibration images", where=where, expected="at least one")
    if images[0].size != int(np.prod(size)):
        expected = f"{int(np.prod(size))} pixels, {' x '.join(map(str, size))}"
        raise DataError("calibration images", where=where, expected=expected, got=f"{images[0].size} pixels")
    if images.min() < pixels.low or images.max() > pixels.high:
        got = f"{int(images.min())} to {int(images.max())}"
        raise DataError("calibration images", where=where, expected=f"{pixels.low} to {pixels.high}", got=got)
    if images.min() == images.max():
        expected, got = "images that differ from place to place", f"every pixel {int(images.min())}"
        raise DataError("calibration images", where=where, expected=expected, got=got)
    say = progress or (lambda *_: None)
    floats = pixels.floats(images, size)
    simulated = min(SIMULATED_IMAGES, len(images))
    seen = observe(graph, floats, simulated, lambda done: say("calibrating", done, len(images)))
    shape = (int(np.prod(size)),) if is_flat(graph) else size
    image = Input("pixels", shape, pixels.low, pixels.high)
    making = Making(image, images[:simulated].reshape(simulated, *shape), seen, options)
    network, scale = Lowering(graph, making, pixels).run(name, say)
    return Quantized(network, pixels, scale)
