"""The golden model: the software that defines every potential, spike and output.  Integers only.

``SPEC.md`` beside this file says the same in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit import DisturbedGates
from amos_hdl.errors import DataError
from amos_hdl.network.graph import Network
from amos_hdl.network.operations import Argmax, Dense, Input, Unit

#: Images computed at once: small enough that a layer's planes stay in the processor's cache.
CHUNK_IMAGES = 2048


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
    values : mapping of operation to int64 array ``(batch, unit)``
        Potentials for dense layers, y for unit layers, class index for argmax ``(batch, 1)``.
    spikes : mapping of unit layer to bool array ``(batch, unit, gate)``
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


def check_images(network: Network, images: npt.ArrayLike, *, where: str = "images") -> npt.NDArray[np.int64]:
    """Return ``images`` as int64 ``(batch, unit)`` after checking them against the input code.

    Raises DataError for a wrong shape or type, or a value outside the input code (image and pixel are named).
    """
    code, array = network.input, np.asarray(images)
    if array.ndim != 2 or array.shape[1] != code.units:
        raise DataError("shape", where=where, expected=f"(images, {code.units})", got=repr(array.shape))
    if not np.issubdtype(array.dtype, np.integer):
        raise DataError("values", where=where, expected="integers", got=str(array.dtype))
    outside = (array < code.low) | (array > code.high)
    if outside.any():
        image, pixel = (int(index) for index in np.argwhere(outside)[0])
        raise DataError(
            "value outside the input code",
            where=f"{where}, image {image}, pixel {pixel}",
            expected=f"{code.low} to {code.high}",
            got=repr(int(array[image, pixel])),
        )
    return array.astype(np.int64)


def run(
    network: Network,
    images: npt.ArrayLike,
    schedule: SpikeTimes | None = None,
    *,
    disturbed: Mapping[str, DisturbedGates] | None = None,
) -> Trace:
    """Compute every potential, spike and output for ``images`` ``(batch, unit)``.

    With a ``schedule`` the trace also says in which clock cycle each gate's spike appears.  The gates of unit layers
    named in ``disturbed`` err.

    Raises DataError if the images do not fit the input code.
    """
    pixels = check_images(network, images)
    chunks = list(_chunks(network, pixels, disturbed or {}))
    values = {name: np.concatenate([chunk.values[name] for chunk in chunks]) for name in chunks[0].values}
    spikes = {name: np.concatenate([chunk.spikes[name] for chunk in chunks]) for name in chunks[0].spikes}
    cycles = (
        {} if schedule is None else {layer.name: schedule.spike_cycles(layer.name) for layer in network.unit_layers}
    )
    return Trace(values, spikes, cycles)


def _chunks(
    network: Network, pixels: npt.NDArray[np.int64], disturbed: Mapping[str, DisturbedGates]
) -> Iterator[Trace]:
    """Yield the trace of one chunk of images after the other; one empty trace if there are no images."""
    for start in range(0, max(len(pixels), 1), CHUNK_IMAGES):
        yield _run_chunk(network, pixels[start : start + CHUNK_IMAGES], disturbed)


def _run_chunk(network: Network, pixels: npt.NDArray[np.int64], disturbed: Mapping[str, DisturbedGates]) -> Trace:
    values: dict[str, npt.NDArray[np.int64]] = {}
    spikes: dict[str, npt.NDArray[np.bool_]] = {}
    for operation in network.operations:
        name = operation.name
        match operation:
            case Input():
                values[name] = pixels
            case Dense(source=source):
                values[name] = values[source] @ operation.weights.T + operation.biases
            case Unit(source=source):
                spikes[name] = operation.bank.spikes(values[source], disturbed.get(name))
                values[name] = operation.bank.values(spikes[name])
            case Argmax(source=source):
                # numpy's argmax gives the first of equal values, which is what the specification asks for
                values[name] = values[source].argmax(axis=1)[:, None]
    return Trace(values, spikes, {})
