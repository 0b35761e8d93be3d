"""The golden model: the software that defines every potential, spike and output.  Integers only.

``SPEC.md`` beside this file says the same in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import DisturbedGates
from amos_hdl.errors import DataError
from amos_hdl.network.forward import Forward
from amos_hdl.network.graph import Network
from amos_hdl.network.kernels import NUMPY, Kernels, Numbers
from amos_hdl.network.operations import Input, Unit

#: Images computed at once, and units of one layer of all of them: so few that planes stay in the cache.
CHUNK_IMAGES, CHUNK_UNITS = 2048, 1 << 19


class SpikeTimes(Protocol):
    """What a schedule tells the golden model: when, after an image entered, each gate's spike is visible."""

    def spike_cycles(self, unit_layer: str) -> npt.NDArray[np.int64]:
        """Return the clock cycle of each gate of a unit layer, shape (gate,); the image enters in cycle 0."""
        ...


@dataclass(frozen=True, eq=False)
class Trace:
    """Everything a network does for a batch of images.

    Members
    -------
    values : mapping of operation to int64 array ``(batch, unit)`` or ``(batch, channel, row, column)``
        Potentials for weighted sums, y for unit layers, class index for argmax ``(batch, 1)``.
    spikes : mapping of unit layer to bool array ``(batch, unit, gate)`` or ``(batch, channel, row, column, gate)``
    spike_cycles : mapping of unit layer to int64 array ``(gate,)``
        Clock cycles after the one in which the image entered; empty without a schedule.
    """

    values: Mapping[str, npt.NDArray[np.int64]]
    spikes: Mapping[str, npt.NDArray[np.bool_]]
    spike_cycles: Mapping[str, npt.NDArray[np.int64]]

    @property
    def images(self) -> int:
        """Number of images."""
        return len(next(iter(self.values.values())))

    @property
    def spike_count(self) -> int:
        """Number of spikes over all images."""
        return sum(int(np.count_nonzero(spikes)) for spikes in self.spikes.values())


def check_images(
    network: Network, images: npt.ArrayLike, *, where: str = "images", first: int = 0
) -> npt.NDArray[np.int64]:
    """Return ``images`` as int64 ``(batch, *shape)`` of the input after checking them against the input code.

    They may be given flat too, ``(batch, unit)``, in order of channel, row, column.  Messages count from ``first``.

    Raises DataError for a wrong shape or type, or a value outside the input code (image and pixel are named).
    """
    code, array = network.input, np.asarray(images)
    if array.ndim == 0 or array.shape[1:] not in (code.shape, (code.units,)):
        shapes = dict.fromkeys((code.shape, (code.units,)))
        expected = " or ".join(f"(images, {', '.join(map(str, shape))})" for shape in shapes)
        raise DataError("shape", where=where, expected=expected, got=repr(array.shape))
    if not np.issubdtype(array.dtype, np.integer):
        raise DataError("values", where=where, expected="integers", got=str(array.dtype))
    if array.size and (array.min() < code.low or array.max() > code.high):
        flat = array.reshape(len(array), -1)
        image, pixel = (int(index) for index in np.argwhere((flat < code.low) | (flat > code.high))[0])
        raise DataError(
            "value outside the input code",
            where=f"{where}, image {first + image}, pixel {pixel}",
            expected=f"{code.low} to {code.high}",
            got=repr(int(flat[image, pixel])),
        )
    return array.reshape(len(array), *code.shape).astype(np.int64)


def run(
    network: Network,
    images: npt.ArrayLike,
    schedule: SpikeTimes | None = None,
    *,
    disturbed: Mapping[str, DisturbedGates] | None = None,
    kernels: Kernels = NUMPY,
) -> Trace:
    """Compute every potential, spike and output for ``images`` ``(batch, unit)`` or ``(batch, channel, row, column)``.

    With a ``schedule`` the trace also says in which clock cycle each gate's spike appears.  The gates of unit layers
    named in ``disturbed`` err; of a map, all units of a channel share the error of a threshold.  ``kernels`` do the
    large sums; all give the same integers.

    Raises DataError if the images do not fit the input code.
    """
    pixels, count = check_images(network, images), chunk_images(network)
    # gates that err can give values beyond the intervals from which faster types follow
    forward = Forward(network, kernels, wide=bool(disturbed))
    starts = range(0, max(len(pixels), 1), count)
    with kernels.single_threaded():
        chunks = [_run_chunk(network, forward, pixels[start : start + count], disturbed or {}) for start in starts]
    values = {name: np.concatenate([chunk.values[name] for chunk in chunks]) for name in chunks[0].values}
    spikes = {name: np.concatenate([chunk.spikes[name] for chunk in chunks]) for name in chunks[0].spikes}
    cycles = (
        {} if schedule is None else {layer.name: schedule.spike_cycles(layer.name) for layer in network.unit_layers}
    )
    return Trace(values, spikes, cycles)


def chunk_images(network: Network) -> int:
    """Return how many images are best computed at once."""
    return max(1, min(CHUNK_IMAGES, CHUNK_UNITS // max(tensor.units for tensor in network.tensors.values())))


def _run_chunk(
    network: Network, forward: Forward, pixels: npt.NDArray[np.int64], disturbed: Mapping[str, DisturbedGates]
) -> Trace:
    numbers: dict[str, Numbers] = {}
    values: dict[str, npt.NDArray[np.int64]] = {}
    spikes: dict[str, npt.NDArray[np.bool_]] = {}
    for operation in network.operations:
        name = operation.name
        if isinstance(operation, Input):
            numbers[name] = forward.load(pixels, name)
        elif isinstance(operation, Unit):
            # (batch, *space, channel): each place of a map is one more potential of its channel's circuit
            potentials = np.moveaxis(numbers[operation.source], 0, -1).astype(np.int64)
            fired = operation.bank.spikes(potentials.reshape(-1, potentials.shape[-1]), disturbed.get(name))
            y = operation.bank.values(fired).reshape(potentials.shape)
            spikes[name] = np.moveaxis(fired.reshape(*potentials.shape, operation.gates), -2, 1)
            numbers[name] = np.ascontiguousarray(np.moveaxis(y, -1, 0), forward.kind(name))
        else:
            numbers[name] = forward(operation, *(numbers[source] for source in operation.reads))
        values[name] = np.moveaxis(numbers[name], 0, 1).astype(np.int64)
    return Trace(values, spikes, {})
