"""What a network does on a whole data set, counted in one pass with bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.errors import DataError
from amos_hdl.network.fan_out import fan_out
from amos_hdl.network.forward import Forward
from amos_hdl.network.golden import check_images, chunk_images
from amos_hdl.network.graph import Network
from amos_hdl.network.kernels import NUMPY, Kernels, Numbers
from amos_hdl.network.lookup import unit_counter
from amos_hdl.network.operations import Input, Unit
from amos_hdl.network.pooled import PooledSpikes

#: Best classes kept for each image.
RANKS = 5


@dataclass(frozen=True, eq=False)
class Statistics:
    """What a network did on a number of images.

    Members
    -------
    images : int
    spikes : mapping of unit layer to int64 array ``(gate,)``
        Spikes of each plane, over all images and units.
    synaptic_operations : mapping of unit layer to int
        Each spike times the non-zero weights that read it (``fan_out``), also behind max pools (``PooledSpikes``), over
        all images.
    ranking : int64 array ``(image, rank)``
        The up to five best classes of each image, the best first, of equal ones the lowest index first; no ranks where
        the network has no scores.
    values : mapping of operation to int64 array ``(image, *shape)``
        The results that were asked for.
    """

    images: int
    spikes: Mapping[str, npt.NDArray[np.int64]]
    synaptic_operations: Mapping[str, int]
    ranking: npt.NDArray[np.int64]
    values: Mapping[str, npt.NDArray[np.int64]]

    @property
    def spike_count(self) -> int:
        """Number of spikes over all images."""
        return sum(int(planes.sum()) for planes in self.spikes.values())

    @property
    def synaptic_operation_count(self) -> int:
        """Number of synaptic operations over all images."""
        return sum(self.synaptic_operations.values())

    def right(self, labels: npt.NDArray[np.integer], ranks: int = 1) -> npt.NDArray[np.bool_]:
        """Return for each image whether its label is among the best ``ranks`` classes; shape (image,)."""
        hits: npt.NDArray[np.bool_] = (self.ranking[:, :ranks] == np.asarray(labels)[:, None]).any(axis=1)
        return hits


def measure(
    network: Network,
    images: npt.ArrayLike | Iterable[npt.NDArray[np.integer]],
    *,
    keep: Sequence[str] = (),
    kernels: Kernels = NUMPY,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Statistics:
    """Count spikes and synaptic operations, and rank classes, over ``images``; exactly what ``golden.run`` would give.

    Parameters
    ----------
    network : Network
    images : array ``(image, *shape)`` or ``(image, unit)``, or an iterable of such arrays
        Looked at piece by piece: an array may be mapped from a file, an iterable may never end up in memory as a whole.
    keep : sequence of str
        Operations whose results are kept for all images, such as the network's outputs.
    kernels : Kernels
        Who does the large sums.
    workers : int, optional
        Threads, each on its own piece.  Default: one per processor.
    progress : callable, optional
        Called with the number of images done.

    Raises
    ------
    DataError
        If the images do not fit the input code.
    """
    counter, threads = _Counter(network, kernels, keep), workers or os.cpu_count() or 1
    parts: list[Statistics] = []
    done = 0
    with kernels.single_threaded():
        for part in _in_order(counter, _pieces(network, images), threads):
            parts.append(part)
            done += part.images
            if progress is not None:
                progress(done)
    return _total(parts or [counter(np.zeros((0, *network.input.shape), np.int64))])


def _pieces(
    network: Network, images: npt.ArrayLike | Iterable[npt.NDArray[np.integer]]
) -> Iterator[npt.NDArray[np.integer]]:
    """Yield checked pieces, each of as many images as are computed at once."""
    count, seen = chunk_images(network), 0
    arrays: Iterable[Any] = [images]
    if isinstance(images, Iterable) and not isinstance(images, np.ndarray | list):
        arrays = images
    for array in arrays:
        batch = np.asarray(array)
        if not batch.ndim:
            raise DataError("shape", where="images", expected="(images, ..)", got=repr(batch.shape))
        for start in range(0, len(batch), count):
            yield check_images(network, batch[start : start + count], first=seen)
            seen += len(batch[start : start + count])


def _in_order(
    work: Callable[[npt.NDArray[np.integer]], Statistics], pieces: Iterator[npt.NDArray[np.integer]], workers: int
) -> Iterator[Statistics]:
    """Yield ``work`` of each piece in order, no more than ``workers`` + 1 pieces being in memory."""
    if workers == 1:
        yield from map(work, pieces)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Statistics]] = deque()
        try:
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class _Counter:
    """Runs a network on one piece after the other and keeps nothing but counts."""

    def __init__(self, network: Network, kernels: Kernels, keep: Sequence[str]) -> None:
        self._network, self._forward, self._keep = network, Forward(network, kernels), frozenset(keep)
        reached = fan_out(network)
        self._pooled = PooledSpikes(network, reached)
        self._units = {
            layer.name: unit_counter(
                layer, network.tensors[layer.source], self._forward.kind(layer.name), reached[layer.name]
            )
            for layer in network.unit_layers
        }
        # what nothing reads any more is let go
        self._last = {name: operation.name for operation in network.operations for name in operation.reads}

    def __call__(self, pixels: npt.NDArray[np.integer]) -> Statistics:
        network, numbers = self._network, dict[str, Numbers]()
        spikes: dict[str, npt.NDArray[np.int64]] = {}
        reached: dict[str, int] = {}
        ranking = np.zeros((len(pixels), 0), np.int64)
        values: dict[str, npt.NDArray[np.int64]] = {}
        each_unit: dict[str, npt.NDArray[np.int64]] = {}
        for operation in network.operations:
            name = operation.name
            if isinstance(operation, Input):
                numbers[name] = self._forward.load(pixels, name)
            elif isinstance(operation, Unit):
                x = numbers[operation.source]
                if name in self._pooled.followed:
                    each_unit[name] = np.empty(x.shape, np.int64)
                numbers[name], spikes[name], reached[name] = self._units[name](x, each_unit.get(name))
            else:
                read = [numbers[source] for source in operation.reads]
                numbers[name] = self._forward(operation, *read)
                for layer, more in self._pooled.follow(operation, read, each_unit).items():
                    reached[layer] += more
            if name == network.scores:
                # stable, so that of equal classes the lowest comes first
                ranking = np.argsort(-numbers[name], axis=0, kind="stable")[:RANKS].T
            if name in self._keep:
                values[name] = np.moveaxis(numbers[name], 0, 1).astype(np.int64)
            for source in operation.reads:
                if self._last[source] == name:
                    numbers.pop(source, None)
                    each_unit.pop(source, None)
        return Statistics(len(pixels), spikes, reached, ranking, values)


def _total(parts: list[Statistics]) -> Statistics:
    first = parts[0]
    return Statistics(
        sum(part.images for part in parts),
        {name: np.sum([part.spikes[name] for part in parts], axis=0) for name in first.spikes},
        {name: sum(part.synaptic_operations[name] for part in parts) for name in first.synaptic_operations},
        np.concatenate([part.ranking for part in parts]),
        {name: np.concatenate([part.values[name] for part in parts]) for name in first.values},
    )
